"""How often a provider lets itself be asked, counted in wall time."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock

from local.clocks import wall_now

Rate = tuple[int, timedelta]
"""So many calls in any such span of time."""


class Quota:
    """Sliding windows over the calls that were let through; safe to use from any thread."""

    def __init__(self, rates: Iterable[Rate], wall: Callable[[], datetime] = wall_now) -> None:
        self._rates = tuple(rates)
        self._wall = wall
        self._lock = Lock()
        self._calls: list[datetime] = []

    def ask(self) -> timedelta | None:
        """Let a call through and count it (None), or say how long to wait; that is not counted."""
        with self._lock:
            now = self._wall()
            waits = [self._wait(rate, now) for rate in self._rates]
            longest = max(waits, default=timedelta(0))
            if longest > timedelta(0):
                return longest
            self._calls.append(now)
            return None

    def _wait(self, rate: Rate, now: datetime) -> timedelta:
        most, span = rate
        counting = [at for at in self._calls if at > now - span]
        return counting[-most] + span - now if len(counting) >= most else timedelta(0)
