"""One message's life in a function's hands: decoded, leased, then deleted, retried or poison."""

import asyncio
import base64
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.functions.queue import QueueMessage
from azure.storage.queue import QueueClient
from azure.storage.queue import QueueMessage as Stored

from local.host.host_json import QueueOptions
from local.host.invoking import InvocationError, Invoker
from local.host.triggers import Function
from local.host.waits import set_within

# Pop receipt, message or queue gone: somebody else has it now, and will deal with it.
NO_LONGER_OURS = frozenset({400, 404, 409})
# The SDK raises ValueError for an answer in no known encoding.
STORAGE_FAILED = (AzureError, ValueError)

_log = logging.getLogger(__name__)


def encode(body: bytes, encoding: str) -> str:
    return base64.b64encode(body).decode() if encoding == "base64" else body.decode()


def decode(text: str, encoding: str) -> bytes:
    """Raises ValueError for what is not in that encoding; white space is no matter, as in .NET."""
    if encoding == "none":
        return text.encode()
    return base64.b64decode("".join(text.split()), validate=True)


def create_if_missing(queue: QueueClient) -> None:
    with contextlib.suppress(ResourceExistsError):
        queue.create_queue()


@dataclass
class Handling:
    """How the messages of one queue are handled.

    `lease` is how long one in work is hidden; it is renewed half-way. Without a `poison` queue a
    message that failed stays hidden for the rest of its lease.
    """

    function: Function
    queue: QueueClient
    poison: QueueClient | None
    options: QueueOptions
    invoker: Invoker
    lease: timedelta

    async def handle(self, message: Stored) -> None:
        """Deliver it and settle it; what the storage refuses is logged, and it comes back."""
        try:
            await self._handle(message)
        except STORAGE_FAILED as error:
            if not _is_no_longer_ours(error):
                _log.warning("message %s of %s: %s", message.id, self.queue.queue_name, error)

    async def give_back(self, messages: Iterable[Stored]) -> None:
        """Show them to the next who asks; they were taken too late."""
        for message in messages:
            with contextlib.suppress(*STORAGE_FAILED):
                await self._hide(message, timedelta())

    async def _handle(self, message: Stored) -> None:
        try:
            body = decode(message.content, self.options.encoding)
        except ValueError:
            await self._bury(message, message.content.encode())
            return
        if _tries(message) > self.options.max_dequeue_count:
            await self._bury(message, body)
            return
        async with self._leased(message):
            done = await self._invoked(message, body)
        await self._settle(message, body, done=done)

    async def _invoked(self, message: Stored, body: bytes) -> bool:
        try:
            await self.invoker.invoke(self.function, as_delivered(message, body))
        except InvocationError:
            return False
        return True

    async def _settle(self, message: Stored, body: bytes, *, done: bool) -> None:
        if done:
            await asyncio.to_thread(self.queue.delete_message, message.id, message.pop_receipt)
        elif not self.poison:
            return
        elif _tries(message) >= self.options.max_dequeue_count:
            await self._bury(message, body)
        else:
            await self._hide(message, self.options.visibility_timeout)

    async def _bury(self, message: Stored, body: bytes) -> None:
        if not self.poison:
            return
        _log.warning("message %s of %s is poison", message.id, self.queue.queue_name)
        text = encode(body, self.options.encoding)
        await asyncio.to_thread(_send, self.poison, text)
        await asyncio.to_thread(self.queue.delete_message, message.id, message.pop_receipt)

    async def _hide(self, message: Stored, span: timedelta) -> None:
        hidden = await asyncio.to_thread(
            self.queue.update_message,
            message.id,
            message.pop_receipt,
            visibility_timeout=round(span.total_seconds()),
        )
        message.pop_receipt = hidden.pop_receipt

    @asynccontextmanager
    async def _leased(self, message: Stored) -> AsyncIterator[None]:
        ended = asyncio.Event()
        renewing = asyncio.create_task(self._renew(message, ended))
        try:
            yield
        finally:
            ended.set()
            # A renewal under way changes the receipt with which the message is settled.
            await renewing

    async def _renew(self, message: Stored, ended: asyncio.Event) -> None:
        while not await set_within(ended, self.lease / 2):
            try:
                await self._hide(message, self.lease)
            except STORAGE_FAILED as error:
                _log.warning("lease of %s: %s", message.id, error)


def as_delivered(message: Stored, body: bytes) -> QueueMessage:
    """The message as the worker hands it to the function; its times are the storage's own."""
    return QueueMessage(  # type: ignore[no-untyped-call]
        id=message.id,
        body=body,
        dequeue_count=message.dequeue_count,
        insertion_time=message.inserted_on,
        expiration_time=message.expires_on,
        time_next_visible=message.next_visible_on,
        pop_receipt=message.pop_receipt,
    )


def _tries(message: Stored) -> int:
    return message.dequeue_count or 1


def _is_no_longer_ours(error: Exception) -> bool:
    return isinstance(error, HttpResponseError) and error.status_code in NO_LONGER_OURS


def _send(queue: QueueClient, text: str) -> None:
    create_if_missing(queue)
    queue.send_message(text)
