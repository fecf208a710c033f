"""GET export: the past as CSV, page by page; the Link header leads to the next one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from msgspec import Meta

from shared.domain.alerts import Alert
from shared.domain.errors import InvalidInput
from shared.domain.ranges import (
    DEFAULT_RANGE,
    RANGES,
    Grid,
    affordable,
    floor_step,
    grid_between,
    usual_step,
)
from shared.domain.retention import Retention
from shared.domain.times import DAY, HOUR, MINUTE, floor_minute, iso
from shared.domain.wishes import YEARS
from shared.services.history import draw
from shared.services.query import past_alerts
from shared.web.alerts import alert_json, target_of
from shared.web.auth import Role
from shared.web.doors import Asked, Document, Route
from shared.web.histories import RangeQuery, label_of, refuse_both, step_asked
from shared.web.metrics import metrics_named
from shared.web.problems import Problem
from shared.web.spreadsheets import MEDIA_TYPE, Cell, csv_of

MOST_ROWS = 2000
KINDS = ("metrics", "alerts")
COLUMNS = (
    "alertId",
    "ruleId",
    "ruleName",
    "target",
    "metric",
    "condition",
    "kind",
    "state",
    "severity",
    "value",
    "lastValue",
    "threshold",
    "unit",
    "activeAt",
    "firedAt",
    "lastTriggered",
    "count",
    "acknowledgedBy",
    "acknowledgedAt",
    "note",
    "resolvedAt",
    "resolvedBy",
    "reason",
)
"""Of an alert; the version of the deploy before it comes last."""


_EVER = datetime(YEARS[0], 1, 1, tzinfo=UTC)


class ExportQuery(RangeQuery, frozen=True):
    """What is exported (`of`) of which target; `before`: the episode at which a page ended."""

    format: Annotated[str, Meta(extra_json_schema={"enum": ["csv"]})] = "csv"
    of: Annotated[str, Meta(extra_json_schema={"enum": KINDS})] = KINDS[0]
    target: str = ""
    metrics: str = ""
    before: str = ""


def _answer(asked: Asked) -> Document:
    query: ExportQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    return _alerts(target, query, asked) if query.of == "alerts" else _metrics(target, query, asked)


def _metrics(target: str, query: ExportQuery, asked: Asked) -> Document:
    """A line for each step, with the catalog's names."""
    house, now = asked.office.house(), asked.office.now
    metrics = metrics_named(query.metrics, house.catalog)
    grid, rest = _page(query, len(metrics), house.retention, now)
    curves = draw(target, metrics, grid, house=house, now=now).curves
    lines = zip(grid.starts, *(curves[one.name].values for one in metrics), strict=True)
    following = {"from": iso(grid.end), "to": iso(rest), "step": spelled(grid.step)} if rest else {}
    return _document(
        target, query, ["timestamp", *(one.name for one in metrics)], [*lines], following
    )


def _page(
    query: RangeQuery, metrics: int, kept: Retention, now: datetime
) -> tuple[Grid, datetime | None]:
    """The first steps of the range, and where it ends when there are more.

    A page has at most so many lines, and reads no more than one answer should.
    """
    label, step = label_of(query), step_asked(query)
    end = min(query.end or now, floor_minute(now))
    start = query.start if label is None and query.start else end - RANGES[label or DEFAULT_RANGE]
    try:
        step = step or usual_step(start, end, now, minutes_kept=kept.hours)
        length = max(int(min(MOST_ROWS, affordable(step, metrics))), 1) * step
        first = floor_step(start, step)
        rest = end if end - first > length else None
        grid = grid_between(
            start, first + length if rest else end, now, step, minutes_kept=kept.hours
        )
    except InvalidInput as error:
        raise Problem(400, "invalid_range", str(error)) from None
    return grid, rest


def spelled(step: timedelta) -> str:
    """The step as a query names it: `90m`, `36h`, `1d`."""
    unit, letter = next(
        one for one in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")) if not step % one[0]
    )
    return f"{step // unit}{letter}"


def _alerts(target: str, query: ExportQuery, asked: Asked) -> Document:
    """A line for each alert, the newest first; all of them when no range is given."""
    refuse_both(query)
    house, now = asked.office.house(), asked.office.now
    end = query.end or now
    start = query.start or (end - RANGES[query.range] if query.range else _EVER)

    def wanted(alert: Alert) -> bool:
        return start <= alert.active_at <= end and (not query.before or alert.id < query.before)

    found = past_alerts(target, wanted=wanted, most=MOST_ROWS + 1, house=house, now=now)
    shown = found[:MOST_ROWS]
    more = len(found) > MOST_ROWS
    following = {"from": iso(start), "to": iso(end), "before": shown[-1].id} if more else {}
    return _document(target, query, [*COLUMNS, "deploy"], [*map(_line, shown)], following)


def _line(alert: Alert) -> Sequence[Cell]:
    fields = alert_json(alert)
    deploy = alert.deploy.version if alert.deploy is not None else None
    return [*(fields[name] for name in COLUMNS), deploy]


def _document(
    target: str,
    query: ExportQuery,
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    following: Mapping[str, str],
) -> Document:
    name = f"{target}-{query.of}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if following:
        asked = {"format": query.format, "of": query.of, "target": target, "metrics": query.metrics}
        link = urlencode({name: value for name, value in {**asked, **following}.items() if value})
        headers["Link"] = f'<export?{link}>; rel="next"'
    return Document(csv_of(header, rows), MEDIA_TYPE, headers)


EXPORT = Route(
    name="export",
    role=Role.READER,
    answer=_answer,
    says="the past as CSV",
    query=ExportQuery,
    media_type=MEDIA_TYPE,
    sends=("Link", "Content-Disposition"),
)
