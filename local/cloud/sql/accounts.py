"""The connections that are really open, and what their statements have cost the database.

A cost is made up, but always the same: a statement takes a millisecond of CPU and three pages, and
each fifty rows that it answers another millisecond, each eight another page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from uuid import UUID, uuid4

from local.cloud.sql.batches import Statement
from local.cloud.sql.engine import Login

FIRST_SESSION = 401
"""The CRM's sessions are 51 and up, and there are at most 300."""
READ_COMMITTED = 2


@dataclass
class Account:
    """One connection: who it is, and its cost in ms of CPU and pages of 8 KB.

    As with the server, a batch is added to its session's cost when it has ended.
    """

    session_id: int
    login_name: str
    login: Login
    opened_at: datetime
    connection_id: UUID = field(default_factory=uuid4)
    isolation_level: int = READ_COMMITTED
    cpu_ms: int = 0
    logical_reads: int = 0
    batch: str | None = None
    batch_at: datetime | None = None
    statement: Statement | None = None
    batch_cpu_ms: int = 0
    batch_reads: int = 0
    batches: int = 0

    @contextmanager
    def running(self, batch: str, at: datetime) -> Iterator[None]:
        """Within the block, that batch is this connection's request."""
        self.batch, self.batch_at = batch, at
        self.batches += 1
        try:
            yield
        finally:
            self.cpu_ms += self.batch_cpu_ms
            self.logical_reads += self.batch_reads
            self.batch = self.statement = None
            self.batch_cpu_ms = self.batch_reads = 0

    def charge(self, rows: int) -> None:
        """A statement of the batch has answered so many rows."""
        self.batch_cpu_ms += 1 + rows // 50
        self.batch_reads += 3 + rows // 8


class Accounts:
    """All open connections; safe to use from any thread."""

    def __init__(self) -> None:
        self._open: dict[int, Account] = {}
        self._lock = Lock()

    def open(self, login: Login, login_name: str, at: datetime) -> Account:
        """A connection with the smallest free number."""
        with self._lock:
            number = FIRST_SESSION
            while number in self._open:
                number += 1
            self._open[number] = Account(number, login_name, login, at)
            return self._open[number]

    def close(self, account: Account) -> None:
        """It went away; closing twice is no mistake."""
        with self._lock:
            if self._open.get(account.session_id) is account:
                del self._open[account.session_id]

    def all(self) -> list[Account]:
        """The open ones, by their numbers."""
        with self._lock:
            return [self._open[number] for number in sorted(self._open)]
