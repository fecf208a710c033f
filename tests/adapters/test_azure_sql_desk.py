"""The real drivers against the database on the desk: every figure is the world's own."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from statistics import fmean
from typing import Any

import pytest

from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.faults import Fault
from local.cloud.sql.answerer import answerer
from local.cloud.sql.engine import Column, Result
from local.world.events import World
from local.world.running import BAD_QUERY
from local.world.truth import truth
from shared.adapters.sql.azure_sql import AzureSql
from shared.adapters.sql.connections import (
    PRELUDE,
    PURE_PYTHON,
    Statement,
    Table,
    connect,
    utc,
)
from shared.adapters.sql.failures import SqlFailure
from shared.adapters.sql.odbc import _moment
from shared.catalog.metrics import CATALOG
from shared.catalog.sql_queries import BUSY, NAME_SETS
from shared.domain.culprits import gathered, masked
from shared.domain.errors import SourceError
from shared.domain.metrics import Within
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import MINUTE, each_minute, floor_minute
from tests.adapters.sql_desk import (
    CHAIN,
    ODBC,
    RUSH_HOUR,
    STORM,
    TARGET,
    SqlDesk,
    a_busy_world,
    driver_named,
    running_sql_desk,
)
from tests.local.cloud.handmade import PlainWorld, StillClock, wait_until
from tests.local.cloud.handmade_sql import HandmadeEngine
from tests.local.cloud.sql_clients import PurePython
from tests.walks.facts import COUNTED, OF_BUSINESS, OF_NOW

DAWN = RUSH_HOUR - timedelta(minutes=163, seconds=-20)
CALM = RUSH_HOUR + timedelta(minutes=7, seconds=20)
STORMY = STORM + timedelta(minutes=6, seconds=20)
BLOCKED = CHAIN + timedelta(minutes=6, seconds=50)
MOMENTS = {"dawn": DAWN, "calm": CALM, "storm": STORMY, "blocking": BLOCKED}
SEEDS = (1, 2)
SLOT, QUARTER = 5 * MINUTE, 15 * MINUTE
OVERRIDDEN = {
    **NAME_SETS["crm"],
    "sessions": "dbo.UserSession",
    "sessions.seenAt": "lastActivity",
}
VOCABULARIES = {**NAME_SETS, "overridden": OVERRIDDEN}
MERGED: Mapping[Within, Callable[[Sequence[float]], float]] = {
    Within.MEAN: fmean,
    Within.MAX: max,
    Within.SUM: sum,
    Within.LAST: lambda values: values[-1],
}

Figures = dict[tuple[str, datetime], float]


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


def read(source: AzureSql, at: datetime) -> dict[str, Answer]:
    asked = {name: quarter_of(at) if name in OF_BUSINESS else since_of(at) for name in source.names}
    return {one.source: one for one in source.read(TARGET, since=asked, now=at)}


def since_of(at: datetime) -> datetime:
    return floor_minute(at) - 2 * SLOT


def quarter_of(at: datetime) -> datetime:
    """Two whole quarters of an hour before the one that runs."""
    now = floor_minute(at)
    return now - timedelta(minutes=now.minute % 15) - 2 * QUARTER


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


def run(sql: SqlDesk, driver: str, text: str, **parameters: Any) -> Table:
    with closing(sql.door(driver)()) as connection:
        outcome = connection.run([Statement(text, parameters)])
    assert outcome.failure is None
    return outcome.tables[0]


def test_values_of_every_type_that_is_read_arrive(sql: SqlDesk, driver: str) -> None:
    text = """
        SELECT
            CAST(N'2026-03-02T09:00:00.1234567+05:30' AS datetimeoffset(7)) AS at,
            CAST(-1.25 AS decimal(5,2)) AS rate,
            CAST(NULL AS datetimeoffset(7)) AS no_time,
            CAST(NULL AS decimal(5,2)) AS no_rate,
            NULL AS nothing,
            CAST(DATABASEPROPERTYEX(DB_NAME(), 'MaxSizeInBytes') AS bigint) AS most
    """

    [row] = run(sql, driver, text)

    assert utc(row["at"]) == datetime(2026, 3, 2, 3, 30, 0, 123456, tzinfo=UTC)
    assert row["rate"] == Decimal("-1.25")
    assert (row["no_time"], row["no_rate"], row["nothing"]) == (None, None, None)
    assert row["most"] == sql.world.storage_limit_bytes


VARIANTS = Result([Column("most", "sql_variant")], [(2**31,), ("Basic",), (None,)])


def test_a_variant_has_to_be_cast(driver: str) -> None:
    """As MaxSizeInBytes is: pyodbc can't read one of a bigint, and says so in a sentence."""
    desk = Desk(world=PlainWorld(), clock=StillClock())
    engine = HandmadeEngine(book={f"{PRELUDE}\nSELECT most": [VARIANTS]})
    with running_cloud(desk, [lambda desk: answerer(desk, engine)]):
        address = SqlDesk(desk, StillClock()).address()
        with closing(connect(address, driver=driver)) as connection:
            tables, failure = connection.run([Statement("SELECT most")])

    if driver == PURE_PYTHON:
        assert tables == [[{"most": 2**31}, {"most": "Basic"}, {"most": None}]]
    else:
        assert failure is not None
        assert str(failure).startswith("ODBC SQL type -25 is not yet supported")


@pytest.mark.parametrize(("hours", "minutes"), [(5, 30), (-3, -30), (0, 0)])
def test_odbcs_own_moments_are_local_to_their_offset(hours: int, minutes: int) -> None:
    """The desk knows moments in UTC alone; the driver hands on a structure of C."""
    raw = struct.pack("<6hI2h", 2026, 3, 2, 9, 0, 1, 123_456_700, hours, minutes)
    offset = timedelta(hours=hours, minutes=minutes)

    assert _moment(raw) == datetime(2026, 3, 2, 9, 0, 1, 123456, tzinfo=timezone(offset))


def test_values_are_handed_over_apart_from_the_text(sql: SqlDesk, driver: str) -> None:
    given = {"at": CALM, "none": None, "said": "ä'; DROP TABLE x; --", "many": 7}

    [row] = run(
        sql, driver, "SELECT @at AS a, @none AS b, @said AS c, @many AS d, '100%' AS e", **given
    )

    assert dict(row) == {
        "a": CALM.replace(tzinfo=None),
        "b": None,
        "c": given["said"],
        "d": 7,
        "e": "100%",
    }
    (visit,) = sql.desk.visits.all()[-1:]
    assert all("DROP" not in one.sql for one in visit.asked)


def refusing(number: int) -> Callable[[SqlDesk], None]:
    return lambda sql: sql.engine.refuse_logins(number)


def broken(fault: Fault) -> Callable[[SqlDesk], None]:
    return lambda sql: sql.desk.faults.set("sql", fault)


def denied(sql: SqlDesk) -> None:
    sql.engine.grants.refuse("sys.database_files")


def moved(sql: SqlDesk) -> None:
    sql.engine.drop("Report")


BREAKAGES = {
    "login refused": refusing(18456),
    "database moves": refusing(40613),
    "denied": denied,
    "unknown table": moved,
    **{kind: broken(Fault(kind)) for kind in ("drop", "error", "garbage", "throttle")},
    "wrong shape": broken(Fault("wrong_shape")),
}


REPEATED = ("database moves", "error")
"""What python-tds repeats by itself until its time is over."""

each_breakage = pytest.mark.parametrize(
    "breakage",
    [
        pytest.param(breakage, id=name, marks=pytest.mark.slow if name in REPEATED else ())
        for name, breakage in BREAKAGES.items()
    ],
)


@pytest.fixture
def mended(sql: SqlDesk) -> Iterator[SqlDesk]:
    yield sql
    sql.engine.accept_logins()
    sql.engine.grants.allow("sys.database_files")
    sql.engine.restore("Report")
    sql.desk.faults.clear("sql")


@each_breakage
def test_a_reading_that_fails_leaves_no_connection(
    mended: SqlDesk, driver: str, breakage: Callable[[SqlDesk], None]
) -> None:
    """The server counts them; it notices an end a moment later."""
    source = mended.hurried(driver)
    breakage(mended)

    try:
        failed = any(isinstance(one, Failure) for one in read(source, CALM).values())
    except SourceError:
        failed = True

    assert failed
    wait_until(lambda: mended.desk.visits.open_connections == 0)


@pytest.mark.slow
def test_a_reading_that_hangs_ends_and_leaves_no_connection(mended: SqlDesk, driver: str) -> None:
    source = mended.hurried(driver)
    mended.desk.faults.set("sql", Fault("hang"))

    with pytest.raises(SourceError):
        read(source, CALM)

    wait_until(lambda: mended.desk.visits.open_connections == 0)
