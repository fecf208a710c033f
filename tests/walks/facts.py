"""The catalog's metrics that a world can reckon in the rig, and when two values agree."""

from datetime import datetime, timedelta
from math import isclose

from local.cloud.log_analytics_tables import INGESTION
from local.world.events import World
from shared.catalog.metrics import CATALOG
from shared.domain.metrics import Metric
from shared.domain.times import MINUTE, floor_minute

SOURCES = tuple(source.name for source in CATALOG.sources)
"""The rig has them all."""
OF_NOW = ("sessions", "size", "blocking", "self")
"""What the database says of the moment in which it is asked."""
OF_BUSINESS = ("kinds", "durations", "deals")
"""What is counted over windows of fifteen minutes."""
COUNTED = ("users", "interactions", "reports", "syncs", *OF_BUSINESS)
"""What is counted over windows of five or fifteen minutes."""
BY_SQL = ("dmv", *OF_NOW, *COUNTED)
MINUTELY = tuple(source.name for source in CATALOG.sources if source.cadence == MINUTE)


PRESSING = ("probe", "security", "logins")
"""What is asked twice a minute."""


def covered_until(world: World, source: str, now: datetime) -> datetime:
    """How far a source is covered in the rig by a reading then, by the newest telemetry."""
    if source not in ("security", "logins"):
        return floor_minute(now) - settle(source)
    minutes = [world.minute(now - n * MINUTE) for n in range(6)]
    requests = [one for minute in minutes for one in minute.requests]
    lasted = {one: timedelta(milliseconds=one.duration_ms) for one in requests}
    heard = max(floor_minute(one.at) for one in requests if one.at + lasted[one] + INGESTION <= now)
    return heard if source == "security" else heard + MINUTE


def settle(source: str) -> timedelta:
    """How far behind the clock a source is in the rig; its rows of 15 s are there at once."""
    return timedelta(0) if source == "dmv" else CATALOG.source(source).settle


OF_THE_WALL = {
    "probeLatency": "the desk's health page does not wait here: its latency is the wall's",
    "certificateDaysLeft": "the desk's health page is plain http: it has no certificate",
}
"""Metrics that can't be a world's in this rig, and why."""
OF_THE_DESK = {"appDiskUsage": "no part of a world: the answerer grows the same disk for all"}
"""Metrics whose arithmetic is the answerer's own, and why."""
OF_THE_MOMENT = {
    "activeUsers": "as of the second of the reading: tests/adapters/test_azure_sql_desk.py",
    "offlineSync.pending": "as of the second of the reading: as above",
    **dict.fromkeys(
        ("pipelineDeals", "pipelineValue"),
        "as of the second of the reading: tests/walks/test_business.py",
    ),
    **dict.fromkeys(
        ("revenueToday", "revenueMonthToDate", "pipelineConversion"),
        "of the day or the month, which began before the desk: as above",
    ),
    "monitor.cpuMs": "what the desk's database charges for a statement is made up",
    "monitor.logicalReads": "as above",
}
"""Metrics that no minute of a world has, and why."""

MEASURED = [metric for metric in CATALOG.metrics if set(metric.sources) & set(SOURCES)]
EXCUSED = {**OF_THE_WALL, **OF_THE_DESK, **OF_THE_MOMENT}
RECKONED = [one for one in MEASURED if one.name not in EXCUSED]

PERCENTILE_ERROR, ROUNDING = 0.02, 1e-9


def source_of(metric: Metric) -> str:
    """The one of its sources that remembers most: a fallback, if there is one."""
    return metric.sources[-1]


def agree(metric: Metric, found: float | None, real: float | None) -> bool:
    """Percentiles within 2 %, all else to the rounding of floats; nothing agrees with nothing."""
    if found is None or real is None:
        return found is real
    allowed = PERCENTILE_ERROR if isinstance(metric.statistic, float) else ROUNDING
    return isclose(found, real, rel_tol=allowed, abs_tol=ROUNDING)
