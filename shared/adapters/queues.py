"""Azure Queue Storage behind `WorkQueue`."""

from datetime import timedelta
from typing import Any

import msgspec
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy

from shared.domain.errors import StoreRefused, StoreUnavailable

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 10
_WEEK = timedelta(days=7)
_REFUSED = frozenset({400, 413})


def open_queues(*, connection_string: str) -> "StorageQueues":
    """The queues of an account by connection string."""
    return StorageQueues(
        QueueServiceClient.from_connection_string(connection_string, **_patience())
    )


def open_queues_as(*, endpoint: str, credential: Any) -> "StorageQueues":
    """The queues of an account by identity; `endpoint` is https://<account>.queue.core.windows.net."""
    return StorageQueues(QueueServiceClient(endpoint, credential=credential, **_patience()))


def _patience() -> dict[str, Any]:
    """The SDK's own default sleeps 15 s and more before each retry; this one, 1 s before one."""
    return {
        "connection_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "retry_total": 1,
        "retry_read": 0,
        "initial_backoff": 0,
        "increment_base": 1,
        "random_jitter_range": 0,
    }


class StorageQueues:
    """Puts messages as the Functions host expects them: base64 over JSON."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    def put(
        self, queue: str, message: msgspec.Struct, *, live_for: timedelta | None = None
    ) -> None:
        """See WorkQueue.put; a missing queue is made."""
        body = msgspec.json.encode(message).decode()
        seconds = max(int((live_for or _WEEK).total_seconds()), 1)
        try:
            self._send(queue, body, seconds)
        except HttpResponseError as error:
            kind = StoreRefused if error.status_code in _REFUSED else StoreUnavailable
            raise kind(f"queue {queue!r} answered {error.status_code} {error.reason}") from error
        except (AzureError, ValueError) as error:  # ValueError: an answer in no known encoding
            raise StoreUnavailable(f"queue {queue!r}: {error}") from error

    def length(self, queue: str) -> int:
        """About how many messages it holds; a queue that is not there holds none."""
        try:
            found = self._service.get_queue_client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        except (AzureError, ValueError) as error:
            raise StoreUnavailable(f"queue {queue!r}: {error}") from error
        return int(found.approximate_message_count or 0)

    def _send(self, queue: str, body: str, seconds: int) -> None:
        client = self._service.get_queue_client(
            queue, message_encode_policy=TextBase64EncodePolicy()
        )
        try:
            client.send_message(body, time_to_live=seconds)
        except ResourceNotFoundError:
            client.create_queue()
            client.send_message(body, time_to_live=seconds)
