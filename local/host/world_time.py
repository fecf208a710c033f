"""The one door through which world time enters the app."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from local.clocks import WorldClock


class Bootstrap(Protocol):
    """`shared.bootstrap`, which everybody asks for the time at call time."""

    utc_now: Callable[[], datetime]


@contextmanager
def world_time(bootstrap: Bootstrap, clock: WorldClock) -> Iterator[None]:
    """Let the app live in the world's time, to the second; wall_now stays the wall's."""
    original = bootstrap.utc_now
    bootstrap.utc_now = lambda: clock.now().replace(microsecond=0)
    try:
        yield
    finally:
        bootstrap.utc_now = original
