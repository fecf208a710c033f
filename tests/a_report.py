"""A report made of drawn hours, for those who show one."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert, AlertState
from shared.domain.chunks import HourChunk
from shared.domain.deployments import Deployment
from shared.domain.reports.report import Material, PerformanceReport, report
from shared.domain.rules import Severity
from shared.domain.times import DAY, HOUR, MINUTE, Span, each_hour
from tests.builders import TARGET, an_alert
from tests.domain.lines import END, Draw, day_of, lines_of_days

WEEK = Span(END - 7 * DAY, END)


def office(at: datetime) -> float:
    """Busy from 8 to 17 on five days."""
    return 40.0 + at.hour if 8 <= at.hour < 17 and at.weekday() < 5 else 2.0


DRAWN: dict[str, Draw] = {
    "dtuUtilization": office,
    "memoryUsage": lambda at: None if day_of(at) > -1 else 900 + at.hour,
    "responseTime_avg": lambda at: 200 + office(at) + 4 * day_of(at),
    "throughput": office,
    "activeUsers": lambda at: office(at) / 2,
    "availability": lambda at: 50.0 if at == END - 30 * HOUR else 100.0,
    "errorRate": lambda _: 0.0,
    "storagePercent": lambda at: 70 + 0.5 * day_of(at),
    "monitor_cpuMs": lambda _: 6.0,
}


def an_episode(**changes: Any) -> Alert:
    """A storm of the week."""
    at = END - 40 * HOUR
    given: dict[str, Any] = {
        "active_at": at,
        "fired_at": at + 2 * MINUTE,
        "resolved_at": at + 47 * MINUTE,
        "state": AlertState.RESOLVED,
        "severity": Severity.CRITICAL,
        "count": 45,
    }
    return an_alert(f"{at:%Y%m%dT%H%MZ}-1a2b3c4d", **{**given, **changes})


def a_deploy(version: str = "1.8.2") -> Deployment:
    """Three days before the end."""
    at = END - 3 * DAY
    return Deployment(id=version, target=TARGET, at=at, version=version, by="pipeline")


def a_report(drawn: dict[str, Draw] | None = None, **changes: Any) -> PerformanceReport:
    """A week after five others; `drawn` by column, by default an office's."""
    drawn = DRAWN if drawn is None else drawn
    given: dict[str, Any] = {
        "target": TARGET,
        "range": "7d",
        "span": WEEK,
        "lines": lines_of_days(42, **drawn),
        "minutes": _minutes(drawn),
        "alerts": (an_episode(),),
        "deployments": (a_deploy(),),
        "deliveries": (),
        "advice": (),
        "sources": ("dmv", "logs"),
        "objective": 99.5,
        "zone": ZoneInfo("Europe/Berlin"),
    }
    return report(Material(**{**given, **changes}), CATALOG)


def _minutes(drawn: dict[str, Draw]) -> dict[datetime, HourChunk]:
    mapped = {
        name: drawn[name]
        for name in ("throughput", "activeUsers", "dtuUtilization")
        if name in drawn
    }
    hours = each_hour(END - timedelta(days=28), END)
    return {
        hour: HourChunk(
            hour=hour, cells={name: (draw(hour),) * 60 for name, draw in mapped.items()}
        )
        for hour in hours
    }
