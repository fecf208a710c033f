"""A week of a small office as a report, drawn by arithmetic: to be looked at, and for the docs.

Its days have the world's rush hours and weekends. In the last week a release was slow, a query
stormed for an hour, the app was down for some minutes, somebody guessed passwords, and a night of
telemetry was lost.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from local.world.levels import rush
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.rules import default_rules
from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.chunks import HourChunk
from shared.domain.costs import Count, CountedDay, Prices, Usage, equal_rules
from shared.domain.curves import Columns
from shared.domain.deployments import Deployment, RecentDeploy
from shared.domain.histograms import Rungs, bucket_of, rungs_of
from shared.domain.hour_lines import HourLines
from shared.domain.reasons import Reason
from shared.domain.recommendations.values import Fact, Gist, Recommendation, Text, recommend
from shared.domain.records import short_hash
from shared.domain.reports.bill import Metering
from shared.domain.reports.report import Material, PerformanceReport, report
from shared.domain.rules import Severity
from shared.domain.times import DAY, HOUR, MINUTE, Span, each_day, each_hour

TARGET = "pantry-crm"
END = datetime(2026, 11, 23, 6, tzinfo=UTC)
WEEK = Span(END - 7 * DAY, END)
BACK = 42
SLOW = END - timedelta(days=2, hours=20)
STORM = END - timedelta(days=4, hours=20)
DOWN = END - timedelta(days=1, hours=16)
GUESSED = END - timedelta(days=3, hours=2)
LOST = Span(END - timedelta(days=5, hours=5), END - timedelta(days=5, hours=3))
RELEASE = Deployment(id="slow", target=TARGET, at=SLOW, version="1.8.2", by="pipeline")
INDEX = Gist(kind="missing_index", type="missing_index")

Draw = Callable[[datetime], float]


def _wobble(at: datetime) -> float:
    """From 0.9 to 1.1, the same for the same hour."""
    return 0.9 + (int(at.timestamp()) // 3600 * 7919 % 100) / 500


def _latency(at: datetime) -> float:
    usual = (230 + rush(at)) * _wobble(at)
    return usual * 1.4 if at >= SLOW else usual * (6 if at == STORM else 1)


def _dtu(at: datetime) -> float:
    return 82.0 if at == STORM else (4 + rush(at) * 0.45) * _wobble(at)


DRAWN: dict[str, Draw] = {
    "responseTime_avg": _latency,
    "throughput": lambda at: rush(at) * _wobble(at),
    "errorRate": lambda at: 0.15 if at in (STORM, DOWN) else 0.002,
    "availability": lambda at: 85.0 if at == DOWN else 100.0,
    "dtuUtilization": _dtu,
    "memoryUsage": lambda at: 900 + rush(at) + 14 * ((at - END) / DAY % 3),
    "cpuUtilization": lambda at: (5 + rush(at) / 2) * _wobble(at),
    "storagePercent": lambda at: 71 + 0.44 * ((at - END) / DAY),
    "sessionsPercent": lambda at: 3 + rush(at) / 15,
    "activeUsers": lambda at: rush(at) / 2 * _wobble(at),
    "interactionsLogged": lambda at: rush(at) / 11 * _wobble(at),
    "reportsGenerated": lambda at: rush(at) / 90,
    "dealsWon": lambda at: 1.0 if at.hour == 15 and at.weekday() < 5 else 0.0,
    "revenueWon": lambda at: 700.0 if at.hour == 15 and at.weekday() < 5 else 0.0,
    "pipelineValue": lambda at: 806_200 + 900 * ((at - END) / DAY),
    "failedLogins": lambda at: 4.0 if at == GUESSED else rush(at) / 1500,
    "failedLoginsByAddress": lambda at: 20.0 if at == GUESSED else 0.0,
    "monitor_cpuMs": lambda _: 6.0,
    "monitor_logicalReads": lambda _: 40.0,
}
STEADY = ("memoryUsage", "storagePercent", "sessionsPercent", "availability", "pipelineValue")
SPREAD = (0.4, 0.6, 0.8, 1.0, 1.3, 1.8)
"""Durations of an hour's requests, in parts of their middle."""
EVERY = {metric.column: metric.every for metric in CATALOG.metrics}


@cache
def a_week() -> PerformanceReport:
    """The report of that week, in Berlin."""
    return report(
        Material(
            target=TARGET,
            range="7d",
            span=WEEK,
            lines=_lines(),
            minutes=_minutes(),
            alerts=stories(),
            deployments=(RELEASE,),
            deliveries=(),
            advice=(_advice(),),
            sources=[source.name for source in CATALOG.sources],
            metering=_metering(),
            objective=99.5,
            zone=ZoneInfo("Europe/Berlin"),
        ),
        CATALOG,
    )


def _lines() -> HourLines:
    span = Span(END - BACK * DAY, END)
    hours = [*each_hour(span.start, span.end)]
    lines = {name: _line(name, draw, hours) for name, draw in DRAWN.items()}
    lasts = {name: line.highs for name, line in lines.items()}
    return HourLines(span, lines, [_histogram(at) for at in hours], lasts)


def _histogram(at: datetime) -> Rungs:
    """An hour's durations around their middle."""
    middle, each = _latency(at), round(10 * rush(at))
    return rungs_of({bucket_of(middle * part): each for part in SPREAD if each})


def _line(name: str, draw: Draw, hours: list[datetime]) -> Columns:
    """Hours of samples around their mean; none while telemetry was lost."""
    samples = 60 // EVERY[name]
    counts = [0 if LOST.covers(at) else samples for at in hours]
    means = [draw(at) if count else None for at, count in zip(hours, counts, strict=True)]
    wide = 0.03 if name in STEADY else 0.3
    top = 100.0 if name in ("availability", "dtuUtilization") else float("inf")
    return Columns(
        counts,
        [None if mean is None else _low(name, mean, wide) for mean in means],
        [None if mean is None else min(mean * (1 + wide), top) for mean in means],
        [count * (mean or 0.0) for count, mean in zip(counts, means, strict=True)],
    )


def _low(name: str, mean: float, wide: float) -> float:
    return 0.0 if name == "availability" and mean < 100 else mean * (1 - wide)


def _minutes() -> dict[datetime, HourChunk]:
    mapped = ("throughput", "activeUsers", "dtuUtilization")
    return {
        hour: HourChunk(hour=hour, cells={name: (DRAWN[name](hour),) * 60 for name in mapped})
        for hour in each_hour(END - 28 * DAY, END)
        if not LOST.covers(hour)
    }


def stories() -> tuple[Alert, ...]:
    """What fired in that week."""
    deploy = RecentDeploy(RELEASE.version, SLOW, 12)
    storm = past_alert("DTU Usage Critical", Severity.CRITICAL, STORM + 4 * MINUTE, 47)
    down = past_alert("CRM down", Severity.CRITICAL, DOWN + 20 * MINUTE, 9)
    slow = past_alert("Slow Response Times", Severity.MEDIUM, SLOW + 12 * MINUTE, 64)
    return (
        replace(storm, value=98.7, acknowledged_by="Ada", acknowledged_at=STORM + 13 * MINUTE),
        replace(down, metric="availability", value=0.0),
        replace(slow, metric="responseTime.avg", unit="ms", value=3412.0, deploy=deploy),
    )


def past_alert(name: str, severity: Severity, active_at: datetime, minutes: int) -> Alert:
    """A story of so many minutes that is over."""
    end = active_at + minutes * MINUTE
    return Alert(
        id=f"{active_at:%Y%m%dT%H%MZ}-{short_hash(name)}",
        rule_id=name.lower().replace(" ", "-"),
        rule_name=name,
        target=TARGET,
        metric="dtuUtilization",
        condition="greater_than",
        kind=AlertKind.THRESHOLD,
        state=AlertState.RESOLVED,
        severity=severity,
        value=None,
        last_value=None,
        threshold=None,
        unit="%",
        active_at=active_at,
        fired_at=active_at + 2 * MINUTE,
        last_triggered=end - MINUTE,
        count=minutes,
        resolved_at=end,
        reason=Reason.RECOVERED,
    )


def _metering() -> Metering:
    """A calm day's use as `make bench ARGS=cost` counts it; one night could not ask."""
    days = list(each_day(WEEK.start, WEEK.end))[:-1]
    return Metering(
        days={day: _used(day) for day in days if day != LOST.start.replace(hour=0)},
        is_set_up=True,
        prices=Prices(),
        equal_rules=equal_rules(default_rules(), [TARGET], NAMESPACES.keys(), CATALOG, Prices()),
    )


def _used(day: datetime) -> CountedDay:
    """A little more where more happens."""
    used = Usage(
        table_operations=round(69_000 * (0.98 + rush(day + 10 * HOUR) / 2000)),
        queue_operations=5_760,
        blob_writes=145,
        blob_operations=28_800,
        executions=3_025,
        gb_seconds=1_512,
        log_bytes=14_400_000,
    )
    return CountedDay(counted_at=day + 50 * HOUR, count=Count(usage=used))


def _advice() -> Recommendation:
    """One that the storm would lead to."""
    return recommend(
        INDEX,
        "dbo.Interaction (HouseholdId)",
        Text(
            "Missing index on dbo.Interaction (HouseholdId)",
            "The optimiser asked for it 9,120 times and expects 82 % less cost for each.",
            (
                "Create the index at a quiet hour: the script keeps the table usable meanwhile.",
                "Look again a day later whether the query reads less; else drop it.",
            ),
            (Fact("asked for", "9,120 times"),),
        ),
        urgency=0.4,
        size=1.0,
    )
