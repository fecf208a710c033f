"""Tables, queues and the app's identity."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.adapters.guard import GuardedRows
from shared.adapters.rows import Rows
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.queues import StorageQueues

SAMPLES, ALERTS, CONFIG = "Samples", "Alerts", "Config"

# Nothing may wait for a token for ever: azure-identity's own patience is minutes, and it would
# sleep through any Retry-After.
IDENTITY_PATIENCE: dict[str, Any] = {
    "connection_timeout": 3,
    "read_timeout": 5,
    "retry_total": 1,
    "retry_connect": 1,
    "retry_read": 0,
    "retry_status": 0,
}


def table(given: Settings, name: str, identity: Callable[[], Any]) -> Rows:
    """One table of the storage account, guarded as Azure would."""
    from shared.adapters.tables import open_table, open_table_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return GuardedRows(open_table(name, connection_string=given.storage))
    endpoint = f"https://{given.storage_account}.table.core.windows.net"
    return GuardedRows(open_table_as(name, endpoint=endpoint, credential=identity()))


def queue(given: Settings, identity: Callable[[], Any]) -> "StorageQueues":
    """The queues of the storage account."""
    from shared.adapters.queues import open_queues, open_queues_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return open_queues(connection_string=given.storage)
    endpoint = f"https://{given.storage_account}.queue.core.windows.net"
    return open_queues_as(endpoint=endpoint, credential=identity())


@cache
def open_identity() -> Any:
    """The app's managed identity in Azure, a developer's own sign-in elsewhere."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - SDK import

    return DefaultAzureCredential(**IDENTITY_PATIENCE)
