"""In-memory twins of the table and the queue, with honest semantics: ETags, atomic transactions."""

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import count

from msgspec import Struct

from shared.adapters.rows import DeleteRow, InsertRow, Op, Properties, Row
from shared.domain.errors import Conflict


class MemoryRows:
    """A table in memory; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._partitions: dict[str, dict[str, Row]] = {}
        self._keys: dict[str, list[str]] = {}
        self._etags = count(1)

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        with self._lock:
            return self._partitions.get(partition, {}).get(key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        with self._lock:
            keys = self._keys.get(partition, [])
            rows = self._partitions.get(partition, {})
            found = [rows[key] for key in keys[bisect_left(keys, first) : bisect_left(keys, end)]]
        return found if select is None else [_selected(row, set(select)) for row in found]

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        with self._lock:
            rows = self._partitions.setdefault(partition, {})
            for op in ops:
                _check(rows.get(op.key), op)
            return [self._apply(partition, op) for op in ops]

    def _apply(self, partition: str, op: Op) -> str | None:
        rows = self._partitions[partition]
        keys = self._keys.setdefault(partition, [])
        if isinstance(op, DeleteRow):
            del rows[op.key]
            del keys[bisect_left(keys, op.key)]
            return None
        if op.key not in rows:
            insort(keys, op.key)
        etag = f'W/"{next(self._etags)}"'
        rows[op.key] = Row(op.key, dict(op.properties), etag)
        return etag


def _check(stored: Row | None, op: Op) -> None:
    if isinstance(op, InsertRow):
        if stored is not None:
            raise Conflict(f"row {op.key!r} exists already")
    elif stored is None:
        raise Conflict(f"row {op.key!r} is gone")
    elif op.etag is not None and op.etag != stored.etag:
        raise Conflict(f"row {op.key!r} was changed by somebody else")


def _selected(row: Row, select: set[str]) -> Row:
    chosen: Properties = {name: row.properties[name] for name in select & row.properties.keys()}
    return Row(row.key, chosen, row.etag)


class MemoryQueue:
    """Keeps what was put, oldest first; the local host and the tests take it out."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Struct]] = []

    def put(
        self,
        queue: str,
        message: Struct,
        *,
        live_for: timedelta | None = None,  # noqa: ARG002 - whoever takes messages out is prompt
    ) -> None:
        """See WorkQueue.put."""
        self.messages.append((queue, message))

    def take(self) -> list[tuple[str, Struct]]:
        """All messages so far; the queue is empty afterwards."""
        taken, self.messages = self.messages, []
        return taken
