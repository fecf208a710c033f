"""GET metrics: the figures now and over a range, the open alerts, and how it stands."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from shared.catalog.metrics import CATALOG
from shared.domain.errors import InvalidInput
from shared.domain.figures import Figure, SourceWord
from shared.domain.metrics import Catalog, Metric
from shared.domain.times import MINUTE
from shared.services.survey import Survey, survey
from shared.web.alerts import ALERT_VIEW, alert_json, target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.histories import (
    FORMATS,
    ColumnsJson,
    Nested,
    RangeQuery,
    Shape,
    grid_asked,
    in_columns,
    in_rows,
    label_of,
)
from shared.web.problems import Problem
from shared.web.views import Json, View, list_of

PERCENTILE_ERROR = 0.02
"""Percentiles over several minutes come from merged histograms, at most so far off."""


class MetricsQuery(RangeQuery, frozen=True):
    """Whose past, of which metrics (joined by commas; all by default), and how it is spelled.

    `usual`: 1 adds to columns what detectors thought of them.
    """

    target: str = ""
    metrics: str = ""
    format: Annotated[str, Meta(extra_json_schema={"enum": FORMATS})] = FORMATS[0]
    usual: Annotated[int, Meta(ge=0, le=1)] = 0


class SpanJson(Struct, frozen=True):
    """Stored time that could not be read, and is left out."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")


class MetricMeta(Struct, frozen=True, rename="camel"):
    """About a figure in `current`: its minute, and whether it is old or not final."""

    minute: datetime | None
    age_seconds: int | None
    stale: bool
    provisional: bool


class SourceMeta(Struct, frozen=True, rename="camel"):
    """How far a source has spoken, and when it was last asked."""

    covered_until: datetime | None
    asked_at: datetime | None
    stale: bool


class CurrentMeta(Struct, frozen=True, rename="camel"):
    """What `current` can't say in plain numbers."""

    metrics: dict[str, MetricMeta]
    sources: dict[str, SourceMeta]
    system_status_reasons: tuple[str, ...]


class MetricsAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The client's shape; `current` and, in rows, each of `historical` are SystemMetrics."""

    current: Nested
    historical: list[Nested] | ColumnsJson
    alerts: list[Json]
    insights: tuple[str, ...]
    system_status: str
    last_updated: datetime | None
    current_meta: CurrentMeta


class MetricsMeta(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which past it is; `range` null: from a moment to another.

    `provisional_from`: where the step begins from which on a source may still change samples.
    `damaged`: what can't be read and is left out.
    """

    target: str
    range: str | None
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    step_minutes: int
    provisional_from: datetime | None
    percentile_error: float
    damaged: list[SpanJson]


def _answer(asked: Asked) -> Reply:
    query: MetricsQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    house, now = asked.office.house(), asked.office.now
    metrics = metrics_named(query.metrics, house.catalog)
    with_usual = _wants_usual(query)
    grid = grid_asked(query, metrics, house.retention, now, with_usual=with_usual)
    found = survey(target, grid=grid, metrics=metrics, house=house, now=now, with_usual=with_usual)
    meta = MetricsMeta(
        target=target,
        range=label_of(query),
        start=grid.start,
        end=grid.end,
        step_minutes=grid.step // MINUTE,
        provisional_from=found.provisional_from,
        percentile_error=PERCENTILE_ERROR,
        damaged=[SpanJson(one.start, one.end) for one in found.damaged],
    )
    return Reply(_spelled(found, query.format, now), meta)


def _wants_usual(query: MetricsQuery) -> bool:
    """Rows are the client's own shape, and have no place for it."""
    if query.usual and query.format != "columns":
        raise Problem(400, "invalid_usual", "usual=1 needs format=columns")
    return bool(query.usual)


def metrics_named(given: str, catalog: Catalog) -> Sequence[Metric]:
    """The metrics of a list with commas, each once; all of them when it is empty."""
    names = dict.fromkeys(name.strip() for name in given.split(",") if name.strip())
    try:
        return [catalog.metric(name) for name in names] or catalog.metrics
    except InvalidInput as error:
        raise Problem(400, "unknown_metric", str(error)) from None


def _spelled(found: Survey, shape: str, now: datetime) -> MetricsAnswer:
    return MetricsAnswer(
        current=_current(found.figures.values()),
        historical=in_columns(found) if shape == "columns" else in_rows(found),
        alerts=[alert_json(alert) for alert in found.alerts],
        insights=found.insights,
        system_status=found.status.status,
        last_updated=found.updated_at,
        current_meta=CurrentMeta(
            metrics={name: _metric_meta(one, now) for name, one in found.figures.items()},
            sources={one.source.name: _source_meta(one) for one in found.sources},
            system_status_reasons=found.status.reasons,
        ),
    )


def _current(figures: Iterable[Figure]) -> Nested:
    """The newest figures; `timestamp` is the newest of their minutes."""
    figures = list(figures)
    newest = max((one.minute for one in figures if one.minute is not None), default=None)
    shape = Shape([one.metric.name for one in figures])
    return shape.sample(newest, [one.value for one in figures])


def _metric_meta(figure: Figure, now: datetime) -> MetricMeta:
    minute = figure.minute
    age = max(int((now - minute).total_seconds()), 0) if minute is not None else None
    return MetricMeta(minute, age, figure.stale, figure.provisional)


def _source_meta(word: SourceWord) -> SourceMeta:
    return SourceMeta(word.covered_until, word.asked_at, word.stale)


_FIGURE = float | None | UnsetType
"""Null is missing; one that was not asked for is not there."""


def _system_metrics_kind(names: Iterable[str]) -> type[Struct]:
    """The client's type for a sample, with the catalog's further metrics."""
    groups: dict[str, list[str]] = {}
    for name in names:
        group, _, member = name.partition(".")
        groups.setdefault(group, []).append(member)
    fields = [
        (group, _group(group, members) | UnsetType if members[0] else _FIGURE, UNSET)
        for group, members in groups.items()
    ]
    return msgspec.defstruct("SystemMetrics", [("timestamp", datetime | None), *fields])


def _group(name: str, members: Iterable[str]) -> Any:
    fields = [(member, _FIGURE, UNSET) for member in members]
    return msgspec.defstruct(f"{name[:1].upper()}{name[1:]}", fields)


_SAMPLE = _system_metrics_kind(metric.name for metric in CATALOG.metrics)
_VIEW = View(
    "Metrics",
    MetricsAnswer,
    beside={
        "current": _SAMPLE,
        "historical": list_of(_SAMPLE) | ColumnsJson,
        "alerts": list_of(ALERT_VIEW.kind),
    },
)

METRICS = Route(
    name="metrics",
    role=Role.READER,
    answer=_answer,
    says="the figures now and over a range, the open alerts, and how it stands",
    query=MetricsQuery,
    data=_VIEW.kind,
    meta=MetricsMeta,
)
