"""What the CRM's sessions execute: short requests, the culprit of a storm, a chain of waiting."""

from datetime import datetime, timedelta

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.events import RunningRequest
from local.world.running import BAD_QUERY, FIRST_SESSION
from local.world.scenes import Blocking, DtuStorm, Outage
from local.world.truth import truth
from shared.domain.times import MINUTE
from tests.local.world.playing import NIGHT, T0, a_world, the_scene

SECOND = timedelta(seconds=1)


def _hungriest(requests: tuple[RunningRequest, ...]) -> RunningRequest:
    return max(requests, key=lambda request: request.cpu_ms)


def _seconds(start: datetime, count: int = 300) -> list[datetime]:
    return [start + i * SECOND for i in range(count)]


def test_a_calm_moment_has_at_most_two_short_requests() -> None:
    world = a_world()
    found = [world.requests_running(at) for at in _seconds(T0)]
    assert {len(each) for each in found} == {0, 1, 2}
    assert all(request.elapsed_ms < 100 for each in found for request in each)
    assert all(request.blocked_by == 0 for each in found for request in each)


def test_a_moment_is_the_same_for_all_of_a_second_and_in_every_world_of_the_seed() -> None:
    at = next(at for at in _seconds(T0) if a_world().requests_running(at))
    same = a_world().requests_running(at + timedelta(milliseconds=400))
    assert a_world().requests_running(at) == same


@pytest.mark.parametrize("start", [T0, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_bad_query_is_the_hungriest_in_every_second_of_a_storm(
    start: datetime, seed: int
) -> None:
    world = a_world("dtu_storm", start, seed)
    scene = the_scene(world)
    for at in _seconds(scene.begins, scene.minutes * 60):
        requests = world.requests_running(at)
        assert _hungriest(requests).text == BAD_QUERY
        assert sum(request.text == BAD_QUERY for request in requests) == 6
        assert len(requests) >= 8
    assert all(
        request.text != BAD_QUERY
        for at in (scene.begins - SECOND, scene.ends)
        for request in world.requests_running(at)
    )


def test_the_bad_query_grows_with_its_storm() -> None:
    world = a_world("dtu_storm")
    begins = the_scene(world).begins
    worst = [_hungriest(world.requests_running(begins + i * MINUTE)) for i in range(10)]
    for growing in ("cpu_ms", "elapsed_ms", "logical_reads"):
        values = [getattr(request, growing) for request in worst]
        assert values == sorted(set(values)), growing
    assert {request.session_id for request in worst} == {worst[0].session_id}


def test_a_chain_waits_behind_a_session_that_executes_nothing() -> None:
    world = a_world("blocking")
    scene = the_scene(world)
    requests = world.requests_running(scene.begins + 2 * MINUTE)
    by = {request.session_id: request.blocked_by for request in requests if request.blocked_by}
    heads = set(by.values()) - by.keys()
    assert len(by) == 4
    assert len(heads) == 1
    assert heads.isdisjoint(request.session_id for request in requests)
    assert {truth(world, "blockedSessions", scene.begins + i * MINUTE) for i in range(10)} == {4}
    assert truth(world, "blockedSessions", scene.ends) == 0


def test_every_request_has_a_session_of_its_own_that_exists() -> None:
    scenes = (DtuStorm(T0), Blocking(T0), Outage(T0 + 5 * MINUTE, 2))
    world = ScriptedWorld(Script("all at once", T0, scenes))
    for at in _seconds(T0 - 30 * SECOND, 600):
        ids = [request.session_id for request in world.requests_running(at)]
        assert len(ids) == len(set(ids))
        assert all(FIRST_SESSION <= i < FIRST_SESSION + world.minute(at).sessions for i in ids)


def test_who_is_down_executes_nothing() -> None:
    outage = a_world("outage")
    begins = the_scene(outage).begins
    assert not any(outage.requests_running(at) for at in _seconds(begins))
