"""The probe against the CRM on the desk: what it says is the world's truth."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from local.cloud import crm
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.faults import Fault
from local.world.engine import ScriptedWorld
from local.world.scripts import LEAD, script_named
from local.world.truth import truth
from shared.adapters.health_probe import HealthProbe, Patience
from shared.domain.times import each_minute

BEGINS = datetime(2026, 3, 2, 9, tzinfo=UTC)
TARGET = "pantry-crm"
SECOND = 20


@dataclass
class Clock:
    at: datetime = BEGINS

    def now(self) -> datetime:
        return self.at


@contextmanager
def running(script: str, seed: int) -> Iterator[tuple[ScriptedWorld, Cloud, Clock]]:
    world = ScriptedWorld(script_named(script, BEGINS), seed=seed)
    clock = Clock()
    desk = Desk(world, clock, simulate_latency=False)
    with running_cloud(desk, [crm.answerer]) as cloud:
        yield world, cloud, clock


PATIENT = Patience(connect=30, read=30, deadline=60)
QUICK = Patience(connect=1, read=1, deadline=2)


def probed(
    cloud: Cloud, clock: Clock, at: datetime, patience: Patience = PATIENT
) -> dict[str, float]:
    clock.at = at
    source = HealthProbe({TARGET: f"{cloud.urls['crm']}/api/health"}, patience=patience)
    reading = source.read(TARGET, since=None, now=at)
    return {sample.metric: sample.value for sample in reading.samples}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("script", ["memory_leak", "outage"])
def test_every_probe_is_true(script: str, seed: int) -> None:
    first = BEGINS + LEAD - timedelta(minutes=2)
    seen = set()
    with running(script, seed) as (world, cloud, clock):
        for minute in each_minute(first, first + timedelta(minutes=20)):
            found = probed(cloud, clock, minute + timedelta(seconds=SECOND))
            for metric in ("availability", "memoryHeap", "memoryProcess"):
                real = truth(world, metric, minute, probes=[SECOND])
                assert found.get(metric) == pytest.approx(real), (metric, minute)
            seen.add(found["availability"])

    assert seen == ({0.0, 100.0} if script == "outage" else {100.0})


@pytest.mark.parametrize("kind", ["hang", "drop", "refuse", "error"])
def test_a_sick_crm_is_not_available(kind: str) -> None:
    with running("calm", 1) as (_, cloud, clock):
        cloud.desk.faults.set("crm", Fault(kind))
        assert probed(cloud, clock, BEGINS, QUICK)["availability"] == 0.0
        cloud.desk.faults.clear("crm")
        assert probed(cloud, clock, BEGINS)["availability"] == 100.0
