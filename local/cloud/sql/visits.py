"""Who is and was connected to the database, what they asked, and what went over the wire."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

KEPT = 20_000


@dataclass
class Asked:
    """One statement: as a plain batch, or by a procedure call with its parameters apart."""

    kind: Literal["batch", "rpc"]
    sql: str
    rows: int = 0


@dataclass
class Visit:
    """One connection; `program` is empty until it has logged in, `tls` is its version if any.

    Bytes are those on the wire, so that encryption counts.
    """

    program: str = ""
    tls: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.asked)


class Visits:
    """The connections of now, and the latest of the past; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: list[Visit] = []
        self._ended: deque[Visit] = deque(maxlen=KEPT)

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    @property
    def programs(self) -> list[str]:
        """The programs that are connected, a name for each connection that has logged in."""
        with self._lock:
            return [one.program for one in self._open if one.program]

    def all(self) -> list[Visit]:
        """Those that ended, in that order, then those that are here."""
        with self._lock:
            return [*self._ended, *self._open]

    def enter(self) -> Visit:
        visit = Visit()
        with self._lock:
            self._open.append(visit)
        return visit

    def leave(self, visit: Visit) -> None:
        with self._lock:
            # By identity: two visits may well be equal.
            self._open = [one for one in self._open if one is not visit]
            self._ended.append(visit)

    def clear(self) -> None:
        """Forget those that ended."""
        with self._lock:
            self._ended.clear()
