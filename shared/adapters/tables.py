"""Azure Table Storage behind `Rows`; the SDK's errors become this project's at the edge."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.data.tables import (
    RequestTooLargeError,
    TableClient,
    TableErrorCode,
    TableTransactionError,
    UpdateMode,
)

from shared.adapters.https import needs_environment
from shared.adapters.rows import DeleteRow, InsertRow, Op, ReplaceRow, Row
from shared.domain.errors import Conflict, StoreError, StoreRefused, StoreUnavailable

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 10
RETRIES = 2
RETRIES_TO_CONNECT = 1
_REFUSED = frozenset({400, 413})
_SOMEBODY_ELSE_WROTE = frozenset({404, 409, 412})
# What the SDK raises, outside its own tree, over an answer that a proxy or a sick service made up.
_NONSENSE = (HTTPException, ValueError, KeyError, AttributeError)
_OWN_PROPERTIES = ("PartitionKey", "RowKey")


def open_table(name: str, *, connection_string: str) -> "TableRows":
    """A table by connection string (Azurite, or a storage account's key)."""
    client = TableClient.from_connection_string(connection_string, name, **_patience())
    return TableRows(client)


def open_table_as(name: str, *, endpoint: str, credential: Any) -> "TableRows":
    """A table by identity; `endpoint` is https://<account>.table.core.windows.net."""
    return TableRows(TableClient(endpoint, name, credential=credential, **_patience()))


def _patience() -> dict[str, Any]:
    """azure-core's own default would sleep a function to death (10 retries, any Retry-After).

    An error answer is retried twice within 2 s; a time-out to connect once; one to read never.
    """
    return {
        "connection_timeout": CONNECT_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "retry_total": RETRIES,
        "retry_connect": RETRIES_TO_CONNECT,
        "retry_read": 0,
        "raw_response_hook": _forget_retry_after,
        "use_env_settings": needs_environment(),
    }


def _forget_retry_after(response: Any) -> None:
    response.http_response.headers.pop("Retry-After", None)


class TableRows:
    """One table of a storage account; it is made when it turns out to be missing."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def close(self) -> None:
        """Close the connections; an app keeps them for life."""
        self._client.close()

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        with _translated():
            try:
                return _row(self._client.get_entity(partition, key))
            except ResourceNotFoundError:
                return None

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        # No bracket may touch an @name: the SDK splits the filter at single spaces.
        wanted = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end"
        parameters = {"partition": partition, "first": first, "end": end}
        columns = None if select is None else [*_OWN_PROPERTIES, *select]
        with _translated():
            try:
                found = self._client.query_entities(wanted, parameters=parameters, select=columns)
                return [_row(entity) for entity in found]
            except ResourceNotFoundError:
                return []

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        with _translated():
            try:
                return self._submit(partition, ops)
            except (TableTransactionError, ResourceNotFoundError) as error:
                if getattr(error, "error_code", None) != TableErrorCode.TABLE_NOT_FOUND:
                    raise
            self._create()
            return self._submit(partition, ops)

    def _submit(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        if len(ops) == 1 and isinstance(ops[0], ReplaceRow):
            return [self._replace(partition, ops[0])]
        answers = self._client.submit_transaction([_operation(partition, op) for op in ops])
        return [
            None if isinstance(op, DeleteRow) else str(answer["etag"])
            for op, answer in zip(ops, answers, strict=True)
        ]

    def _replace(self, partition: str, op: ReplaceRow) -> str:
        """One row without the envelope of a transaction, which takes three times the CPU."""
        _, entity, options = _operation(partition, op)
        return str(self._client.update_entity(entity, **options)["etag"])

    def _create(self) -> None:
        try:
            self._client.create_table()
        except ResourceExistsError:
            return


def _operation(partition: str, op: Op) -> Any:
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": op.key}
    if isinstance(op, InsertRow):
        return "create", {**entity, **op.properties}
    if isinstance(op, DeleteRow):
        return "delete", entity, _match(op.etag) if op.etag is not None else {}
    return "update", {**entity, **op.properties}, {"mode": UpdateMode.REPLACE, **_match(op.etag)}


def _match(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _row(entity: Any) -> Row:
    properties: Mapping[str, Any] = {
        name: value for name, value in entity.items() if name not in _OWN_PROPERTIES
    }
    return Row(entity["RowKey"], properties, entity.metadata["etag"])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        raise _translation(error) from error
    except (AzureError, *_NONSENSE) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _translation(error: HttpResponseError) -> StoreError:
    text = f"{error.status_code} {_said(error)}"
    if error.status_code in _SOMEBODY_ELSE_WROTE:
        return Conflict(text)
    if isinstance(error, RequestTooLargeError) or error.status_code in _REFUSED:
        return StoreRefused(text)
    return StoreUnavailable(text)


def _said(error: HttpResponseError) -> str:
    """The first line; the SDK writes `None` for an answer without a body."""
    first = str(error.message).partition("\n")[0]
    return str(error.reason) if first == "None" else first
