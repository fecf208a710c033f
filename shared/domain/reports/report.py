"""The report of a range: the client's PerformanceReport, and what belongs beside it.

What it is made of is counted in the modules beside this one, trends and forecasts in theirs; here
it is put together, and said in a few sentences.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from msgspec import Struct, field

from shared.domain.alerts import Alert
from shared.domain.anomalies.listing import Anomaly
from shared.domain.deliveries import Delivery
from shared.domain.deployments import Deployment
from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog
from shared.domain.recommendations.values import Recommendation
from shared.domain.reports.anomalies import anomalies
from shared.domain.reports.availability import Availability, availability
from shared.domain.reports.bill import UNMETERED, Metering
from shared.domain.reports.charts import Charts, charts
from shared.domain.reports.deployments import DeployEffect, deploy_effects
from shared.domain.reports.episodes import Episodes, episodes
from shared.domain.reports.figures import Figure, figures, told_span
from shared.domain.reports.monitor import MonitorHealth, monitor_health
from shared.domain.series import Chunks
from shared.domain.times import Span
from shared.domain.trends.forecasts import Forecast, forecast_span, forecasts
from shared.domain.trends.habits import HeatMap, QuietHours, heat_map, quiet_hours
from shared.domain.trends.tendencies import (
    Direction,
    Tendency,
    named_tendencies,
    tendencies,
    tendency_span,
)

MAPPED = ("throughput", "activeUsers")
"""What heat maps show; the first one says which hours are quiet, where it is known."""
MOST_ADVICE = 10
SOON_DAYS = 90
"""A forecast that comes later is no news."""


class Summary(Struct, frozen=True, kw_only=True, rename="camel"):
    """The client's six, in ms, percent, MB, a count, percent, and errors a minute."""

    avg_response_time: float | None
    max_dtu: float | None = field(name="maxDTU")
    avg_memory_usage: float | None
    total_interactions: float | None
    uptime: float | None
    error_rate: float | None


class Unusual(Struct, frozen=True, kw_only=True):
    """How many anomalies of each type there were in all; the report lists the worst of each."""

    counts: dict[str, int]
    sentence: str


class PerformanceReport(
    Struct,
    frozen=True,
    kw_only=True,
    rename={
        "start": "from",
        "end": "to",
        "before_start": "beforeFrom",
        "before_end": "beforeTo",
        "is_empty": "isEmpty",
        "metric_trends": "metricTrends",
        "heat_maps": "heatMaps",
        "quiet_hours": "quietHours",
    },
):
    """A target from `from` to `to`, whole hours, beside the stretch of that length before it.

    `headlines`: what matters, in sentences. `metric_trends`: of all that a trend is worth knowing
    of, the three of `trends` among them. `is_empty`: nothing at all was measured.
    """

    target: str
    range: str
    start: datetime
    end: datetime
    before_start: datetime
    before_end: datetime
    zone: str
    is_empty: bool
    headlines: tuple[str, ...]
    summary: Summary
    figures: tuple[Figure, ...]
    availability: Availability
    trends: dict[str, Tendency]
    metric_trends: tuple[Tendency, ...]
    forecasts: tuple[Forecast, ...]
    recommendations: tuple[Recommendation, ...]
    anomalies: tuple[Anomaly, ...]
    unusual: Unusual
    episodes: Episodes
    deployments: tuple[DeployEffect, ...]
    heat_maps: dict[str, HeatMap]
    quiet_hours: QuietHours | None
    charts: Charts
    monitor: MonitorHealth

    @property
    def span(self) -> Span:
        """Its range."""
        return Span(self.start, self.end)


class Material(Struct, frozen=True, kw_only=True):
    """What a report is made of; `lines` reach back as far as any part of it looks.

    `minutes`: the stored hours of the metrics that are judged minute by minute. `advice`: what is
    open, the most urgent first. `damaged`: what could not be read. `metering`: what was
    counted of the monitor's own use.
    """

    target: str
    range: str
    span: Span
    lines: HourLines
    minutes: Chunks
    alerts: Sequence[Alert]
    deployments: Sequence[Deployment]
    deliveries: Sequence[Delivery]
    advice: Sequence[Recommendation]
    sources: Sequence[str]
    damaged: Sequence[Span] = ()
    metering: Metering = UNMETERED
    objective: float
    zone: tzinfo | None


def before(span: Span) -> Span:
    """The stretch of the same length before it."""
    return Span(span.start - (span.end - span.start), span.start)


def reach(span: Span) -> Span:
    """How far back a report of `span` looks, to its end."""
    parts = (before(span), tendency_span(span), forecast_span(span.end))
    return Span(min(part.start for part in parts), span.end)


def report(given: Material, catalog: Catalog) -> PerformanceReport:
    """Put it together; the same material is always the same report."""
    span, past = given.span, before(given.span)
    now, then = given.lines.within(span), given.lines.within(past)
    counted = figures(now, then, catalog)
    available = availability(now, catalog, given.objective)
    judged = given.lines.within(tendency_span(span))
    trends = named_tendencies(judged, catalog)
    ahead = forecasts(given.lines.within(forecast_span(span.end)), catalog)
    met = episodes(given.alerts, span)
    measured = {name for name, line in now.columns.items() if any(line.counts)}
    odd = anomalies(given.minutes, span, catalog, measured)
    maps = _maps(given, catalog)
    is_empty = not measured
    return PerformanceReport(
        target=given.target,
        range=given.range,
        start=span.start,
        end=span.end,
        before_start=past.start,
        before_end=past.end,
        zone=str(given.zone or "UTC"),
        is_empty=is_empty,
        headlines=_empty(span) if is_empty else _headlines(available, counted, met, trends, ahead),
        summary=_summary(counted),
        figures=counted,
        availability=available,
        trends=trends,
        metric_trends=tendencies(judged, catalog),
        forecasts=ahead,
        recommendations=tuple(given.advice[:MOST_ADVICE]),
        anomalies=odd.worst,
        unusual=Unusual(counts=odd.counts, sentence=odd.sentence),
        episodes=met,
        deployments=deploy_effects(given.deployments, given.lines, given.alerts, catalog),
        heat_maps=maps,
        quiet_hours=quiet_hours(maps),
        charts=charts(now, catalog),
        monitor=monitor_health(
            now,
            given.sources,
            given.deliveries,
            catalog,
            damaged=given.damaged,
            metering=given.metering,
        ),
    )


def _maps(given: Material, catalog: Catalog) -> dict[str, HeatMap]:
    """Over four weeks, because a week has each hour once."""
    over = forecast_span(given.span.end)
    over = Span(min(over.start, given.span.start), over.end)
    made = (heat_map(catalog.metric(name), given.minutes, over, given.zone) for name in MAPPED)
    return {one.metric: one for one in made if one.coverage}


def _summary(counted: Sequence[Figure]) -> Summary:
    by_name = {one.name: one.value for one in counted}
    return Summary(
        avg_response_time=by_name["avgResponseTime"],
        max_dtu=by_name["maxDTU"],
        avg_memory_usage=by_name["avgMemoryUsage"],
        total_interactions=by_name["totalInteractions"],
        uptime=by_name["uptime"],
        error_rate=by_name["errorRate"],
    )


def _empty(span: Span) -> tuple[str, ...]:
    said = f"Nothing was measured from {told_span(span)}: no figure of this time is known."
    return (said, "Either the monitor was not running, or no source of it answered.")


def _headlines(
    available: Availability,
    counted: Sequence[Figure],
    met: Episodes,
    trends: Mapping[str, Tendency],
    ahead: Sequence[Forecast],
) -> tuple[str, ...]:
    """Availability, alerts, what changed most, trends that are sure, and what runs out soon."""
    return (
        available.sentence,
        met.sentence,
        *_changed(counted),
        *(one.sentence for one in trends.values() if one.direction in _GOING),
        *(one.sentence for one in ahead if _is_soon(one)),
    )


_GOING = (Direction.RISING, Direction.FALLING)
_COMPARED = ("avgResponseTime", "totalErrors", "totalRequests", "avgDTU", "totalInteractions")
WORTH_SAYING = 0.1
KNOWN_ENOUGH = 0.5


def _changed(counted: Sequence[Figure]) -> list[str]:
    """What differs by a tenth from the time before, where both are known well enough."""
    told = [
        f"{one.label} {one.told} ({one.told_change})"
        for one in counted
        if one.name in _COMPARED and _is_change(one)
    ]
    return [f"Beside the time before: {', '.join(told)}."] if told else []


def _is_change(one: Figure) -> bool:
    is_known = min(one.coverage.share, one.before_coverage.share) >= KNOWN_ENOUGH
    return is_known and one.change is not None and abs(one.change) >= WORTH_SAYING


def _is_soon(one: Forecast) -> bool:
    return one.reaches_at is not None and (one.reaches_at - one.end).days < SOON_DAYS
