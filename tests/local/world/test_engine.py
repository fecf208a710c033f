import hashlib
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.events import World
from local.world.levels import CERTIFICATE_DAYS
from local.world.scenes import DtuStorm
from local.world.traffic import HEALTH, MONITOR, is_monitor
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, each_minute
from tests.local.world.playing import NIGHT, T0, a_world

ROOT = Path(__file__).parents[3]
DAY = timedelta(days=1)
SOME = list(each_minute(T0 - 10 * MINUTE, T0 + 40 * MINUTE))
DIGEST = """
import hashlib
from datetime import UTC, datetime, timedelta
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
start = datetime(2026, 3, 2, 9, tzinfo=UTC)
world = ScriptedWorld(script_named("default", start), seed=7)
minutes = [world.minute(start + timedelta(minutes=i)) for i in range(-10, 40)]
print(hashlib.sha256(repr(minutes).encode()).hexdigest())
"""


def test_two_worlds_of_one_seed_are_the_same_in_any_order() -> None:
    forwards, backwards = a_world("default"), a_world("default")
    later = [backwards.minute(minute) for minute in reversed(SOME)]
    assert [forwards.minute(minute) for minute in SOME] == later[::-1]


def test_a_world_is_the_same_in_another_process() -> None:
    world = a_world("default", seed=7)
    ours = hashlib.sha256(repr([world.minute(minute) for minute in SOME]).encode()).hexdigest()
    theirs = {_digest_elsewhere(hash_seed) for hash_seed in ("0", "4711")}
    assert theirs == {ours}


def _digest_elsewhere(hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_minute_is_the_same_on_every_python_and_machine() -> None:
    minute = a_world("dtu_storm").minute(T0 + 7 * MINUTE)
    first = minute.requests[0]
    assert (first.operation_id, first.duration_ms) == (
        ("425ecfa1578ddb0137ff3ab8a9fe43f6", 1899.148)
    )
    assert (len(minute.requests), minute.site.response_time_s) == (47, 1.771644)
    assert minute.resources[0].cpu_percent == 98.1


def test_another_seed_is_another_world() -> None:
    assert a_world(seed=1).minute(T0) != a_world(seed=2).minute(T0)


def test_the_past_does_not_depend_on_when_the_world_begins() -> None:
    early, late = a_world(start=T0), a_world(start=T0 + DAY)
    minute = T0 - DAY
    assert early.minute(minute).requests == late.minute(minute).requests
    assert early.minute(minute).resources == late.minute(minute).resources


def test_any_moment_and_zone_of_a_minute_asks_for_that_minute() -> None:
    world = a_world()
    elsewhere = T0.astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=33)
    assert world.minute(elsewhere) == world.minute(T0)
    assert world.minute(elsewhere).start == T0


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="zone"):
        a_world().minute(datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point


def test_everything_lies_in_its_minute_and_in_order_of_time() -> None:
    world = ScriptedWorld(Script("storm", T0, (DtuStorm(T0),)))
    for minute in (world.minute(T0 + i * MINUTE) for i in range(5)):
        for items in (minute.requests, minute.exceptions, minute.events, minute.page_views):
            moments = [item.at for item in items]
            assert moments == sorted(moments)
            assert all(minute.start <= at < minute.start + MINUTE for at in moments)


def test_a_minute_has_four_resource_rows_the_last_of_which_ends_it() -> None:
    ends = [row.end_time - T0 for row in a_world().minute(T0).resources]
    assert ends == [timedelta(seconds=second) for second in (15, 30, 45, 60)]


def test_the_monitor_asks_twice_a_minute_and_is_known_by_name() -> None:
    own = [request for request in a_world().minute(T0).requests if is_monitor(request)]
    assert [request.at.second for request in own] == [20, 50]
    for request in own:
        assert (request.name, request.user_agent, request.synthetic_source) == (
            (HEALTH, MONITOR, MONITOR)
        )


def test_telemetry_is_a_sample_whose_weights_estimate_what_the_site_counted() -> None:
    world = a_world()
    minutes = [world.minute(minute) for minute in each_minute(T0, T0 + 120 * MINUTE)]
    kept = [request for minute in minutes for request in minute.requests]
    counted = sum(minute.site.requests for minute in minutes)
    assert {request.item_count for request in kept if not is_monitor(request)} == {2}
    assert len(kept) < 0.6 * counted
    assert sum(request.item_count for request in kept) == pytest.approx(counted, rel=0.05)


def test_failures_are_never_sampled_away() -> None:
    world = a_world("error_burst")
    minute = world.minute(world.script.scenes[0].begins)
    failed = [request for request in minute.requests if request.status >= 500]
    assert {request.item_count for request in failed} == {1}
    assert len(failed) == minute.site.http_5xx == len(minute.exceptions)
    assert {each.operation_id for each in minute.exceptions} == {
        each.operation_id for each in failed
    }


def test_sessions_and_business_rows_come_from_the_requests() -> None:
    minute = a_world().minute(T0)
    assert {each.session_id for each in minute.requests if each.session_id} <= set(
        minute.business.active_sessions
    )
    assert len(set(minute.business.active_sessions)) == len(minute.business.active_sessions) > 10


def test_some_minutes_of_the_night_are_empty() -> None:
    world = a_world(start=NIGHT)
    night = [world.minute(minute) for minute in each_minute(NIGHT, NIGHT + 60 * MINUTE)]
    empty = [minute for minute in night if minute.site.requests == 2]
    assert 15 < len(empty) < 55
    assert all(is_monitor(request) for minute in empty for request in minute.requests)


def test_storage_grows_slowly_and_never_shrinks() -> None:
    world = a_world()
    sizes = [world.minute(T0 + hours * 60 * MINUTE).storage_bytes for hours in range(-168, 24)]
    assert sizes == sorted(sizes)
    assert 0.005 < (sizes[-1] - sizes[0]) / world.storage_limit_bytes < 0.1


def test_health_fits_the_plans_memory_and_stays_the_same_for_a_second() -> None:
    world: World = a_world()
    answer = world.health(T0 + timedelta(seconds=20))
    assert answer == world.health(T0 + timedelta(seconds=20, milliseconds=700))
    assert (answer.status, answer.refuses) == (200, False)
    assert answer.heap_bytes < answer.resident_bytes
    plan_mb = world.minute(T0).plan.memory_percent * 17.5
    assert plan_mb - answer.resident_bytes / 2**20 == pytest.approx(430, abs=15)
    assert answer.certificate_ends == T0 + timedelta(days=CERTIFICATE_DAYS)


def test_a_day_is_played_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    world = a_world(start=T0 + DAY)
    began = time.perf_counter()
    for minute in each_minute(T0, T0 + DAY):
        world.minute(minute)
    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n24 h of a working day in {took:.2f} s")  # noqa: T201 - a figure for people
    assert took < 30
