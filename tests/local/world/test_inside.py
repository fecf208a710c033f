"""The inside of the desk's database is what its workload left behind, whenever it is looked at."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.inside import FLUSHED_EVERY, Inside, Run
from local.world.inside_scenes import (
    BadQuery,
    Churn,
    InsideScene,
    Regressed,
    SpareIndexes,
    WantedIndex,
)
from local.world.scenes import Scene
from shared.domain.times import HOUR, MINUTE, floor_hour
from tests.local.world.playing import T0

CULPRITS = (BadQuery, WantedIndex, Regressed, Churn, SpareIndexes)


def inside(at: datetime, *scenes: Scene, seed: int = 1) -> Inside:
    return ScriptedWorld(Script("inside", T0, scenes), seed=seed).inside(at)


def of_hour(looked: Inside, hour: datetime) -> list[Run]:
    return [run for run in looked.runs if run.hour == hour]


def test_what_is_past_stays_as_it_was() -> None:
    earlier, later = inside(T0 + 70 * MINUTE), inside(T0 + 130 * MINUTE)

    assert of_hour(earlier, T0 - HOUR) == of_hour(later, T0 - HOUR) != []
    assert of_hour(earlier, T0 - HOUR) == of_hour(inside(T0 + 70 * MINUTE), T0 - HOUR)


def test_an_open_interval_has_a_row_for_what_was_flushed_and_one_for_the_rest() -> None:
    looked = inside(T0 + 40 * MINUTE)
    rows = Counter(run.plan_id for run in of_hour(looked, floor_hour(T0 + 40 * MINUTE)))
    flushed = T0 + 40 * MINUTE // FLUSHED_EVERY * FLUSHED_EVERY

    assert max(rows.values()) == 2
    assert Counter(run.plan_id for run in of_hour(looked, T0 - HOUR)).most_common(1)[0][1] == 1
    assert any(run.last_at < flushed for run in of_hour(looked, T0))


def test_seven_days_are_remembered() -> None:
    hours = {run.hour for run in inside(T0).runs}

    assert (min(hours), max(hours)) == (T0 - timedelta(days=7), T0 - HOUR)


def test_executions_follow_the_visitors() -> None:
    looked = inside(T0)
    night, noon = T0.replace(hour=3), T0.replace(hour=8)
    counts = {hour: sum(run.executions for run in of_hour(looked, hour)) for hour in (night, noon)}

    assert counts[noon] > 20 * counts[night]


def test_counters_grow_and_indexes_are_missed_more_and_more() -> None:
    earlier, later = inside(T0), inside(T0 + HOUR)

    assert [wait.wait_ms for wait in earlier.waits] < [wait.wait_ms for wait in later.waits]
    for wish in earlier.wishes:
        assert 0 < earlier.seeks(wish) <= later.seeks(wish)


def test_a_plan_that_came_in_the_middle_of_an_hour_shares_it_with_the_one_before() -> None:
    began = T0 - 3 * HOUR + 20 * MINUTE
    looked = inside(T0, Regressed(began))
    hour = floor_hour(began)
    runs = {run.plan_id: run for run in of_hour(looked, hour) if run.plan_id // 10 == 42}

    assert runs[421].last_at < began < runs[422].first_at
    assert runs[422].cpu_us > 5 * runs[421].cpu_us
    assert next(plan for plan in looked.plans if plan.plan_id == 422).compiled_at == began


@pytest.mark.parametrize("culprit", CULPRITS)
def test_a_scene_changes_the_workload_while_it_holds_only(culprit: type[InsideScene]) -> None:
    scene = culprit(T0, minutes=60)
    world = ScriptedWorld(Script("inside", T0, (scene,)))
    calm = inside(T0 - MINUTE).work(T0)

    assert world.inside(T0 - MINUTE).work(T0 - MINUTE) == calm
    assert world.inside(T0).work(T0) != calm
    assert world.inside(scene.ends).work(scene.ends) == calm


@pytest.mark.parametrize("culprit", [BadQuery, WantedIndex, Regressed])
def test_names_and_sizes_come_from_the_seed(culprit: type[InsideScene]) -> None:
    works = [culprit(T0, seed=seed).work(inside(T0).work(T0)) for seed in (1, 1, 2)]

    assert works[0] == works[1] != works[2]
    assert inside(T0, seed=1).tables != inside(T0, seed=2).tables
