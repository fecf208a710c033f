"""The twins of a storage, kept in a file: a process that is killed leaves what it had written.

Whoever opens the file has all of it again, down to the ETags. A kill falls between two calls, so
that no entry is ever torn.
"""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from local.chaos.postboxes import MemoryPostbox
from local.desks import TABLES, Storage
from shared.adapters.guard import GuardedRows
from shared.adapters.memory import MemoryQueue, MemoryRows
from shared.adapters.rows import Op, Row, Rows

PUT, FINISH = "put", "finish"


@dataclass(frozen=True)
class Journal:
    """Everything that was ever written, in order."""

    path: Path

    def note(self, *entry: Any) -> None:
        """Keep an entry; it is there when this returns."""
        with self.path.open("ab") as file:
            file.write(pickle.dumps(entry))

    def entries(self) -> Iterator[tuple[Any, ...]]:
        """All entries so far."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            while True:
                try:
                    yield pickle.load(file)  # noqa: S301 - this process or its sibling wrote it
                except EOFError:
                    return


@dataclass(frozen=True)
class KeptRows:
    """A table whose writes are noted; see Rows."""

    rows: Rows
    name: str
    journal: Journal

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        return self.rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        return self.rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        etags = self.rows.transact(partition, ops)
        self.journal.note(self.name, partition, list(ops))
        return etags


@dataclass(frozen=True)
class KeptQueue:
    """A queue whose messages are noted, and its other end; see WorkQueue and Postbox."""

    queue: MemoryQueue
    journal: Journal

    def put(self, queue: str, message: Struct, *, live_for: timedelta | None = None) -> None:
        """See WorkQueue.put."""
        self.queue.put(queue, message, live_for=live_for)
        self.journal.note(PUT, queue, message)

    def waiting(self) -> Sequence[Struct]:
        """See Postbox.waiting."""
        return MemoryPostbox(self.queue).waiting()

    def finish(self, count: int) -> None:
        """See Postbox.finish."""
        MemoryPostbox(self.queue).finish(count)
        self.journal.note(FINISH, count)


def kept_storage(path: Path) -> tuple[Storage, KeptQueue]:
    """The storage that lies in that file, and the other end of its queue."""
    tables = {name: GuardedRows(MemoryRows()) for name in TABLES}
    queue, journal = MemoryQueue(), Journal(path)
    for what, *entry in journal.entries():
        if what == PUT:
            queue.put(*entry)
        elif what == FINISH:
            MemoryPostbox(queue).finish(*entry)
        else:
            tables[what].transact(*entry)
    samples, alerts, config = (KeptRows(tables[name], name, journal) for name in TABLES)
    both_ends = KeptQueue(queue, journal)
    return Storage(samples, alerts, config, both_ends), both_ends
