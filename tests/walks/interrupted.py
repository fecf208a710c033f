"""A party that is interrupted before one of its store calls while another does all of its work."""

from collections.abc import Callable, Iterable, Sequence

from local.desks import TABLES, Storage
from shared.adapters.guard import GuardedRows
from shared.adapters.memory import MemoryQueue, MemoryRows
from shared.adapters.rows import InsertRow, Op, Row, Rows
from tests.builders import checked


class Interruption:
    """Counts the calls of who runs, and before call number `at` lets `other` work to its end."""

    def __init__(self, at: int, other: Callable[[], object]) -> None:
        self.calls = 0
        self._at = at
        self._other = other
        self._is_on = False

    def run(self, party: Callable[[], object]) -> None:
        """Let the party work; whoever was never reached works afterwards."""
        self._is_on = True
        party()
        self._is_on = False
        if self.calls < self._at:
            self._other()

    def step(self) -> None:
        """Called before every call of the store."""
        if not self._is_on:
            return
        self.calls += 1
        if self.calls == self._at:
            self._is_on = False
            self._other()
            self._is_on = True


class InterruptedRows:
    """A table before each of whose calls somebody may be interrupted."""

    def __init__(self, rows: Rows) -> None:
        self.step: Callable[[], None] = lambda: None
        self.before_write: Callable[[], None] = lambda: None
        self._rows = rows

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        self.step()
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        self.step()
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        self.step()
        self.before_write()
        return self._rows.transact(partition, ops)


class Tables:
    """The twins of a storage's tables, in which everybody can be interrupted."""

    def __init__(self, contents: Sequence[MemoryRows] = ()) -> None:
        self._contents = [_copy(rows) for rows in contents] or [MemoryRows() for _ in TABLES]
        self._tables = [InterruptedRows(GuardedRows(rows)) for rows in self._contents]
        samples, alerts, config = self._tables
        self.storage = checked(Storage(samples, alerts, config, MemoryQueue()))

    def copy(self) -> "Tables":
        """Tables with the same rows, of which nobody knows an ETag yet."""
        return Tables(self._contents)

    def on_step(self, step: Callable[[], None]) -> None:
        """What happens before each call from now on."""
        for table in self._tables:
            table.step = step

    def on_write(self, step: Callable[[], None]) -> None:
        """What happens before each write about alerts from now on."""
        _, alerts, _ = self._tables
        alerts.before_write = step


def _copy(rows: MemoryRows) -> MemoryRows:
    copy = MemoryRows()
    for partition, stored in rows._partitions.items():
        copy.transact(partition, [InsertRow(row.key, row.properties) for row in stored.values()])
    return copy
