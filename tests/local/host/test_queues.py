"""Queue triggers on a real queue service."""

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from local.azurite import Account
from local.host.invocations import Outcome
from local.host.messages import decode, encode
from local.host.triggers import BindingError
from tests.local.host.making import PATIENCE_S, QUICK, a_host, a_host_json, an_app
from tests.stopwatch import standstill

QUEUE = "things"


@pytest.fixture
def queue(storage: Account) -> Iterator[QueueClient]:
    """The queue, written in base64 as producers do, not yet created."""
    policy = TextBase64EncodePolicy()
    text = storage.connection_string
    with QueueClient.from_connection_string(text, QUEUE, message_encode_policy=policy) as client:
        yield client


@pytest.fixture
def poison(storage: Account) -> Iterator[QueueClient]:
    """The queue of poison, as it is stored."""
    with QueueClient.from_connection_string(storage.connection_string, f"{QUEUE}-poison") as client:
        yield client


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """Three tries, one right after the other."""
    return a_host_json(tmp_path, maxDequeueCount=3, batchSize=4)


def send(queue: QueueClient, *bodies: str) -> None:
    queue.create_queue()
    for body in bodies:
        queue.send_message(body)


def waiting(queue: QueueClient) -> int | None:
    return queue.get_queue_properties().approximate_message_count


def emptied(queue: QueueClient) -> bool:
    """Whether it is empty, or soon is: a message is settled just after its function ended."""
    until = time.monotonic() + PATIENCE_S
    while waiting(queue) and time.monotonic() < until:
        time.sleep(0.02)
    return waiting(queue) == 0


def wait_until_made(queue: QueueClient) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            queue.get_queue_properties()
        except ResourceNotFoundError:
            time.sleep(0.02)
        else:
            return


def test_a_message_is_decoded_delivered_and_deleted(
    storage: Account, queue: QueueClient, quick: Path
) -> None:
    app = an_app()
    got: list[func.QueueMessage] = []

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None:
        got.append(message)

    send(queue, '{"target": "crm", "é": 1}')
    with a_host(app, storage=storage.connection_string, host_json=quick) as host:
        host.invocations.wait_for("take")
        assert emptied(queue)

    (message,) = got
    assert message.get_json() == {"target": "crm", "é": 1}
    assert (message.dequeue_count, bool(message.id), bool(message.pop_receipt)) == (1, True, True)
    assert message.insertion_time is not None
    assert message.expiration_time is not None
    assert message.time_next_visible is not None
    assert message.insertion_time < message.time_next_visible < message.expiration_time


def test_a_queue_that_is_missing_is_made_and_listened_to(
    storage: Account, queue: QueueClient, quick: Path
) -> None:
    app = an_app()

    @app.queue_trigger(arg_name="message", queue_name="%NAME%", connection="Other")
    async def take(message: func.QueueMessage) -> None: ...

    settings = {"NAME": QUEUE, "AzureWebJobsOther": storage.connection_string}
    with a_host(app, settings=settings, host_json=quick) as host:
        wait_until_made(queue)
        queue.send_message("late")
        host.invocations.wait_for("take")


def test_a_message_that_always_fails_is_poison_after_its_last_try(
    storage: Account, queue: QueueClient, poison: QueueClient, quick: Path
) -> None:
    app = an_app()
    tries: list[int | None] = []

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        raise ValueError("bad")

    send(queue, "bad")
    with a_host(app, storage=storage.connection_string, host_json=quick) as host:
        runs = host.invocations.wait_for("take", 3)
        assert emptied(queue)

    assert tries == [1, 2, 3]
    assert {run.outcome for run in runs} == {Outcome.FAILED}
    assert [m.content for m in poison.receive_messages()] == [base64.b64encode(b"bad").decode()]


def test_a_message_that_fails_waits_before_it_is_tried_again(
    storage: Account, queue: QueueClient, tmp_path: Path
) -> None:
    app = an_app()
    tried: list[float] = []

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None:
        tried.append(time.monotonic())
        if message.dequeue_count == 1:
            raise ValueError("not yet")

    send(queue, "again")
    patient = a_host_json(tmp_path, visibilityTimeout="00:00:01")
    with a_host(app, storage=storage.connection_string, host_json=patient) as host:
        host.invocations.wait_for("take", 2)
        assert emptied(queue)

    assert tried[1] - tried[0] > 0.9


def test_what_is_not_base64_is_poison_at_once(
    storage: Account, queue: QueueClient, poison: QueueClient, quick: Path
) -> None:
    app = an_app()

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None: ...

    queue.create_queue()
    with QueueClient.from_connection_string(storage.connection_string, QUEUE) as plain:
        plain.send_message("plain text!")
    with a_host(app, storage=storage.connection_string, host_json=quick) as host:
        assert emptied(queue)
        assert host.invocations.all() == []

    (found,) = poison.receive_messages()
    assert base64.b64decode(found.content) == b"plain text!"


def test_a_batch_runs_at_once(storage: Account, queue: QueueClient, quick: Path) -> None:
    app = an_app()
    together = threading.Barrier(4)

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None:
        together.wait(PATIENCE_S)

    send(queue, "1", "2", "3", "4")
    with a_host(app, storage=storage.connection_string, host_json=quick) as host:
        runs = host.invocations.wait_for("take", 4)

    assert {run.outcome for run in runs} == {Outcome.SUCCEEDED}


def test_a_message_in_work_stays_hidden_longer_than_its_lease(
    storage: Account, queue: QueueClient, quick: Path
) -> None:
    app = an_app()

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None:
        time.sleep(3.2)

    send(queue, "slow")
    where = storage.connection_string
    with standstill() as stood, a_host(app, storage=where, host_json=quick, patience=QUICK) as host:
        host.invocations.wait_for("take")
        assert emptied(queue)

    # Whoever stands still for half a lease can't renew it.
    assert len(host.invocations.all()) == 1 or stood.seconds > 0.9


def test_a_storage_that_is_away_does_not_end_the_host(quick: Path) -> None:
    app = an_app()

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None: ...

    nobody = (
        "DefaultEndpointsProtocol=http;AccountName=nobody;AccountKey=c3BhcmU=;"
        "QueueEndpoint=http://127.0.0.1:9/nobody;"
    )
    with a_host(app, storage=nobody, host_json=quick) as host:
        time.sleep(0.3)
        assert host.invocations.all() == []


def test_a_connection_that_is_not_set_is_named() -> None:
    app = an_app()

    @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection="Other")
    def take(message: func.QueueMessage) -> None: ...

    with pytest.raises(BindingError, match="the setting Other is not set"), a_host(app):
        pass


def test_without_an_encoding_text_is_taken_as_it_is() -> None:
    assert decode("é", "none") == "é".encode()
    assert encode("é".encode(), "none") == "é"


def test_base64_may_be_broken_into_lines() -> None:
    assert decode("YW\r\nJj", "base64") == b"abc"
