"""One look at a target: its newest figures, its past on an even grid, and what follows from both.

It is what GET metrics answers; how that is spelled is decided in the web.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.alerts import Alert
from shared.domain.chunks import Latest
from shared.domain.figures import Figure, SourceWord, figure_of, source_word
from shared.domain.insights import STORAGE, TRENDS, Past, Trail, insights
from shared.domain.metrics import Metric
from shared.domain.statuses import SystemStatus, system_status
from shared.domain.times import HOUR, MINUTE, floor_minute
from shared.ports import House
from shared.services.query import Bucket, History, history, open_alerts, step_for

RANGES = {
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": HOUR,
    "3h": timedelta(hours=3),
    "6h": timedelta(hours=6),
    "12h": timedelta(hours=12),
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
}
DEFAULT_RANGE = "1h"


class Grid(Struct, frozen=True):
    """The even steps of a range; the last one may still be running."""

    step: timedelta
    starts: tuple[datetime, ...]

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.starts[-1] + self.step


class Survey(Struct, frozen=True, kw_only=True):
    """What one look found; `past` has a value (None: missing) for every start of the grid."""

    figures: dict[str, Figure]
    grid: Grid
    past: dict[str, tuple[float | None, ...]]
    alerts: tuple[Alert, ...]
    insights: tuple[str, ...]
    status: SystemStatus
    sources: tuple[SourceWord, ...]
    updated_at: datetime | None


def survey(
    target: str, *, length: timedelta, metrics: Sequence[Metric], house: House, now: datetime
) -> Survey:
    """Look at `target` over the last `length`; `metrics` are the ones whose past is wanted."""
    latest = house.samples.latest(target)
    figures = {metric.name: _figure(metric, latest, house, now) for metric in house.catalog.metrics}
    words = [source_word(source, latest=latest, now=now) for source in house.catalog.sources]
    has = set(house.sources_of(target))
    alerts = open_alerts(target, house=house, now=now)[::-1]
    telling = _telling(house)
    grid = grid_of(length, now)
    past = on_grid(target, _union(metrics, telling), grid, house=house, now=now)
    minutes = _minutes(target, telling, grid, past, house, now)
    trails = [
        Trail(figure=figures[m.name], minutes=minutes[m.name], past=past[m.name], step=grid.step)
        for m in telling
    ]
    return Survey(
        figures={metric.name: figures[metric.name] for metric in metrics},
        grid=grid,
        past={metric.name: past[metric.name] for metric in metrics},
        alerts=tuple(alerts),
        insights=insights(trails, [word for word in words if word.source.name in has], now=now),
        status=system_status(alerts, figures, words),
        sources=tuple(words),
        updated_at=latest.updated_at,
    )


def _figure(metric: Metric, latest: Latest, house: House, now: datetime) -> Figure:
    return figure_of(metric, latest=latest, catalog=house.catalog, now=now)


def _telling(house: House) -> list[Metric]:
    """The metrics that an insight can be about, in the catalog's order."""
    named = {STORAGE, *(trend.metric for trend in TRENDS)}
    return [m for m in house.catalog.metrics if m.warning is not None or m.name in named]


def _union(metrics: Iterable[Metric], more: Iterable[Metric]) -> list[Metric]:
    return list({metric.name: metric for metric in (*metrics, *more)}.values())


def _minutes(
    target: str,
    metrics: Sequence[Metric],
    grid: Grid,
    past: Mapping[str, Past],
    house: House,
    now: datetime,
) -> Mapping[str, Past]:
    """The last hour by the minute; a range that is drawn by the minute holds it already."""
    if grid.step == MINUTE:
        return {metric.name: past[metric.name][-60:] for metric in metrics}
    return on_grid(target, metrics, grid_of(HOUR, now), house=house, now=now)


def grid_of(length: timedelta, now: datetime) -> Grid:
    """The range that ends with the step of the last full minute, on whole steps."""
    step = step_for(length)
    last = floor_minute(now) - MINUTE
    midnight = last.replace(hour=0, minute=0)
    first = midnight + (last - midnight) // step * step + step - length
    return Grid(step, tuple(first + i * step for i in range(length // step)))


def on_grid(
    target: str, metrics: Sequence[Metric], grid: Grid, *, house: House, now: datetime
) -> dict[str, tuple[float | None, ...]]:
    """Each metric's value for every step; a sample holds for as long as its metric says."""
    by_back: dict[timedelta, list[Metric]] = {}
    for metric in metrics:
        by_back.setdefault(_look_back(metric, grid.step), []).append(metric)
    values: dict[str, tuple[float | None, ...]] = {}
    for back, group in by_back.items():
        found = history(
            target,
            group,
            house=house,
            start=grid.starts[0] - back,
            end=min(grid.end, floor_minute(now)),
            step=grid.step,
        )
        for metric, one in zip(group, found, strict=True):
            values[metric.name] = tuple(_held(metric, one, grid))
    return values


def _look_back(metric: Metric, step: timedelta) -> timedelta:
    """How far before the range a sample can lie that still holds in it, in whole steps."""
    hold = metric.every * MINUTE
    return -(-(hold - step) // step) * step if hold > step else timedelta(0)


def _held(metric: Metric, found: History, grid: Grid) -> Iterable[float | None]:
    buckets = iter(found.buckets)
    upcoming = next(buckets, None)
    last: Bucket | None = None
    for start in grid.starts:
        while upcoming is not None and upcoming.start <= start:
            last, upcoming = upcoming, next(buckets, None)
        holds = last is not None and start < last.start + max(metric.every * MINUTE, grid.step)
        yield last.value if last is not None and holds else None
