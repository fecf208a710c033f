"""The past of a target on an even grid, read from the cheapest rows that can draw it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from msgspec import Struct

from shared.domain.chunks import NO_CELLS, NO_HISTOGRAMS, by_hour, weights_of
from shared.domain.curves import Columns, Curve, curve_of_cells, curve_of_columns
from shared.domain.days import (
    NO_HOURLY_HISTOGRAMS,
    NO_HOURS,
    NO_QUARTER_HISTOGRAMS,
    NO_QUARTERS,
    NO_SAMPLE,
    DayChunk,
    Parts,
)
from shared.domain.histograms import Ladder, Rungs
from shared.domain.metrics import Metric
from shared.domain.ranges import SUMMARIES_UP_TO, Detail, Grid
from shared.domain.series import Chunks
from shared.domain.times import (
    HOUR,
    MINUTE,
    Span,
    each_day,
    each_hour,
    floor_day,
    floor_hour,
    floor_minute,
    joined,
)
from shared.ports import House
from shared.services.day_history import days_of_hours, days_of_rows


class Past(Struct, frozen=True):
    """A curve for each metric, by name; `damaged`: what could not be read and is left out."""

    curves: dict[str, Curve]
    damaged: tuple[Span, ...] = ()


def draw(
    target: str, metrics: Sequence[Metric], grid: Grid, *, house: House, now: datetime
) -> Past:
    """The metrics over the grid, up to the last full minute of `now`.

    Quantiles of steps longer than a minute come from merged histograms, means of requests are
    weighed by how many there were; a sample is drawn for as long as its metric holds it.
    """
    if grid.detail is Detail.MINUTES:
        return _from_minutes(target, metrics, grid, house, now)
    return _from_summaries(target, metrics, grid, house, now)


def _back(metric: Metric, grid: Grid) -> int:
    """How many steps before the grid a sample can lie that still holds in it."""
    return max(-(-metric.every * MINUTE // grid.step) - 1, 0)


def _from_minutes(
    target: str, metrics: Sequence[Metric], grid: Grid, house: House, now: datetime
) -> Past:
    """What must be read from further back is read by itself.

    An hour more of everything takes less than another question.
    """
    groups: dict[datetime, list[Metric]] = {}
    usual = floor_hour(grid.start)
    for metric in metrics:
        first = floor_hour(grid.start - _back(metric, grid) * grid.step)
        groups.setdefault(usual if usual - first <= HOUR else first, []).append(metric)
    curves: dict[str, Curve] = {}
    damaged: list[Span] = []
    for group in groups.values():
        line = _read_minutes(target, group, grid, house, now)
        curves |= {metric.name: line.curve(metric) for metric in group}
        damaged += line.damaged
    return Past({metric.name: curves[metric.name] for metric in metrics}, joined(damaged))


def _read_minutes(
    target: str, metrics: Sequence[Metric], grid: Grid, house: House, now: datetime
) -> "_Minutes":
    back = max(_back(metric, grid) for metric in metrics)
    start, end = grid.start - back * grid.step, min(grid.end, floor_minute(now))
    long = grid.step > MINUTE
    weights = weights_of(house.catalog) if long else {}
    columns = [metric.column for metric in metrics]
    found = house.samples.hours(
        target,
        floor_hour(start),
        floor_hour(end - MINUTE),
        columns=dict.fromkeys([*columns, *(weights[one] for one in columns if one in weights)]),
        histograms=long and any(map(_is_quantile, metrics)),
    )
    return _Minutes(by_hour(found), grid, back, end, weights)


class _Minutes:
    """The cells of a grid that begins `back` steps early, as one line cut at `end`."""

    def __init__(
        self, chunks: Chunks, grid: Grid, back: int, end: datetime, weights: Mapping[str, str]
    ) -> None:
        self._grid, self._back, self._weights = grid, back, weights
        self._size = grid.step // MINUTE
        start = grid.start - back * grid.step
        self.damaged = [Span(one.hour, one.hour + HOUR) for one in chunks.values() if one.damaged]
        self._hours = [chunks.get(hour) for hour in each_hour(start, end)]
        skip = (start - floor_hour(start)) // MINUTE
        self._cut = slice(skip, skip + (end - start) // MINUTE)
        self._missing = (grid.end - end) // MINUTE
        self._steps: list[Ladder] | None = None

    def curve(self, metric: Metric) -> Curve:
        of = self._weights.get(metric.column)
        weights = None if of is None else self._cells(of)
        curve = curve_of_cells(self._cells(metric.column), self._size, weights)
        if isinstance(metric.statistic, float) and self._size > 1:
            curve = curve.with_quantiles(self._merged(), metric.statistic)
        return curve.held(_back(metric, self._grid) + 1).cut(self._back)

    def _cells(self, column: str) -> list[float | None]:
        cells = (hour.cells.get(column, NO_CELLS) if hour else NO_CELLS for hour in self._hours)
        return [*[*chain.from_iterable(cells)][self._cut], *(None,) * self._missing]

    def _merged(self) -> list[Ladder]:
        """Each step's histogram, merged once for all quantiles."""
        if self._steps is None:
            found = (hour.histograms if hour else NO_HISTOGRAMS for hour in self._hours)
            line = [*[*chain.from_iterable(found)][self._cut], *(0,) * self._missing]
            self._steps = _ladders(line, self._size)
        return self._steps


def _is_quantile(metric: Metric) -> bool:
    return isinstance(metric.statistic, float)


def _from_summaries(
    target: str, metrics: Sequence[Metric], grid: Grid, house: House, now: datetime
) -> Past:
    back = max((_back(metric, grid) for metric in metrics), default=0)
    start, end = grid.start - back * grid.step, min(grid.end, floor_minute(now))
    quantiles = any(map(_is_quantile, metrics))
    if grid.end - grid.start <= SUMMARIES_UP_TO and now - start <= house.retention.hours:
        days = days_of_hours(
            target, start, end, detail=grid.detail, histograms=quantiles, house=house
        )
    else:
        days = days_of_rows(
            target,
            start,
            end,
            columns=[metric.column for metric in metrics],
            detail=grid.detail,
            histograms=quantiles,
            house=house,
        )
    pieces = _Pieces(days.found, start, grid)
    curves = {
        metric.name: pieces.curve(metric).held(_back(metric, grid) + 1).cut(back)
        for metric in metrics
    }
    return Past(curves, days.damaged)


class _Pieces:
    """Summaries of consecutive hours, quarters or days from `start` on, as a line."""

    def __init__(self, days: Mapping[datetime, DayChunk], start: datetime, grid: Grid) -> None:
        self._days = [days.get(day) for day in each_day(start, grid.end)]
        self._detail = grid.detail
        self._size = grid.step // grid.detail.value
        skip = (start - floor_day(start)) // grid.detail.value
        self._cut = slice(skip, skip + (grid.end - start) // grid.detail.value)
        self._steps: list[Ladder] | None = None

    def curve(self, metric: Metric) -> Curve:
        curve = curve_of_columns(self._columns(metric.column), self._size)
        if isinstance(metric.statistic, float):
            curve = curve.with_quantiles(self._merged(), metric.statistic)
        return curve

    def _columns(self, column: str) -> Columns:
        if self._detail is Detail.DAYS:
            found = [day.summary.get(column) if day else None for day in self._days]
            counts, lows, highs, totals, _ = zip(*(one or NO_SAMPLE for one in found), strict=True)
            return Columns(counts, lows, highs, totals)
        lines = [*zip(*self._parts(column), strict=True)][: len(Columns._fields)]
        return Columns(*([*chain.from_iterable(line)][self._cut] for line in lines))

    def _parts(self, column: str) -> list[Parts]:
        if self._detail is Detail.QUARTERS:
            return [
                day.quarters.get(column, NO_QUARTERS) if day else NO_QUARTERS for day in self._days
            ]
        return [day.hours.get(column, NO_HOURS) if day else NO_HOURS for day in self._days]

    def _merged(self) -> list[Ladder]:
        """Each step's histogram, merged once for all quantiles."""
        if self._steps is None:
            self._steps = _ladders(self._histograms(), self._size)
        return self._steps

    def _histograms(self) -> Sequence[Rungs]:
        match self._detail:
            case Detail.DAYS:
                return [day.summary_histogram if day else 0 for day in self._days]
            case Detail.QUARTERS:
                none = NO_QUARTER_HISTOGRAMS
                found = (day.quarter_histograms if day else none for day in self._days)
            case _:
                none = NO_HOURLY_HISTOGRAMS
                found = (day.histograms if day else none for day in self._days)
        return [*chain.from_iterable(found)][self._cut]


def _ladders(line: Sequence[Rungs], size: int) -> list[Ladder]:
    return [Ladder(sum(line[i : i + size])) for i in range(0, len(line), size)]
