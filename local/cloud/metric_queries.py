"""Reads what a metrics request asks for; whatever is wrong with it is a BadQuery."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.cloud.metric_definitions import GRAINS, TYPES, Definition
from shared.domain.times import HOUR

AGGREGATIONS = ("average", "minimum", "maximum", "total", "count")
DEFAULT_SPAN = HOUR


class BadQuery(ValueError):
    """The metrics service can't answer; the message is the answer's."""


@dataclass(frozen=True)
class Query:
    """Metrics of one resource type in a window; no aggregations: each metric's first."""

    kind: str
    metrics: tuple[Definition, ...]
    start: datetime
    end: datetime
    interval: str
    aggregations: tuple[str, ...]

    @property
    def grain(self) -> timedelta:
        return GRAINS[self.interval]

    def times(self) -> Iterator[datetime]:
        """When each of the window's data points begins."""
        at = _floor(self.start, self.grain)
        while at < self.end:
            yield at
            at += self.grain


def read_query(kind: str, given: Mapping[str, str], now: datetime) -> Query:
    """The query in a request's parameters, whose names are in lower case."""
    if given.get("metricnamespace", kind).lower() != kind.lower():
        raise BadQuery(f"Invalid metricnamespace {given['metricnamespace']}; it must be {kind}.")
    metrics = tuple(_metric(kind, name) for name in _words(given.get("metricnames", "")))
    if not metrics:
        raise BadQuery("The metricnames parameter is missing.")
    aggregations = tuple(name.lower() for name in _words(given.get("aggregation", "")))
    for name in aggregations:
        if name not in AGGREGATIONS:
            raise BadQuery(f"Invalid aggregation {name}; there are {', '.join(AGGREGATIONS)}.")
    start, end = _window(given, now)
    adjust = given.get("autoadjusttimegrain", "").lower() == "true"
    interval = _interval(metrics, given.get("interval", "PT1M"), adjust=adjust)
    return Query(kind, metrics, start, end, interval, aggregations)


def _metric(kind: str, name: str) -> Definition:
    known = TYPES[kind]
    if name.lower() not in known:
        provider, _, rest = kind.partition("/")
        valid = ",".join(one.name for one in known.values())
        raise BadQuery(
            f"Failed to find metric configuration for provider: {provider}, "
            f"resource Type: {rest}, metric: {name}, Valid metrics: {valid}"
        )
    return known[name.lower()]


def _interval(metrics: tuple[Definition, ...], asked: str, *, adjust: bool) -> str:
    """The interval that all metrics have: the one asked for or, if allowed, the next longer."""
    shared = [name for name in GRAINS if all(name in metric.grains for metric in metrics)]
    if asked.upper() in shared:
        return asked.upper()
    if adjust and asked.upper() in GRAINS:
        return next(name for name in shared if GRAINS[name] > GRAINS[asked.upper()])
    raise BadQuery(
        f"Detected invalid time grain input, supported ones are {','.join(shared)} "
        f"and the requested one is {asked}"
    )


def _window(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    if "timespan" in given:
        begins, _, ends = given["timespan"].partition("/")
        start, end = _time(begins), _time(ends)
    else:
        end = _time(given["endtime"]) if "endtime" in given else now
        start = _time(given["starttime"]) if "starttime" in given else end - DEFAULT_SPAN
    if not start < end:
        raise BadQuery("The start time of the timespan must be before its end time.")
    return start, end


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(f"Detected invalid timespan: {text!r} is no time.") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _floor(at: datetime, grain: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // grain * grain
