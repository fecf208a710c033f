"""Listens to queues as the host's storage extension does: polling, backing off, batches."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from azure.storage.queue import QueueMessage as Stored

from local.host.host_json import QueueOptions
from local.host.invoking import Invoker
from local.host.messages import STORAGE_FAILED, Handling, create_if_missing
from local.host.triggers import BindingError, Function, QueueTrigger
from local.host.waits import set_within

POISON = "-poison"
SHORTEST_WAIT = timedelta(milliseconds=100)
# The SDK's own default would sleep 15 s and more before each retry; the listener asks again anyway.
PATIENCE: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}

_log = logging.getLogger(__name__)


@dataclass
class QueueListener:
    """Takes one queue's messages in batches while there is room; backs off while it is empty."""

    handling: Handling
    longest_wait: timedelta
    _in_work: set[asyncio.Task[None]] = field(default_factory=set)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Until `stop`; a storage that fails is asked again later."""
        wait = SHORTEST_WAIT
        while not self._stopping.is_set():
            if await self._take_batch():
                wait = SHORTEST_WAIT
                await self._until_there_is_room()
            else:
                await set_within(self._stopping, wait)
                wait = min(wait * 2, self.longest_wait)
        if self._in_work:
            await asyncio.wait(self._in_work)

    def stop(self) -> None:
        """Take nothing more; `listen` returns when the messages in work are settled."""
        self._stopping.set()

    def close(self) -> None:
        self.handling.queue.close()
        if self.handling.poison:
            self.handling.poison.close()

    async def _take_batch(self) -> bool:
        try:
            batch = await asyncio.to_thread(self._receive)
        except STORAGE_FAILED as error:
            _log.warning("queue %s: %s", self.handling.queue.queue_name, error)
            return False
        if self._stopping.is_set():
            await self.handling.give_back(batch)
            return False
        for message in batch:
            task = asyncio.create_task(self.handling.handle(message))
            self._in_work.add(task)
            task.add_done_callback(self._in_work.discard)
        return bool(batch)

    def _receive(self) -> list[Stored]:
        size, lease = self.handling.options.batch_size, self.handling.lease
        pages = self.handling.queue.receive_messages(
            messages_per_page=size, visibility_timeout=round(lease.total_seconds())
        ).by_page()
        try:
            return list(next(pages, []))
        except ResourceNotFoundError:
            # The real host waits for somebody to create it; a desk should not wait for that.
            create_if_missing(self.handling.queue)
            return []

    async def _until_there_is_room(self) -> None:
        while len(self._in_work) > self.handling.options.new_batch_threshold:
            await asyncio.wait(self._in_work, return_when=asyncio.FIRST_COMPLETED)


def open_listener(
    function: Function,
    name: str,
    *,
    connection: str,
    options: QueueOptions,
    invoker: Invoker,
    lease: timedelta,
    longest_wait: timedelta,
) -> QueueListener:
    """A listener to the queue `name` of the account behind a connection string."""
    queue = _client(connection, name)
    poison = None if name.endswith(POISON) else _client(connection, name + POISON)
    handling = Handling(function, queue, poison, options, invoker, lease)
    return QueueListener(handling, min(longest_wait, options.max_polling_interval))


def connection_of(trigger: QueueTrigger, *, storage: str, settings: Mapping[str, str]) -> str:
    """The connection string behind the trigger's setting; raises BindingError without one."""
    if trigger.connection == "AzureWebJobsStorage":
        return storage
    found = settings.get(trigger.connection) or settings.get(f"AzureWebJobs{trigger.connection}")
    if not found:
        raise BindingError(f"queue {trigger.queue}: the setting {trigger.connection} is not set")
    return found


def _client(connection: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(connection, name, **PATIENCE)
