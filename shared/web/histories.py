"""The past in GET metrics: which one was asked for, and its spelling in rows or in columns."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from shared.domain.curves import Curve, Values
from shared.domain.errors import InvalidInput
from shared.domain.ranges import DEFAULT_RANGE, RANGES, Grid, grid_between, grid_of
from shared.domain.times import DAY, HOUR, MINUTE
from shared.domain.wishes import Instant
from shared.services.survey import Survey
from shared.web.problems import Problem

FORMATS = ("rows", "columns")

Nested = dict[str, Any]

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
_STEP = "^[1-9][0-9]{0,3}[mhd]$"


class RangeQuery(Struct, frozen=True):
    """A range by its name, or from one moment to another; in steps of one's own, or not."""

    range: Annotated[str, Meta(extra_json_schema={"enum": [*RANGES]})] | None = None
    start: Instant | None = field(name="from", default=None)
    end: Instant | None = field(name="to", default=None)
    step: Annotated[str, Meta(extra_json_schema={"pattern": _STEP})] | None = None


class SeriesJson(Struct, frozen=True):
    """One metric; `min` and `max` are those of the samples in each step."""

    value: Values
    min: Values
    max: Values


class ColumnsJson(Struct, frozen=True, rename="camel"):
    """The past by metric: point i is the step that begins at from + i × stepMinutes."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")
    step_minutes: int
    points: int
    provisional_from: datetime | None
    series: dict[str, SeriesJson]


def label_of(query: RangeQuery) -> str | None:
    """The name of the range that is asked for; None for one from a moment to another."""
    if query.start is None and query.end is None:
        return query.range or DEFAULT_RANGE
    if query.range is not None or query.start is None:
        raise Problem(400, "invalid_range", "give a range, or from and perhaps to")
    return None


def grid_asked(query: RangeQuery, now: datetime) -> Grid:
    """The even steps that the query's range, from, to and step name."""
    label, step = label_of(query), step_asked(query)
    try:
        if label is not None or query.start is None:
            return grid_of(RANGES[label or DEFAULT_RANGE], now, step)
        return grid_between(query.start, query.end or now, now, step)
    except InvalidInput as error:
        raise Problem(400, "invalid_range", str(error)) from None


def step_asked(query: RangeQuery) -> timedelta | None:
    """The step that the query names."""
    if query.step is None:
        return None
    if not re.fullmatch(_STEP, query.step):
        raise Problem(
            400, "invalid_step", "step is a whole number of minutes, hours or days: 5m, 1h or 1d"
        )
    return int(query.step[:-1]) * _UNITS[query.step[-1]]


def in_columns(found: Survey) -> ColumnsJson:
    """What programs and charts read."""
    grid = found.grid
    return ColumnsJson(
        start=grid.start,
        end=grid.end,
        step_minutes=grid.step // MINUTE,
        points=grid.count,
        provisional_from=found.provisional_from,
        series={name: _series(curve) for name, curve in found.past.items()},
    )


def _series(curve: Curve) -> SeriesJson:
    return SeriesJson(curve.values, curve.lows, curve.highs)


def in_rows(found: Survey) -> list[Nested]:
    """What the client's own type is: one SystemMetrics for each step."""
    names, columns = list(found.past), [curve.values for curve in found.past.values()]
    return [
        system_metrics(start, zip(names, values, strict=True))
        for start, values in zip(found.grid.starts, zip(*columns, strict=True), strict=True)
    ]


def system_metrics(
    timestamp: datetime | None, values: Iterable[tuple[str, float | None]]
) -> Nested:
    """One sample in the client's shape: dotted names become nested objects."""
    sample: Nested = {"timestamp": timestamp}
    for name, value in values:
        group, dot, member = name.partition(".")
        if dot:
            sample.setdefault(group, {})[member] = value
        else:
            sample[name] = value
    return sample
