"""What an inspection may not read costs its own part, named; and it finds its time by itself."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.cloud.sql.grants import (
    VIEW_DATABASE_STATE,
    VIEW_DEFINITION,
    VIEW_SERVER_STATE,
)
from local.rig import TARGET
from local.world.inside_scenes import Regressed
from shared.adapters.sql.azure_sql import HOW_TO_GRANT
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import HourChunk
from shared.domain.inspections import Inspection
from shared.domain.times import DAY, HOUR, MINUTE, each_hour
from shared.services.consult import consult_all
from shared.services.inspect import last_inspection
from tests.walks.faulting import START, Walk, a_walk
from tests.walks.front_door import front_door
from tests.walks.permissions import NUMBERS, refused, taken

pytestmark = pytest.mark.slow

NOW = START + timedelta(minutes=5, seconds=35)
DATABASE = {"query_store", "sessions", "waits", "failures", "query_waits", "queries", "regressions"}
SERVER = {"started_at", "transactions", "blocking", "missing_indexes", "usage"}
SIZES = {"tables", "sizes"}
DEFINED = {"indexes", "statistics", *SIZES}
HELD = {
    "no role": ((VIEW_SERVER_STATE,), SERVER),
    "no definitions": ((VIEW_DEFINITION,), DEFINED),
    "the role alone": ((VIEW_DATABASE_STATE, VIEW_DEFINITION), DEFINED),
    "nothing": (
        (VIEW_DATABASE_STATE, VIEW_SERVER_STATE, VIEW_DEFINITION),
        {*DATABASE, *SERVER, *DEFINED},
    ),
}
"""What is taken, and the parts that need it; the role brings VIEW DATABASE STATE with it."""
DEPENDENT = {
    "sys.dm_exec_requests": {"blocking"},
    "sys.dm_db_partition_stats": SIZES,
    "sys.index_columns": {"indexes"},
    "sys.query_store_runtime_stats": {"failures", "queries", "regressions"},
}
"""The parts that need a view; every statement is walked by tests/adapters/test_inspection_parts."""


@pytest.fixture(scope="module")
def walk() -> Iterator[Walk]:
    with a_walk(HEALTH_URL="", LOG_ANALYTICS_WORKSPACE_ID="") as walk:
        yield walk


def inspected(walk: Walk) -> Inspection:
    inspector = walk.rig.house.inspector
    assert inspector is not None
    walk.rig.clock.now = NOW
    return inspector.inspect(TARGET, now=NOW)


def assert_lacking(found: Inspection, parts: set[str]) -> None:
    """These and no others, each with how it would be granted."""
    assert set(found.lacking) == parts
    assert all(HOW_TO_GRANT in said for said in found.lacking.values())
    read = {name for name in found.__struct_fields__ if getattr(found, name) is not None}
    assert read.isdisjoint(parts)


@pytest.mark.parametrize(
    ("name", "number"),
    list(zip(DEPENDENT, NUMBERS, strict=True)),
)
def test_a_view_that_is_refused_costs_the_parts_that_need_it(
    walk: Walk, name: str, number: int
) -> None:
    with refused(walk.rig, name, number):
        found = inspected(walk)

    assert_lacking(found, DEPENDENT[name])
    assert all(f"(error {number})" in said for said in found.lacking.values())


@pytest.mark.parametrize("held", HELD)
def test_a_grant_that_is_taken_is_named_by_the_parts_that_need_it(walk: Walk, held: str) -> None:
    permissions, parts = HELD[held]
    with taken(walk.rig, permissions):
        found = inspected(walk)

    assert_lacking(found, parts)


def test_an_index_whose_use_is_not_known_is_not_taken_for_unused(walk: Walk) -> None:
    with refused(walk.rig, "sys.dm_db_index_usage_stats", 300):
        found = inspected(walk)

    assert {(one.reads, one.writes) for one in found.indexes or ()} == {(None, None)}


def test_a_database_at_sixty_percent_for_two_days_is_inspected_once_and_advised() -> None:
    """By the timer of each quarter hour, the real drivers, and a view that knows a regression."""
    with a_walk(Regressed(START), HEALTH_URL="", LOG_ANALYTICS_WORKSPACE_ID="") as walk:
        busy(walk)
        visits = walk.rig.desk.visits
        visits.clear()
        for n in range(2 * 24 * 4):
            walk.rig.clock.now = NOW + 15 * n * MINUTE
            consult_all([TARGET], house=walk.rig.house, now=walk.rig.clock.now)

        found = last_inspection(TARGET, house=walk.rig.house)
        assert found is not None
        assert len(visits.all()) == 1
        assert START + DAY <= found.at <= START + 2 * DAY
        assert [one.query_id for one in found.regressions or ()] == [42]
        assert walk.rig.house.alerts.keys(TARGET, "advice:plan-regression")


def test_health_names_what_the_inspection_lacks_until_it_is_granted() -> None:
    """The other grants are those of every minute, too; this one is the inspections' alone."""
    with a_walk(HEALTH_URL="", LOG_ANALYTICS_WORKSPACE_ID="") as walk, front_door(walk.rig) as door:
        with taken(walk.rig, [VIEW_DEFINITION]):
            walk.play(2)
            consult_all([TARGET], house=walk.rig.house, now=walk.next)
            lacking = door.health()["warnings"]
        walk.skip(6 * 60)
        walk.play(20)
        consult_all([TARGET], house=walk.rig.house, now=walk.next)
        healed = door.health()["warnings"]

    begins = f"the inspection of {TARGET} lacks "
    said = [one.removeprefix(begins) for one in lacking if one.startswith(begins)]
    assert f"indexes, statistics: it needs VIEW DEFINITION; {HOW_TO_GRANT}" in said
    assert not [one for one in healed if one.startswith(begins)]


def busy(walk: Walk) -> None:
    """Three days of 60 %, written down as ticks would have."""
    column = CATALOG.metric("dtuUtilization").column
    samples = walk.rig.house.samples
    for hour in each_hour(START - DAY, START + 2 * DAY + HOUR):
        chunk = HourChunk(hour=hour, cells={column: (60.0,) * 59 + (59.5,)})
        samples.save(TARGET, [chunk], samples.latest(TARGET))
