"""The contract of WorkQueue, and how its messages look to the Functions host."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from local.azurite import Account
from shared.adapters.memory import MemoryQueue
from shared.adapters.queues import StorageQueues, open_queues, open_queues_as
from shared.services.minute import CollectMessage, DeliveryMessage

MESSAGE = DeliveryMessage("pantry-crm", "20260101T0005Z-1a2b3c4d", "9f8e7d6c")
OTHER = CollectMessage("kök-ünï", datetime(2026, 1, 1, 0, 5, tzinfo=UTC))


@pytest.fixture
def queues(storage: Account) -> Iterator[StorageQueues]:
    opened = open_queues(connection_string=storage.connection_string)
    yield opened
    opened._service.close()


@pytest.fixture
def host(storage: Account) -> Iterator[QueueClient]:
    """The queue `deliveries` as the Functions host reads it: base64."""
    with QueueClient.from_connection_string(
        storage.connection_string,
        "deliveries",
        message_decode_policy=TextBase64DecodePolicy(),
    ) as client:
        yield client


def test_the_host_reads_what_was_put(queues: StorageQueues, host: QueueClient) -> None:
    queues.put("deliveries", MESSAGE)
    queues.put("deliveries", OTHER)

    bodies = [json.loads(message.content) for message in host.receive_messages()]

    assert bodies == [
        {
            "target": "pantry-crm",
            "episode": "20260101T0005Z-1a2b3c4d",
            "channel": "9f8e7d6c",
        },
        {"target": "kök-ünï", "minute": "2026-01-01T00:05:00Z", "kind": "collect"},
    ]


def test_queues_are_opened_by_endpoint_and_identity(storage: Account, host: QueueClient) -> None:
    credential = AzureNamedKeyCredential(storage.name, storage.key)
    opened = open_queues_as(endpoint=storage.queue_endpoint, credential=credential)
    opened.put("deliveries", MESSAGE)
    opened._service.close()

    assert [json.loads(message.content)["channel"] for message in host.receive_messages()] == [
        MESSAGE.channel
    ]


def test_a_message_is_base64_over_json(queues: StorageQueues, storage: Account) -> None:
    queues.put("deliveries", OTHER)

    with QueueClient.from_connection_string(storage.connection_string, "deliveries") as plain:
        [message] = plain.receive_messages()

    assert json.loads(base64.b64decode(message.content, validate=True))["target"] == "kök-ünï"


def test_a_missing_queue_is_made_and_then_used(queues: StorageQueues, host: QueueClient) -> None:
    for _ in range(3):
        queues.put("deliveries", MESSAGE)

    assert host.get_queue_properties().approximate_message_count == 3


@pytest.mark.parametrize(
    ("live_for", "lives"),
    [
        (None, timedelta(days=7)),
        (timedelta(minutes=2), timedelta(minutes=2)),
        (timedelta(milliseconds=1), timedelta(seconds=1)),
    ],
)
def test_a_message_lives_as_long_as_it_is_worth_something(
    queues: StorageQueues, host: QueueClient, live_for: timedelta | None, lives: timedelta
) -> None:
    queues.put("deliveries", MESSAGE, live_for=live_for)

    [message] = host.peek_messages()

    assert message.expires_on is not None
    assert message.inserted_on is not None
    assert message.expires_on - message.inserted_on == lives


def test_a_message_that_is_too_old_is_gone(queues: StorageQueues, host: QueueClient) -> None:
    queues.put("deliveries", MESSAGE, live_for=timedelta(seconds=1))
    deadline = time.monotonic() + 60

    while host.peek_messages() and time.monotonic() < deadline:
        time.sleep(0.1)

    assert host.peek_messages() == []


def test_the_twin_in_memory_keeps_messages_in_order_until_they_are_taken() -> None:
    queue = MemoryQueue()
    queue.put("deliveries", MESSAGE)
    queue.put("collect", OTHER, live_for=timedelta(minutes=2))

    assert queue.take() == [("deliveries", MESSAGE), ("collect", OTHER)]
    assert queue.take() == []
