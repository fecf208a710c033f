"""What outlives the monitor's process: its storage and the services that it speaks to.

Both are served by a process of their own, the tables and the queue by the twins in its memory; the
contract suite holds these to the same as Azure's, and no answer of theirs takes milliseconds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from msgspec import Struct

from local.chaos.postboxes import MemoryPostbox
from local.chaos.sinks import Arrival, arrivals, channel_settings, running_services
from local.cloud.answerers import Desk
from local.desks import TABLES, Storage, memory_storage
from shared.adapters.memory import MemoryQueue
from shared.adapters.rows import Op, Row
from shared.domain.errors import MonitorError

OPENS_WITHIN_S, LOOK_AGAIN_S = 30, 0.005


class _Line:
    """A connection to the room, over which one call is made at a time."""

    def __init__(self, place: Path) -> None:
        self._connection = _connected(place)

    def ask(self, what: str, *args: Any) -> Any:
        self._connection.send((what, args))
        is_good, answer = self._connection.recv()
        if not is_good:
            raise answer
        return answer


def _connected(place: Path) -> Connection:
    """A room that was just begun needs a moment."""
    end = monotonic() + OPENS_WITHIN_S
    while True:
        try:
            return Client(str(place), family="AF_UNIX")
        except (FileNotFoundError, ConnectionRefusedError):
            if monotonic() > end:
                raise
            sleep(LOOK_AGAIN_S)


@dataclass(frozen=True)
class FarRows:
    """A table of the room's; see Rows."""

    line: _Line
    table: str

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        found: Row | None = self.line.ask(f"{self.table}.get", partition, key)
        return found

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        wanted = None if select is None else tuple(select)
        found: list[Row] = self.line.ask(f"{self.table}.query", partition, first, end, wanted)
        return found

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        etags: list[str | None] = self.line.ask(f"{self.table}.transact", partition, list(ops))
        return etags


@dataclass(frozen=True)
class FarQueue:
    """The room's queue, both ends of it."""

    line: _Line

    def put(
        self,
        queue: str,
        message: Struct,
        *,
        live_for: timedelta | None = None,  # noqa: ARG002 - as in the twin
    ) -> None:
        """See WorkQueue.put."""
        self.line.ask("queue.put", queue, message)

    def waiting(self) -> Sequence[Struct]:
        """See Postbox.waiting."""
        found: list[Struct] = self.line.ask("postbox.waiting")
        return found

    def finish(self, count: int) -> None:
        """See Postbox.finish."""
        self.line.ask("postbox.finish", count)


class Room:
    """The room as another process reaches it."""

    def __init__(self, place: Path) -> None:
        line = _Line(place)
        self.queue = FarQueue(line)
        samples, alerts, config = (FarRows(line, table) for table in TABLES)
        self.storage = Storage(samples, alerts, config, self.queue)
        self._line = line

    def channel_settings(self) -> Mapping[str, str]:
        """What leads the app to the services."""
        found: Mapping[str, str] = self._line.ask("services.settings")
        return found

    def arrivals(self) -> list[Arrival]:
        """Every message that people got so far."""
        found: list[Arrival] = self._line.ask("services.arrivals")
        return found

    def requests(self) -> int:
        """How many requests the services heard and did not refuse because they were busy."""
        found: int = self._line.ask("services.requests")
        return found


@dataclass(frozen=True)
class _Services:
    desk: Desk

    def settings(self) -> Mapping[str, str]:
        return channel_settings(self.desk)

    def arrivals(self) -> list[Arrival]:
        return arrivals(self.desk)

    def requests(self) -> int:
        return sum(
            record.status != HTTPStatus.TOO_MANY_REQUESTS for record in self.desk.inbox.records()
        )


def serve(place: Path, mail_clock: Callable[[], datetime], lost: int = 0) -> None:
    """Be the room for whoever comes, until somebody ends this process.

    `lost`: the number of the request of which the services' answer is lost; 0: none.
    """
    services = running_services(mail_clock, lost)
    with Listener(str(place), family="AF_UNIX") as listener, services as desk:
        queue = MemoryQueue()
        tables = memory_storage()
        things = {
            **{table: getattr(tables, table.lower()) for table in TABLES},
            "queue": queue,
            "postbox": MemoryPostbox(queue),
            "services": _Services(desk),
        }
        while True:
            Thread(target=_answer, args=(listener.accept(), things), daemon=True).start()


def _answer(caller: Connection, things: Mapping[str, Any]) -> None:
    """Until the caller leaves, or dies."""
    with caller, suppress(EOFError, ConnectionError):
        while True:
            what, args = caller.recv()
            thing, _, method = what.partition(".")
            try:
                caller.send((True, getattr(things[thing], method)(*args)))
            except MonitorError as error:
                caller.send((False, error))
