"""Several workers on one store, of which a seeded choice lets one move at every call of a port."""

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from shared.adapters.rows import Op, Row, Rows
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import Severity

PAUSE = timedelta(seconds=50)
"""Longer than a target's lease, so that its holder is overtaken; two fit into a delivery's."""
MOST_PAUSES = 2
LONGEST_RUN_S = 60


class Turnstile:
    """Only one worker runs at a time; `wall`, their time, stands still but for seeded pauses."""

    def __init__(self, seed: int, wall: datetime) -> None:
        self.random = random.Random(seed)
        self.wall = wall
        self.calls = 0
        self._me = threading.local()
        self._gates: list[threading.Semaphore] = []
        self._running: list[int] = []
        self._pauses_left = 0
        self._haste = 0.12 if seed % 2 else 0.02
        self._errors: list[BaseException] = []

    def run(self, *jobs: Callable[[], object]) -> None:
        """Run the jobs interleaved to their ends; raises the first error of any."""
        self._gates = [threading.Semaphore(0) for _ in jobs]
        self._running = list(range(len(jobs)))
        self._pauses_left = MOST_PAUSES
        threads = [
            threading.Thread(target=self._work, args=(number, job), daemon=True)
            for number, job in enumerate(jobs)
        ]
        for thread in threads:
            thread.start()
        self._gates[self.random.choice(self._running)].release()
        for thread in threads:
            thread.join(LONGEST_RUN_S)
            assert not thread.is_alive(), "a worker hangs"
        if self._errors:
            raise self._errors[0]

    def step(self) -> None:
        """Called at every port call: maybe time passes, maybe it is another worker's turn."""
        me: int | None = getattr(self._me, "number", None)
        if me is None:
            return
        self.calls += 1
        if self._pauses_left and self.random.random() < self._haste:
            self._pauses_left -= 1
            self.wall += PAUSE
        chosen = self.random.choice(self._running)
        if chosen != me:
            self._gates[chosen].release()
            self._gates[me].acquire()

    def _work(self, number: int, job: Callable[[], object]) -> None:
        self._me.number = number
        self._gates[number].acquire()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever runs the turnstile
            self._errors.append(error)
        finally:
            self._running.remove(number)
            if self._running:
                self._gates[self.random.choice(self._running)].release()


class SteppedRows:
    """A table at which every call is a step."""

    def __init__(self, rows: Rows, turnstile: Turnstile) -> None:
        self._rows = rows
        self._step = turnstile.step

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        self._step()
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        self._step()
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        self._step()
        return self._rows.transact(partition, ops)


class SteppedChannel:
    """A channel at which sending is a step; one in `busy` sends is refused for now."""

    timeout = timedelta(seconds=1)
    least = Severity.LOW

    def __init__(self, kind: str, turnstile: Turnstile, *, busy: int = 0) -> None:
        self.type = kind
        self.sent: list[Notification] = []
        self._turnstile = turnstile
        self._busy = busy

    def send(self, notification: Notification) -> str | None:
        """See Channel.send."""
        self._turnstile.step()
        if self._busy and self._turnstile.random.randrange(self._busy) == 0:
            raise ChannelError("busy")
        self.sent.append(notification)
        return None

    def problem(self, target: str) -> str:  # noqa: ARG002 - everybody can be told
        """See Channel.problem."""
        return ""
