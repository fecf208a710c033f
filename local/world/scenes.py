"""Stretches of the story that change the levels of the world; more than one may hold at a time.

Where a scene needs visitors to be noticed, it brings them: a desk may be started at night.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

from local.world.events import RunningRequest
from local.world.failures import BROKEN, TIMEOUT, UNREACHABLE
from local.world.inside import IdleTransaction
from local.world.levels import STORAGE_LIMIT, Levels
from local.world.running import FORGOTTEN, chain_requests, storm_requests
from local.world.workloads import Workload
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, floor_minute

SOURCES = ("platform", "logs", "probe", "dmv", "counts")


@dataclass(frozen=True)
class Scene:
    """A stretch of whole minutes; outside it, a scene changes nothing."""

    begins: datetime
    minutes: int = 10
    sessions: ClassVar[int] = 0
    """The database sessions that it needs for itself."""

    def __post_init__(self) -> None:
        if self.begins.tzinfo is None or self.begins != floor_minute(self.begins):
            raise InvalidInput(f"A scene begins with a minute of UTC, not at {self.begins}")
        if self.minutes < 1:
            raise InvalidInput(f"A scene lasts at least a minute, not {self.minutes}")

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return self.begins + self.minutes * MINUTE

    def holds(self, at: datetime) -> bool:
        """Whether that moment lies in it."""
        return self.begins <= at < self.ends

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - for overriding
        """The levels as this scene leaves them, so long after its beginning."""
        return levels

    def requests(self, at: datetime, first: int) -> tuple[RunningRequest, ...]:  # noqa: ARG002
        """What it makes the database execute at a moment of it, in sessions from `first` on."""
        return ()

    def work(self, workload: Workload) -> Workload:
        """What the CRM asks of its database while the scene holds."""
        return workload

    def idling(self, first: int) -> tuple[IdleTransaction, ...]:  # noqa: ARG002 - for overriding
        """The transactions that it leaves open, in sessions from `first` on."""
        return ()

    def takes_away(self, source: str) -> bool:  # noqa: ARG002 - for overriding
        """Whether that source can't be reached while the scene holds."""
        return False

    def delays(self, at: datetime) -> timedelta:  # noqa: ARG002 - for overriding
        """How much later than usual the telemetry of that moment can be queried."""
        return timedelta(0)


@dataclass(frozen=True)
class DtuStorm(Scene):
    """One bad query takes the whole database; requests wait for it, and a few time out."""

    sessions: ClassVar[int] = 35

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Slow enough to be seen, but on average faster than response-time-slow tells of."""
        return replace(
            _busy(_loaded(levels, 98.6), 30),
            latency_ms=2.2 * levels.latency_ms,
            wait_ms=levels.wait_ms + 1200,
            wait_spread=0.9,
            failing=max(levels.failing, 0.03),
            failure=TIMEOUT,
            workers=78,
            sessions=levels.sessions + self.sessions,
            plan_cpu=levels.plan_cpu + 8,
            queue=levels.queue + 4,
        )

    def requests(self, at: datetime, first: int) -> tuple[RunningRequest, ...]:
        """The culprit in several sessions, and requests that only wait for their turn."""
        return storm_requests(at, self.begins, first)


@dataclass(frozen=True)
class Blocking(Scene):
    """A session forgot to end its transaction, and others wait in a chain for its locks."""

    sessions: ClassVar[int] = 5

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Waiting costs neither CPU nor disk, only workers and patience."""
        return replace(
            _busy(levels, 20),
            wait_ms=levels.wait_ms + 700,
            wait_spread=0.8,
            workers=levels.workers + 13,
            sessions=levels.sessions + self.sessions,
        )

    def requests(self, at: datetime, first: int) -> tuple[RunningRequest, ...]:
        """The waiting ones: who idles has no request, only a session."""
        return chain_requests(at, self.begins, first)

    def idling(self, first: int) -> tuple[IdleTransaction, ...]:
        """See Scene; it idles in the chain's first session."""
        return (IdleTransaction(first, self.begins, FORGOTTEN),)


@dataclass(frozen=True)
class Flapping(Scene):
    """DTU breaches for single minutes, with one or two good ones between them."""

    minutes: int = 20
    pattern: str = "x.x.."

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """Bad in the minutes that the pattern marks."""
        is_bad = self.pattern[into // MINUTE % len(self.pattern)] == "x"
        return _loaded(levels, 98.6) if is_bad else levels


@dataclass(frozen=True)
class MemoryLeak(Scene):
    """The heap grows in a straight line until the process is ended and starts again."""

    minutes: int = 45
    highest_mb: float = 1690
    """The plan's memory just before the restart."""
    restart: int = 3
    """Minutes at the end: one of refused connections, then a fresh process."""

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """Grow, stop, begin anew."""
        climb = max(self.minutes - self.restart, 1)
        if into >= (climb + 1) * MINUTE:
            return replace(levels, resident_mb=190, heap_mb=70)
        if into >= climb * MINUTE:
            return _stopped(levels)
        share = min(into / (max(climb - 1, 1) * MINUTE), 1)
        leaked = max(self.highest_mb - levels.platform_mb - levels.resident_mb, 0) * share
        return replace(
            levels,
            resident_mb=levels.resident_mb + leaked,
            heap_mb=levels.heap_mb + 0.85 * leaked,
        )


@dataclass(frozen=True)
class SlowRelease(Scene):
    """A release after which every request takes about four seconds longer."""

    minutes: int = 8

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Every single request becomes slower than 3 s."""
        return replace(
            _busy(levels, 24),
            wait_ms=levels.wait_ms + 4000,
            wait_spread=0.12,
            plan_cpu=levels.plan_cpu + 10,
            queue=levels.queue + 3,
        )


@dataclass(frozen=True)
class ErrorBurst(Scene):
    """Four of ten requests end in an exception."""

    minutes: int = 6

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Errors only; nothing becomes slower."""
        return replace(_busy(levels, 25), failing=0.4, failure=BROKEN)


@dataclass(frozen=True)
class Outage(Scene):
    """Nobody serves: the front end turns visitors away, who come back less and less."""

    minutes: int = 6

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """No telemetry at all; offline changes pile up."""
        past = into / MINUTE
        return replace(
            _stopped(levels),
            traffic=levels.traffic * 0.5**past,
            sync_pending=levels.sync_pending + int(3 * past),
        )


@dataclass(frozen=True)
class Degraded(Scene):
    """The CRM is up, but its health answers 503 because it loses its database now and then."""

    minutes: int = 6

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Some requests fail with it."""
        return replace(
            _busy(levels, 20),
            health_status=503,
            failing=max(levels.failing, 0.15),
            failure=UNREACHABLE,
            wait_ms=levels.wait_ms + 400,
            wait_spread=0.5,
        )


@dataclass(frozen=True)
class StorageFilling(Scene):
    """An import fills the database; afterwards, what it brought is removed."""

    minutes: int = 60
    climb: int = 20
    highest: float = 0.92
    """Share of the limit, reached after `climb` minutes."""

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """Storage only."""
        share = min(into / (self.climb * MINUTE), 1)
        imported = max(self.highest * STORAGE_LIMIT - levels.storage_bytes, 0) * share
        return replace(levels, storage_bytes=levels.storage_bytes + imported)


@dataclass(frozen=True)
class CpuSaturated(Scene):
    """One request spins on the plan's only core, and the others wait for it."""

    minutes: int = 12

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Full to the brim, with a queue; nothing fails yet."""
        return replace(
            _busy(levels, 20),
            plan_cpu=99,
            plan_noise=0.01,
            queue=levels.queue + 12,
            wait_ms=levels.wait_ms + 900,
            wait_spread=0.6,
        )


@dataclass(frozen=True)
class ConnectionFlood(Scene):
    """A client is made for every request, and none is ever closed."""

    minutes: int = 12
    sessions: ClassVar[int] = 270

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Sessions, workers and sockets near the tier's ends; what is idle costs nothing else."""
        return replace(
            levels,
            sessions=levels.sessions + self.sessions,
            workers=92,
            sockets=1500,
            database_noise=0.02,
        )


@dataclass(frozen=True)
class SyncFailures(Scene):
    """The API refuses what the devices send after a release."""

    minutes: int = 30
    failing: float = 8
    """Changes a minute."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """Offline changes only."""
        return replace(levels, sync_failing=levels.sync_failing + self.failing)


@dataclass(frozen=True)
class CertificateEnding(Scene):
    """The certificate was not renewed."""

    minutes: int = 120
    days: float = 13
    """From the world's beginning to its end."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """The certificate only."""
        return replace(levels, certificate_days=self.days)


@dataclass(frozen=True)
class SourceDown(Scene):
    """The CRM is well, but one of the monitor's sources does not answer."""

    minutes: int = 12
    source: str = "dmv"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source not in SOURCES:
            raise InvalidInput(f"No source {self.source!r}; there are {', '.join(SOURCES)}")

    def takes_away(self, source: str) -> bool:
        """See Scene."""
        return source == self.source


@dataclass(frozen=True)
class LateTelemetry(Scene):
    """The CRM is well, but what it tells of itself waits on its way, and comes in its order."""

    minutes: int = 20
    delay: timedelta = timedelta(minutes=20)

    def delays(self, at: datetime) -> timedelta:
        """All of it while the scene holds; afterwards nothing overtakes what still waits."""
        if self.holds(at):
            return self.delay
        waits = self.ends + self.delay - at
        return max(waits, timedelta(0)) if at >= self.ends else timedelta(0)


def _busy(levels: Levels, least: float) -> Levels:
    return replace(levels, traffic=max(levels.traffic, least))


def _loaded(levels: Levels, percent: float) -> Levels:
    """A database of that DTU consumption, give or take 1.4 %: 98.6 never leaves 97–100."""
    return replace(
        levels, database_cpu=percent, database_io=percent - 3, database_log=12, database_noise=0.014
    )


def _stopped(levels: Levels) -> Levels:
    """Nobody listens; the platform itself and the database's own work remain."""
    return replace(
        levels,
        serving=False,
        failed_logins=0,
        sprayed=0,
        scanned=0,
        database_cpu=0.6,
        database_io=0.4,
        database_log=0.2,
        workers=3.4,
        sessions=1,
        plan_cpu=2,
        resident_mb=40,
        heap_mb=0,
        queue=0,
    )
