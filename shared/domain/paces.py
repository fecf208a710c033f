"""How fast one caller may write: evenly a write a second, or a minute's worth at once.

The state is one moment: when the caller would be due if all that was written had come evenly
(the generic cell rate algorithm).
"""

from datetime import datetime, timedelta

from msgspec import Struct

PER_MINUTE = 60
INTERVAL = timedelta(minutes=1) / PER_MINUTE
BURST = timedelta(minutes=1)
CLOCKS_DIFFER = timedelta(minutes=1)
"""Those of two instances, by much less."""


class Pace(Struct, frozen=True, rename="camel"):
    """What a caller has written so far; `even_until`: as much as fits evenly until then."""

    even_until: datetime


class TooFast(Struct, frozen=True):
    """The caller has to wait so long."""

    wait: timedelta


def keep_pace(pace: Pace | None, wall: datetime) -> Pace | TooFast:
    """The pace after one more write, which is to be stored before it is done."""
    written = pace.even_until if pace is not None else wall
    if written - wall > BURST + CLOCKS_DIFFER:  # a clock ran wild, and must lock out nobody
        written = wall
    after = max(written, wall) + INTERVAL
    return TooFast(after - BURST - wall) if after - wall > BURST else Pace(after)
