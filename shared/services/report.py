"""The report of a range, read from what is stored: days by the hour, and few minutes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.catalog.platform_metrics import NAMESPACES
from shared.domain.alerts import Alert
from shared.domain.chunks import by_hour
from shared.domain.costs import equal_rules
from shared.domain.deliveries import Delivery
from shared.domain.deployments import Deployment
from shared.domain.errors import InvalidInput
from shared.domain.hour_lines import HourLines, lines_of
from shared.domain.metrics import Metric
from shared.domain.ranges import RANGES, Detail
from shared.domain.recommendations.values import Recommendation
from shared.domain.reports.anomalies import SPIKING
from shared.domain.reports.bill import Metering, billed_span
from shared.domain.reports.charts import CHARTS
from shared.domain.reports.deployments import JUDGED
from shared.domain.reports.episodes import was_open_in
from shared.domain.reports.figures import measures_of
from shared.domain.reports.monitor import OWN_CPU, OWN_READS, happened_in
from shared.domain.reports.report import MAPPED, Material, PerformanceReport, reach, report
from shared.domain.series import Chunks
from shared.domain.times import DAY, HOUR, Span, floor_hour
from shared.domain.trends.forecasts import RESOURCES
from shared.domain.trends.tendencies import TRENDING
from shared.ports import House
from shared.services.advise import sayings
from shared.services.count_usage import counted_days
from shared.services.day_history import days_of_rows
from shared.services.deployments import deployments
from shared.services.detect import with_unusual
from shared.services.query import past_alerts
from shared.services.resend import deliveries_of, newest_deliveries

REPORTED = ("24h", "3d", "7d", "14d", "30d", "90d")
"""Shorter ones say nothing about a system, longer ones have no minutes any more."""
DEFAULT = "7d"
MOST_ALERTS, MOST_DELIVERIES = 2000, 5000


def span_of(label: str, now: datetime) -> Span:
    """The whole hours of a range that ends with the last full one; raises InvalidInput."""
    if label not in REPORTED:
        raise InvalidInput(f"reports are made of {', '.join(REPORTED)}")
    end = floor_hour(now)
    return Span(end - RANGES[label], end)


def make_report(
    target: str,
    label: str,
    *,
    house: House,
    now: datetime,
    end: datetime | None = None,
    start: datetime | None = None,
) -> PerformanceReport:
    """The report of a named range that ends with the last full hour of `end`, or of `now`.

    `start`: where it begins when a clock says so: its week may have an hour more, or less.
    """
    span = span_of(label, end or now)
    span = span if start is None else Span(floor_hour(start), span.end)
    lines, damaged = _lines(target, span, house)
    alerts = _alerts(target, span, house, now)
    return report(
        Material(
            target=target,
            range=label,
            span=span,
            lines=lines,
            minutes=_minutes(target, span, house),
            alerts=alerts,
            deployments=_deployments(target, span, house),
            deliveries=_deliveries(target, span, alerts, house),
            advice=_advice(target, house),
            sources=house.sources_of(target),
            damaged=damaged,
            metering=_metering(target, span, house),
            objective=house.reporting.objective,
            zone=house.reader_zone,
        ),
        house.catalog,
    )


def _metering(target: str, span: Span, house: House) -> Metering:
    """What was counted of the days that the report bills, beside the shipped rules' price."""
    watched = house.measured or [target]
    return Metering(
        days=counted_days(billed_span(span), house=house),
        is_set_up=house.meter is not None,
        prices=house.prices,
        equal_rules=equal_rules(
            house.rules, watched, NAMESPACES.keys(), house.catalog, house.prices
        ),
    )


def _deployments(target: str, span: Span, house: House) -> list[Deployment]:
    """One at the very end is the next report's."""
    found = deployments(target, span.start, span.end, alerts=house.alerts)
    return [one for one in found if span.covers(one.at)]


def _metrics(house: House) -> list[Metric]:
    """All whose hours a report counts from, with the counts that distributions are made of."""
    names: list[str] = [one.metric for one in measures_of(house.catalog)]
    names += [name for _, charted in CHARTS.values() for name in charted]
    names += [*TRENDING, *(one.metric for one in RESOURCES), *JUDGED, OWN_CPU, OWN_READS]
    metrics = [house.catalog.metric(name) for name in dict.fromkeys(names)]
    weights = [house.catalog.metric(one.of) for one in metrics if one.of]
    return list(dict.fromkeys([*metrics, *weights]))


def _lines(target: str, span: Span, house: House) -> tuple[HourLines, Sequence[Span]]:
    """As far back as a report looks, and what of it could not be read."""
    metrics, back = _metrics(house), reach(span)
    back = Span(min(back.start, span.start - timedelta(days=7)), back.end)
    days = days_of_rows(
        target,
        back.start,
        back.end,
        columns=[metric.column for metric in metrics],
        detail=Detail.HOURS,
        histograms=True,
        house=house,
    )
    return lines_of(days.found, metrics, back), days.damaged


def _minutes(target: str, span: Span, house: House) -> Chunks:
    """Of what is mapped, over four weeks or the range; in this also of what was unusual."""
    columns = [house.catalog.metric(name).column for name in (*MAPPED, SPIKING)]
    start = min(span.start, span.end - 28 * DAY)
    found = house.samples.hours(target, start, span.end - HOUR, columns=columns)
    return with_unusual(by_hour(found), target, span, house=house)


def _alerts(target: str, span: Span, house: House, now: datetime) -> list[Alert]:
    def wanted(alert: Alert) -> bool:
        return was_open_in(alert, span)

    return past_alerts(target, wanted=wanted, most=MOST_ALERTS, house=house, now=now)


def _deliveries(target: str, span: Span, alerts: Sequence[Alert], house: House) -> list[Delivery]:
    """What was told of the span; of what began in months before it, only of what went on in it."""

    def wanted(delivery: Delivery) -> bool:
        return happened_in(delivery, span)

    month = span.start.strftime("%Y%m")
    older = [one.id for one in alerts if one.active_at.strftime("%Y%m") < month]
    found = newest_deliveries(
        target, wanted=wanted, most=MOST_DELIVERIES, alerts=house.alerts, since=span.start
    )
    told = (one for episode in older for one in deliveries_of(target, episode, alerts=house.alerts))
    return [*found, *filter(wanted, told)]


def _advice(target: str, house: House) -> list[Recommendation]:
    """What is open, the most urgent first."""
    return [one.recommendation for one in sayings(target, house=house) if one.is_open]
