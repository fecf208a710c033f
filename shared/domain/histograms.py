"""Log-bucket histograms of durations: mergeable, so that percentiles are never averaged.

Bucket b holds durations up to γ^b milliseconds, γ = 1.04; a quantile is answered by the bucket's
harmonic centre 2γ^b / (1 + γ), at most 1.96 % off (the DDSketch guarantee, Masson et al. 2019).
"""

import math
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

GAMMA = 1.04
LAST_BUCKET = 400
_LN_GAMMA = math.log(GAMMA)
_VALUES = [2 * GAMMA**bucket / (1 + GAMMA) for bucket in range(LAST_BUCKET + 1)]
_HEAD = struct.Struct("<BH")
_WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Histogram(Struct, frozen=True):
    """Weights by bucket, and the exact sum of the durations in milliseconds."""

    buckets: dict[int, int]
    total: float = 0.0

    @property
    def count(self) -> int:
        """How many durations (sampled ones weighted by ItemCount)."""
        return sum(self.buckets.values())


def bucket_of(milliseconds: float) -> int:
    """The bucket of one duration; everything up to 1 ms shares bucket 0."""
    if milliseconds <= 1:
        return 0
    return min(math.ceil(math.log(milliseconds) / _LN_GAMMA), LAST_BUCKET)


def value_of(bucket: int) -> float:
    """The duration in milliseconds that stands for a bucket."""
    return _VALUES[bucket]


def histogram_of(durations: Iterable[float]) -> Histogram:
    """The histogram of single durations in milliseconds."""
    buckets: dict[int, int] = {}
    total = 0.0
    for duration in durations:
        bucket = bucket_of(duration)
        buckets[bucket] = buckets.get(bucket, 0) + 1
        total += duration
    return Histogram(buckets, total)


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of everything in several."""
    buckets: dict[int, int] = {}
    total = 0.0
    for histogram in histograms:
        total += histogram.total
        for bucket, weight in histogram.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + weight
    return Histogram(buckets, total)


class Ladder:
    """A histogram that is asked for several quantiles: its buckets in order, and how far up."""

    def __init__(self, buckets: Mapping[int, int]) -> None:
        self._buckets = sorted(buckets)
        self._seen = [*accumulate(map(buckets.__getitem__, self._buckets))]
        self.total = self._seen[-1] if self._seen else 0

    def quantile(self, q: float) -> float:
        """The duration in milliseconds that a share `q` of the weight, which is some, stays in."""
        rank = max(math.ceil(q * self.total), 1)
        return value_of(self._buckets[bisect_left(self._seen, rank)])


def quantile(histogram: Histogram, q: float) -> float | None:
    """The duration in milliseconds that a share `q` of the weight does not exceed."""
    ladder = Ladder(histogram.buckets)
    return ladder.quantile(q) if ladder.total else None


def mean(histogram: Histogram) -> float | None:
    """The exact mean in milliseconds, from sum and count."""
    return histogram.total / histogram.count if histogram.count else None


def pack(histograms: Sequence[Mapping[int, int] | None]) -> bytes:
    """Weights of consecutive minutes as columns under zlib; None and empty are one and the same.

    Columns, because they are read back without touching each number: the width of a weight in
    bytes, how many histograms there are, then of all of them the sizes, the distances from one
    bucket to the next (through all of them, so that one sweep undoes it), and the weights.
    """
    parts = [sorted((buckets or {}).items()) for buckets in histograms]
    weights = [weight for part in parts for _, weight in part]
    width = next(width for width in _WIDTHS if max(weights, default=0) < 1 << 8 * width)
    plain = _HEAD.pack(width, len(parts))
    plain += _column("H", [len(part) for part in parts])
    plain += _column("h", [*_steps(bucket for part in parts for bucket, _ in part)])
    return zlib.compress(plain + _column(_WIDTHS[width], weights), 6)


def unpack(packed: bytes) -> list[dict[int, int]]:
    """What `pack` packed; a minute without weight is an empty mapping."""
    plain = zlib.decompress(packed)
    width, count = _HEAD.unpack_from(plain)
    sizes = struct.unpack_from(f"<{count}H", plain, _HEAD.size)
    begin, total = _HEAD.size + 2 * count, sum(sizes)
    buckets = [*accumulate(struct.unpack_from(f"<{total}h", plain, begin))]
    weights = struct.unpack_from(f"<{total}{_WIDTHS[width]}", plain, begin + 2 * total)
    return [
        dict(zip(buckets[end - size : end], weights[end - size : end], strict=True))
        for size, end in zip(sizes, accumulate(sizes), strict=True)
    ]


def _column(form: str, numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(numbers)}{form}", *numbers)


def _steps(buckets: Iterable[int]) -> Iterator[int]:
    previous = 0
    for bucket in buckets:
        yield bucket - previous
        previous = bucket
