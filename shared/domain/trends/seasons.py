"""Trends between the same times of different days or weeks, and how sure they are.

Sources: R. M. Hirsch, J. R. Slack and R. A. Smith (1982) for the seasonal form of Kendall's test;
P. K. Sen (1968) for the interval of the slope.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import sqrt
from statistics import NormalDist, median

from msgspec import Struct

from shared.domain.trends.slopes import Point

_NORMAL = NormalDist()


class Seasonal(Struct, frozen=True):
    """A trend per unit of time, seen only between points that are whole periods apart.

    `slope` is the median of the slopes between all such pairs; with the confidence that was asked
    for it lies in [`low`, `high`]. `score` is Kendall's S, summed over the seasons, in standard
    deviations of a series without a trend: z = (S - sign S) / sqrt(V), where V is the sum over the
    seasons of (n (n - 1) (2n + 5) - sum of t (t - 1) (2t + 5)) / 18, with t the sizes of the groups
    of equal values in a season.
    """

    slope: float
    low: float
    high: float
    score: float

    @property
    def confidence(self) -> float:
        """How sure it is, in [0, 1], that there is a trend at all (two-sided)."""
        return 1 - 2 * _NORMAL.cdf(-abs(self.score))


def seasonal(
    points: Iterable[Point], period: float, *, confidence: float = 0.95
) -> Seasonal | None:
    """The trend of (time, value)s; None where no two are whole periods apart.

    Points count as independent of each other: days do about, hours of one day do not.
    """
    seasons: dict[float, list[Point]] = defaultdict(list)
    for at, value in points:
        seasons[at % period].append((at, value))
    slopes = sorted(
        (y2 - y1) / (t2 - t1)
        for season in seasons.values()
        for (t1, y1), (t2, y2) in combinations(season, 2)
    )
    if not slopes:
        return None
    spread = sqrt(sum(_variance([y for _, y in season]) for season in seasons.values()))
    low, high = _interval(slopes, spread * _NORMAL.inv_cdf((1 + confidence) / 2))
    return Seasonal(median(slopes), low, high, _score(slopes, spread))


def _score(slopes: Iterable[float], spread: float) -> float:
    rising = sum((slope > 0) - (slope < 0) for slope in slopes)
    return (rising - ((rising > 0) - (rising < 0))) / spread if spread else 0.0


def _variance(values: Sequence[float]) -> float:
    """Of S in one season."""
    ties = sum(map(_pairs, Counter(values).values()))
    return (_pairs(len(values)) - ties) / 18


def _pairs(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)


def _interval(slopes: Sequence[float], reach: float) -> tuple[float, float]:
    """The slopes that lie so many ranks around the middle."""
    last = len(slopes) - 1
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    return slopes[low], slopes[min(last - low, last)]
