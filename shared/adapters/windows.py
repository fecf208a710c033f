"""What one reading of a source that lags behind asks for, and how long it may take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.times import floor_minute

LONGEST = timedelta(hours=24)
"""How much one reading covers at most; after a longer gap the next ones go on."""


@dataclass(frozen=True)
class Patience:
    """Seconds: to connect, for the next bytes, and for a whole reading."""

    connect: float = 3
    read: float = 6
    deadline: float = 9


PATIENCE = Patience()


@dataclass(frozen=True)
class Window:
    """The minutes of one reading: complete in [start, covered_until), provisional up to `end`."""

    start: datetime
    covered_until: datetime
    end: datetime


def window_of(
    since: datetime | None,
    now: datetime,
    *,
    settle: timedelta,
    furthest: timedelta,
    longest: timedelta = LONGEST,
) -> Window:
    """What to read at `now`; after a gap longer than `longest`, the oldest part of it.

    `furthest`: how far back the source remembers.
    """
    settled = floor_minute(now - settle)
    start = settled - LONGEST if since is None else floor_minute(since)
    start = max(start, settled - furthest)
    covered_until = min(settled, start + longest)
    end = floor_minute(now) if covered_until == settled else covered_until
    return Window(start, covered_until, end)
