"""Every way for the database to be broken, as its two clients see it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local.cloud import inbox_page
from local.cloud.answerers import Desk, Make
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.faults import Fault
from local.cloud.sql.answerer import answerer
from local.cloud.sql.breaking import GARBAGE, LIMIT_REACHED, UNAVAILABLE
from local.cloud.sql.engine import Column, Result
from tests.local.cloud.handmade import wait_until
from tests.local.cloud.handmade_sql import ONE, WAIT, HandmadeEngine
from tests.local.cloud.sql_clients import Client, Odbc, PurePython, skip_without_odbc

TEN = Result([Column("n", "int"), Column("text", "nvarchar(9)")], [(n, "x") for n in range(10)])


@pytest.fixture(params=[PurePython(), Odbc()], ids=lambda one: one.name)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    skip_without_odbc(found)
    return found


@pytest.fixture
def engine() -> HandmadeEngine:
    return HandmadeEngine(book={"SELECT 1": [ONE], "SELECT ten": [Result(None), TEN]})


@pytest.fixture
def cloud(desk: Desk, engine: HandmadeEngine) -> Iterator[Cloud]:
    makers: list[Make] = [lambda desk: answerer(desk, engine), inbox_page.answerer]
    with running_cloud(desk, makers) as running:
        yield running
        wait_until(lambda: desk.visits.open_connections == 0)
    assert engine.sessions == 0
    assert not [one for one in threading.enumerate() if one.name.startswith("sql")]


@pytest.fixture
def url(cloud: Cloud) -> str:
    return cloud.urls["sql"]


@pytest.fixture
def cursor(client: Client, url: str) -> Iterator[Any]:
    with closing(client.connect(url)) as connection:
        yield connection.cursor()


def ask(cursor: Any, sql: str = "SELECT 1") -> list[tuple[Any, ...]]:
    cursor.execute(sql)
    return [tuple(row) for row in cursor.fetchall()]


def asking(cursor: Any) -> tuple[threading.Thread, list[Any]]:
    """A thread that asks, and where its answer will be."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask(cursor)))
    thread.start()
    return thread, answers


def connects(url: str) -> bool:
    where = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((where.hostname, where.port)) == 0


def test_its_address_is_a_port_of_its_own(url: str) -> None:
    where = urlsplit(url)
    assert (where.scheme, where.hostname, where.path) == ("tcp", "127.0.0.1", "")
    assert where.port


def test_slow_answers_late_but_rightly(cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("slow", seconds=0.2))
    began = time.monotonic()
    assert ask(cursor) == [(1,)]
    assert time.monotonic() - began >= 0.2


def test_a_slow_statement_may_be_given_up(
    client: Client, url: str, desk: Desk, engine: HandmadeEngine
) -> None:
    desk.faults.set("sql", Fault("slow", seconds=60, times=1))
    with closing(client.connect(url, timeout=1)) as connection:
        with pytest.raises(client.errors, match=r"(?i)time"):
            ask(connection.cursor())
        assert engine.asked == []
        assert ask(connection.cursor()) == [(1,)]


def test_a_hanging_statement_is_answered_once_the_fault_is_cleared(cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("hang", times=1))
    thread, answers = asking(cursor)
    wait_until(lambda: desk.visits.all()[0].asked)
    assert (answers, desk.faults.current("sql")) == ([], None)
    desk.faults.clear("sql")
    thread.join(timeout=60)
    assert answers == [[(1,)]]


def test_a_hanging_server_hears_no_attention(client: Client, url: str, desk: Desk) -> None:
    """Microsoft's driver waits thrice its timeout, then gives the connection up."""
    desk.faults.set("sql", Fault("hang"))
    with closing(client.connect(url, timeout=1)) as connection:
        with pytest.raises(client.errors, match=r"(?i)time"):
            ask(connection.cursor())
        assert desk.visits.open_connections == 1
        desk.faults.clear("sql")


def test_a_client_that_goes_while_the_server_hangs_is_forgotten(
    url: str, desk: Desk, engine: HandmadeEngine
) -> None:
    desk.faults.set("sql", Fault("hang"))
    connection = PurePython().connect(url)
    connection._tds_socket.main_session.submit_plain_query("SELECT 1")
    wait_until(lambda: desk.visits.all()[0].asked)
    connection._tds_socket.sock.close()
    wait_until(lambda: desk.visits.open_connections == 0)
    assert engine.asked == []


def test_the_cloud_stops_at_once_while_a_statement_hangs_and_another_runs(
    client: Client, desk: Desk, engine: HandmadeEngine
) -> None:
    def run(cursor: Any, sql: str) -> None:
        with pytest.raises(client.errors):
            ask(cursor, sql)

    with running_cloud(desk, [lambda desk: answerer(desk, engine)]) as cloud:
        connections = [client.connect(cloud.urls["sql"]) for _ in range(2)]
        hanging, running = (
            threading.Thread(target=run, args=(one.cursor(), sql))
            for one, sql in zip(connections, ["SELECT 1", WAIT], strict=True)
        )
        running.start()
        wait_until(lambda: engine.asked)
        desk.faults.set("sql", Fault("hang"))
        hanging.start()
        wait_until(lambda: sum(len(one.asked) for one in desk.visits.all()) == 2)
    for thread in (hanging, running):
        thread.join(timeout=60)
    assert (engine.cancelled, engine.sessions, desk.visits.open_connections) == (1, 0, 0)
    for connection in connections:
        connection.close()


def test_a_drop_comes_in_the_middle_of_the_rows(client: Client, cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("drop"))
    cursor.execute("SELECT ten")
    assert tuple(cursor.fetchone()) == (0, "x")
    with pytest.raises(client.errors):
        cursor.fetchall()


def test_a_drop_of_a_statement_without_rows_leaves_no_answer(
    client: Client, cursor: Any, desk: Desk
) -> None:
    desk.faults.set("sql", Fault("drop"))
    with pytest.raises(client.errors):
        cursor.execute("HEAR nothing")


def test_an_error_is_a_database_that_moves(client: Client, url: str, desk: Desk) -> None:
    desk.faults.set("sql", Fault("error"))
    with pytest.raises(client.errors) as caught:
        client.connect(url, login_timeout=1)
    assert client.number(caught.value) == UNAVAILABLE


def test_who_is_in_meets_no_error_of_logins(cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("error", times=1))
    assert ask(cursor) == [(1,)]
    assert desk.faults.broken()["sql"]["times"] == 1


def test_throttle_refuses_a_statement_and_ends_the_session(
    client: Client, cursor: Any, desk: Desk, url: str
) -> None:
    desk.faults.set("sql", Fault("throttle", times=1))
    with pytest.raises(client.errors) as caught:
        ask(cursor)
    assert client.number(caught.value) == LIMIT_REACHED
    with pytest.raises(client.errors):
        ask(cursor)
    with closing(client.connect(url)) as again:
        assert ask(again.cursor()) == [(1,)]


def test_garbage_is_no_tds_to_who_connects(client: Client, url: str, desk: Desk) -> None:
    desk.faults.set("sql", Fault("garbage"))
    with pytest.raises(client.errors):
        client.connect(url)
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port or 0), timeout=60) as probe:
        assert probe.recv(100) == GARBAGE


def test_garbage_is_no_tds_to_who_asks(client: Client, cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("garbage", times=1))
    with pytest.raises(client.errors):
        ask(cursor)


def test_wrong_shape_is_another_result(cursor: Any, desk: Desk) -> None:
    desk.faults.set("sql", Fault("wrong_shape"))
    cursor.execute("SELECT ten")
    assert [one[0] for one in cursor.description] == ["unexpected"]


def test_refuse_closes_the_door_even_on_open_connections_and_clear_opens_it(
    client: Client, cursor: Any, desk: Desk, url: str
) -> None:
    desk.faults.set("sql", Fault("refuse"))
    assert desk.visits.open_connections == 0
    assert not connects(url)
    with pytest.raises(client.errors):
        ask(cursor)
    desk.faults.clear("sql")
    with closing(client.connect(url)) as again:
        assert ask(again.cursor()) == [(1,)]


def test_the_control_endpoint_breaks_it_too(cloud: Cloud, url: str) -> None:
    control = f"{cloud.urls['desk']}/control/sql"
    assert requests.post(control, json={"kind": "refuse"}, timeout=60).ok
    assert not connects(url)
    assert requests.delete(control, timeout=60).ok
    assert connects(url)


@pytest.mark.parametrize(
    "bytes_", [b"GET / HTTP/1.1\r\n\r\n", b"\x12\x01\x00\x03\x00\x00\x00\x00", b""]
)
def test_who_speaks_no_tds_is_cut_off(url: str, desk: Desk, bytes_: bytes) -> None:
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port or 0), timeout=60) as stranger:
        stranger.sendall(bytes_)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(100) == b""
    wait_until(lambda: desk.visits.open_connections == 0)
    assert desk.visits.programs == []
