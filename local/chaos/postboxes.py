"""The other end of the queue, from which the platform hands messages to functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from shared.adapters.memory import MemoryQueue
from shared.services.minute import (
    COLLECT_QUEUE,
    DELIVERIES_QUEUE,
    CollectMessage,
    DeliveryMessage,
)

KINDS: dict[str, type[Struct]] = {
    COLLECT_QUEUE: CollectMessage,
    DELIVERIES_QUEUE: DeliveryMessage,
}


class Postbox(Protocol):
    """A message stays until it is finished, also when whoever handles it dies."""

    def waiting(self) -> Sequence[Struct]:
        """The messages that nobody has finished, oldest first."""
        ...

    def finish(self, count: int) -> None:
        """The oldest so many are done."""
        ...


@dataclass(frozen=True)
class MemoryPostbox:
    """Of the twin's queue."""

    queue: MemoryQueue

    def waiting(self) -> Sequence[Struct]:
        """See Postbox.waiting."""
        return [message for _, message in self.queue.messages]

    def finish(self, count: int) -> None:
        """See Postbox.finish."""
        del self.queue.messages[:count]


class StoragePostbox:
    """Of the queues of a storage account, which keep their order on Azurite."""

    def __init__(self, connection_string: str) -> None:
        from azure.storage.queue import (  # noqa: PLC0415 - SDK import
            QueueClient,
            TextBase64DecodePolicy,
        )

        self._queues = {
            name: QueueClient.from_connection_string(
                connection_string, name, message_decode_policy=TextBase64DecodePolicy()
            )
            for name in KINDS
        }
        self._found: list[tuple[str, Struct]] = []

    def waiting(self) -> Sequence[Struct]:
        """See Postbox.waiting; a glance hides no message from the next life."""
        self._found = [
            (name, msgspec.json.decode(one.content, type=KINDS[name]))
            for name, queue in self._queues.items()
            for one in self._glance(queue)
        ]
        return [message for _, message in self._found]

    def _glance(self, queue: Any) -> Sequence[Any]:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - SDK import

        try:
            found: Sequence[Any] = queue.peek_messages(max_messages=32)
        except ResourceNotFoundError:  # made with its first message
            return []
        return found

    def finish(self, count: int) -> None:
        """See Postbox.finish."""
        for name, _ in self._found[:count]:
            queue = self._queues[name]
            if oldest := queue.receive_message():
                queue.delete_message(oldest)
