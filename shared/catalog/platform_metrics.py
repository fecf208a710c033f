"""Which platform metric of which Azure resource gives which metric of the catalog; one row each.

Names, aggregations, grains and units are those of Microsoft's "supported metrics" pages; a unit is
what stands on the wire, whatever the prose says.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial

PLAN, APP, DATABASE = "plan", "app", "database"

NAMESPACES = {
    PLAN: "Microsoft.Web/serverfarms",
    APP: "Microsoft.Web/sites",
    DATABASE: "Microsoft.Sql/servers/databases",
}
"""The kinds of resources that are asked, and their metric namespaces."""


class Aggregation(StrEnum):
    """What the platform makes of a grain's raw values."""

    AVERAGE = "Average"
    MAXIMUM = "Maximum"
    TOTAL = "Total"


class Grain(StrEnum):
    """The span of one point, as the wire spells it."""

    MINUTE = "PT1M"
    SIX_HOURS = "PT6H"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return timedelta(minutes=1) if self is Grain.MINUTE else timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class PlatformMetric:
    """One aggregation of a platform metric; its value times `factor` is the catalog's `metric`."""

    resource: str
    name: str
    aggregation: Aggregation
    unit: str
    metric: str
    factor: float = 1.0
    grain: Grain = Grain.MINUTE


_GB_OF_BYTES = 1 / 2**30
_MB_OF_PERCENT = 1750 / 100  # B1 has 1.75 GB


def _metric(
    resource: str, name: str, aggregation: Aggregation, unit: str, metric: str
) -> PlatformMetric:
    return PlatformMetric(
        resource=resource, name=name, aggregation=aggregation, unit=unit, metric=metric
    )


_plan = partial(_metric, PLAN)
_app = partial(_metric, APP)


def _percent(name: str, aggregation: Aggregation, metric: str) -> PlatformMetric:
    return _metric(DATABASE, name, aggregation, "Percent", metric)


PLATFORM_METRICS: tuple[PlatformMetric, ...] = (
    _plan("CpuPercentage", Aggregation.AVERAGE, "Percent", "cpuUtilization"),
    PlatformMetric(
        resource=PLAN,
        name="MemoryPercentage",
        aggregation=Aggregation.AVERAGE,
        unit="Percent",
        metric="memoryUsage",
        factor=_MB_OF_PERCENT,
    ),
    _plan("HttpQueueLength", Aggregation.AVERAGE, "Count", "httpQueueLength"),
    _plan("SocketOutboundAll", Aggregation.AVERAGE, "Count", "outboundSockets"),
    _plan("BytesReceived", Aggregation.TOTAL, "Bytes", "bytesIn"),
    _plan("BytesSent", Aggregation.TOTAL, "Bytes", "bytesOut"),
    _app("Http5xx", Aggregation.TOTAL, "Count", "http5xx"),
    _app("Http4xx", Aggregation.TOTAL, "Count", "http4xx"),
    PlatformMetric(
        resource=APP,
        name="FileSystemUsage",
        aggregation=Aggregation.AVERAGE,
        unit="Bytes",
        metric="appDiskUsage",
        factor=_GB_OF_BYTES,
        grain=Grain.SIX_HOURS,
    ),
    _percent("dtu_consumption_percent", Aggregation.AVERAGE, "dtuUtilization"),
    _percent("dtu_consumption_percent", Aggregation.MAXIMUM, "dtuPeak"),
    _percent("cpu_percent", Aggregation.AVERAGE, "dtuCpu"),
    _percent("physical_data_read_percent", Aggregation.AVERAGE, "dtuDataIo"),
    _percent("log_write_percent", Aggregation.AVERAGE, "dtuLogWrite"),
    _percent("workers_percent", Aggregation.MAXIMUM, "workersPercent"),
    _percent("sessions_percent", Aggregation.MAXIMUM, "sessionsPercent"),
    PlatformMetric(
        resource=DATABASE,
        name="storage",
        aggregation=Aggregation.MAXIMUM,
        unit="Bytes",
        metric="storageUsage",
        factor=_GB_OF_BYTES,
    ),
    _percent("storage_percent", Aggregation.MAXIMUM, "storagePercent"),
)
