"""The counters of a minute: the plan's, the app's, the database's and the CRM's own."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import fsum
from random import Random

from local.world.events import BusinessMinute, PlanMinute, Request, ResourceRow, SiteMinute
from local.world.levels import MIB, PLAN_MB, Levels
from local.world.traffic import INTERACTION, REPORT, poisson

_ROW = timedelta(seconds=15)
_CORE_SHARE = 0.85
"""How much of the plan's CPU the app itself uses."""
_MEMORY_NOISE_MB = 20


def plan_minute(levels: Levels, requests: int, chance: Random) -> PlanMinute:
    """The plan's counters, with all requests that reached it."""
    noise = levels.plan_noise * chance.uniform(-1, 1)
    memory = levels.platform_mb + levels.resident_mb + noise * _MEMORY_NOISE_MB
    return PlanMinute(
        cpu_percent=_percent(levels.plan_cpu * (1 + noise)),
        memory_percent=_percent(100 * memory / PLAN_MB),
        bytes_received=900 + round(requests * chance.uniform(1_100, 1_700)),
        bytes_sent=700 + round(requests * chance.uniform(14_000, 22_000)),
        http_queue_length=round(levels.queue * chance.uniform(0.6, 1.4), 2),
        sockets_outbound=levels.sessions + levels.sockets + poisson(6, chance),
    )


def site_minute(levels: Levels, requests: Sequence[Request], cpu_percent: float) -> SiteMinute:
    """The app's counters of every request; while nobody serves, the front end answers 503."""
    seconds = [request.duration_ms / 1000 for request in requests] if levels.serving else []
    failed = sum(request.status >= 500 for request in requests)
    return SiteMinute(
        requests=len(requests),
        http_4xx=sum(400 <= request.status < 500 for request in requests) if levels.serving else 0,
        http_5xx=failed if levels.serving else len(requests),
        response_time_s=round(fsum(seconds) / len(seconds), 6) if seconds else None,
        memory_working_set_bytes=int(levels.resident_mb * MIB),
        cpu_time_s=round(cpu_percent * 0.6 * _CORE_SHARE, 3),
    )


def resource_rows(start: datetime, levels: Levels, chance: Random) -> tuple[ResourceRow, ...]:
    """Four rows of fifteen seconds; the last one ends with the minute."""
    return tuple(_row(start + part * _ROW, levels, chance) for part in range(1, 5))


def _row(end: datetime, levels: Levels, chance: Random) -> ResourceRow:
    def some(level: float) -> float:
        return _percent(level * (1 + levels.database_noise * chance.uniform(-1, 1)))

    return ResourceRow(
        end_time=end,
        cpu_percent=some(levels.database_cpu),
        data_io_percent=some(levels.database_io),
        log_write_percent=some(levels.database_log),
        workers_percent=some(levels.workers),
        sessions_percent=_percent(levels.sessions / 3),
    )


def business_minute(levels: Levels, requests: Sequence[Request], chance: Random) -> BusinessMinute:
    """What the answered requests left in the CRM's tables."""
    done = [request for request in requests if request.status < 400] if levels.serving else []
    return BusinessMinute(
        active_sessions=tuple(sorted({each.session_id for each in done if each.session_id})),
        interactions=sum(request.name == INTERACTION for request in done),
        reports=sum(request.name == REPORT for request in done),
        sync_failed=poisson(0.002 * levels.traffic + levels.sync_failing, chance),
        sync_pending=levels.sync_pending,
    )


def _percent(value: float) -> float:
    return round(min(max(value, 0.0), 100.0), 2)
