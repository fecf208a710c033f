"""Refuses what Azure Table Storage refuses, whatever the store behind: Azurite and memory do not.

Limits: learn.microsoft.com/azure/storage/tables/scalability-targets and
learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model.
"""

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii

from shared.adapters.rows import DeleteRow, InsertRow, Op, Properties, ReplaceRow, Row, Rows
from shared.domain.errors import StoreRefused

MOST_PROPERTIES = 252
LONGEST_STRING = 32_000
LARGEST_BINARY = 64 * 1024
LARGEST_ROW = 1024 * 1024
MOST_OPS = 100
LARGEST_TRANSACTION = 4 * 1024 * 1024
LONGEST_KEY = 512
LONGEST_NAME = 255
_FORBIDDEN_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
_OF_THE_TABLE = frozenset({"PartitionKey", "RowKey", "Timestamp"})
# What one operation of a transaction adds to the request besides its keys and properties:
# headers, addresses, boundaries, an ETag; and each property besides its name and value.
_OP_ON_THE_WIRE = 1200
_PROPERTY_ON_THE_WIRE = 48
# Rows are of few kinds, and every write meets the same names again.
_NAMES = 1024


class GuardedRows:
    """The wrapper around every table; raises StoreRefused with what would be right."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get; no row has a forbidden or endless key, and Azure would answer 400."""
        is_endless = max(len(partition), len(key)) > LONGEST_KEY
        if is_endless or _FORBIDDEN_IN_KEYS.search(partition + key):
            return None
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        check_transaction(partition, ops)
        return self._rows.transact(partition, ops)


def check_transaction(partition: str, ops: Sequence[Op]) -> None:
    """Raise StoreRefused unless Azure would take the transaction."""
    if not 1 <= len(ops) <= MOST_OPS:
        raise StoreRefused(f"a transaction has 1 to {MOST_OPS} operations, not {len(ops)}")
    if len({op.key for op in ops}) < len(ops):
        raise StoreRefused("a transaction may touch each row once")
    _check_key(partition)
    size = sum(_check_op(partition, op) for op in ops)
    if size > LARGEST_TRANSACTION:
        raise StoreRefused(f"a transaction holds at most 4 MiB, not {size:,} bytes")


def _check_op(partition: str, op: Op) -> int:
    """The most bytes that the operation takes in the request."""
    _check_key(op.key)
    keys = _OP_ON_THE_WIRE + 2 * _on_the_wire(partition + op.key)
    if isinstance(op, DeleteRow):
        return keys
    _check_row(partition, op)
    return keys + sum(_property_on_the_wire(name, op.properties[name]) for name in op.properties)


def _check_key(key: str) -> None:
    if _FORBIDDEN_IN_KEYS.search(key):
        raise StoreRefused(f"key {key!r} must be without / \\ # ? and control characters")
    units = _utf16_units("a key", key)
    if units > LONGEST_KEY:
        raise StoreRefused(f"a key has at most {LONGEST_KEY} characters, not {units}")


def _check_row(partition: str, op: InsertRow | ReplaceRow) -> None:
    if len(op.properties) > MOST_PROPERTIES:
        raise StoreRefused(f"row {op.key!r} has more than {MOST_PROPERTIES} properties")
    size = 4 + 2 * len(partition + op.key) + _size(op.properties)
    if size >= LARGEST_ROW:
        raise StoreRefused(f"row {op.key!r} must be under 1 MiB, not {size:,} bytes")


def _size(properties: Properties) -> int:
    return sum(_check_property(name, value) for name, value in properties.items())


def _check_property(name: str, value: object) -> int:
    _check_name(name)
    if isinstance(value, str):
        return 8 + 2 * len(name) + _check_string(name, value)
    if isinstance(value, bytes):
        return 8 + 2 * len(name) + _check_binary(name, value)
    return 8 + 2 * len(name) + _check_number(name, value)


@lru_cache(_NAMES)
def _check_name(name: str) -> None:
    if not name.isidentifier() or len(name) > LONGEST_NAME:
        raise StoreRefused(f"property {name!r} must be an identifier: letters, digits, _")
    if name in _OF_THE_TABLE:
        raise StoreRefused(f"property {name!r} is the table's own")


def _check_string(name: str, value: str) -> int:
    units = _utf16_units(name, value)
    if units > LONGEST_STRING:
        raise StoreRefused(f"{name} has {units:,} characters; a string has at most 32,000")
    return 4 + 2 * units


def _utf16_units(name: str, text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("utf-16-le")) // 2
    except UnicodeEncodeError as error:
        raise StoreRefused(f"{name} holds half a surrogate pair, which is no text") from error


def _check_binary(name: str, value: bytes) -> int:
    if len(value) > LARGEST_BINARY:
        raise StoreRefused(f"{name} has {len(value):,} bytes; a binary has at most 64 KiB")
    return 4 + len(value)


def _check_number(name: str, value: object) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreRefused(f"{name} is {value}; numbers must be finite")
    if isinstance(value, int) and not -(2**31) <= value < 2**31:
        raise StoreRefused(f"{name} = {value} is beyond 32 bits; write a float")
    if not isinstance(value, int | float):
        raise StoreRefused(f"{name} is a {type(value).__name__}; rows hold text, numbers, bytes")
    return 8


def _property_on_the_wire(name: str, value: object) -> int:
    size = 4 * (len(value) // 3 + 1) if isinstance(value, bytes) else _on_the_wire(value)
    return _name_on_the_wire(name) + size


@lru_cache(_NAMES)
def _name_on_the_wire(name: str) -> int:
    return _PROPERTY_ON_THE_WIRE + 2 * _on_the_wire(name)


def _on_the_wire(value: object) -> int:
    """JSON as the SDK sends it: everything beyond ASCII is escaped, which address parts outgrow."""
    # As json.dumps does it with text, and as long as its numbers, in a third of the time.
    return len(encode_basestring_ascii(value) if isinstance(value, str) else repr(value))
