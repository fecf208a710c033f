"""The real drivers at the wire: values of every type, and what fails leaves no connection."""

import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.faults import Fault
from local.cloud.sql.answerer import answerer
from local.cloud.sql.engine import Column, Result
from shared.adapters.sql.connections import (
    PRELUDE,
    PURE_PYTHON,
    Statement,
    Table,
    connect,
    utc,
)
from shared.adapters.sql.odbc import _moment
from shared.domain.errors import SourceError
from shared.domain.samples import Failure
from tests.adapters.sql_desk import (
    ODBC,
    SqlDesk,
    a_busy_world,
    driver_named,
    running_sql_desk,
)
from tests.adapters.sql_moments import CALM, SEEDS, read
from tests.local.cloud.handmade import PlainWorld, StillClock, wait_until
from tests.local.cloud.handmade_sql import HandmadeEngine


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


@pytest.fixture
def mended(sql: SqlDesk) -> Iterator[SqlDesk]:
    yield sql
    sql.engine.accept_logins()
    sql.engine.grants.allow("sys.database_files")
    sql.engine.restore("Report")
    sql.desk.faults.clear("sql")


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


TEXTS = [Column(name, name) for name in ("nvarchar(40)", "nchar(4)", "nvarchar(max)")]


def test_half_a_character_costs_no_more_than_itself(driver: str) -> None:
    """An app that cuts text by UTF-16 units leaves one behind, and SUBSTRING makes one itself."""
    whole, cut = "Büro 🍅", "Büro \ud83c"
    rows = [(cut, "\udf45 🍅", 900 * cut + whole), (whole, "🍅🍅", None), (None, None, "")]
    desk = Desk(world=PlainWorld(), clock=StillClock())
    engine = HandmadeEngine(book={f"{PRELUDE}\nSELECT name": [Result(TEXTS, rows)]})
    with running_cloud(desk, [lambda desk: answerer(desk, engine)]):
        address = SqlDesk(desk, StillClock()).address()
        with closing(connect(address, driver=driver)) as connection:
            [table], failure = connection.run([Statement("SELECT name")])

    assert failure is None
    assert [tuple(row.values()) for row in table] == [
        ("Büro �", "� 🍅", 900 * "Büro �" + whole),
        (whole, "🍅🍅", None),
        (None, None, ""),
    ]


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
