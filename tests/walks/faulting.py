"""The rig while parts of its cloud are broken: how long each pass really took, and what is stored.

Storage is the in-memory twin, so that nothing but the faults takes time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

from azure.identity import ManagedIdentityCredential

from local.cloud.faults import Fault
from local.cloud.messages import Message, messages
from local.desks import VirtualClock, memory_storage
from local.rig import TARGET, Rig, running_rig
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import Scene
from local.world.truth import truth
from shared import bootstrap, settings
from shared.adapters.azure_monitor import AzureMonitor
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.health_probe import PATIENCE
from shared.adapters.ledger import RowLedger
from shared.adapters.logs.log_analytics import LogAnalytics
from shared.domain.alerts import Alert
from shared.domain.chunks import NO_CELLS, Latest
from shared.domain.deliveries import Delivery
from shared.domain.metrics import Metric
from shared.domain.times import MINUTE, each_minute, floor_hour, floor_minute
from shared.furnishing.storage import IDENTITY_PATIENCE
from shared.ports import House, MetricSource
from shared.services.passes import Pass, PassKind
from tests.local.cloud.handmade import wait_until
from tests.walks.facts import OF_NOW, RECKONED, agree, source_of
from tests.walks.worlds import ContinuedWorld

START = datetime(2026, 3, 2, 4, tzinfo=UTC)
READ_BEFORE = START - 5 * MINUTE
"""How far Azure was read when a walk begins: a first day to catch up with takes seconds."""
BEHIND = ("plan", "app", "database", "logs", "security", "logins")
"""The sources of which that is so."""
NOWHERE = "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=c2VjcmV0;" + "".join(
    f"{service}Endpoint=http://127.0.0.1:1/nobody;" for service in ("Blob", "Queue", "Table")
)
"""A storage account that nobody opens."""
WATCHED = ("dtu-critical", "memory-warning", "response-time-slow", "storage-warning")
"""A broken health page or a storm is rightly told by others, too."""
SOUND_PAGE = frozenset({"garbage", "wrong_shape"})
"""Faults with which a health page still answers 200, though not with what is read of it."""


class RunningWall:
    """The hand's clock; in a pass it goes on as the real one does, else no deadline would pass."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._moved_to, self._moved_at = clock.now, time.monotonic()

    def __call__(self) -> datetime:
        if self._clock.now != self._moved_to:
            self._moved_to, self._moved_at = self._clock.now, time.monotonic()
        elapsed = timedelta(seconds=time.monotonic() - self._moved_at)
        return (self._moved_to + elapsed).replace(microsecond=0)


@dataclass
class Walk:
    """A rig, and what became of every minute that it lived through."""

    rig: Rig
    world: ScriptedWorld
    next: datetime = START
    worst_seconds: float = 0.0
    passes: list[Pass] = field(default_factory=list)
    broken_page: dict[datetime, str] = field(default_factory=dict)
    """The minutes whose probes met a broken health page, and the kind of fault."""
    _left: list[MetricSource] = field(default_factory=list)

    def play(self, minutes: int) -> list[Pass]:
        """Both timers in each of the next minutes."""
        began = len(self.passes)
        for _ in range(minutes):
            fault = self.rig.desk.faults.current("crm")
            if fault is not None and (fault.kind != "slow" or fault.seconds > PATIENCE.read):
                self.broken_page[self.next] = fault.kind
            self.tick()
            self._run(self.rig.watch)
            self.next += MINUTE
        return self.passes[began:]

    def tick(self) -> Pass:
        """The first timer of the next minute alone."""
        return self._run(self.rig.tick)

    def skip(self, minutes: int) -> None:
        """No timer fires for a while."""
        self.next += minutes * MINUTE

    @contextmanager
    def broken(self, answerer: str, fault: Fault) -> Iterator[None]:
        """A fault for a block; an identity is only missed by a process that begins in it.

        A hang ends when its callers were seen to hang up: else mending would answer them.
        """
        self.rig.desk.faults.set(answerer, fault)
        if answerer == "identity":
            self.restart()
        try:
            yield
            if fault.kind == "hang":
                wait_until(lambda: self._is_left_alone(answerer))
        finally:
            self.rig.desk.faults.clear(answerer)

    def _is_left_alone(self, answerer: str) -> bool:
        if answerer == "sql":
            return self.rig.desk.visits.open_connections == 0
        return all(record.is_over for record in self.rig.desk.inbox.records(answerer))

    def restart(self) -> None:
        """A new process over the same storage: it knows no token, and has no connection."""
        identity = partial(ManagedIdentityCredential, **IDENTITY_PATIENCE)
        fresh = bootstrap.furnish(settings.load(self.rig.environment), identity)
        self._left += self.rig.house.sources
        self.rig.house = replace(
            self.rig.house,
            sources=fresh.sources,
            groups=fresh.groups,
            witness=fresh.witness,
            inspector=fresh.inspector,
            channels=fresh.channels,
        )

    def close(self) -> None:
        """Close what every process of this walk had opened."""
        for source in [*self._left, *self.rig.house.sources]:
            if isinstance(source, AzureMonitor | LogAnalytics):
                source.close()

    def _run(self, timer: Callable[[datetime], Pass]) -> Pass:
        began = time.monotonic()
        done = timer(self.next)
        self.worst_seconds = max(self.worst_seconds, time.monotonic() - began)
        self.passes.append(done)
        return done

    def told(self, via: str | None = None) -> list[Message]:
        """What arrived, oldest first."""
        arrived = reversed(messages(self.rig.desk))
        return [message for message in arrived if via in {None, message.via}]

    def alerts(self) -> list[Alert]:
        """Every episode that there ever was."""
        return [kept.value for kept in self.rig.house.alerts.scan(TARGET, "alert:", Alert)]

    def deliveries(self) -> list[Delivery]:
        return [kept.value for kept in self.rig.house.alerts.scan(TARGET, "delivery:", Delivery)]

    def unfinished(self) -> list[str]:
        """Work that still waits; empty at rest."""
        ledger = self.rig.house.alerts
        return [*ledger.keys(TARGET, "outbox:"), *ledger.keys(TARGET, "due:")]

    def untrue(self) -> list[str]:
        """Every covered minute of every metric that is not what it really was."""
        samples = self.rig.house.samples
        covered = samples.latest(TARGET).covered
        cells = {one.hour: one.cells for one in samples.hours(TARGET, START, self.next)}
        return [
            f"{metric.name} at {minute:%H:%M}: {found} is stored, it was {real}"
            for metric in RECKONED
            for minute in each_minute(START, covered.get(source_of(metric), START))
            for hour in [cells.get(floor_hour(minute), {})]
            for found in [hour.get(metric.column, NO_CELLS)[minute.minute]]
            for real in [self._real(metric, minute)]
            if not agree(metric, found, real)
        ]

    def _real(self, metric: Metric, minute: datetime) -> float | None:
        source = source_of(metric)
        if minute.minute % metric.every:
            return None
        if source in OF_NOW and not self._was_asked(source, minute, PassKind.TICK):
            return None
        if source == "probe" and not self._was_asked(source, minute, *PassKind):
            return None
        if source != "probe" or minute not in self.broken_page:
            return truth(self.world, metric.name, minute)
        sound = self.broken_page[minute] in SOUND_PAGE
        return 100.0 * sound if metric.name == "availability" else None

    def _was_asked(self, source: str, minute: datetime, *kinds: PassKind) -> bool:
        """Whether a pass of that minute asked it well."""
        return any(
            done.kind in kinds
            and floor_minute(done.now) == minute
            and source not in {failure.source for failure in done.failures}
            for done in self.passes
        )


@contextmanager
def a_walk(*scenes: Scene, **changes: str) -> Iterator[Walk]:
    """A monitor that has been at work for long, in a world with those scenes; with other settings.

    Without HEALTH_URL or LOG_ANALYTICS_WORKSPACE_ID it begins and goes faster.
    """
    world = ContinuedWorld(Script("faulty", START, scenes))
    with running_rig(world, storage=NOWHERE, now=START, changes=changes, furnish=_in_memory) as rig:
        rig.house = replace(rig.house, wall=RunningWall(rig.clock))
        with _msal_by(rig.clock), closing(Walk(rig, world)) as walk:
            yield walk


@contextmanager
def _msal_by(clock: VirtualClock) -> Iterator[None]:
    """MSAL remembers a refusal for seconds, which have to be those of the clock that we move."""

    def seconds() -> float:
        return clock.now.timestamp()

    with patch("msal.individual_cache.time", SimpleNamespace(time=seconds)):
        yield


def _in_memory(house: House) -> House:
    """Over the twins, with the rules that these walks are about."""
    storage = memory_storage()
    samples = ChunkStore(storage.samples)
    samples.save(TARGET, [], Latest(covered=dict.fromkeys(BEHIND, READ_BEFORE)))
    return replace(
        house,
        rules=[rule for rule in house.rules if rule.id in WATCHED],
        samples=samples,
        alerts=RowLedger(storage.alerts),
        config=RowLedger(storage.config),
        queue=storage.queue,
    )
