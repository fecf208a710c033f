"""What an inspection finds of the desk's database is what that has lived through."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from local.cloud.sql.grants import PERMISSIONS
from local.world.engine import Script, ScriptedWorld
from local.world.inside import Inside, Run
from local.world.inside_scenes import (
    BadQuery,
    Churn,
    Regressed,
    SpareIndexes,
    StoreFull,
    WantedIndex,
)
from local.world.scenes import Blocking, Scene
from local.world.workloads import MONITORS, Table, Workload
from shared.adapters.sql.azure_sql import HOW_TO_GRANT, Database
from shared.adapters.sql.connections import PURE_PYTHON, Patience
from shared.adapters.sql.findings import ADDED, PARTS
from shared.adapters.sql.inspector import AzureSqlInspector
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.domain.errors import SourceError
from shared.domain.inspections import Inspection, QueryUse
from shared.domain.times import DAY, HOUR, MINUTE, floor_hour, floor_minute
from tests.adapters.sql_desk import (
    ODBC,
    RUSH_HOUR,
    TARGET,
    SqlDesk,
    driver_named,
    running_sql_desk,
)

NOW = RUSH_HOUR + 95 * MINUTE + timedelta(seconds=20)
DEPLOYED = RUSH_HOUR - 5 * HOUR + 40 * MINUTE
"""In the middle of an interval, and within the last day."""
SCENES = (
    Regressed(DEPLOYED),
    WantedIndex(DEPLOYED),
    BadQuery(RUSH_HOUR),
    SpareIndexes(RUSH_HOUR - 9 * DAY, minutes=20_000),
    Churn(RUSH_HOUR),
    StoreFull(RUSH_HOUR),
    Blocking(RUSH_HOUR + 90 * MINUTE),
)
WINDOWS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
MEASURES = ("cpu_ms", "duration_ms", "logical_reads", "physical_reads")


@dataclass(frozen=True)
class SlightlyRegressed(Regressed):
    """Three times as dear: in a day's mean an hour or three of it are little."""

    def work(self, workload: Workload) -> Workload:
        """The search's second plan."""
        [before] = [one for one in workload.statements if one.query_id == 42]
        return workload.changed(
            replace(before, plan=2, cpu_ms=3 * before.cpu_ms, reads=3 * before.reads)
        )


@dataclass(frozen=True)
class Looked:
    """An inspection, and what the world would say to it."""

    found: Inspection
    inside: Inside

    def runs_of(self, query_id: int, since: datetime, until: datetime = NOW) -> list[Run]:
        """Its rows of the intervals that reach beyond `since`, and begin before `until`."""
        return [
            run
            for run in self.inside.runs
            if run.plan_id // 10 == query_id and run.hour + HOUR > since and run.hour < until
        ]


def inspector(sql: SqlDesk, driver: str = PURE_PYTHON) -> AzureSqlInspector:
    """A patient one: machines that run tests are busier than databases."""
    door = partial(sql.door(driver), patience=Patience(login=30, batch=60))
    return AzureSqlInspector({TARGET: Database(door)})


def looked(driver: str, *scenes: Scene, seed: int = 1) -> Looked:
    world = ScriptedWorld(Script("inside", RUSH_HOUR, scenes), seed=seed)
    with running_sql_desk(world, NOW) as sql:
        return Looked(inspector(sql, driver).inspect(TARGET, now=NOW), world.inside(NOW))


@pytest.fixture(
    scope="module",
    params=[pytest.param(ODBC), pytest.param(PURE_PYTHON, marks=pytest.mark.slow)],
)
def look(request: pytest.FixtureRequest) -> Looked:
    return looked(driver_named(request.param), *SCENES)


def totals(runs: list[Run]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for run in runs:
        found["executions"] += run.executions
        found["cpu_ms"] += run.executions * run.cpu_us / 1000
        found["duration_ms"] += run.executions * run.duration_us / 1000
        found["logical_reads"] += run.executions * run.logical_reads
        found["physical_reads"] += run.executions * run.physical_reads
    return found


def assert_is(use: QueryUse | None, runs: list[Run]) -> None:
    if not runs:
        assert use is None
        return
    real = totals(runs)
    assert use is not None
    assert use.executions == real["executions"]
    for name in MEASURES:
        assert getattr(use, name) == pytest.approx(real[name]), name


def test_everything_was_read(look: Looked) -> None:
    assert look.found.lacking == {}
    assert look.found.at == NOW.replace(second=0)
    assert (look.found.own_cpu_ms or 0) > len(INSPECTION_QUERIES)
    assert (look.found.own_reads or 0) > len(INSPECTION_QUERIES)


def test_every_query_costs_what_its_executions_cost_in_every_window(look: Looked) -> None:
    """Averages of rows, also of those of the open interval, weighted by their executions."""
    found = look.found.queries or ()

    assert len(found) > 10
    for query in found:
        for window, span in WINDOWS.items():
            use = getattr(query, window)
            assert_is(use, look.runs_of(query.query_id, NOW - span))
            assert use is None or use.since == floor_hour(NOW - span)


def test_the_first_ten_of_every_list_are_there(look: Looked) -> None:
    known = {query.query_id for query in look.found.queries or ()}
    everybody = {run.plan_id // 10 for run in look.inside.runs} - {MONITORS}
    for span in WINDOWS.values():
        real = {number: totals(look.runs_of(number, NOW - span)) for number in everybody}
        for name in ("executions", "cpu_ms", "duration_ms", "logical_reads"):
            by_cost = sorted(everybody, key=lambda number: -real[number][name])
            first = {number for number in by_cost[:10] if real[number]["executions"]}
            assert first <= known, name


def test_our_own_statements_are_known_by_their_mark_and_left_out(look: Looked) -> None:
    """They would be among the first ten."""
    spent = totals(look.runs_of(MONITORS, NOW - DAY))["cpu_ms"]
    least = min(query.day.cpu_ms for query in look.found.queries or () if query.day)

    assert spent > least
    assert not [query for query in look.found.queries or () if query.query_id == MONITORS]


def test_a_query_is_told_in_a_line_without_declarations_and_literals(look: Looked) -> None:
    texts = [query.text for query in look.found.queries or ()]

    assert all(text.startswith(("SELECT", "UPDATE")) for text in texts)
    assert not any("gluten free" in text or "2026-01-01" in text for text in texts)
    assert any(text.endswith("= ?") for text in texts)


def test_a_new_query_is_first_seen_when_it_came(look: Looked) -> None:
    new = next(one for one in look.found.queries or () if one.query_id == 901)

    assert new.first_seen_at == RUSH_HOUR
    assert new.plans == (9011,)


def test_a_regression_names_both_plans_and_when_it_began(look: Looked) -> None:
    [found] = look.found.regressions or ()
    before = [run for run in look.runs_of(42, NOW - 7 * DAY) if run.hour + HOUR <= NOW - DAY]

    assert (found.query_id, found.plans_before, found.plans) == (42, (421,), (421, 422))
    assert found.best_plan == 421
    assert_is(found.recent, look.runs_of(42, NOW - DAY))
    assert_is(found.before, before)
    assert found.worse_since is not None
    assert timedelta(0) <= found.worse_since - DEPLOYED <= 20 * MINUTE


def test_a_regression_of_an_hour_is_found_before_the_days_mean_knows_it() -> None:
    """The dear plan is named though the old one has been used more often in the day."""
    began = floor_minute(NOW) - HOUR
    look = looked(PURE_PYTHON, SlightlyRegressed(began))
    [found] = look.found.regressions or ()
    recent, before = found.recent, found.before

    assert recent.average_cpu_ms < 1.5 * before.average_cpu_ms
    assert recent.average_logical_reads < 1.5 * before.average_logical_reads
    assert_is(found.newest, look.runs_of(42, NOW - HOUR))
    assert (found.plan, found.best_plan) == (422, 421)
    assert found.worse_since is not None
    assert timedelta(0) <= found.worse_since - began <= 20 * MINUTE


def test_an_hour_that_was_as_dear_some_days_before_is_no_regression() -> None:
    began = floor_minute(NOW) - HOUR
    scenes = (SlightlyRegressed(began), SlightlyRegressed(began - 4 * DAY, minutes=120))

    assert looked(PURE_PYTHON, *scenes).found.regressions == ()


def test_what_clients_gave_up_is_counted(look: Looked) -> None:
    [found] = look.found.failures or ()
    runs = look.runs_of(901, NOW - DAY)

    assert (found.query_id, found.exceptions) == (901, 0)
    assert found.aborted == sum(run.executions for run in runs if run.kind == 3) > 0
    assert found.executions == sum(run.executions for run in runs)


def test_waits_of_queries_are_those_of_their_category(look: Looked) -> None:
    [found] = look.found.query_waits or ()
    by_plan: dict[int, int] = defaultdict(int)
    for wait in look.inside.query_waits:
        if wait.hour + HOUR > NOW - DAY and wait.plan_id // 10 != MONITORS:
            by_plan[wait.plan_id // 10] += wait.wait_ms
    longest = max(by_plan, key=lambda number: by_plan[number])

    assert (found.category, found.wait_ms) == ("Buffer IO", sum(by_plan.values()))
    assert (found.query_id, found.query_wait_ms) == (longest, by_plan[longest])


def test_query_store_tells_that_it_is_full(look: Looked) -> None:
    state = look.found.query_store

    assert state is not None
    assert state.is_reading_only
    assert (state.readonly_reason, state.used_mb, state.limit_mb) == (65536, 10.0, 10.0)
    assert (state.kept_days, state.interval_minutes, state.capture_mode) == (7, 60, "AUTO")


def test_the_databases_waits_are_there_and_those_of_the_idle_are_not(look: Looked) -> None:
    found = {wait.type: (wait.tasks, wait.wait_ms) for wait in look.found.waits or ()}
    real = {wait.type: (wait.tasks, wait.wait_ms) for wait in look.inside.waits}

    assert found == {name: wait for name, wait in real.items() if name != "XE_TIMER_EVENT"}


def test_the_chain_has_its_head_and_what_that_did_last(look: Looked) -> None:
    [chain] = look.found.blocking or ()

    assert (chain.blocked, chain.is_idle) == (4, True)
    assert chain.text == "UPDATE [dbo].[Opportunity] SET [stage] = ? WHERE [id] = @P1"
    assert chain.wait_ms == 320_000
    assert chain.victim.startswith("SELECT")


def test_who_forgot_a_transaction_is_named_with_its_session(look: Looked) -> None:
    [found] = look.found.transactions or ()
    [chain] = look.found.blocking or ()

    assert found.session == chain.head
    assert found.began_at == found.idle_since == RUSH_HOUR + 90 * MINUTE


def test_sessions_that_do_not_live_long_are_counted_and_ours_are_not(look: Looked) -> None:
    groups = look.found.sessions or ()

    assert {group.program for group in groups} == {"node-mssql"}
    assert sum(group.sessions for group in groups) > 60
    assert all(group.young == group.sessions for group in groups)


def test_missing_indexes_are_named_as_they_would_be_made(look: Looked) -> None:
    found = look.found.missing_indexes or ()
    wanted = SCENES[1]
    assert isinstance(wanted, WantedIndex)
    wishes = {(one.equality, one.included): one for one in look.inside.wishes}

    assert len(found) == len(wishes) == 4
    for one in found:
        wish = wishes[one.equality, one.included]
        assert one.table == f"dbo.{wish.table}"
        assert one.seeks == look.inside.seeks(wish)
        assert (one.cost, one.impact) == (wish.cost, wish.impact)


def test_indexes_have_their_columns_flags_sizes_and_use(look: Looked) -> None:
    found = {(index.table, index.name): index for index in look.found.indexes or ()}
    pairs = [(table, index) for table in look.inside.tables for index in table.indexes]

    assert len(found) == len(pairs)
    for table, real in pairs:
        index = found[f"dbo.{table.name}", real.name]
        assert (index.keys, index.includes) == (real.keys, real.includes)
        assert (index.is_primary_key, index.is_unique) == (real.is_primary_key, real.is_unique)
        assert index.size_mb == real.pages * 8 / 1024
        assert (index.reads, index.writes) == look.inside.used(table, real)
        assert index.supports_foreign_key == (real.keys == ("userId",))


def test_an_index_that_nobody_reads_is_there_with_its_writes(look: Looked) -> None:
    spare = [one for one in look.found.indexes or () if one.reads == 0]

    assert {one.name.startswith("IX_Interaction") for one in spare} == {True}
    assert len(spare) == 2
    assert all(one.writes and one.last_read_at is None for one in spare)
    assert look.found.started_at == look.inside.started_at


def test_tables_have_their_rows_and_all_their_pages(look: Looked) -> None:
    found = {size.table: size for size in look.found.tables or ()}

    assert len(found) == len(look.inside.tables)
    for table in look.inside.tables:
        size = found[f"dbo.{table.name}"]
        assert (size.rows, size.size_mb) == (table.rows, _mb(table))
        assert size.index_mb == size.size_mb - table.indexes[0].pages * 8 / 1024


def _mb(table: Table) -> float:
    return sum(index.pages for index in table.indexes) * 8 / 1024


def test_statistics_have_their_age_and_first_column(look: Looked) -> None:
    found = look.found.statistics or ()

    assert len(found) == sum(len(table.indexes) for table in look.inside.tables)
    assert {one.updated_at for one in found} == {NOW - 2 * DAY}
    assert {one.columns for one in found if one.name.startswith("PK_")} == {("id",)}
    assert {one.changes for one in found} == {100}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_a_calm_database_has_nothing_to_tell(seed: int) -> None:
    found = looked(PURE_PYTHON, seed=seed).found

    assert found.lacking == {}
    assert (found.regressions, found.failures, found.blocking, found.transactions) == ((),) * 4
    assert found.query_store is not None
    assert not found.query_store.is_reading_only
    assert all(index.reads for index in found.indexes or ())
    assert all(group.young <= 1 for group in found.sessions or ())


def test_a_login_that_may_read_nothing_is_told_what_it_lacks_for_one_question() -> None:
    world = ScriptedWorld(Script("inside", RUSH_HOUR, ()))
    with running_sql_desk(world, NOW) as sql:
        for permission in PERMISSIONS:
            sql.engine.grants.take(permission)
        found = inspector(sql).inspect(TARGET, now=NOW)
        [visit] = sql.desk.visits.all()

    assert set(found.lacking) == {*PARTS, *ADDED}
    assert all(HOW_TO_GRANT in said for said in found.lacking.values())
    assert {said.partition(";")[0] for said in found.lacking.values()} == {
        "it needs VIEW DATABASE STATE",
        "it needs ##MS_ServerStateReader##",
        "it needs VIEW DEFINITION",
        "it needs VIEW DATABASE STATE and VIEW DEFINITION",
    }
    assert len(visit.asked) == 2


def test_a_database_that_lets_nobody_in_is_an_error() -> None:
    world = ScriptedWorld(Script("inside", RUSH_HOUR, ()))
    with running_sql_desk(world, NOW) as sql:
        sql.engine.refuse_logins(18456)
        with pytest.raises(SourceError, match="the login was refused"):
            inspector(sql).inspect(TARGET, now=NOW)
