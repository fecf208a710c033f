"""One look at a target: its newest figures, its past on an even grid, and what follows from both.

It is what GET metrics answers; how that is spelled is decided in the web.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain.alerts import Alert
from shared.domain.anomalies.usual import Usual, judgements, usual_of
from shared.domain.chunks import Latest
from shared.domain.curves import Curve
from shared.domain.figures import Figure, SourceWord, figure_of, source_word
from shared.domain.insights import STORAGE, TRENDS, Trail, insights
from shared.domain.metrics import Metric
from shared.domain.ranges import LONGEST, Grid, floor_step, grid_of, step_for
from shared.domain.statuses import SystemStatus, system_status
from shared.domain.times import HOUR, MINUTE, Span, floor_minute, joined
from shared.ports import House
from shared.services.history import Past, draw
from shared.services.query import open_alerts


class Survey(Struct, frozen=True, kw_only=True):
    """What one look found; `past` has a curve over the grid for every metric that is wanted.

    `damaged`: what of it could not be read. `provisional_from`: the first step that holds samples
    which their source may still change; None when there is none in the grid. `usual`: what
    detectors thought of it, of judged metrics, where that is wanted.
    """

    figures: dict[str, Figure]
    grid: Grid
    past: dict[str, Curve]
    damaged: tuple[Span, ...]
    provisional_from: datetime | None
    alerts: tuple[Alert, ...]
    insights: tuple[str, ...]
    status: SystemStatus
    sources: tuple[SourceWord, ...]
    updated_at: datetime | None
    usual: dict[str, Usual]


def survey(
    target: str,
    *,
    grid: Grid,
    metrics: Sequence[Metric],
    house: House,
    now: datetime,
    with_usual: bool = False,
) -> Survey:
    """Look at `target` over the grid; `metrics` are the ones whose past is wanted."""
    latest = house.samples.latest(target)
    figures = {metric.name: _figure(metric, latest, house, now) for metric in house.catalog.metrics}
    words = [source_word(source, latest=latest, now=now) for source in house.catalog.sources]
    has = set(house.sources_of(target))
    alerts = open_alerts(target, house=house, now=now)[::-1]
    telling = _telling(house) if _is_telling(grid, now) else []
    judged = judgements(metrics, grid) if with_usual else []
    past = draw(target, _union([*metrics, *telling], judged), grid, house=house, now=now)
    damaged = _damaged(past, grid, latest)
    measured = [word for word in words if word.source.name in has]
    trails = _trails(target, figures, grid, past.curves, house, now)
    return Survey(
        figures={metric.name: figures[metric.name] for metric in metrics},
        grid=grid,
        past={metric.name: past.curves[metric.name] for metric in metrics},
        damaged=damaged,
        provisional_from=_provisional_from(metrics, grid, latest, now),
        alerts=tuple(alerts),
        insights=insights(trails, measured, damaged, now=now),
        status=system_status(alerts, figures, words),
        sources=tuple(words),
        updated_at=latest.updated_at,
        usual=_usual(metrics, past) if with_usual else {},
    )


def _usual(metrics: Iterable[Metric], past: Past) -> dict[str, Usual]:
    found = {metric.name: usual_of(metric, past.curves) for metric in metrics}
    return {name: usual for name, usual in found.items() if usual is not None}


def _is_telling(grid: Grid, now: datetime) -> bool:
    """Whether the grid reaches the present, and is cheap to read for more metrics than asked."""
    usual = step_for(grid.end - grid.start) if grid.end - grid.start <= LONGEST else grid.step
    return grid.end >= floor_minute(now) and grid.step >= usual


def _damaged(past: Past, grid: Grid, latest: Latest) -> tuple[Span, ...]:
    """What could not be read, and what was lost and waits to be read again."""
    lost = (Span(hour, hour + HOUR) for hour in latest.damaged)
    within = (one for one in lost if one.start < grid.end and grid.start < one.end)
    return joined((*past.damaged, *within))


def _provisional_from(
    metrics: Iterable[Metric], grid: Grid, latest: Latest, now: datetime
) -> datetime | None:
    """Where the tail begins: in the step of the oldest sample that its source has not covered."""
    open_ends = [
        covered
        for metric in metrics
        if (covered := latest.covered_until(metric)) is not None
        and covered <= latest.minutes.get(metric.column, covered - MINUTE)
    ]
    first = max(floor_step(min(open_ends, default=now), grid.step), grid.start)
    return first if first < min(grid.end, floor_minute(now)) else None


def _figure(metric: Metric, latest: Latest, house: House, now: datetime) -> Figure:
    return figure_of(metric, latest=latest, catalog=house.catalog, now=now)


def _telling(house: House) -> list[Metric]:
    """The metrics that an insight can be about, in the catalog's order."""
    named = {STORAGE, *(trend.metric for trend in TRENDS)}
    return [m for m in house.catalog.metrics if m.warning is not None or m.name in named]


def _union(metrics: Iterable[Metric], more: Iterable[Metric]) -> list[Metric]:
    return list({metric.name: metric for metric in (*metrics, *more)}.values())


def _trails(
    target: str,
    figures: Mapping[str, Figure],
    grid: Grid,
    curves: Mapping[str, Curve],
    house: House,
    now: datetime,
) -> list[Trail]:
    """What insights look at: the grid, when it reaches the present, and the last hour's minutes.

    A grid that is drawn by the minute holds that hour already.
    """
    telling, hour, recent = _telling(house), grid_of(HOUR, now), _is_telling(grid, now)
    minutes = curves
    if not recent or grid.step != MINUTE:
        minutes = draw(target, telling, hour, house=house, now=now).curves
    past, step = (curves, grid.step) if recent else (minutes, MINUTE)
    return [
        Trail(
            figure=figures[one.name],
            minutes=minutes[one.name].values[-hour.count :],
            past=past[one.name].values,
            step=step,
        )
        for one in telling
    ]
