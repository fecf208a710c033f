"""Typed rows over `Rows`: every field a property of its own, so that the portal shows them.

Scalars and bytes stay what they are, times are ISO text, nested values are JSON text, None is left
out.
"""

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import inspect

from shared.adapters.rows import (
    DeleteRow,
    InsertRow,
    Op,
    Properties,
    ReplaceRow,
    Row,
    Rows,
    json_text,
    prefix_end,
)
from shared.domain.decoding import convert
from shared.domain.errors import DamagedRow
from shared.domain.records import Delete, Insert, Kept, Write

T = TypeVar("T")

_log = logging.getLogger(__name__)

_SCALARS: frozenset[type[inspect.Type]] = frozenset(
    {
        inspect.StrType,
        inspect.BytesType,
        inspect.IntType,
        inspect.FloatType,
        inspect.BoolType,
        inspect.DateTimeType,
        inspect.EnumType,
        inspect.NoneType,
    }
)
_FLOAT: frozenset[type[inspect.Type]] = frozenset({inspect.FloatType})


class RowLedger:
    """See ports.Ledger."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def get(self, partition: str, key: str, kind: type[T]) -> Kept[T] | None:
        """See Ledger.get."""
        row = self._rows.get(partition, key)
        return None if row is None else _kept(row, kind)

    def scan(
        self, partition: str, prefix: str, kind: type[T], *, first: str = "", end: str | None = None
    ) -> list[Kept[T]]:
        """See Ledger.scan."""
        last = prefix_end(prefix)
        rows = self._rows.query(partition, max(prefix, first), min(last, end or last))
        return list(_readable(rows, kind))

    def keys(
        self, partition: str, prefix: str, *, first: str = "", end: str | None = None
    ) -> list[str]:
        """See Ledger.keys."""
        last = prefix_end(prefix)
        rows = self._rows.query(partition, max(prefix, first), min(last, end or last), ())
        return [row.key for row in rows]

    def commit(self, partition: str, writes: Sequence[Write]) -> list[str | None]:
        """See Ledger.commit."""
        return self._rows.transact(partition, [_op(write) for write in writes])


def _op(write: Write) -> Op:
    if isinstance(write, Delete):
        return DeleteRow(write.key, write.etag)
    if isinstance(write, Insert):
        return InsertRow(write.key, to_properties(write.value))
    return ReplaceRow(write.key, to_properties(write.value), write.etag)


def _kept(row: Row, kind: type[T]) -> Kept[T]:
    try:
        value = from_properties(row.properties, kind)
    except (msgspec.MsgspecError, TypeError) as error:
        raise DamagedRow(f"row {row.key!r} can't be read: {error}") from error
    return Kept(row.key, value, row.etag)


def _readable(rows: Iterable[Row], kind: type[T]) -> Iterator[Kept[T]]:
    """One damaged row must not hide the others; it is said each time that it is met."""
    for row in rows:
        try:
            yield _kept(row, kind)
        except DamagedRow as error:
            _log.error("%s", error)


def to_properties(value: Any) -> Properties:
    """A Struct's fields as properties; raises StoreRefused for NaN inside a nested value."""
    kind: Any = type(value)
    form = _form(kind)
    fields: dict[str, Any] = msgspec.to_builtins(value, builtin_types=(bytes,))
    return {
        name: _property(form, name, field) for name, field in fields.items() if field is not None
    }


def from_properties(properties: Properties, kind: type[T]) -> T:
    """The Struct that `to_properties` wrote; fields added since take their defaults."""
    form = _form(kind)  # type: ignore[arg-type]
    fields = {
        name: msgspec.json.decode(value) if name in form.nested else value  # type: ignore[arg-type]
        for name, value in properties.items()
    }
    return convert({**form.left_out, **fields}, kind)


def _property(form: "_Form", name: str, field: Any) -> Any:
    if name in form.nested:
        return json_text(field)
    # A whole number in a float field may be beyond the 32 bits of an integer property.
    return float(field) if name in form.floats else field


class _Form(NamedTuple):
    """A Struct's fields: which are JSON text, which floats, which required but perhaps None."""

    nested: frozenset[str]
    floats: frozenset[str]
    left_out: dict[str, None]


@cache
def _form(kind: Hashable) -> _Form:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is not a Struct")
    kinds = {field.encode_name: _kinds(field.type) for field in info.fields}
    return _Form(
        nested=frozenset(name for name in kinds if not kinds[name] <= _SCALARS),
        floats=frozenset(name for name in kinds if kinds[name] - {inspect.NoneType} == _FLOAT),
        left_out={
            field.encode_name: None
            for field in info.fields
            if field.required and inspect.NoneType in kinds[field.encode_name]
        },
    )


def _kinds(kind: inspect.Type) -> frozenset[type[inspect.Type]]:
    return frozenset(map(type, kind.types if isinstance(kind, inspect.UnionType) else [kind]))
