"""A store that is sick, silent or gone is StoreUnavailable, soon; what it refuses, StoreRefused."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.adapters import queues, tables
from shared.adapters.queues import StorageQueues, open_queues
from shared.adapters.rows import DeleteRow, InsertRow, ReplaceRow, Rows
from shared.adapters.tables import open_table
from shared.domain.errors import Conflict, StoreError, StoreRefused, StoreUnavailable
from shared.services.minute import DeliveryMessage
from tests.adapters.conftest import Answerer
from tests.stopwatch import seconds_at_most

MESSAGE = DeliveryMessage("pantry-crm", "20260101T0005Z-1a2b3c4d", "9f8e7d6c")
Call = Callable[[str], None]


@contextmanager
def opened_table(connection_string: str) -> Iterator[Rows]:
    rows = open_table("Rows", connection_string=connection_string)
    try:
        yield rows
    finally:
        rows.close()


@contextmanager
def opened_queues(connection_string: str) -> Iterator[StorageQueues]:
    opened = open_queues(connection_string=connection_string)
    try:
        yield opened
    finally:
        opened._service.close()


def get(connection_string: str) -> None:
    with opened_table(connection_string) as rows:
        rows.get("p", "k")


def query(connection_string: str) -> None:
    with opened_table(connection_string) as rows:
        rows.query("p", "a", "b", ["v"])


def insert(connection_string: str) -> None:
    with opened_table(connection_string) as rows:
        rows.transact("p", [InsertRow("k", {"v": 1})])


def replace_and_delete(connection_string: str) -> None:
    with opened_table(connection_string) as rows:
        rows.transact("p", [ReplaceRow("k", {"v": 1}, 'W/"1"'), DeleteRow("l")])


def put(connection_string: str) -> None:
    with opened_queues(connection_string) as opened:
        opened.put("deliveries", MESSAGE)


READS = [get, query]
WRITES = [insert, replace_and_delete]
CALLS = [*READS, *WRITES, put]


@pytest.mark.parametrize("call", CALLS)
def test_nobody_listens(nobody: str, call: Call) -> None:
    with seconds_at_most(20), pytest.raises(StoreUnavailable, match="Connection refused"):
        call(nobody)


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 503) for call in CALLS), (get, 429), (insert, 429), (put, 429), (get, 403)],
)
def test_the_service_is_busy_or_broken(answerer: Answerer, call: Call, status: int) -> None:
    answerer.status = status

    with seconds_at_most(20), pytest.raises(StoreUnavailable, match=str(status)):
        call(answerer.connection_string)

    assert 1 <= len(answerer.asked) <= 3


@pytest.mark.parametrize("call", [get, insert, put])
def test_a_service_that_asks_for_patience_does_not_put_the_tick_to_sleep(
    answerer: Answerer, call: Call
) -> None:
    answerer.headers = {"Retry-After": "60"}

    with seconds_at_most(20), pytest.raises(StoreUnavailable):
        call(answerer.connection_string)


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_never_answers_costs_one_time_out(
    answerer: Answerer, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer.delay = 60
    monkeypatch.setattr(tables, "READ_TIMEOUT", 0.3)
    monkeypatch.setattr(queues, "READ_TIMEOUT", 0.3)

    with seconds_at_most(20), pytest.raises(StoreUnavailable):
        call(answerer.connection_string)

    assert len(answerer.asked) == 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 413])
def test_what_the_service_refuses_is_not_tried_again(
    answerer: Answerer, call: Call, status: int
) -> None:
    answerer.status = status

    with pytest.raises(StoreRefused, match=str(status)):
        call(answerer.connection_string)

    assert len(answerer.asked) == 1


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("status", [409, 412])
def test_somebody_else_wrote(answerer: Answerer, call: Call, status: int) -> None:
    answerer.status = status

    with pytest.raises(Conflict):
        call(answerer.connection_string)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [b"", b"<html>a proxy's page</html>", b"{", b"\x00\xff"])
def test_an_error_without_a_sensible_body_is_still_translated(
    answerer: Answerer, call: Call, body: bytes
) -> None:
    answerer.status, answerer.body = 403, body

    with pytest.raises(StoreUnavailable):
        call(answerer.connection_string)


# The SDK leaves the socket of a broken answer to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", [*READS, *WRITES])
@pytest.mark.parametrize("body", [b"", b"<html>a proxy's page</html>", b"{", b"[]"])
@pytest.mark.parametrize("status", [200, 202])
def test_garbage_in_place_of_an_answer_is_a_store_error(
    answerer: Answerer, call: Call, body: bytes, status: int
) -> None:
    answerer.status, answerer.body = status, body
    answerer.headers = {"Content-Type": "application/json"}

    with pytest.raises(StoreError):
        call(answerer.connection_string)
    gc.collect()
