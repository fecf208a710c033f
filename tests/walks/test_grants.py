"""What the monitor may not read costs just what depends on it, is named, and heals when given."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from local.cloud.sql.grants import PERMISSIONS, VIEW_DATABASE_STATE, VIEW_SERVER_STATE
from local.rig import TARGET
from local.world.truth import truth
from shared.adapters.sql.azure_sql import HOW_TO_GRANT, PROBE_EVERY
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertKind
from shared.domain.chunks import NO_CELLS
from shared.domain.rules import Action, ActionType, NoDataPolicy, Rule, Severity
from shared.domain.samples import FailureKind
from shared.domain.times import HOUR, MINUTE, each_minute, floor_minute
from shared.services.passes import Pass
from tests.local.cloud.handmade import wait_until
from tests.walks.facts import BY_SQL, MINUTELY, settle
from tests.walks.faulting import START, Walk, a_walk
from tests.walks.front_door import front_door
from tests.walks.permissions import NUMBERS, refused, taken

DEPENDENT = {
    "sys.dm_db_resource_stats": {"dmv"},
    "sys.dm_exec_sessions": {"sessions", "self"},
    "sys.dm_exec_requests": {"blocking", "self"},
    "sys.database_files": {"size"},
    "Session": {"users"},
    "Interaction": {"interactions", "kinds"},
    "Report": {"reports", "durations"},
    "Opportunity": {"deals"},
    "OfflineSync": {"syncs"},
}
"""The sources that need a view or a table."""
HELD = {
    "no server role": ((VIEW_SERVER_STATE,), {"blocking"}),
    "the role alone": ((VIEW_DATABASE_STATE,), set[str]()),
    "neither": ((VIEW_SERVER_STATE, VIEW_DATABASE_STATE), {"dmv", "sessions", "blocking"}),
}
"""What is taken, and the sources that need it; the role brings the smaller grant with it."""
SIX_HOURS = PROBE_EVERY // MINUTE
QUIET = {"HEALTH_URL": "", "LOG_ANALYTICS_WORKSPACE_ID": ""}
"""Nothing but the database and what the platform says is read here."""
READ = (*BY_SQL, "plan", "app", "database")


@pytest.fixture(scope="module")
def shared_walk() -> Iterator[Walk]:
    with a_walk(**QUIET) as walk:
        walk.play(1)
        yield walk


@pytest.fixture
def walk(shared_walk: Walk) -> Walk:
    """A process that knows nothing yet of what it may read; a quarter hour makes all counts due."""
    shared_walk.restart()
    shared_walk.skip(15)
    return shared_walk


def a_tick(walk: Walk) -> Pass:
    done = walk.play(1)[0]
    assert (done.error, done.skipped) == (None, False)
    return done


def left_out(done: Pass) -> set[str]:
    """The sources that were not asked because something is lacking; nothing else may fail."""
    assert {failure.kind for failure in done.failures} <= {FailureKind.DENIED}
    return {failure.source for failure in done.failures}


def assert_others_arrive(done: Pass, denied: set[str]) -> None:
    for name in MINUTELY:
        if name in READ and name not in denied:
            now = done.now.replace(second=0)
            assert done.evaluation.covered[name] == now - settle(name), name


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, marks=pytest.mark.slow if (row + place) % 4 else ())
        for row, name in enumerate(DEPENDENT)
        for place, number in enumerate(NUMBERS)
    ],
)
def test_what_is_refused_costs_the_sources_that_need_it(walk: Walk, name: str, number: int) -> None:
    with refused(walk.rig, name, number):
        done = a_tick(walk)
        again = a_tick(walk)

    assert left_out(done) == left_out(again) == DEPENDENT[name]
    assert {answer.source for answer in done.answers} == set(READ)
    assert_others_arrive(again, DEPENDENT[name])
    wait_until(lambda: walk.rig.desk.visits.open_connections == 0)


@pytest.mark.parametrize("held", HELD)
def test_what_is_taken_costs_the_sources_that_need_it(walk: Walk, held: str) -> None:
    permissions, dependent = HELD[held]
    with taken(walk.rig, permissions):
        done = a_tick(walk)

    assert left_out(done) == dependent
    assert_others_arrive(done, dependent)


SILENCE_IS_TOLD = Rule(
    id="too-many-connections",
    name="Too many connections",
    metric="connectionCount",
    condition="greater_than",
    threshold=10_000,
    duration=1,
    severity=Severity.HIGH,
    actions=(Action(ActionType.EMAIL, "admin@example.com"),),
    no_data=NoDataPolicy.ALERT,
    no_data_after=5,
)


@contextmanager
def a_watchful_walk() -> Iterator[Walk]:
    """Who follows connections is told after five minutes of silence; the platform knows nothing."""
    with a_walk(**QUIET) as walk:
        measured = {TARGET: frozenset(BY_SQL)}
        walk.rig.house = replace(walk.rig.house, rules=[SILENCE_IS_TOLD], measured=measured)
        yield walk


def test_what_is_lacking_is_named_in_health_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "shared.services.passes")
    with a_walk(**QUIET) as walk, front_door(walk.rig) as door, taken(walk.rig, PERMISSIONS):
        walk.play(1)
        health = door.health()

    assert health["status"] == "degraded"
    for source, grant in LACKING.items():
        said = f"{source} of {TARGET} is not read: it needs {grant}; {HOW_TO_GRANT}"
        assert said in health["warnings"]
        warned = f"{source} is left out: it needs {grant}; {HOW_TO_GRANT}"
        assert [one.getMessage() for one in caplog.records].count(warned) == 1
    line = json.loads(pass_lines(caplog)[0])
    errors = {one["source"]: one["error"] for one in line["sources"] if one["error"]}
    assert errors == {
        source: f"it needs {grant}; {HOW_TO_GRANT}" for source, grant in LACKING.items()
    }


LACKING = {
    "dmv": "VIEW DATABASE STATE",
    "sessions": "VIEW DATABASE STATE",
    "blocking": "##MS_ServerStateReader##",
}


def pass_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [one.getMessage() for one in caplog.records]
    return [one.removeprefix("pass ") for one in said if one.startswith("pass ")]


def test_a_grant_that_is_given_heals_what_the_view_remembers_and_nobody_was_alarmed() -> None:
    """Of seven hours without the load the newest one is there again; before it is nothing."""
    with a_watchful_walk() as walk:
        with taken(walk.rig, PERMISSIONS):
            walk.play(10)
            walk.skip(SIX_HOURS - 15)
        walk.play(5)
        before = walk.rig.house.samples.latest(TARGET).lacking
        healed = a_tick(walk)
        walk.skip(1)
        walk.play(1)

        assert before.keys() == LACKING.keys()
        assert left_out(healed) == set()
        assert walk.rig.house.samples.latest(TARGET).lacking == {}
        assert walk.alerts() == []
        assert walk.told() == []
        assert_load_is_known_from(walk, healed.now - HOUR, healed.now)


def assert_load_is_known_from(walk: Walk, first: datetime, now: datetime) -> None:
    """The minutes that the view still had as a whole; by the DMV's own metrics alone."""
    whole = floor_minute(first) + MINUTE
    kept = cells_of(walk, "workersPercent")
    real = {
        minute: truth(walk.world, "workersPercent", minute)
        for minute in each_minute(whole, floor_minute(now))
    }
    assert len(real) == 59
    assert {minute: kept.get(minute) for minute in real} == real
    assert min(kept) == whole


def cells_of(walk: Walk, metric: str) -> dict[datetime, float]:
    column = CATALOG.metric(metric).column
    return {
        chunk.hour + n * MINUTE: value
        for chunk in walk.rig.house.samples.hours(TARGET, START, walk.next)
        for n, value in enumerate(chunk.cells.get(column, NO_CELLS))
        if value is not None
    }


def test_a_database_that_is_silent_is_no_lacking_grant() -> None:
    """Of this silence, somebody is told."""
    with a_watchful_walk() as walk:
        walk.play(1)
        walk.rig.desk.database.refuse_logins(18456)
        walk.play(8)

        (alert,) = walk.alerts()
        assert (alert.rule_id, alert.kind) == ("too-many-connections", AlertKind.NO_DATA)
