"""Rows as Table Storage keeps them; the one seam below the stores, with two implementations."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from shared.domain.errors import StoreRefused

Property = str | int | float | bool | bytes
Properties = Mapping[str, Property]


class Row(Struct, frozen=True):
    """A stored row without its partition key."""

    key: str
    properties: Properties
    etag: str


class InsertRow(Struct, frozen=True):
    """The row must not exist."""

    key: str
    properties: Properties


class ReplaceRow(Struct, frozen=True):
    """The whole row is replaced; it must still carry `etag`."""

    key: str
    properties: Properties
    etag: str


class DeleteRow(Struct, frozen=True):
    """The row must exist; with an `etag` it must still carry it."""

    key: str
    etag: str | None = None


Op = InsertRow | ReplaceRow | DeleteRow


class Rows(Protocol):
    """One table. Raises Conflict, StoreRefused or StoreUnavailable."""

    def get(self, partition: str, key: str) -> Row | None:
        """One row, or None."""
        ...

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """The rows with first ≤ key < end in key order; `select` names the properties wanted."""
        ...

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """All or nothing; answers each row's new ETag, None for a deleted one."""
        ...


def prefix_end(prefix: str) -> str:
    """The first key behind all keys that begin with `prefix`; keys are ASCII, `~` is never used."""
    return "~" if not prefix else prefix[:-1] + chr(ord(prefix[-1]) + 1)


def json_text(value: Any) -> str:
    """Compact JSON of plain values; raises StoreRefused for NaN, which msgspec writes as null."""
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError as error:
        raise StoreRefused(f"numbers must be finite, also inside lists: {error}") from error
