"""A client's attention stops what runs, and nothing else."""

from collections.abc import Iterator
from threading import Thread

import pytest

from local.cloud.sql.engine import Cancelled
from local.cloud.tokens import Keys
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import T0, PlainWorld, wait_until
from tests.local.cloud.sql.asking import Database

LONG = "SELECT COUNT_BIG(*) FROM " + ", ".join(  # noqa: S608 - a text of ours
    f"sys.dm_db_resource_stats AS s{i}" for i in range(5)
)


@pytest.fixture
def database(keys: Keys) -> Iterator[Database]:
    made = Database(PlainWorld(), T0 + 30 * MINUTE, keys)
    yield made
    made.session.close()


def test_a_long_statement_is_interrupted_and_the_session_goes_on(database: Database) -> None:
    outcome: list[type[BaseException]] = []

    def ask() -> None:
        try:
            database.results(LONG)
        except Cancelled as cancelled:
            outcome.append(type(cancelled))

    asking = Thread(target=ask)
    asking.start()
    running = database.connect("watcher")
    text = "SELECT COUNT(*) FROM sys.dm_exec_requests WHERE session_id = 401"
    wait_until(lambda: next(iter(running.run(text, {}))).rows == [(1,)])
    database.session.cancel()
    asking.join(10)
    assert outcome == [Cancelled]
    assert database.value("SELECT 1 AS a") == 1


def test_a_cancel_that_comes_first_stops_the_batch_before_it_begins(database: Database) -> None:
    database.session.cancel()
    with pytest.raises(Cancelled):
        database.results("SELECT 1 AS a")
    assert database.value("SELECT 1 AS a") == 1


def test_a_cancel_between_two_statements_leaves_the_second_undone(database: Database) -> None:
    answers = database.session.run("SELECT 1 AS a; SELECT 2 AS b", {})
    next(answers)
    database.session.cancel()
    with pytest.raises(Cancelled):
        next(answers)
