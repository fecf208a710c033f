"""Each scene does what it promises, by day and by night, and nothing outside its minutes."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.events import WorldMinute
from local.world.scenes import (
    SOURCES,
    DtuStorm,
    ErrorBurst,
    Flapping,
    LateTelemetry,
    Outage,
    Scene,
    SourceDown,
    StorageFilling,
)
from local.world.scripts import SCENES
from local.world.truth import truth, visitors
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE
from tests.local.world.playing import (
    NIGHT,
    T0,
    a_world,
    around,
    measured,
    numbers,
    scene_minutes,
    the_scene,
)

day_and_night = pytest.mark.parametrize("start", [T0, NIGHT], ids=["day", "night"])


def _minutes(world: ScriptedWorld) -> list[WorldMinute]:
    return [world.minute(minute) for minute in scene_minutes(world)]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_outside_its_minutes_a_scene_changes_nothing(name: str) -> None:
    world, calm = a_world(name), a_world()
    scene = the_scene(world)
    for minute in (T0, scene.begins - MINUTE, scene.ends, scene.ends + MINUTE):
        assert world.minute(minute) == calm.minute(minute)


@day_and_night
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dtu_storm_takes_the_database_for_all_of_its_minutes(start: datetime, seed: int) -> None:
    storm = a_world("dtu_storm", start, seed)
    assert all(row.cpu_percent >= 97 for minute in _minutes(storm) for row in minute.resources)
    assert min(numbers(storm, "dtuUtilization")) > 97
    assert min(numbers(storm, "workersPercent")) > 70
    assert max(numbers(storm, "responseTime.p99")) > 3000
    assert max(numbers(storm, "responseTime.avg")) < 3000
    assert sum(numbers(storm, "errorRate")) > 0
    assert max(value or 0 for value in around(storm, "dtuUtilization")) < 60


@day_and_night
def test_flapping_breaches_for_single_minutes(start: datetime) -> None:
    bad = [value > 95 for value in numbers(a_world("flapping", start), "dtuUtilization")]
    assert "".join("x" if each else "." for each in bad) == Flapping.pattern * 4


@day_and_night
def test_a_memory_leak_climbs_until_a_restart(start: datetime) -> None:
    leak = a_world("memory_leak", start)
    memory, alive = numbers(leak, "memoryUsage"), numbers(leak, "availability")
    stop = len(memory) - 3
    assert 1650 < memory[stop - 1] < 1750
    assert all(later - before < 60 for before, later in pairwise(memory[:stop]))
    assert sum(value > 1400 for value in memory) > 10
    assert alive == [100] * stop + [0, 100, 100]
    assert max(memory[stop:]) < 700


def test_a_leak_is_in_the_heap_and_the_process_too() -> None:
    leak = a_world("memory_leak")
    for metric, least_grown in (("memoryHeap", 500), ("memoryProcess", 650)):
        values = measured(leak, metric)
        assert (values[-4] or 0) - (values[0] or 0) > least_grown


@day_and_night
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_slow_release_makes_every_minute_slow(start: datetime, seed: int) -> None:
    slow = a_world("slow_release", start, seed)
    assert min(numbers(slow, "responseTime.avg")) > 3300
    assert max(numbers(slow, "responseTime.avg")) < 5000
    assert max(value or 0 for value in around(slow, "responseTime.avg")) < 2000


@day_and_night
def test_an_error_burst_fails_a_good_part_of_the_requests(start: datetime) -> None:
    burst = a_world("error_burst", start)
    assert min(numbers(burst, "errorRate")) >= 2
    assert max(numbers(burst, "responseTime.avg")) < 2000
    assert around(burst, "errorRate") == (0, 0)


@day_and_night
def test_in_an_outage_nobody_answers(start: datetime) -> None:
    outage = a_world("outage", start)
    assert set(measured(outage, "availability")) == {0}
    assert set(measured(outage, "responseTime.avg")) == {None}
    for minute in _minutes(outage):
        assert not minute.requests
        assert not minute.exceptions
        assert not minute.business.active_sessions
        assert minute.site.requests == minute.site.http_5xx
        assert minute.site.response_time_s is None


def test_visitors_of_an_outage_meet_the_front_end_until_they_stay_away() -> None:
    turned_away = [minute.site.http_5xx for minute in _minutes(a_world("outage"))]
    assert turned_away[0] > 30
    assert turned_away[-1] < 10


@day_and_night
def test_a_degraded_crm_says_503_with_figures(start: datetime) -> None:
    degraded = a_world("degraded", start)
    answer = degraded.health(the_scene(degraded).begins)
    assert (answer.status, answer.refuses) == (503, False)
    assert answer.resident_bytes > answer.heap_bytes > 0
    assert set(measured(degraded, "availability")) == {0}
    assert sum(numbers(degraded, "errorRate")) > 3


@day_and_night
def test_brute_force_guesses_from_few_addresses(start: datetime) -> None:
    attack = a_world("brute_force", start)
    failed = [event for minute in _minutes(attack) for event in minute.events]
    guesses = Counter(event.client_ip for event in failed if event.client_ip.startswith("203."))
    assert len(guesses) == 3
    assert min(guesses.values()) > 50
    by_attackers = {event.name for event in failed if event.client_ip in guesses}
    assert by_attackers == {
        "authn_login_fail",
        "authn_login_lock",
        "excess_rate_limit_exceeded",
    }
    assert min(numbers(attack, "clientErrorRate")) > 10
    assert max(numbers(attack, "errorRate")) == 0


def test_brute_force_leaves_the_other_visitors_as_they_were() -> None:
    attack, calm = a_world("brute_force"), a_world()
    minute = the_scene(attack).begins
    usual = [each for each in visitors(attack.minute(minute)) if each.session_id]
    assert usual == visitors(calm.minute(minute))


@day_and_night
def test_storage_fills_beyond_85_percent_for_long_enough(start: datetime) -> None:
    stored = numbers(a_world("storage_filling", start), "storagePercent")
    assert sum(value > 85 for value in stored) > 20
    assert stored == sorted(stored)
    assert max(stored) < 95


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_down_while_the_scene_holds_and_the_crm_is_well(source: str) -> None:
    world = a_world(f"source_down_{source}")
    scene = the_scene(world)
    down = [name for name in SOURCES if world.is_down(name, scene.begins + timedelta(seconds=20))]
    assert down == [source]
    assert not world.is_down(source, scene.begins - timedelta(seconds=1))
    assert not world.is_down(source, scene.ends)
    assert world.minute(scene.begins) == a_world().minute(scene.begins)


def test_late_telemetry_changes_nothing_but_when_it_is_heard_of() -> None:
    world, calm = a_world("late_telemetry"), a_world()
    scene = the_scene(world)
    assert [world.minute(m) for m in scene_minutes(world)] == [
        calm.minute(m) for m in scene_minutes(world)
    ]
    assert world.telemetry_late(scene.begins - timedelta(seconds=1)) == timedelta(0)
    assert world.telemetry_late(scene.begins) == timedelta(minutes=20)


def test_late_telemetry_is_never_overtaken() -> None:
    scene = LateTelemetry(T0, 10, delay=7 * MINUTE)
    world = ScriptedWorld(Script("late", T0, (scene,)))
    moments = [T0 + timedelta(seconds=10 * n) for n in range(-60, 180)]
    heard = [at + world.telemetry_late(at) for at in moments]
    assert heard == sorted(heard)
    assert world.telemetry_late(scene.ends + 7 * MINUTE) == timedelta(0)


def test_scenes_that_meet_are_all_played() -> None:
    scenes = (DtuStorm(T0), ErrorBurst(T0), SourceDown(T0, source="logs"), StorageFilling(T0))
    world = ScriptedWorld(Script("all at once", T0, scenes))
    both = T0 + 5 * MINUTE
    assert (truth(world, "dtuUtilization", both) or 0) > 97
    assert (truth(world, "errorRate", both) or 0) > 5
    assert (truth(world, "storagePercent", both) or 0) > 55
    assert world.is_down("logs", both)
    # The burst is over, the storm is not.
    assert (truth(world, "dtuUtilization", T0 + 7 * MINUTE) or 0) > 97
    assert (truth(world, "errorRate", T0 + 7 * MINUTE) or 0) < 10


def test_scenes_one_after_another_leave_calm_between_them() -> None:
    scenes = (DtuStorm(T0, 2), Outage(T0 + 4 * MINUTE, 2))
    world, calm = ScriptedWorld(Script("two", T0, scenes)), a_world()
    same = [world.minute(T0 + i * MINUTE) == calm.minute(T0 + i * MINUTE) for i in range(8)]
    assert same == [False, False, True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("begins", "minutes"), [(T0 + timedelta(seconds=3), 5), (T0.replace(tzinfo=None), 5), (T0, 0)]
)
def test_a_scene_is_whole_minutes(begins: datetime, minutes: int) -> None:
    with pytest.raises(InvalidInput):
        Scene(begins, minutes)


def test_an_unknown_source_cannot_be_down() -> None:
    with pytest.raises(InvalidInput, match="probe"):
        SourceDown(T0, source="moon")
