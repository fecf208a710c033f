"""The platform metrics of the three resource types: units, aggregations, and raw observations.

Which aggregation a metric has follows Microsoft's tables of supported metrics to the letter; what
Azure may grant beyond them is not granted here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.world.events import PlanMinute, ResourceRow, SiteMinute, World
from shared.domain.times import MINUTE

Read = Callable[[World, datetime], Sequence[float]]

GRAINS: Mapping[str, timedelta] = {
    "PT1M": MINUTE,
    "PT5M": 5 * MINUTE,
    "PT15M": 15 * MINUTE,
    "PT30M": 30 * MINUTE,
    "PT1H": timedelta(hours=1),
    "PT6H": timedelta(hours=6),
    "PT12H": timedelta(hours=12),
    "P1D": timedelta(days=1),
}
DISK_STEP = GRAINS["PT6H"]

DTU_LIMIT = 5
_DISK_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_DISK_BYTES = 1_288_490_188
_DISK_BYTES_A_DAY = 2_097_152


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One metric; `read` gives what was measured in the `step` that begins then."""

    name: str
    label: str
    unit: str
    aggregations: tuple[str, ...]
    read: Read
    step: timedelta = MINUTE

    @property
    def grains(self) -> list[str]:
        """The intervals it can be asked in, shortest first."""
        return [name for name, grain in GRAINS.items() if grain >= self.step]


def app_disk_bytes(at: datetime) -> int:
    """The disk that the plan's apps use at the six hours that hold the moment: slow growth.

    No part of any world: it is the same for all, 1.2 GB at the start of 2026 and 2 MB a day more.
    """
    steps = (at - _DISK_EPOCH) // DISK_STEP
    return _DISK_BYTES + steps * _DISK_BYTES_A_DAY // 4


def dtu(row: ResourceRow) -> float:
    """DTU percent of fifteen seconds, in Azure's own words: the largest of the three shares.

    The world's truth has a formula of its own: one slip must not be made on both sides.
    """
    return max(row.cpu_percent, row.data_io_percent, row.log_write_percent)


def _plan(value: Callable[[PlanMinute], float]) -> Read:
    return lambda world, at: [value(world.minute(at).plan)]


def _site(value: Callable[[SiteMinute], float | None]) -> Read:
    def read(world: World, at: datetime) -> list[float]:
        seen = value(world.minute(at).site)
        return [] if seen is None else [seen]

    return read


def _rows(value: Callable[[ResourceRow], float]) -> Read:
    return lambda world, at: [value(row) for row in world.minute(at).resources]


def _storage_percent(world: World, at: datetime) -> list[float]:
    return [100 * world.minute(at).storage_bytes / world.storage_limit_bytes]


def _average(name: str, label: str, unit: str, read: Read, **more: Any) -> Definition:
    return Definition(
        name=name, label=label, unit=unit, aggregations=("average",), read=read, **more
    )


def _total(name: str, label: str, unit: str, read: Read) -> Definition:
    return Definition(name=name, label=label, unit=unit, aggregations=("total",), read=read)


def _level(name: str, label: str, unit: str, read: Read) -> Definition:
    levels = ("average", "maximum", "minimum")
    return Definition(name=name, label=label, unit=unit, aggregations=levels, read=read)


PLAN = (
    _average("CpuPercentage", "CPU Percentage", "Percent", _plan(lambda plan: plan.cpu_percent)),
    _average(
        "MemoryPercentage", "Memory Percentage", "Percent", _plan(lambda plan: plan.memory_percent)
    ),
    _average("DiskQueueLength", "Disk Queue Length", "Count", _plan(lambda _: 0)),
    _average(
        "HttpQueueLength", "Http Queue Length", "Count", _plan(lambda plan: plan.http_queue_length)
    ),
    _total("BytesReceived", "Data In", "Bytes", _plan(lambda plan: plan.bytes_received)),
    _total("BytesSent", "Data Out", "Bytes", _plan(lambda plan: plan.bytes_sent)),
    _average(
        "SocketOutboundAll",
        "Socket Count for Outbound Requests",
        "Count",
        _plan(lambda plan: plan.sockets_outbound),
    ),
    _average(
        "SocketOutboundEstablished",
        "Established Socket Count for Outbound Requests",
        "Count",
        _plan(lambda plan: plan.sockets_outbound),
    ),
)

SITE = (
    _total("Requests", "Requests", "Count", _site(lambda site: site.requests)),
    _total(
        "Http2xx",
        "Http 2xx",
        "Count",
        _site(lambda site: site.requests - site.http_4xx - site.http_5xx),
    ),
    _total("Http4xx", "Http 4xx", "Count", _site(lambda site: site.http_4xx)),
    _total("Http5xx", "Http Server Errors", "Count", _site(lambda site: site.http_5xx)),
    _average(
        "HttpResponseTime", "Response Time", "Seconds", _site(lambda site: site.response_time_s)
    ),
    _average(
        "MemoryWorkingSet",
        "Memory working set",
        "Bytes",
        _site(lambda site: site.memory_working_set_bytes),
    ),
    Definition(
        name="CpuTime",
        label="CPU Time",
        unit="Seconds",
        aggregations=("count", "total", "minimum", "maximum"),
        read=_site(lambda site: site.cpu_time_s),
    ),
    _average(
        "FileSystemUsage",
        "File System Usage",
        "Bytes",
        lambda _, at: [app_disk_bytes(at)],
        step=DISK_STEP,
    ),
)

DATABASE = (
    _level("dtu_consumption_percent", "DTU percentage", "Percent", _rows(dtu)),
    _level("dtu_used", "DTU used", "Count", _rows(lambda row: dtu(row) * DTU_LIMIT / 100)),
    _level("dtu_limit", "DTU Limit", "Count", _rows(lambda _: DTU_LIMIT)),
    _level("cpu_percent", "CPU percentage", "Percent", _rows(lambda row: row.cpu_percent)),
    _level(
        "physical_data_read_percent",
        "Data IO percentage",
        "Percent",
        _rows(lambda row: row.data_io_percent),
    ),
    _level(
        "log_write_percent",
        "Log IO percentage",
        "Percent",
        _rows(lambda row: row.log_write_percent),
    ),
    _level(
        "workers_percent", "Workers percentage", "Percent", _rows(lambda row: row.workers_percent)
    ),
    _level(
        "sessions_percent",
        "Sessions percentage",
        "Percent",
        _rows(lambda row: row.sessions_percent),
    ),
    _level(
        "sessions_count", "Sessions count", "Count", lambda world, at: [world.minute(at).sessions]
    ),
    _level(
        "storage",
        "Data space used",
        "Bytes",
        lambda world, at: [world.minute(at).storage_bytes],
    ),
    _level("storage_percent", "Data space used percent", "Percent", _storage_percent),
)

TYPES: Mapping[str, Mapping[str, Definition]] = {
    kind: {one.name.lower(): one for one in definitions}
    for kind, definitions in {
        "Microsoft.Web/serverfarms": PLAN,
        "Microsoft.Web/sites": SITE,
        "Microsoft.Sql/servers/databases": DATABASE,
    }.items()
}


def resource_type(resource_id: str) -> str:
    """The type in a resource id, such as Microsoft.Sql/servers/databases."""
    provider, *parts = resource_id.split("/providers/", 1)[-1].split("/")
    return "/".join([provider, *parts[::2]])
