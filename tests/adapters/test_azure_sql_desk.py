"""The real drivers against the database on the desk: every figure is the world's own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime, timedelta

import pytest

from local.world.events import World
from local.world.running import BAD_QUERY
from local.world.truth import truth
from shared.adapters.sql.failures import SqlFailure
from shared.catalog.metrics import CATALOG
from shared.catalog.sql_queries import BUSY
from shared.domain.culprits import gathered, masked
from shared.domain.errors import SourceError
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import MINUTE, each_minute, floor_minute
from tests.adapters.sql_desk import (
    ODBC,
    STORM,
    TARGET,
    SqlDesk,
    a_busy_world,
    driver_named,
    running_sql_desk,
)
from tests.adapters.sql_moments import (
    BLOCKED,
    CALM,
    DAWN,
    MERGED,
    MOMENTS,
    QUARTER,
    SEEDS,
    SLOT,
    STORMY,
    VOCABULARIES,
    Figures,
    quarter_of,
    read,
    since_of,
)
from tests.local.cloud.handmade import wait_until
from tests.local.cloud.sql_clients import PurePython
from tests.walks.facts import COUNTED, OF_BUSINESS, OF_NOW


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[SqlDesk]:
    """The desk of the first seed, or of the one that a test names."""
    seed = getattr(request, "param", SEEDS[0])
    with running_sql_desk(a_busy_world(seed)) as desk:
        yield desk


@pytest.fixture
def sql(running: SqlDesk) -> Iterator[SqlDesk]:
    """The desk at a calm moment; whatever a test does, no connection is left."""
    running.moved_to(CALM)
    yield running
    wait_until(lambda: running.desk.visits.open_connections == 0)


@pytest.fixture(params=[ODBC, "python-tds"])
def driver(request: pytest.FixtureRequest) -> str:
    return driver_named(request.param)


def figures(answers: Mapping[str, Answer]) -> Figures:
    """What the covered minutes hold, merged as the catalog has it; of the moment, the running."""
    many: dict[tuple[str, datetime], list[float]] = {}
    for name, answer in answers.items():
        if isinstance(answer, Reading):
            for sample in answer.samples:
                if sample.metric in OF_LONGER:
                    continue
                if name != "dmv" or sample.minute < answer.covered_until:
                    many.setdefault((sample.metric, sample.minute), []).append(sample.value)
    return {key: MERGED[CATALOG.metric(key[0]).within](values) for key, values in many.items()}


def reckoned(world: World, at: datetime, *, busy: bool) -> Figures:
    """The same from the world's raw rows."""
    now, since = floor_minute(at), since_of(at)
    found = {
        (one.name, minute): truth(world, one.name, minute, probes=(at.second,))
        for one in CATALOG.metrics
        for source in one.sources[:1]
        for minute in minutes_of(source, since, now)
        if one.name not in (*LEVELS, *OF_LONGER) and not (busy and source in COUNTED)
    }
    levels = (
        {}
        if busy
        else {
            ("activeUsers", now - SLOT): active_users(world, now - SLOT, at),
            ("offlineSync.pending", now - SLOT): pending(world, now),
        }
    )
    return {key: value for key, value in {**found, **levels}.items() if value is not None}


LEVELS = ("activeUsers", "offlineSync.pending")
OF_LONGER = (
    *("revenueToday", "revenueMonthToDate", "pipelineConversion", "pipelineValue"),
    "pipelineDeals",
)
"""Of days and months: tests/walks/test_business.py."""


def minutes_of(source: str, since: datetime, now: datetime) -> Sequence[datetime]:
    if source == "dmv":
        return list(each_minute(since, now))
    if source in OF_BUSINESS:
        return [quarter_of(now), quarter_of(now) + QUARTER]
    if source in COUNTED:
        return list(each_minute(since, now))[:: SLOT // MINUTE]
    return [now] if source in OF_NOW and source != "self" else []


def active_users(world: World, since: datetime, at: datetime) -> float:
    """The sessions that did something from `since` up to this very second."""
    return float(
        len(
            {
                each.session_id
                for minute in each_minute(since, floor_minute(at) + MINUTE)
                for each in world.business_rows(minute).activity
                if since <= each.at <= at
            }
        )
    )


def pending(world: World, now: datetime) -> float:
    """What waited when the last whole minute ended."""
    return float(world.minute(now - MINUTE).business.sync_pending)


@pytest.mark.parametrize("running", SEEDS, ids="seed {}".format, indirect=True)
@pytest.mark.parametrize(
    ("names", "moment"),
    [
        pytest.param(
            names, moment, marks=pytest.mark.slow if names != "crm" and moment != "calm" else ()
        )
        for names in VOCABULARIES
        for moment in MOMENTS
    ],
)
def test_every_figure_is_the_worlds_own(sql: SqlDesk, driver: str, names: str, moment: str) -> None:
    at = MOMENTS[moment]
    sql.moved_to(at)

    found = read(sql.source(driver, VOCABULARIES[names], deadline=60), at)

    busy = at == STORMY
    failures = {name: one for name, one in found.items() if isinstance(one, Failure)}
    assert failures.keys() == (set(COUNTED) if busy else set())
    assert {one.kind for one in failures.values()} <= {FailureKind.DEFERRED}
    ours = figures({"self": found.pop("self")})
    assert {name for name, _ in ours} == {"monitor.cpuMs", "monitor.logicalReads"}
    assert min(ours.values()) > 0
    assert figures(found) == pytest.approx(reckoned(sql.world, at, busy=busy), rel=1e-12)


def test_the_moments_are_of_all_kinds() -> None:
    """Else the comparison would prove little."""
    world = a_busy_world(SEEDS[0])
    dawn, calm, storm, blocking = (reckoned(world, at, busy=False) for at in MOMENTS.values())
    users, logged = (
        (name, floor_minute(CALM) - SLOT) for name in ("activeUsers", "interactionsLogged")
    )
    at_dawn = ("activeUsers", floor_minute(DAWN) - SLOT)

    assert dawn[at_dawn] > (truth(world, *at_dawn) or 0)
    assert max(value for (name, _), value in calm.items() if name == "dtuPeak") < BUSY
    assert max(value for (name, _), value in storm.items() if name == "dtuPeak") > 95
    assert blocking["blockedSessions", floor_minute(BLOCKED)] == 4
    assert min(calm[users], calm[logged]) > 0
    assert calm[users] > active_users(world, users[1] + MINUTE, CALM)


@pytest.mark.parametrize("by", ["token", "password"])
def test_it_lets_in_who_shows_a_token_or_knows_the_password(
    sql: SqlDesk, driver: str, by: str
) -> None:
    found = read(sql.source(driver, by=by), CALM)

    assert all(isinstance(one, Reading) for one in found.values())


def test_a_wrong_password_and_a_foreign_token_are_refused_by_number(
    sql: SqlDesk, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_password = sql.source(driver, by="password")
    monkeypatch.setattr(sql.engine, "password", "another")
    monkeypatch.setattr(sql, "token", lambda: sql.desk.keys.token("https://vault.azure.net"))

    for source in (by_password, sql.source(driver)):
        with pytest.raises(SqlFailure, match=r"make the app's identity a user .* \(18456\)"):
            read(source, CALM)


def test_the_monitors_own_sessions_are_not_counted_and_others_are(
    sql: SqlDesk, driver: str
) -> None:
    sources = [sql.source(driver) for _ in range(2)]
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(closing(sql.door(driver)()))
        alone = figures(read(sources[0], CALM))
        stack.enter_context(closing(PurePython().connect(sql.url, token=sql.token())))
        beside = figures(read(sources[1], CALM))

    here = ("connectionCount", floor_minute(CALM))
    assert alone[here] == truth(sql.world, *here)
    assert beside[here] == alone[here] + 1


def test_the_witness_names_the_storms_query_without_its_literals(sql: SqlDesk, driver: str) -> None:
    sql.moved_to(STORMY)

    first, *_ = gathered(sql.witness(driver).running(TARGET))

    assert first.statement == masked(BAD_QUERY)
    assert "LIKE ? OR i.[notes] LIKE ? ORDER BY" in first.statement
    assert "pantry%" not in first.statement
    assert (first.sessions, first.program, first.host) == (5, "node-mssql", "pantry-crm-0")
    asked_for = STORMY - STORM + timedelta(seconds=20)
    assert first.running_ms == asked_for / timedelta(milliseconds=1)


def test_the_witness_says_which_grant_it_lacks(sql: SqlDesk, driver: str) -> None:
    sql.engine.grants.refuse("sys.dm_exec_requests", 300)
    try:
        with pytest.raises(SourceError, match=r"it needs ##MS_ServerStateReader##: .*\(300\)"):
            sql.witness(driver).running(TARGET)
    finally:
        sql.engine.grants.allow("sys.dm_exec_requests")
