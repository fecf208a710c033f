"""Every request that reached an answerer, raw; safe to read from any thread."""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock


@dataclass
class Record:
    """One raw request and its answer; `status` is None until, and unless, there is one.

    `is_over`: it was answered, or its caller's hanging up was noticed. Names of headers are in
    lower case.
    """

    answerer: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    world_at: datetime
    wall_at: datetime
    status: int | None = None
    answer: bytes = b""
    is_over: bool = False


class Inbox:
    """The records of all answerers, in order of arrival."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._records: list[Record] = []

    def add(self, record: Record) -> None:
        with self._lock:
            self._records.append(record)

    def records(self, answerer: str | None = None) -> list[Record]:
        """The records of one answerer, or of all, oldest first."""
        with self._lock:
            return [one for one in self._records if answerer in {None, one.answerer}]

    def clear(self) -> None:
        with self._lock:
            self._records.clear()
