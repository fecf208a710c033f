"""Which way a metric goes: a robust slope over the medians of a window, and how sure it is.

Sources: H. Theil (1950) and P. K. Sen (1968) for the slope; M. G. Kendall, Rank Correlation
Methods (1970), for the test and its correction for ties.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import sqrt
from statistics import median

from msgspec import Struct

MOST_POINTS = 60
"""A window of more minutes is judged by the medians of so many slots: 1,770 pairs at most."""
SIGNIFICANT = 2.326
"""The 99th percentile of the normal distribution: a trend is real with 99 % confidence."""

Point = tuple[float, float]
"""Minutes since any fixed moment, and the value there."""


class Trend(Struct, frozen=True):
    """A window's straight line.

    `slope` is the median of (y2 - y1) / (t2 - t1) over all pairs of points, per minute: up to 29 %
    of the points can be outliers without harm. `score` is Kendall's S, the rising pairs less the
    falling ones, in standard deviations of a series without a trend:

        z = (S - sign S) / sqrt((n (n - 1) (2n + 5) - sum of t (t - 1) (2t + 5)) / 18)

    with t the sizes of the groups of equal values. It takes the points for independent; waves that
    are longer than the window look like a trend. `level` is the newest point's value.
    """

    slope: float
    score: float
    level: float

    @property
    def is_significant(self) -> bool:
        """Whether it rises or falls with 99 % confidence."""
        return abs(self.score) >= SIGNIFICANT

    def minutes_until(self, threshold: float, *, rising: bool) -> float | None:
        """When it gets there at this rate: 0 when it is beyond; None when it does not go there."""
        left = threshold - self.level if rising else self.level - threshold
        if left <= 0:
            return 0.0
        speed = self.slope if rising else -self.slope
        return left / speed if self.is_significant and speed > 0 else None


def slot_of(window: int) -> int:
    """Minutes of a slot, so that the window has at most 60 of them."""
    return -(-window // MOST_POINTS)


def look_back(window: int) -> int:
    """The minutes that a window of whole slots can reach back, the judged minute included."""
    return window + slot_of(window) - 1


def trend_of(points: Sequence[Point]) -> Trend | None:
    """The trend of points in order of time; None for fewer than two."""
    if len(points) < 2:
        return None
    slopes = [(y2 - y1) / (t2 - t1) for (t1, y1), (t2, y2) in combinations(points, 2)]
    rising = sum(slope > 0 for slope in slopes) - sum(slope < 0 for slope in slopes)
    return Trend(median(slopes), _score(rising, [y for _, y in points]), points[-1][1])


def _score(rising: int, values: Sequence[float]) -> float:
    variance = _pairs(len(values)) - sum(_pairs(size) for size in Counter(values).values())
    sign = (rising > 0) - (rising < 0)
    return (rising - sign) / sqrt(variance / 18) if variance > 0 else 0.0


def _pairs(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def medians(minutes: Iterable[tuple[int, float]], slot: int) -> list[Point]:
    """(minute, value)s in order of time as the medians of their slots, each at its middle."""
    slots: dict[int, list[float]] = {}
    for minute, value in minutes:
        slots.setdefault(minute // slot, []).append(value)
    return [(at * slot + (slot - 1) / 2, median(values)) for at, values in slots.items()]
