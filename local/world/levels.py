"""What drives a moment of the world, and how an undisturbed day drives it; scenes change it.

Everything here is a smooth function of time: chance comes in where a minute is drawn.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from local.world.failures import BROKEN, Failure

GIB = 2**30
MIB = 2**20
STORAGE_LIMIT = 2 * GIB
PAGE = 8 * 1024
"""What the database counts its space and its reads by."""
PLAN_MB = 1750
CERTIFICATE_DAYS = 60

_NIGHT = (0.5,) * 6
_MORNING = (3, 18, 45, 75, 60, 40)
_AFTERNOON = (58, 55, 35, 38, 58, 65)
_EVENING = (45, 22, 12, 7, 3, 1)
_WORKDAY = (*_NIGHT, *_MORNING, *_AFTERNOON, *_EVENING, _NIGHT[0])
"""Requests a minute at every full hour; rush hours are 08-10, 12-13 and 16-18."""
_WEEKEND_SHARE = 0.3
_STORED_AT_BEGIN = 0.92 * GIB
_STORED_A_DAY = 9 * MIB
_EXTENT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Levels:
    """Averages of one moment; memory in MB (2**20 bytes), the plan's share of it is of 1,750."""

    traffic: float
    """Visitors' requests a minute."""
    latency_ms: float
    """Mean duration of a request that waits for nothing."""
    latency_spread: float
    """Sigma of its logarithm; 0 makes every request last exactly `latency_ms`."""
    wait_ms: float
    """What every request waits on top, give or take the share `wait_spread`."""
    wait_spread: float
    failing: float
    """Share of requests that end in `failure`."""
    failure: Failure
    failed_logins: float
    """Guessed passwords a minute."""
    sprayed: int
    """The number of the account at which one address tries a password in this minute; 0: none."""
    scanned: float
    """Pages a minute that one address asks for and that are not there."""
    admin_actions: float
    """Of the staff, a minute."""
    data_reads: float
    """Looks at sensitive data, a minute."""
    database_cpu: float
    database_io: float
    database_log: float
    database_noise: float
    workers: float
    sessions: int
    plan_cpu: float
    plan_noise: float
    platform_mb: float
    resident_mb: float
    heap_mb: float
    queue: float
    storage_bytes: float
    sync_pending: int
    sync_failing: float
    """Offline changes that fail a minute, beside the usual ones."""
    sockets: int
    """Outbound connections beside those to the database and the usual few."""
    certificate_days: float
    """From the world's beginning to the certificate's end."""
    serving: bool
    health_status: int


def calm(at: datetime, begins: datetime) -> Levels:
    """An undisturbed moment of a world that begins (and may be asked about earlier) then."""
    traffic = rush(at)
    load = traffic / 75
    since_collection = (at.timestamp() / 60 % 41) / 41
    return Levels(
        traffic=traffic,
        latency_ms=210 + 90 * load,
        latency_spread=0.55,
        wait_ms=0,
        wait_spread=0,
        failing=0,
        failure=BROKEN,
        failed_logins=0,
        sprayed=0,
        scanned=0,
        admin_actions=0.05 * load,
        data_reads=0.6 * load,
        database_cpu=3.5 + 31 * load,
        database_io=2.5 + 20 * load,
        database_log=1 + 9 * load,
        database_noise=0.3,
        workers=3.5 + 9 * load,
        sessions=4 + round(12 * load),
        plan_cpu=3 + 38 * load,
        plan_noise=0.2,
        platform_mb=430,
        resident_mb=410 + 70 * load + 30 * since_collection,
        heap_mb=170 + 50 * load + 30 * since_collection,
        queue=0,
        storage_bytes=stored(at, begins),
        sync_pending=round(2 * load),
        sync_failing=0,
        sockets=0,
        certificate_days=CERTIFICATE_DAYS,
        serving=True,
        health_status=200,
    )


def rush(at: datetime) -> float:
    """Requests a minute at that time of day and week; weekends are quieter."""
    before, after = _WORKDAY[at.hour : at.hour + 2]
    traffic = before + (after - before) * (at.minute / 60 + at.second / 3600)
    return traffic * _WEEKEND_SHARE if at.weekday() >= 5 else traffic


def stored(at: datetime, begins: datetime) -> int:
    """Bytes in the database's files, which grow by whole extents."""
    grown = _STORED_A_DAY * ((at - begins) / timedelta(days=1))
    return int(_STORED_AT_BEGIN + grown) // _EXTENT * _EXTENT
