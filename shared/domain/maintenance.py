"""Maintenance windows: when nobody is to be told, once or again and again by a zone's own clock.

A window is only ever looked at, never stored as anybody's status: what it keeps quiet follows from
the stored windows and a moment, so that nothing can stay quiet after it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.rules import Rule, Severity
from shared.domain.times import DAY, MINUTE, Span

LONGEST = timedelta(days=7)


class Weekday(StrEnum):
    """Days of the week, in the order in which dates count them."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Weekday)


class Recurring(
    Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """Begins at `start` ("HH:MM" in `zone`) on certain days, and lasts or ends.

    `weekdays`, `days` (of the month): it begins on each day that either names, on every day when
    neither names any; `first` and `last` bound those days. It lasts `minutes` of real time, or
    until the clock in `zone` shows `end` ("HH:MM").
    """

    start: str
    zone: str
    minutes: int | None = None
    end: str | None = None
    weekdays: tuple[Weekday, ...] = ()
    days: tuple[int, ...] = ()
    first: date | None = None
    last: date | None = None

    def begins_on(self, day: date) -> bool:
        """Whether an occurrence begins on that day of the zone's calendar."""
        if (self.first and day < self.first) or (self.last and day > self.last):
            return False
        named = WEEK[day.weekday()] in self.weekdays or day.day in self.days
        return named or not (self.weekdays or self.days)

    def occurrence(self, day: date) -> Span:
        """The occurrence that begins on that day.

        A start that the clock skips counts as if the clock had not been put forward yet; one that
        it shows twice is the first. An end that it shows twice is the second.
        """
        zone, start = ZoneInfo(self.zone), clock_time(self.start)
        begins = _instants(day, start, zone)[0]
        if self.minutes is not None:
            return Span(begins, begins + self.minutes * MINUTE)
        end = clock_time(self.end or self.start)
        return Span(begins, max(_instants(day if end > start else day + DAY, end, zone)))


class Window(Struct, frozen=True, kw_only=True, rename="camel"):
    """A time in which nobody is told: `once`, or `recurring`.

    `targets`, `rules`, `severities`: whom it concerns; None means all. `by`, `at`: who made it and
    when. `ended_at`, `ended_by`: it was ended by hand and holds no more from then on.
    """

    id: str
    by: str
    at: datetime
    note: str | None = None
    targets: tuple[str, ...] | None = None
    rules: tuple[str, ...] | None = None
    severities: tuple[Severity, ...] | None = None
    once: Span | None = None
    recurring: Recurring | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    def concerns(self, target: str, rule: Rule) -> bool:
        """Whether it is about that rule on that target."""
        return (
            (self.targets is None or target in self.targets)
            and (self.rules is None or rule.id in self.rules)
            and (self.severities is None or rule.severity in self.severities)
        )

    def spans(self, first: datetime, last: datetime) -> Iterator[Span]:
        """The stretches in which it holds and that touch [first, last], in order."""
        for span in self._planned(first, last):
            cut = replace(span, end=min(span.end, self.ended_at or span.end))
            if max(cut.start, first) <= last and first < cut.end and cut.start < cut.end:
                yield cut

    def _planned(self, first: datetime, last: datetime) -> Iterator[Span]:
        if self.once is not None:
            yield self.once
        if self.recurring is not None:
            day = (first - LONGEST - DAY).date()
            while day <= (last + DAY).date():
                if self.recurring.begins_on(day):
                    yield self.recurring.occurrence(day)
                day += DAY

    def is_over(self, now: datetime) -> bool:
        """Whether it will never hold again."""
        if self.ended_at is not None and self.ended_at <= now:
            return True
        if self.once is not None:
            return self.once.end <= now
        last = self.recurring.last if self.recurring is not None else None
        return last is not None and last < (now - LONGEST - DAY).date()


def window_until(windows: Iterable[Window], moment: datetime) -> datetime | None:
    """When the windows that hold at `moment` will all be over; None when none holds."""
    spans = (span for window in windows for span in window.spans(moment, moment))
    return max((span.end for span in spans), default=None)


def clock_time(text: str) -> time:
    """`HH:MM` as a time of day; raises ValueError for anything else."""
    hours, minutes = text[:2], text[3:]
    if len(text) != 5 or text[2] != ":" or not (hours + minutes).isdecimal():
        raise ValueError(f"a time of day is HH:MM, such as 22:00, not {text!r}")
    return time(int(hours), int(minutes))


def _instants(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the zone's clock shows that time: for the first and for the second time.

    Both are the same but on two nights a year; of a time that is skipped the first answer is as
    the clock stood before, the second as it stood after.
    """
    local = datetime.combine(day, at, tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
