"""GET metrics: the figures now and over a range, the open alerts, and how it stands."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, field

from shared.domain.errors import InvalidInput
from shared.domain.figures import Figure, SourceWord
from shared.domain.metrics import Catalog, Metric
from shared.domain.times import MINUTE
from shared.services.survey import Survey, survey
from shared.web import histories
from shared.web.alerts import AlertJson, alert_json, target_of
from shared.web.asking import choice, parameters
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.histories import (
    FORMATS,
    ColumnsJson,
    Nested,
    grid_asked,
    in_columns,
    in_rows,
    label_of,
    system_metrics,
)
from shared.web.problems import Problem

PARAMETERS = (*histories.PARAMETERS, "target", "metrics", "format")
PERCENTILE_ERROR = 0.02
"""Percentiles over several minutes come from merged histograms, at most so far off."""


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
    alerts: list[AlertJson]
    insights: tuple[str, ...]
    system_status: str
    last_updated: datetime | None
    current_meta: CurrentMeta


def _answer(asked: Asked) -> Reply:
    given = parameters(asked.request, PARAMETERS)
    target = target_of(given, asked.office.targets)
    house, now = asked.office.house(), asked.office.now
    shape = choice("format", given.get("format", FORMATS[0]), FORMATS)
    label, grid = label_of(given), grid_asked(given, now)
    metrics = _metrics(given.get("metrics", ""), house.catalog)
    found = survey(target, grid=grid, metrics=metrics, house=house, now=now)
    meta = {
        "target": target,
        "range": label,
        "from": grid.start,
        "to": grid.end,
        "stepMinutes": grid.step // MINUTE,
        "provisionalFrom": found.provisional_from,
        "percentileError": PERCENTILE_ERROR,
        "damaged": [SpanJson(one.start, one.end) for one in found.damaged],
    }
    return Reply(_spelled(found, shape, now), meta)


METRICS = Route("metrics", Role.READER, _answer)


def _metrics(given: str, catalog: Catalog) -> Sequence[Metric]:
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
    return system_metrics(newest, [(one.metric.name, one.value) for one in figures])


def _metric_meta(figure: Figure, now: datetime) -> MetricMeta:
    minute = figure.minute
    age = max(int((now - minute).total_seconds()), 0) if minute is not None else None
    return MetricMeta(minute, age, figure.stale, figure.provisional)


def _source_meta(word: SourceWord) -> SourceMeta:
    return SourceMeta(word.covered_until, word.asked_at, word.stale)
