"""Leaks of the world's own process, told by what was read of it and kept: from hours to days."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from local.desks import VirtualClock, furnish, memory_storage
from local.rig import TARGET
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import MemoryLeak
from local.world.truth import truth
from shared.catalog.metrics import CATALOG
from shared.domain.deployments import DeploymentWish, new_deployment
from shared.domain.recommendations.memory import leak_of
from shared.domain.recommendations.values import Priority, Recommendation
from shared.domain.samples import Reading, Sample
from shared.domain.times import DAY, HOUR, MINUTE, each_hour
from shared.ports import House
from shared.services.advise import advise, situation_of
from shared.services.collect import store
from shared.services.deployments import mark_deployment
from tests.walks.faulting import START, a_walk

pytestmark = pytest.mark.slow

EVERY = {"memoryProcess": ("probe", 5), "memoryHeap": ("probe", 5), "memoryUsage": ("plan", 15)}
"""By whom each is measured, and every how many minutes here: hours need no more."""
FULL_MB = 1600


def remembered(scenes: Sequence[MemoryLeak], end: datetime) -> House:
    """A monitor that has read the memory of such a world from START on, hour by hour."""
    clock = VirtualClock(START)
    house = furnish(
        memory_storage(), catalog=CATALOG, rules=[], sources=[], channels={}, clock=clock
    )
    world = ScriptedWorld(Script("leaks", START, tuple(scenes)))
    for hour in each_hour(START, end):
        answers = [reading(world, source, hour) for source in ("probe", "plan")]
        store(answers, TARGET, catalog=CATALOG, samples=house.samples, now=hour + HOUR)
    return house


def reading(world: ScriptedWorld, source: str, hour: datetime) -> Reading:
    end, samples = hour + HOUR, tuple(_samples(world, source, hour))
    return Reading(source=source, asked_at=end, covered_until=end, since=hour, samples=samples)


def _samples(world: ScriptedWorld, source: str, hour: datetime) -> Iterator[Sample]:
    for metric, (its_source, every) in EVERY.items():
        for minute in range(0, 60, every) if source == its_source else ():
            value = truth(world, metric, hour + minute * MINUTE)
            if value is not None:
                yield Sample(metric, hour + minute * MINUTE, value)


def about_memory(advised: Iterable[Recommendation]) -> list[Recommendation]:
    return [one for one in advised if one.kind in ("memory_leak", "restarts")]


def test_a_leak_is_foretold_from_what_probe_and_platform_said() -> None:
    """An hour's tick each, through the real answers: probes of that minute, and Azure's of all."""
    leak = MemoryLeak(START + 6 * HOUR, minutes=72 * 60)
    with a_walk(leak, LOG_ANALYTICS_WORKSPACE_ID="", SQL_HOST="") as walk:
        for _ in range(44):
            walk.tick()
            walk.skip(60)
        now = walk.next
        situation = situation_of(TARGET, None, house=walk.rig.house, now=now)
        advised = advise(TARGET, None, house=walk.rig.house, now=now)

    found = leak_of(situation)
    assert found is not None
    assert not found.restarted
    full = next(
        at
        for at in (now + n * HOUR for n in range(72))
        if (truth(walk.world, "memoryUsage", at) or 0) >= FULL_MB
    )
    assert found.hours == pytest.approx((full - now) / HOUR, rel=0.15)
    [first] = about_memory(advised)
    assert (advised[0], first.kind, first.priority) == (first, "memory_leak", Priority.HIGH)
    assert "restart at 2026" not in first.description.split(".")[0]


def test_a_leak_since_a_deploy_counts_from_its_restart() -> None:
    restart = START + DAY + 30 * MINUTE
    scenes = (
        MemoryLeak(START + 10 * HOUR, minutes=round((restart - START) / MINUTE) - 600),
        MemoryLeak(restart, minutes=80 * 60),
    )
    now = restart + 50 * HOUR
    house = remembered(scenes, now)
    marker = new_deployment(
        DeploymentWish(version="1.8.2"), target=TARGET, by="ci", now=restart - 10 * MINUTE
    )
    mark_deployment(marker, alerts=house.alerts, now=restart)
    [leak] = about_memory(advise(TARGET, None, house=house, now=now))

    assert leak.kind == "memory_leak"
    assert "Since the restart at 2026-03-03 05:00 UTC" in leak.description
    assert leak.description.endswith("This began with deploy 1.8.2.")


@pytest.mark.parametrize("hours", [20.25, 30])
def test_restarts_are_told_when_leaks_end_in_them(hours: float) -> None:
    """Also those in the middle of an hour; the process itself never holds more than 1,260 MB."""
    life, now = timedelta(hours=hours), START + 7 * DAY
    begins = [START + 9 * HOUR + n * life for n in range(int(5 * DAY / life))]
    house = remembered([MemoryLeak(at, minutes=round(life / MINUTE)) for at in begins], now)
    [saw] = about_memory(advise(TARGET, None, house=house, now=now))

    assert saw.kind == "restarts"
    assert saw.title == f"Memory grows until the app restarts, about every {hours:.0f} h"
    assert saw.evidence[0].value == str(len(begins))


def test_a_calm_week_has_neither() -> None:
    house = remembered([], START + 7 * DAY)

    assert about_memory(advise(TARGET, None, house=house, now=START + 7 * DAY)) == []
