"""What every metric of a world minute really is, from raw events only: no query, no adapter.

Units are the catalog's; a GB is 2**30 bytes and an MB of the process 2**20, as Azure counts them.
The monitor's own requests are left out of everything that telemetry gives.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from math import fsum
from statistics import fmean

from local.world.conduct import ADMIN, DATA_READ, LIMITED, LOCKED, LOGIN_FAILED, REFUSED
from local.world.events import Health, Request, ResourceRow, World, WorldMinute
from local.world.levels import GIB, MIB
from local.world.sales import SALES
from local.world.traffic import PROBE_SECONDS, is_monitor
from local.world.tries import LOGINS
from shared.domain.times import MINUTE

COUNT_WINDOW = 5
"""Minutes of a window of the CRM's own counts; `truth` takes the window's first minute."""

Measure = Callable[[WorldMinute], float | None]


def truth(
    world: World, metric: str, minute: datetime, *, probes: Sequence[float] = PROBE_SECONDS
) -> float | None:
    """The metric's value for the minute that begins then; None where nothing was measured.

    `probes`: the seconds of the minute at which health and running requests were asked for.
    Raises KeyError for a metric that raw events can't give.
    """
    if metric in _WORLDS:
        return _WORLDS[metric](world, minute)
    if metric in _WINDOWS:
        return _WINDOWS[metric]([world.minute(minute + i * MINUTE) for i in range(COUNT_WINDOW)])
    moments = [minute + timedelta(seconds=second) for second in probes]
    if metric == "blockedSessions":
        return max((blocked_sessions(world, at) for at in moments), default=None)
    if metric in _HEALTH:
        return _HEALTH[metric]([(at, world.health(at)) for at in moments])
    return _MINUTES[metric](world.minute(minute))


def visitors(minute: WorldMinute) -> list[Request]:
    """The minute's request telemetry without the monitor's own."""
    return [request for request in minute.requests if not is_monitor(request)]


def weighted_quantile(requests: Iterable[Request], percent: int) -> float | None:
    """The smallest duration whose cumulated weight is at least that percentage of all weight."""
    ordered = sorted((request.duration_ms, request.item_count) for request in requests)
    total = sum(weight for _, weight in ordered)
    seen = 0
    for duration, weight in ordered:
        seen += weight
        if 100 * seen >= percent * total:
            return duration
    return None


def _mean_duration(minute: WorldMinute) -> float | None:
    requests = visitors(minute)
    weight = sum(request.item_count for request in requests)
    total = fsum(request.duration_ms * request.item_count for request in requests)
    return total / weight if weight else None


def _quantile(minute: WorldMinute, percent: int) -> float | None:
    return weighted_quantile(visitors(minute), percent)


def _answered(minute: WorldMinute, statuses: range) -> float:
    return sum(each.item_count for each in visitors(minute) if each.status in statuses)


def _told(minute: WorldMinute, name: str) -> float:
    """How often the CRM told of an event of that name, as far as sampling lets it be known."""
    return sum(event.item_count for event in minute.events if event.name == name)


def _told_out_of_hours(minute: WorldMinute, name: str) -> float:
    """The world's staff works Monday to Friday from 7 to 19, in UTC."""
    works = minute.start.weekday() < 5 and 7 <= minute.start.hour < 19
    return 0.0 if works else _told(minute, name)


def _scanned(minute: WorldMinute) -> float:
    """Refusals of the addresses that asked for ten different pages or more in vain."""
    refused: dict[str, list[Request]] = {}
    for request in visitors(minute):
        if 400 <= request.status < 500:
            refused.setdefault(request.client_ip, []).append(request)
    return sum(
        request.item_count
        for requests in refused.values()
        if len({request.url for request in requests}) >= 10
        for request in requests
    )


def dtu(row: ResourceRow) -> float:
    """DTU percent of fifteen seconds."""
    return max(row.cpu_percent, row.data_io_percent, row.log_write_percent)


def blocked_sessions(world: World, at: datetime) -> int:
    """How many sessions wait for another one at that moment."""
    return sum(request.blocked_by > 0 for request in world.requests_running(at))


def _over_rows(
    merge: Callable[[list[float]], float], part: Callable[[ResourceRow], float]
) -> Measure:
    def measure(minute: WorldMinute) -> float | None:
        values = [part(row) for row in minute.resources]
        return merge(values) if values else None

    return measure


_MINUTES: Mapping[str, Measure] = {
    "dtuUtilization": _over_rows(fmean, dtu),
    "dtuPeak": _over_rows(max, dtu),
    "dtuCpu": _over_rows(fmean, lambda row: row.cpu_percent),
    "dtuDataIo": _over_rows(fmean, lambda row: row.data_io_percent),
    "dtuLogWrite": _over_rows(fmean, lambda row: row.log_write_percent),
    "workersPercent": _over_rows(max, lambda row: row.workers_percent),
    "sessionsPercent": _over_rows(max, lambda row: row.sessions_percent),
    "storageUsage": lambda minute: minute.storage_bytes / GIB,
    "connectionCount": lambda minute: minute.sessions,
    "memoryUsage": lambda minute: minute.plan.memory_percent * 17.5,
    "cpuUtilization": lambda minute: minute.plan.cpu_percent,
    "httpQueueLength": lambda minute: minute.plan.http_queue_length,
    "outboundSockets": lambda minute: minute.plan.sockets_outbound,
    "bytesIn": lambda minute: minute.plan.bytes_received,
    "bytesOut": lambda minute: minute.plan.bytes_sent,
    "http5xx": lambda minute: minute.site.http_5xx,
    "http4xx": lambda minute: minute.site.http_4xx,
    "throughput": partial(_answered, statuses=range(1000)),
    "errorRate": partial(_answered, statuses=range(500, 1000)),
    "clientErrorRate": partial(_answered, statuses=range(400, 500)),
    "failedLogins": partial(_told, name=LOGIN_FAILED),
    "lockouts": partial(_told, name=LOCKED),
    "authorisationFailures": partial(_told, name=REFUSED),
    "rateLimitHits": partial(_told, name=LIMITED),
    "adminActionsOutOfHours": partial(_told_out_of_hours, name=ADMIN),
    "dataAccessOutOfHours": partial(_told_out_of_hours, name=DATA_READ),
    "scanRequests": _scanned,
    "responseTime.avg": _mean_duration,
    "responseTime.p50": partial(_quantile, percent=50),
    "responseTime.p95": partial(_quantile, percent=95),
    "responseTime.p99": partial(_quantile, percent=99),
}


def _storage_percent(world: World, minute: datetime) -> float:
    return 100 * world.minute(minute).storage_bytes / world.storage_limit_bytes


_WORLDS: Mapping[str, Callable[[World, datetime], float | None]] = {
    **LOGINS,
    **SALES,
    "storagePercent": _storage_percent,
}
"""What more than the minute alone tells."""

Asked = Sequence[tuple[datetime, Health]]


def _availability(asked: Asked) -> float | None:
    if not asked:
        return None
    failed = any(health.refuses or health.status != 200 for _, health in asked)
    return 0.0 if failed else 100.0


def _of_answers(
    merge: Callable[[list[float]], float], part: Callable[[datetime, Health], float]
) -> Callable[[Asked], float | None]:
    def measure(asked: Asked) -> float | None:
        values = [part(at, health) for at, health in asked if not health.refuses]
        return merge(values) if values else None

    return measure


def _days_left(at: datetime, health: Health) -> float:
    return (health.certificate_ends - at) / timedelta(days=1)


_HEALTH: Mapping[str, Callable[[Asked], float | None]] = {
    "availability": _availability,
    "probeLatency": _of_answers(max, lambda _, health: health.latency_ms),
    "memoryProcess": _of_answers(max, lambda _, health: health.resident_bytes / MIB),
    "memoryHeap": _of_answers(max, lambda _, health: health.heap_bytes / MIB),
    "certificateDaysLeft": _of_answers(min, _days_left),
}

Window = Sequence[WorldMinute]


def _active_users(window: Window) -> float:
    return len({session for minute in window for session in minute.business.active_sessions})


_WINDOWS: Mapping[str, Callable[[Window], float]] = {
    "activeUsers": _active_users,
    "interactionsLogged": lambda window: sum(each.business.interactions for each in window),
    "reportsGenerated": lambda window: sum(each.business.reports for each in window),
    "offlineSync.failed": lambda window: sum(each.business.sync_failed for each in window),
    "offlineSync.pending": lambda window: window[-1].business.sync_pending,
}

METRICS = frozenset({*_MINUTES, *_HEALTH, *_WINDOWS, *_WORLDS, "blockedSessions"})
"""The metrics that raw events give."""
