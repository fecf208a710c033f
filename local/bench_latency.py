"""From a breach in the world to the message at the sink, over a hundred storms for each source.

The monitor with its real SDKs over the cloud on a virtual clock, storage in memory; of the sources,
the one that sees the storm. Storms begin at any second; a message arrives at the moment of the pass
that sends it, so what a pass takes itself (tenths of a second) comes on top. A breach of D minutes
is told by

    D + the source's settle time + 90 s

at the latest: up to 60 s until a whole minute is bad, and 30 s until a pass comes by.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from local.azurite import DEV_ACCOUNT, DEV_KEY, Account
from local.cloud.messages import messages
from local.desks import memory_storage
from local.rig import Rig, running_rig
from local.world.engine import Script, ScriptedWorld
from local.world.levels import Levels
from local.world.scenes import DtuStorm, Outage, Scene, SlowRelease
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.catalog.metrics import CATALOG
from shared.domain.rules import Action, ActionType, Rule, Severity
from shared.domain.times import MINUTE
from shared.ports import House

STORMS = 100
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALM = 5 * MINUTE
GRACE = timedelta(seconds=90)
SINK = Action(ActionType.SLACK, "#alerts")


@dataclass(frozen=True)
class Late(Scene):
    """Another scene, that holds only from some seconds after its beginning."""

    scene: Scene | None = None
    after: timedelta = timedelta(0)

    @property
    def breach(self) -> datetime:
        """When it really begins."""
        return self.begins + self.after

    def holds(self, at: datetime) -> bool:
        """See Scene."""
        return self.breach <= at < self.ends

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """As that scene does."""
        return self.scene.change(levels, into) if self.scene else levels


@dataclass(frozen=True)
class Visited(Scene):
    """Visitors at any hour, so that an average gets well again at night, too."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - all the time
        """At least as many as on a working day."""
        return replace(levels, traffic=max(levels.traffic, 20))


@dataclass(frozen=True)
class Kind:
    """A rule, the storm that breaks it, and how many minutes a storm and its end need."""

    metric: str
    condition: str
    threshold: float
    duration: int
    scene: Callable[[datetime, int], Scene]
    slot: int

    @property
    def rule(self) -> Rule:
        """Told on Slack, which takes more messages than mail does."""
        return Rule(
            id="storm",
            name=self.metric,
            metric=self.metric,
            condition=self.condition,
            threshold=self.threshold,
            duration=self.duration,
            severity=Severity.CRITICAL,
            actions=(SINK,),
        )

    @property
    def source(self) -> str:
        """Who measures it here: the desk has no views of the database."""
        return CATALOG.metric(self.metric).sources[-1]

    @property
    def aim(self) -> timedelta:
        """The latest that 95 of 100 storms may be told."""
        return self.duration * MINUTE + CATALOG.source(self.source).settle + GRACE

    def storms(self, dice: Random) -> list[Late]:
        """A storm somewhere in each slot, as long as the rule needs and a little longer."""
        minutes = self.duration + 2
        first = START + CALM
        begins = [first + (n * self.slot + dice.randrange(2)) * MINUTE for n in range(STORMS)]
        seconds = [timedelta(seconds=dice.randrange(60)) for _ in range(STORMS)]
        return [
            Late(begin, minutes, self.scene(begin, minutes), after)
            for begin, after in zip(begins, seconds, strict=True)
        ]


KINDS = (
    Kind("availability", "less_than", 100, 2, Outage, slot=7),
    Kind("dtuUtilization", "greater_than", 95, 2, DtuStorm, slot=10),
    Kind("responseTime.avg", "greater_than", 3000, 3, SlowRelease, slot=13),
)


def run(out: Callable[[str], None]) -> bool:
    """Print how late each kind of storm is told; whether all keep to the aim."""
    out(f"{STORMS} storms each; aim: p95 ≤ duration + settle time + {GRACE.seconds} s")
    judged = [_judged(kind, out) for kind in KINDS]
    return all(judged)


def _judged(kind: Kind, out: Callable[[str], None]) -> bool:
    began = time.perf_counter()
    late = [one.total_seconds() for one in latencies(kind, kind.storms(Random(1)))]
    p95 = statistics.quantiles(late, n=20)[-1]
    aim = kind.aim.total_seconds()
    out(
        f"{kind.source:>8}: {kind.metric} for {kind.duration} min: p50 "
        f"{statistics.median(late):3.0f} s, p95 {p95:3.0f} s, most {max(late):3.0f} s; "
        f"aim {aim:.0f} s{'' if p95 <= aim else ' MISSED'} ({time.perf_counter() - began:.0f} s)"
    )
    return p95 <= aim


def latencies(kind: Kind, storms: Sequence[Late]) -> Iterator[timedelta]:
    """From each storm's beginning to the first message about it."""
    with _rig_over(kind, storms) as rig:
        rig.play(START, START + CALM)
        for number, storm in enumerate(storms):
            rig.desk.inbox.clear()
            slot = START + CALM + number * kind.slot * MINUTE
            rig.play(slot, slot + kind.slot * MINUTE)
            told = sorted(message.at for message in messages(rig.desk))
            if len(told) != 2:
                raise AssertionError(f"the storm of {storm.breach} was told {len(told)} times")
            yield told[0] - storm.breach


@contextmanager
def _rig_over(kind: Kind, storms: Sequence[Late]) -> Iterator[Rig]:
    def furnish(house: House) -> House:
        storage = memory_storage()
        return replace(
            house,
            rules=[kind.rule],
            sources=[source for source in house.sources if source.name == kind.source],
            samples=ChunkStore(storage.samples),
            alerts=RowLedger(storage.alerts),
            config=RowLedger(storage.config),
            queue=storage.queue,
        )

    world = ScriptedWorld(Script("storms", START, (Visited(START, 7 * 24 * 60), *storms)))
    nowhere = "http://127.0.0.1:9"
    unused = Account(DEV_ACCOUNT, DEV_KEY, nowhere, nowhere, nowhere).connection_string
    with running_rig(world, storage=unused, now=START, furnish=furnish) as rig:
        yield rig


if __name__ == "__main__":
    run(print)
