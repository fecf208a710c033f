"""The past in GET metrics: which one was asked for, and its spelling in rows or in columns."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from shared.domain.anomalies.usual import Usual, judgements
from shared.domain.curves import Curve, Values
from shared.domain.errors import InvalidInput
from shared.domain.metrics import Metric
from shared.domain.ranges import DEFAULT_RANGE, RANGES, Grid, check_price, grid_between, grid_of
from shared.domain.retention import Retention
from shared.domain.times import DAY, HOUR, MINUTE
from shared.domain.wishes import Instant
from shared.services.survey import Survey
from shared.web.problems import Problem

FORMATS = ("rows", "columns")

Nested = dict[str, Any]

_EITHER = "give a range, or from and perhaps to"
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
_STEP = "^[1-9][0-9]{0,3}[mhd]$"


class RangeQuery(Struct, frozen=True):
    """A range by its name, or from one moment to another; in steps of one's own, or not."""

    range: Annotated[str, Meta(extra_json_schema={"enum": [*RANGES]})] | None = None
    start: Instant | None = field(name="from", default=None)
    end: Instant | None = field(name="to", default=None)
    step: Annotated[str, Meta(extra_json_schema={"pattern": _STEP})] | None = None


class SeriesJson(Struct, frozen=True):
    """One metric; `min` and `max` are those of the samples in each step.

    `usual`: what a detector thought of each step, where that is asked for and the metric is judged.
    """

    value: Values
    min: Values
    max: Values
    usual: Usual | UnsetType = UNSET


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
    refuse_both(query)
    if query.start is None and query.end is None:
        return query.range or DEFAULT_RANGE
    if query.start is None:
        raise Problem(400, "invalid_range", _EITHER)
    return None


def refuse_both(query: RangeQuery) -> None:
    """A range ends now: it has no other beginning or end."""
    if query.range is not None and (query.start is not None or query.end is not None):
        raise Problem(400, "invalid_range", _EITHER)


def grid_asked(
    query: RangeQuery,
    metrics: Collection[Metric],
    kept: Retention,
    now: datetime,
    *,
    with_usual: bool = False,
) -> Grid:
    """The even steps that the query's range, from, to and step name, for so many metrics."""
    try:
        grid = _grid(query, kept, now)
        judged = judgements(metrics, grid) if with_usual else ()
        check_price(grid, len(metrics) + len(judged))
    except InvalidInput as error:
        raise Problem(400, "invalid_range", str(error)) from None
    return grid


def _grid(query: RangeQuery, kept: Retention, now: datetime) -> Grid:
    label, step = label_of(query), step_asked(query)
    if label is not None or query.start is None:
        return grid_of(RANGES[label or DEFAULT_RANGE], now, step)
    return grid_between(query.start, query.end or now, now, step, minutes_kept=kept.hours)


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
        series={name: _series(curve, found.usual.get(name)) for name, curve in found.past.items()},
    )


def _series(curve: Curve, usual: Usual | None) -> SeriesJson:
    return SeriesJson(curve.values, curve.lows, curve.highs, usual if usual is not None else UNSET)


def in_rows(found: Survey) -> list[Nested]:
    """What the client's own type is: one SystemMetrics for each step."""
    names, columns = list(found.past), [curve.values for curve in found.past.values()]
    shape = Shape(names)
    return [
        shape.sample(start, values)
        for start, values in zip(found.grid.starts, zip(*columns, strict=True), strict=True)
    ]


class Shape:
    """The client's shape for samples of these metrics: dotted names become nested objects."""

    def __init__(self, names: Sequence[str]) -> None:
        parted = [(number, name.partition(".")) for number, name in enumerate(names)]
        groups = dict.fromkeys(group for _, (group, dot, _) in parted if dot)
        self._plain = _Members([(number, name) for number, (name, dot, _) in parted if not dot])
        self._groups = {
            group: _Members([(n, member) for n, (its, _, member) in parted if its == group])
            for group in groups
        }

    def sample(self, timestamp: datetime | None, values: Sequence[float | None]) -> Nested:
        """One sample; `values` in the order of the names."""
        sample: Nested = {"timestamp": timestamp, **self._plain.of(values)}
        for group, members in self._groups.items():
            sample[group] = members.of(values)
        return sample


class _Members:
    """Some of the values, by name."""

    def __init__(self, members: Sequence[tuple[int, str]]) -> None:
        self._numbers = [number for number, _ in members]
        self._names = [name for _, name in members]

    def of(self, values: Sequence[float | None]) -> dict[str, float | None]:
        return dict(zip(self._names, map(values.__getitem__, self._numbers), strict=True))
