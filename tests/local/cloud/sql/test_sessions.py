"""What sessions show of themselves and of each other, and how batches go."""

import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from local.cloud.tokens import Keys
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import T0, PlainWorld
from tests.local.cloud.sql.asking import Database, failure, query_text
from tests.local.world.playing import a_world, the_scene
from tests.stopwatch import seconds_at_most

SPIDS = "SELECT session_id FROM sys.dm_exec_sessions WHERE program_name = N'pantry-monitor'"


@pytest.fixture
def database(keys: Keys) -> Iterator[Database]:
    made = Database(PlainWorld(), T0 + 30 * MINUTE, keys)
    yield made
    made.session.close()


@pytest.fixture(scope="module")
def storm() -> Database:
    world = a_world("dtu_storm")
    return Database(world, the_scene(world).begins + 3 * MINUTE, Keys())


@pytest.fixture(scope="module")
def chain() -> Database:
    world = a_world("blocking")
    return Database(world, the_scene(world).begins + 3 * MINUTE, Keys())


def test_connections_come_and_go(database: Database) -> None:
    other = database.connect()
    assert database.ask(SPIDS) == [(401,), (402,)]
    other.close()
    other.close()
    assert database.ask(SPIDS) == [(401,)]


def test_connections_do_not_share_their_moment(database: Database) -> None:
    other = database.connect()
    assert database.value("SELECT @@SPID") == 401
    (result,) = other.run("SELECT @@SPID AS me", {})
    assert list(result.rows) == [(402,)]
    assert database.value("SELECT @@SPID") == 401


def test_a_chain_has_a_sleeping_head_with_an_open_transaction(chain: Database) -> None:
    text = """
        SELECT s.session_id, s.status, s.host_name
        FROM sys.dm_exec_sessions AS s
        WHERE s.open_transaction_count > 0 AND NOT EXISTS (
            SELECT 1 FROM sys.dm_exec_requests AS r WHERE r.session_id = s.session_id
        )
    """
    ((head, status, host),) = chain.ask(text)
    waits = "SELECT session_id FROM sys.dm_exec_requests WHERE blocking_session_id = @head"
    assert (status, host) == ("sleeping", "pantry-crm-worker")
    assert len(chain.ask(waits, head=head)) == 1
    assert chain.catalog("blocking") == [{"blocked": 4}]


def test_a_request_knows_the_statement_of_its_batch(database: Database) -> None:
    batch = "SET NOCOUNT ON; SELECT 1 AS a; " + query_text("running_requests").replace(
        "<> N'pantry-monitor'", "= N'pantry-monitor'"
    )
    rows = list(database.session.run(batch, {}))[-1].rows
    (statement,) = (row[-1] for row in rows)
    assert statement.startswith("SELECT /* pantry-monitor */ TOP (5)\n    r.session_id")
    assert statement.endswith("ORDER BY r.cpu_time DESC")


def test_system_sessions_are_no_users(database: Database) -> None:
    text = "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE is_user_process = 0"
    assert database.value(text) == 6


def test_the_level_that_was_set_is_shown(database: Database) -> None:
    text = "SELECT transaction_isolation_level FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
    assert database.value(text) == 2
    database.results("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    assert database.value(text) == 1


def test_what_came_before_an_error_stays_said(database: Database) -> None:
    answers = database.session.run("SELECT 1 AS a; SELECT nothing; SELECT 2 AS b", {})
    assert list(next(answers).rows) == [(1,)]
    assert failure(lambda: next(answers)).number == 207
    assert list(answers) == []


@pytest.mark.parametrize(
    ("source", "fails", "number"), [("dmv", "blocking", 40197), ("counts", "reports", 1222)]
)
def test_a_source_that_the_world_takes_away_fails_alone(
    database: Database, source: str, fails: str, number: int
) -> None:
    assert isinstance(database.desk.world, PlainWorld)
    database.desk.world.down.add(source)
    given: dict[str, Any] = {"since": T0, "until": T0}
    assert failure(lambda: database.catalog(fails, **given)).number == number
    other = "reports" if source == "dmv" else "blocking"
    assert database.catalog(other, **given) in ([], [{"blocked": 0}])


def test_many_connections_ask_at_once(keys: Keys) -> None:
    database = Database(a_world(), T0 + 10 * MINUTE, keys)
    rows = [0] * 4

    def ask(place: int) -> None:
        session = database.connect()
        for _ in range(5):
            batch = "SELECT COUNT(*) AS n FROM Interaction; SELECT @@SPID AS me"
            counted, me = (result.rows[0][0] for result in session.run(batch, {}))
            rows[place] += counted > 1000 and me > 401
        session.close()

    threads = [Thread(target=ask, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert rows == [5] * 4


def test_a_batch_of_all_views_takes_milliseconds(
    storm: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = ("resource_stats", "sessions", "storage", "blocking", "running_requests")
    batch = ";\n".join(query_text(query).rstrip().rstrip(";") for query in queries)
    given = {"since": storm.clock.at.replace(tzinfo=None) - 2 * MINUTE}
    list(storm.session.run(batch, given))
    began = time.perf_counter()
    with seconds_at_most(2):
        list(storm.session.run(batch, given))
    took = time.perf_counter() - began
    with capsys.disabled():
        print(f"\na batch of five statements in {1000 * took:.0f} ms")  # noqa: T201 - for people
