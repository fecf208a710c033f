"""The record of what ran: which function, when in the world, how long, and how it ended."""

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# A desk that runs for days must not grow: a day of two timers and some queues fits.
KEPT = 10_000


class Outcome(StrEnum):
    """How an invocation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ABANDONED = "abandoned"


@dataclass(frozen=True)
class Invocation:
    """`started` is world time, `duration` the wall's; `error` names what was raised."""

    function: str
    started: datetime
    duration: timedelta
    outcome: Outcome
    error: str | None = None


class Invocations:
    """Thread-safe; the newest KEPT are remembered, all are counted."""

    def __init__(self) -> None:
        self._kept: deque[Invocation] = deque(maxlen=KEPT)
        self._counts: Counter[str] = Counter()
        self._changed = threading.Condition()

    def add(self, invocation: Invocation) -> None:
        with self._changed:
            self._kept.append(invocation)
            self._counts[invocation.function] += 1
            self._changed.notify_all()

    def all(self) -> list[Invocation]:
        """The remembered ones, oldest end first."""
        with self._changed:
            return list(self._kept)

    def of(self, function: str) -> list[Invocation]:
        return [one for one in self.all() if one.function == function]

    def count(self, function: str) -> int:
        """How often it ended, ever."""
        with self._changed:
            return self._counts[function]

    def wait_for(self, function: str, count: int = 1, timeout_s: float = 60.0) -> list[Invocation]:
        """Wait until it has ended `count` times; raises TimeoutError with what ended instead."""
        until = time.monotonic() + timeout_s
        with self._changed:
            while self._counts[function] < count:
                if not self._changed.wait(until - time.monotonic()):
                    raise TimeoutError(f"{function} did not end {count} times: {self._counts}")
        return self.of(function)
