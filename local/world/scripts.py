"""Scenes and whole stories by name: what the desk plays, and a script per scene for tests."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from local.world.attacks import BruteForce, NightAccess, PasswordSpray, SiteScan
from local.world.engine import Script
from local.world.inside_scenes import (
    BadQuery,
    Churn,
    Regressed,
    SpareIndexes,
    StoreFull,
    WantedIndex,
)
from local.world.recorded import recorded
from local.world.scenes import (
    SOURCES,
    Blocking,
    CertificateEnding,
    ConnectionFlood,
    CpuSaturated,
    Degraded,
    DtuStorm,
    ErrorBurst,
    Flapping,
    LateTelemetry,
    MemoryLeak,
    Outage,
    Scene,
    SlowRelease,
    SourceDown,
    StorageFilling,
    SyncFailures,
)
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, floor_minute

SERIES = Path(__file__).parents[1] / "series"
LEAD = 5 * MINUTE
"""The calm before the scene of a script that has only one."""

TWO_WEEKS = 14 * 24 * 60
"""In minutes."""

Begin = Callable[[datetime], Scene]
Story = Callable[[datetime], tuple[Scene, ...]]


def _source_down(source: str) -> Begin:
    return lambda begins: SourceDown(begins, source=source)


SCENES: Mapping[str, Begin] = {
    "dtu_storm": DtuStorm,
    "blocking": Blocking,
    "flapping": Flapping,
    "memory_leak": MemoryLeak,
    "slow_release": SlowRelease,
    "error_burst": ErrorBurst,
    "outage": Outage,
    "degraded": Degraded,
    "brute_force": BruteForce,
    "password_spray": PasswordSpray,
    "site_scan": SiteScan,
    "night_access": NightAccess,
    "storage_filling": StorageFilling,
    "slow_leak": partial(MemoryLeak, minutes=420),
    "storage_growing": partial(StorageFilling, minutes=TWO_WEEKS, climb=TWO_WEEKS, highest=1.0),
    "cpu_saturated": CpuSaturated,
    "connection_flood": ConnectionFlood,
    "sync_failures": SyncFailures,
    "certificate_ending": CertificateEnding,
    "recording": partial(recorded, SERIES / "dtu_storm.csv", quantity="dtu"),
    "late_telemetry": LateTelemetry,
    "bad_query": BadQuery,
    "wanted_index": WantedIndex,
    "regressed": Regressed,
    "churn": Churn,
    "spare_indexes": SpareIndexes,
    "store_full": StoreFull,
    "source_down": SourceDown,
    **{f"source_down_{source}": _source_down(source) for source in SOURCES},
}
"""How each scene begins when it lasts as long as it usually does."""


def _calm(start: datetime) -> tuple[Scene, ...]:  # noqa: ARG001 - whenever nothing happens
    return ()


def _default(start: datetime) -> tuple[Scene, ...]:
    """A bad query soon enough to be watched for, then a slow release, then peace."""
    return (DtuStorm(start + 6 * MINUTE, 10), SlowRelease(start + 25 * MINUTE, 8))


def _alone(begin: Begin) -> Story:
    return lambda start: (begin(start + LEAD),)


STORIES: Mapping[str, Story] = {
    "calm": _calm,
    "default": _default,
    **{name: _alone(begin) for name, begin in SCENES.items()},
}


def script_named(name: str, start: datetime) -> Script:
    """The story of that name for a world that begins with the minute of `start`.

    Raises InvalidInput, which says what names there are.
    """
    if name not in STORIES:
        raise InvalidInput(f"There is no script {name!r}; there are {', '.join(STORIES)}")
    begins = floor_minute(start)
    return Script(name, begins, STORIES[name](begins))
