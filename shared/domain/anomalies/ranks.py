"""A sliding history of numbers, and how far out of it a new one lies: ranks, no distribution.

Everything is kept in single precision, so that what is stored and read again judges the same.
Arrays, because a changed copy of one takes a twentieth of the time of a tuple's; nobody writes into
one that a history holds.
"""

import math
import struct
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct, field

LENGTH = 1000
"""Ten days of quarter hours."""
FEWEST = 10
LARGEST = 3e38
_SINGLE = struct.Struct("<f")
_BEYOND = 1.5
_SPREAD_LEAST = 0.1
_NO_SPREAD = 0.75

Numbers: TypeAlias = "array[float]"
"""Of type code `f`."""


def numbers(given: Iterable[float] = ()) -> Numbers:
    """An array of them."""
    return array("f", given)


def single(value: float) -> float:
    """The number as it is stored: single precision, the far too large ones cut off."""
    kept: float = _SINGLE.unpack(_SINGLE.pack(min(max(value, -LARGEST), LARGEST)))[0]
    return kept


class History(Struct, frozen=True):
    """The newest numbers, oldest first, and the same in order."""

    newest: Numbers = field(default_factory=numbers)
    ordered: Numbers = field(default_factory=numbers)

    def with_one(self, value: float) -> "History":
        """The history with a number more; beyond LENGTH the oldest goes."""
        newest, ordered = self.newest[:], self.ordered[:]
        if len(newest) >= LENGTH:
            del ordered[bisect_left(ordered, newest[0])]
            del newest[0]
        newest.append(value)
        insort(ordered, value)
        return History(newest, ordered)

    def surprise(self, value: float) -> float:
        """-log10 of the two-sided rank p-value; 0 for the usual, about 2.5 for the rarest known.

        Beyond everything known it goes on growing with the logarithm of the distance, measured in
        the span of the middle half.
        """
        ordered = self.ordered
        count = len(ordered)
        if count < FEWEST:
            return 0.0
        above = count - bisect_left(ordered, value)
        below = bisect_right(ordered, value)
        rarer = min(above, below)
        p = min(1.0, 2 * (rarer + 0.5) / (count + 1))
        return -math.log10(p) + (0.0 if rarer else self._beyond(value))

    def _beyond(self, value: float) -> float:
        ordered = self.ordered
        low, high, quarter = ordered[0], ordered[-1], len(ordered) // 4
        over = value - high if value > high else low - value
        spread = max(ordered[-1 - quarter] - ordered[quarter], (high - low) * _SPREAD_LEAST)
        return _BEYOND * math.log10(1 + over / spread) if spread > 0 else _NO_SPREAD


def history_of(newest: Numbers) -> History:
    """A history of its numbers, oldest first."""
    return History(newest, numbers(sorted(newest)))
