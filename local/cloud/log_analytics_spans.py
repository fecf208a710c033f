"""Reads the `timespan` of a Log Analytics request: ISO 8601, a duration or two ends."""

import re
from datetime import UTC, datetime, timedelta

from local.cloud.log_analytics_store import Span

UNASKED = timedelta(days=1)
"""How far back a query without a timespan sees; Azure would search everything."""

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class BadSpan(Exception):
    """A timespan that can't be read."""


def read_span(timespan: object, now: datetime) -> Span:
    """What a query may see: `PT1H` (until now), `start/end`, `start/PT1H` or `PT1H/end`."""
    if timespan is None:
        return Span(now - UNASKED, now)
    if not isinstance(timespan, str):
        raise BadSpan("The timespan must be a text.")
    first, slash, last = timespan.partition("/")
    if not slash:
        return Span(now - _duration(first), now)
    if last.startswith("P"):
        start = _moment(first)
        return Span(start, start + _duration(last))
    end = _moment(last)
    return Span(end - _duration(first) if first.startswith("P") else _moment(first), end)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    parts = {name: float(part) for name, part in found.groupdict().items() if part} if found else {}
    if not parts:
        raise BadSpan(f"The timespan {text!r} is no ISO 8601 duration.")
    return timedelta(**parts)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadSpan(f"The timespan {text!r} is no ISO 8601 time.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
