"""The database's wire as real clients use it: Microsoft's ODBC driver and python-tds."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytds
import pytest

from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.sql import tokens
from local.cloud.sql.answerer import answerer
from local.cloud.sql.engine import DENIED, LOGIN_FAILED, UNKNOWN_OBJECT, Column, Result, SqlError
from local.cloud.sql.framing import ANSWER, ATTENTION, BATCH, RESETS, packets
from tests.local.cloud.handmade import wait_until
from tests.local.cloud.handmade_sql import ONE, WAIT, HandmadeEngine
from tests.local.cloud.sql_clients import (
    PASSWORD,
    PROGRAM,
    USER,
    Client,
    Odbc,
    PurePython,
    skip_without_odbc,
)

# python-tds compares the host's name by what pyOpenSSL would rather not have any more.
pytestmark = pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")

SET = Result(None)
UPDATE = Result(None, count=3)
TOKEN = "eyJ0" * 1500
NO_TABLE = SqlError(UNKNOWN_OBJECT, "Invalid object name 'nowhere'.")
ROWS = 2000
MANY = Result(
    [Column("n", "int"), Column("text", "nvarchar(50)")], [(n, f"row {n}") for n in range(ROWS)]
)


@pytest.fixture(params=[PurePython(), Odbc()], ids=lambda one: one.name)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    skip_without_odbc(found)
    return found


@pytest.fixture
def engine() -> HandmadeEngine:
    return HandmadeEngine(book={"SELECT 1": [ONE], "SELECT many": [MANY]})


@pytest.fixture
def cloud(desk: Desk, engine: HandmadeEngine) -> Iterator[Cloud]:
    """Whatever a test did, no connection, session or thread is left behind."""
    with running_cloud(desk, [lambda desk: answerer(desk, engine)]) as running:
        yield running
        wait_until(lambda: desk.visits.open_connections == 0)
    assert engine.sessions == 0
    assert not [one for one in threading.enumerate() if one.name.startswith("sql")]


@pytest.fixture
def url(cloud: Cloud) -> str:
    return cloud.urls["sql"]


@pytest.fixture
def cafile(desk: Desk, tmp_path: Path) -> Path:
    return desk.certificate.write(tmp_path / "desk.pem")


@pytest.fixture
def cursor(client: Client, url: str) -> Iterator[Any]:
    with closing(client.connect(url)) as connection:
        yield connection.cursor()


def rows(cursor: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in cursor.fetchall()]


def ask(cursor: Any, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
    return rows(cursor)


def failing(client: Client, cursor: Any, sql: str) -> int:
    """The number of the error that a statement fails with."""
    with pytest.raises(client.errors) as caught:
        ask(cursor, sql)
    return client.number(caught.value)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_user_gets_in_and_is_answered(
    client: Client,
    url: str,
    desk: Desk,
    engine: HandmadeEngine,
    cafile: Path,
    encrypted: bool,  # noqa: FBT001 - a case
) -> None:
    with closing(client.connect(url, cafile=cafile if encrypted else None)) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]
        assert desk.visits.programs == [PROGRAM]
    (login,) = engine.logins
    assert (login.user, login.password, login.program) == (USER, PASSWORD, PROGRAM)
    assert (login.database, login.token) == ("pantry", "")
    assert [one.tls for one in desk.visits.all()] == [client.tls if encrypted else ""]


def test_python_tds_verifies_the_certificate(url: str, desk: Desk, cafile: Path) -> None:
    cafile.write_bytes(Desk(desk.world, desk.clock).certificate.pem)
    with pytest.raises(Exception, match="certificate verify failed"):
        PurePython().connect(url, cafile=cafile)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_token_gets_in_however_long(
    client: Client,
    url: str,
    engine: HandmadeEngine,
    cafile: Path,
    encrypted: bool,  # noqa: FBT001 - a case
) -> None:
    with closing(client.connect(url, token=TOKEN, cafile=cafile if encrypted else None)) as it:
        assert ask(it.cursor(), "SELECT 1") == [(1,)]
    (login,) = engine.logins
    assert (login.token, login.user, login.program) == (TOKEN, "", PROGRAM)


@pytest.mark.parametrize(
    "refusal",
    [
        SqlError(LOGIN_FAILED, "Login failed for user 'reader'.", severity=14),
        SqlError(4060, "Cannot open database 'pantry' requested by the login.", severity=11),
        SqlError(40613, "Database 'pantry' is not currently available.", severity=17),
        SqlError(10928, "The session limit has been reached.", severity=20),
    ],
    ids=lambda one: str(one.number),
)
def test_a_refused_login_says_its_number(
    client: Client, url: str, engine: HandmadeEngine, refusal: SqlError
) -> None:
    engine.refusal = refusal
    with pytest.raises(client.errors) as caught:
        client.connect(url, login_timeout=1)
    assert client.number(caught.value) == refusal.number


CET = timezone(timedelta(hours=1))
MOMENT = datetime(2026, 3, 2, 9, 30, 15, 123456)  # noqa: DTZ001 - T-SQL's have no zone
VALUES: list[tuple[str, Any]] = [
    ("bit", True),
    ("tinyint", 255),
    ("smallint", -32768),
    ("int", -2147483648),
    ("bigint", 9223372036854775807),
    ("real", 0.5),
    ("float", 0.1),
    ("decimal(5,2)", Decimal("-123.45")),
    ("numeric(38,10)", Decimal("1234567890123456789012345678.0123456789")),
    ("nvarchar(20)", "Bücher 漢字 🥕"),
    ("nvarchar", ""),
    ("nvarchar(max)", "long 🥕" * 3000),
    ("varchar(20)", "Käse €"),
    ("varchar(max)", "plain" * 3000),
    ("varbinary(8)", b"\x00\xff\x10"),
    ("varbinary(max)", bytes(range(256)) * 40),
    ("date", date(1, 1, 1)),
    ("time(7)", time(23, 59, 59, 999999)),
    ("time(0)", time(1, 2, 3)),
    ("datetime", MOMENT.replace(microsecond=500000)),
    ("datetime2(3)", MOMENT.replace(microsecond=123000)),
    ("datetime2", MOMENT),
    ("datetimeoffset", MOMENT.replace(tzinfo=UTC)),
    ("datetimeoffset(6)", MOMENT.replace(tzinfo=CET)),
    ("uniqueidentifier", UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")),
]


def test_every_type_and_its_null_arrive(cursor: Any, engine: HandmadeEngine) -> None:
    columns = [Column(f"c{n}", of) for n, (of, _) in enumerate(VALUES)]
    values = tuple(value for _, value in VALUES)
    nulls = (None,) * len(VALUES)
    engine.book["SELECT types"] = [Result(columns, [values, nulls, values])]
    cursor.execute("SELECT types")
    assert [one[0] for one in cursor.description] == [one.name for one in columns]
    first, second, third = rows(cursor)
    assert second == nulls
    assert first == third
    *most, guid = first
    assert (*most, UUID(str(guid))) == values


@pytest.mark.parametrize("value", [5, -3, 70000, 5 * 10**9, 0.1, True, None, Decimal("12.345")])
def test_a_parameter_that_is_a_number_arrives(
    client: Client, cursor: Any, engine: HandmadeEngine, value: Any
) -> None:
    # python-tds writes a NULL into the statement: another parameter makes a call of it.
    cursor.execute(f"HEAR {client.mark} {client.mark}", (1, value))
    sql, given = engine.asked[-1]
    if value is None and client.name == PurePython.name:
        assert (sql, given) == ("HEAR @P1 NULL", {"P1": 1})
    else:
        assert (sql, given) == ("HEAR @P1 @P2", {"P1": 1, "P2": value})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "Bücher 漢字 🥕",
        "long 🥕" * 1000,
        MOMENT,
        MOMENT.date(),
        time(1, 2, 3),
        b"\x00\xff",
        b"\x00\xff" * 5000,
    ],
    ids=lambda value: f"{type(value).__name__}-{len(str(value))}",
)
def test_a_parameter_of_another_kind_arrives(
    client: Client, cursor: Any, engine: HandmadeEngine, value: Any
) -> None:
    binary = isinstance(value, bytes) and client.name == PurePython.name
    cursor.execute(f"HEAR {client.mark}", (pytds.Binary(value) if binary else value,))
    assert engine.asked[-1] == ("HEAR @P1", {"P1": value})


def test_python_tds_sends_the_offset_of_a_moment(url: str, engine: HandmadeEngine) -> None:
    moment = MOMENT.replace(tzinfo=CET)
    with closing(PurePython().connect(url)) as connection:
        connection.cursor().execute("HEAR %s", (moment,))
    found = engine.asked[-1][1]["P1"]
    assert (found, found.utcoffset()) == (moment, timedelta(hours=1))


def test_a_statement_may_be_asked_again_with_other_parameters(client: Client, cursor: Any) -> None:
    found = [ask(cursor, f"ECHO {client.mark}", n) for n in range(5)]
    assert found == [[(n,)] for n in range(5)]


def test_executemany_runs_each(client: Client, cursor: Any, engine: HandmadeEngine) -> None:
    cursor.executemany(f"HEAR {client.mark}", [(1,), (2,)])
    assert engine.asked == [("HEAR @P1", {"P1": 1}), ("HEAR @P1", {"P1": 2})]


def test_an_unknown_procedure_is_an_error_of_its_own(
    client: Client, cursor: Any, engine: HandmadeEngine
) -> None:
    call = cursor.callproc if client.name == PurePython.name else cursor.execute
    given = ("nowhere", ()) if client.name == PurePython.name else ("{CALL nowhere}",)
    with pytest.raises(client.errors, match="nowhere") as caught:
        call(*given)
    assert client.number(caught.value) == 2812
    assert ask(cursor, "SELECT 1") == [(1,)]


def test_settings_before_a_select_make_no_results_of_their_own(
    cursor: Any, engine: HandmadeEngine
) -> None:
    engine.book["SET SET SELECT"] = [SET, SET, ONE]
    assert ask(cursor, "SET SET SELECT") == [(1,)]
    assert not cursor.nextset()


def test_a_batch_of_settings_alone_gives_nothing(cursor: Any, engine: HandmadeEngine) -> None:
    engine.book["SET SET"] = [SET, SET]
    cursor.execute("SET SET")
    assert cursor.description is None
    assert not cursor.nextset()


def test_a_statement_may_be_longer_than_a_packet(cursor: Any, engine: HandmadeEngine) -> None:
    long = f"HEAR {'🥕' * 9000}"
    cursor.execute(long)
    assert engine.asked == [(long, {})]


def test_each_select_of_a_batch_has_its_own_result(cursor: Any, engine: HandmadeEngine) -> None:
    two = Result([Column("a", "int"), Column("b", "nvarchar(9)")], [(1, "x"), (2, "y")])
    none = Result([Column("c", "int")])
    engine.book["SELECT SELECT SELECT"] = [two, none, ONE]
    cursor.execute("SELECT SELECT SELECT")
    found = [rows(cursor)]
    while cursor.nextset():
        found.append(rows(cursor))
    assert found == [[(1, "x"), (2, "y")], [], [(1,)]]


def test_a_statement_without_rows_says_its_count(cursor: Any, engine: HandmadeEngine) -> None:
    engine.book["UPDATE"] = [UPDATE]
    cursor.execute("UPDATE")
    assert cursor.rowcount == 3


def test_many_rows_come_whole_and_in_order(cursor: Any) -> None:
    assert ask(cursor, "SELECT many") == list(MANY.rows)


def test_rows_that_nobody_fetches_are_given_up_for_the_next_statement(
    client: Client, url: str, engine: HandmadeEngine
) -> None:
    engine.book["SELECT much"] = [Result(MANY.columns, list(MANY.rows) * 20)]
    with closing(client.connect(url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT much")
        assert tuple(cursor.fetchone()) == (0, "row 0")
        cursor.close()
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "error",
    [
        NO_TABLE,
        SqlError(DENIED, "The SELECT permission was denied.", severity=14),
        SqlError(1222, "Lock request time out period exceeded."),
    ],
    ids=lambda one: str(one.number),
)
def test_an_error_says_its_number_and_leaves_the_connection_usable(
    client: Client, cursor: Any, engine: HandmadeEngine, error: SqlError
) -> None:
    engine.book["SELECT broken"] = [error]
    assert failing(client, cursor, "SELECT broken") == error.number
    assert ask(cursor, "SELECT 1") == [(1,)]


def test_what_came_before_an_error_is_seen_and_nothing_after_it(
    client: Client, cursor: Any, engine: HandmadeEngine
) -> None:
    engine.book["SELECT BROKEN SELECT"] = [ONE, NO_TABLE, ONE]
    cursor.execute("SELECT BROKEN SELECT")
    assert rows(cursor) == [(1,)]
    with pytest.raises(client.errors, match="nowhere") as caught:
        cursor.nextset()
    assert client.number(caught.value) == UNKNOWN_OBJECT
    assert not cursor.nextset()


def test_an_error_of_a_call_with_parameters_says_its_number(
    client: Client, cursor: Any, engine: HandmadeEngine
) -> None:
    engine.book["SELECT @P1"] = [NO_TABLE]
    with pytest.raises(client.errors, match="nowhere") as caught:
        cursor.execute(f"SELECT {client.mark}", (1,))
    assert client.number(caught.value) == UNKNOWN_OBJECT
    assert ask(cursor, f"ECHO {client.mark}", 7) == [(7,)]


def test_an_error_of_severity_20_ends_the_session(
    client: Client, cursor: Any, engine: HandmadeEngine
) -> None:
    engine.book["SELECT fatal"] = [SqlError(40501, "The service is busy.", severity=20)]
    assert failing(client, cursor, "SELECT fatal") == 40501
    with pytest.raises(client.errors):
        ask(cursor, "SELECT 1")


def test_transactions_begin_and_end_though_nothing_is_written(client: Client, url: str) -> None:
    with closing(client.connect(url, autocommit=False)) as connection:
        cursor = connection.cursor()
        for end in (connection.commit, connection.rollback, connection.commit):
            assert ask(cursor, "SELECT 1") == [(1,)]
            end()
        assert ask(cursor, "SELECT 1") == [(1,)]


def test_a_statement_that_takes_too_long_is_cancelled_and_the_connection_lives(
    client: Client, url: str, engine: HandmadeEngine
) -> None:
    with closing(client.connect(url, timeout=1)) as connection:
        cursor = connection.cursor()
        with pytest.raises(client.errors, match=r"(?i)time"):
            cursor.execute(WAIT)
        wait_until(lambda: engine.cancelled == 1)
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]


def test_a_client_that_dies_cancels_what_runs_for_it(url: str, engine: HandmadeEngine) -> None:
    connection = PurePython().connect(url)
    connection._tds_socket.main_session.submit_plain_query(WAIT)
    wait_until(lambda: engine.asked)
    connection._tds_socket.sock.close()
    wait_until(lambda: engine.cancelled == 1)


def _batch(sql: str) -> bytes:
    return struct.pack("<IIHQI", 22, 18, 2, 0, 1) + sql.encode("utf-16-le")


@pytest.fixture
def raw(url: str) -> Iterator[socket.socket]:
    """The socket of a client that has logged in, for what no client of ours would send."""
    with closing(PurePython().connect(url)) as connection:
        yield connection._tds_socket.sock


def test_an_attention_that_comes_too_late_is_answered_alone(raw: socket.socket) -> None:
    raw.sendall(packets(ATTENTION, b""))
    assert raw.recv(4096) == packets(ANSWER, tokens.done(tokens.DONE, tokens.ATTENTION))


def test_a_connection_that_leaves_a_pool_begins_anew(raw: socket.socket) -> None:
    asked = bytearray(packets(BATCH, _batch("HEAR")))
    asked[1] |= RESETS
    raw.sendall(asked)
    assert raw.recv(4096) == packets(ANSWER, tokens.connection_reset() + tokens.done(tokens.DONE))


def test_python_tds_takes_a_connection_from_its_pool_again(url: str) -> None:
    host, port = url.removeprefix("tcp://").split(":")
    how = {"user": USER, "password": PASSWORD, "port": int(port), "pooling": True}
    with closing(pytds.connect(host, "pantry", **how)) as connection:
        assert ask(connection.cursor(), "SELECT 1") == [(1,)]
    again = pytds.connect(host, "pantry", **how)
    assert ask(again.cursor(), "SELECT 1") == [(1,)]
    again._pooling = False
    again.close()


def test_eight_threads_with_connections_of_their_own_are_each_answered(
    client: Client, url: str, cafile: Path
) -> None:
    found: list[Any] = []

    def work(number: int) -> None:
        with closing(client.connect(url, cafile=cafile)) as connection:
            cursor = connection.cursor()
            asked = [ask(cursor, f"ECHO {client.mark}", number * 100 + n) for n in range(20)]
            found.append(asked == [[(number * 100 + n,)] for n in range(20)])

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [True] * 8


def test_what_was_asked_is_counted_by_connection(client: Client, url: str, desk: Desk) -> None:
    with closing(client.connect(url)) as connection:
        cursor = connection.cursor()
        ask(cursor, "SELECT many")
        ask(cursor, f"ECHO {client.mark}", 5)
        (visit,) = desk.visits.all()
        assert [(one.kind, one.sql, one.rows) for one in visit.asked] == [
            ("batch", "SELECT many", ROWS),
            ("rpc", "ECHO @P1", 1),
        ]
        assert visit.rows == ROWS + 1
        assert visit.bytes_out > ROWS * len("row 1") * 2
        assert 0 < visit.bytes_in < visit.bytes_out
        assert (desk.visits.open_connections, desk.visits.programs) == (1, [PROGRAM])
    wait_until(lambda: desk.visits.open_connections == 0)
    assert desk.visits.all() == [visit]
    desk.visits.clear()
    assert desk.visits.all() == []
