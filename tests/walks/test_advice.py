"""Culprits of the desk's world, found by the project's own T-SQL: their advice comes first.

Its temptations are a report that is by far the dearest of all executions, four times a day, and an
index that the optimiser asks for a hundred times and praises by 97 %.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

import pytest

from local.rig import TARGET
from local.world.engine import ScriptedWorld
from local.world.inside_scenes import BadQuery, Churn, Regressed, WantedIndex
from local.world.scenes import Blocking, Scene
from local.world.truth import truth
from shared.domain.curves import Curve
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.situations import Situation, Stretch
from shared.domain.recommendations.values import Priority
from shared.domain.times import DAY, HOUR, MINUTE
from tests.domain.advising import a_deploy
from tests.walks.faulting import START, Walk, a_walk

SEEDS = (1, 2)
APART = 14 * DAY
"""Query Store forgets after a week; and all begin on a Monday, when there is work."""
STEP = 30 * MINUTE
FIGURES = (
    *("dtuUtilization", "dtuCpu", "dtuDataIo"),
    *("workersPercent", "sessionsPercent", "blockedSessions"),
)
CALM = START + 1 * DAY


class Culprit(NamedTuple):
    """A scene, when the database is inspected, and what the first advice is to be."""

    scene: Scene
    looked_at: datetime
    kind: str


def culprits() -> Iterator[Culprit]:
    """One after the other, so far apart that none has to do with the next."""
    times = (START + n * APART for n in count(1))
    for seed in SEEDS:
        for kind, make in (
            ("bad_query", BadQuery),
            ("missing_index", WantedIndex),
            ("plan_regression", Regressed),
            ("connection_churn", Churn),
        ):
            begun = next(times)
            yield Culprit(make(begun, seed=seed), begun + 22 * HOUR, kind)
        begun = next(times) + seed * HOUR
        yield Culprit(Blocking(begun), begun + 2 * MINUTE, "blocking_chain")
        begun = next(times) + 8 * HOUR
        yield Culprit(Regressed(begun, seed=seed), begun + (1 + seed) * HOUR, "plan_regression")


CULPRITS = tuple(culprits())


@pytest.fixture(scope="module")
def walk() -> Iterator[Walk]:
    scenes = [one.scene for one in CULPRITS]
    with a_walk(*scenes, HEALTH_URL="", LOG_ANALYTICS_WORKSPACE_ID="") as walk:
        yield walk


def look(walk: Walk, at: datetime, deployed: datetime | None = None) -> Situation:
    """What a look finds then: an inspection by the driver, and the last day's true figures."""
    inspector = walk.rig.house.inspector
    assert inspector is not None
    walk.rig.clock.now = at
    day = {name: figures(walk.world, name, at) for name in FIGURES}
    deploys = (a_deploy("1.8.2", deployed),) if deployed is not None else ()
    inspection = inspector.inspect(TARGET, now=at)
    return Situation(now=at, day=day, week={}, inspection=inspection, deployments=deploys)


def figures(world: ScriptedWorld, metric: str, end: datetime) -> Stretch:
    start, steps = end - DAY, DAY // STEP
    values = tuple(truth(world, metric, start + n * STEP) for n in range(steps))
    return Stretch(start, STEP, Curve(values, values, values))


@pytest.mark.slow
@pytest.mark.parametrize(
    "culprit", CULPRITS, ids=[f"{one.kind} {n}" for n, one in enumerate(CULPRITS)]
)
def test_the_culprit_is_named_first(walk: Walk, culprit: Culprit) -> None:
    advised = judge(look(walk, culprit.looked_at))

    assert [one.kind for one in advised][:1] == [culprit.kind]
    assert advised[0].priority is not Priority.LOW


@pytest.mark.slow
@pytest.mark.parametrize(
    "culprit", [one for one in CULPRITS if one.kind == "plan_regression"][:2], ids=["old", "young"]
)
def test_a_regression_names_the_deploy_before_it(walk: Walk, culprit: Culprit) -> None:
    deployed = culprit.scene.begins - timedelta(minutes=22)
    first = judge(look(walk, culprit.looked_at, deployed))[0]

    told = re.fullmatch(r"It regressed (\d+) min after deploy 1.8.2: plan .+", first.description)
    assert told is not None
    assert 22 <= int(told[1]) <= 52, "its first execution is half an hour later at night"
    assert (first.script or "").startswith("EXEC sys.sp_query_store_force_plan @query_id = 42,")


@pytest.mark.slow
def test_a_calm_day_is_told_nothing_that_matters(walk: Walk) -> None:
    advised = judge(look(walk, CALM))

    assert [one.title for one in advised if one.priority is not Priority.LOW] == []
