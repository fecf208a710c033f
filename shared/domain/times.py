"""Minutes, hours and the forms in which times are written. All times are aware UTC."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Span(Struct, frozen=True):
    """A stretch of time: [start, end)."""

    start: datetime
    end: datetime

    def covers(self, moment: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.start <= moment < self.end


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch or overlap as one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def floor_minute(at: datetime) -> datetime:
    """The start of the minute that `at` lies in."""
    return at.replace(second=0, microsecond=0)


def floor_hour(at: datetime) -> datetime:
    """The start of the hour that `at` lies in."""
    return at.replace(minute=0, second=0, microsecond=0)


def floor_day(at: datetime) -> datetime:
    """The midnight with which the day of `at` begins, in UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def minutes_between(start: datetime, end: datetime) -> int:
    """Whole minutes from `start` to `end`, rounded down; negative when `end` is earlier."""
    return (end - start) // MINUTE


def each_minute(first: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes of [first, end)."""
    minute = first
    while minute < end:
        yield minute
        minute += MINUTE


def each_hour(first: datetime, end: datetime) -> Iterator[datetime]:
    """The starts of all hours that [first, end) touches."""
    hour = floor_hour(first)
    while hour < end:
        yield hour
        hour += HOUR


def each_day(first: datetime, end: datetime) -> Iterator[datetime]:
    """The midnights of all days that [first, end) touches."""
    day = floor_day(first)
    while day < end:
        yield day
        day += DAY


def minute_key(at: datetime) -> str:
    """A minute as keys spell it: `20260101T0005Z`."""
    return at.strftime("%Y%m%dT%H%MZ")


def parse_minute_key(key: str) -> datetime:
    """The minute that `minute_key` wrote; raises ValueError for anything else."""
    return datetime.strptime(key, "%Y%m%dT%H%MZ").replace(tzinfo=UTC)


def second_key(at: datetime) -> str:
    """A second as keys spell it: `20260101T000500Z`; sorts like the time it names."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def hour_key(at: datetime) -> str:
    """An hour chunk's row key: `h:2026010100`."""
    return at.strftime("h:%Y%m%d%H")


def parse_hour_key(key: str) -> datetime:
    """The hour that `hour_key` wrote."""
    return datetime.strptime(key, "h:%Y%m%d%H").replace(tzinfo=UTC)


def day_key(at: datetime) -> str:
    """A day chunk's row key: `d:20260101`."""
    return at.strftime("d:%Y%m%d")


def parse_day_key(key: str) -> datetime:
    """The midnight of the day that `day_key` wrote."""
    return datetime.strptime(key, "d:%Y%m%d").replace(tzinfo=UTC)


def parse_second_key(key: str) -> datetime:
    """The second that `second_key` wrote."""
    return datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    """A time as JSON spells it: `2026-01-01T00:05:00Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def readers_clock(at: datetime, zone: tzinfo) -> str:
    """What the clock shows there, beside UTC: `01:05 Europe/Berlin`.

    Its date is told where it is another one, and `CET` or `CEST` in the hour that it shows twice.
    """
    there = at.astimezone(zone)
    form = "%H:%M" if there.date() == at.date() else "%Y-%m-%d %H:%M"
    is_twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{there.strftime(form)}{there.strftime(' %Z') if is_twice else ''} {zone}"
