"""What somebody asks for when asking for a maintenance window, and a sentence for every mistake."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.domain.decoding import convert
from shared.domain.errors import InvalidInput
from shared.domain.maintenance import LONGEST, Recurring, Weekday, Window, clock_time
from shared.domain.rules import Severity
from shared.domain.times import DAY, MINUTE, Span
from shared.domain.wishes import LONGEST_NOTE, Instant, is_usable, whole_second

MOST_MINUTES = LONGEST // MINUTE
MOST_NAMED = 50
FARTHEST = timedelta(days=366)
LOOK_AHEAD = timedelta(days=70)
"""Long enough to see every month's length, and windows that only meet over a month's end."""


class WindowWish(
    Struct, frozen=True, kw_only=True, rename={"since": "from"}, forbid_unknown_fields=True
):
    """The body of POST maintenance: `minutes` from now, `from` and `until`, or `recurring`."""

    minutes: int | None = None
    since: Instant | None = None
    until: Instant | None = None
    recurring: Recurring | None = None
    note: str | None = None
    targets: tuple[str, ...] | None = None
    rules: tuple[str, ...] | None = None
    severities: tuple[Severity, ...] | None = None


FIELDS = {
    "minutes": f"minutes must be a whole number from 1 to {MOST_MINUTES} (7 days)",
    "from": "from must be a time with its zone, such as 2026-01-01T22:00:00Z",
    "until": "until must be a time with its zone, such as 2026-01-01T23:00:00Z",
    "recurring": "recurring takes start, minutes or end, zone, weekdays, days, first, last",
    "note": f"note must be text of at most {LONGEST_NOTE:,} characters",
    "targets": "targets must be a list of targets; leave it out for all",
    "rules": "rules must be a list of rule ids; leave it out for all",
    "severities": f"severities must be a list out of {', '.join(Severity)}; leave it out for all",
}
_RECURRING = {
    "start": 'start must be the time of day "HH:MM" at which it begins',
    "end": 'end must be the time of day "HH:MM" at which it ends',
    "minutes": FIELDS["minutes"],
    "zone": "zone must be an IANA zone, such as Europe/Berlin",
    "weekdays": f"weekdays must be a list out of {', '.join(Weekday)}",
    "days": "days must be a list of days of the month, 1 to 31",
    "first": "first must be the first day on which it begins, such as 2026-01-31",
    "last": "last must be the last day on which it begins, such as 2026-01-31",
}


def parse_wish(given: Mapping[str, Any]) -> WindowWish:
    """The wish in decoded JSON; raises InvalidInput with a sentence about the wrong field."""
    try:
        wish = convert(given, WindowWish)
    except msgspec.ValidationError as error:
        raise InvalidInput(_sentence(str(error))) from None
    for name, moment in (("from", wish.since), ("until", wish.until)):
        if moment is not None and not is_usable(moment):
            raise InvalidInput(FIELDS[name])
    return wish


def _sentence(error: str) -> str:
    inner = "$.recurring" in error
    for name, sentence in (_RECURRING if inner else FIELDS).items():
        if f"$.recurring.{name}" in error or f"`{name}`" in error or f"$.{name}" in error:
            return f"recurring: {sentence}" if inner else sentence
    return FIELDS["recurring"] if inner else f"known are {', '.join(FIELDS)}"


def new_window(
    wish: WindowWish,
    *,
    window_id: str,
    by: str,
    now: datetime,
    targets: Collection[str],
    rules: Collection[str],
) -> Window:
    """The window that was asked for; raises InvalidInput, one sentence per problem.

    `targets` and `rules`: the ids that exist.
    """
    problems = [*_problems(wish, now), *_unknown("target", wish.targets, targets)]
    problems += _unknown("rule", wish.rules, rules)
    if problems:
        raise InvalidInput("; ".join(problems))
    return Window(
        id=window_id,
        by=by,
        at=now,
        note=wish.note,
        targets=wish.targets,
        rules=wish.rules,
        severities=wish.severities,
        once=_once(wish, now) if wish.recurring is None else None,
        recurring=wish.recurring,
    )


def _once(wish: WindowWish, now: datetime) -> Span:
    start = max(whole_second(wish.since or now), now)
    return Span(
        start, now + wish.minutes * MINUTE if wish.minutes else whole_second(wish.until or now)
    )


def _problems(wish: WindowWish, now: datetime) -> Iterable[str]:
    if len(wish.note or "") > LONGEST_NOTE:
        yield FIELDS["note"]
    for name in ("targets", "rules", "severities"):
        named = getattr(wish, name)
        if named is not None and not 1 <= len(named) <= MOST_NAMED:
            yield f"{name} names 1 to {MOST_NAMED}; leave it out for all"
    forms = [wish.minutes is not None, bool(wish.since or wish.until), wish.recurring is not None]
    if sum(forms) != 1:
        yield "a window needs an end: give minutes (from now), until (and from), or recurring"
    elif wish.recurring is not None:
        yield from (f"recurring: {one}" for one in _recurring_problems(wish.recurring, now))
    elif wish.minutes is not None:
        yield from _minute_problems(wish.minutes)
    else:
        yield from _once_problems(wish, now)


def _minute_problems(minutes: int) -> Iterable[str]:
    if not 1 <= minutes <= MOST_MINUTES:
        yield f"{FIELDS['minutes']}, not {minutes}"


def _once_problems(wish: WindowWish, now: datetime) -> Iterable[str]:
    if wish.until is None:
        yield "a window needs an end: give until beside from"
        return
    start, end = max(whole_second(wish.since or now), now), whole_second(wish.until)
    if end <= start:
        yield "until must lie after from, and ahead"
    elif end - start > LONGEST:
        yield "a window lasts at most 7 days; recurring ones may come back"
    elif start - now > FARTHEST:
        yield "from must lie within a year"


def _recurring_problems(given: Recurring, now: datetime) -> Iterable[str]:
    wrong = [*_form_problems(given, now)]
    yield from wrong
    if not wrong and _lasts_too_long(given, now):
        yield "its occurrences leave no time between them for more than 7 days"


def _lasts_too_long(given: Recurring, now: datetime) -> bool:
    """Whether a stretch without a break, of one occurrence or several, exceeds the limit."""
    first = max(datetime.combine(given.first, time(), UTC), now) if given.first else now
    since = until = first
    for span in Window(id="", by="", at=now, recurring=given).spans(first, first + LOOK_AHEAD):
        since, until = (since if span.start <= until else span.start), max(until, span.end)
        if until - since > LONGEST:
            return True
    return False


def _form_problems(given: Recurring, now: datetime) -> Iterable[str]:
    yield from _clock_problems(given)
    if given.minutes is not None:
        yield from _minute_problems(given.minutes)
    if any(not 1 <= day <= 31 for day in given.days):
        yield _RECURRING["days"]
    if given.first and given.last and given.first > given.last:
        yield "first must not lie after last"
    if given.first and given.first > (now + FARTHEST).date():
        yield "first must lie within a year"
    yield from _zone_problems(given.zone)


def _clock_problems(given: Recurring) -> Iterable[str]:
    if (given.minutes is None) == (given.end is None):
        yield "give either minutes, its length, or end, the time of day at which it ends"
    for name, text in (("start", given.start), ("end", given.end)):
        try:
            clock_time(text if text is not None else given.start)
        except ValueError:
            yield _RECURRING[name]
    if given.end == given.start:
        yield f"end must differ from start; a whole day has {DAY // MINUTE} minutes"


def _zone_problems(zone: str) -> Iterable[str]:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):  # a folder of zones is an OSError
        yield f"{_RECURRING['zone']}, not {zone[:60]!r}"


def _unknown(kind: str, named: Iterable[str] | None, known: Collection[str]) -> list[str]:
    return [
        f"there is no {kind} {one[:63]!r}; known are {', '.join(sorted(known)[:MOST_NAMED])}"
        for one in named or ()
        if one not in known
    ]
