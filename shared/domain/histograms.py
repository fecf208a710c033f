"""Log-bucket histograms of durations: mergeable, so that percentiles are never averaged.

Bucket b holds durations up to γ^b milliseconds, γ = 1.04; a quantile is answered by the bucket's
harmonic centre 2γ^b / (1 + γ), at most 1.96 % off (the DDSketch guarantee, Masson et al. 2019).
Stored ones are whole numbers (rungs), because thousands are read and added for one answer.
"""

import math
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import accumulate
from operator import or_

from msgspec import Struct

GAMMA = 1.04
LAST_BUCKET = 400
_LN_GAMMA = math.log(GAMMA)
_VALUES = [2 * GAMMA**bucket / (1 + GAMMA) for bucket in range(LAST_BUCKET + 1)]
_LANE = struct.Struct("<Q")
_LANE_BITS = 8 * _LANE.size
_HEAD = struct.Struct("<BHHH")

Rungs = int
"""A histogram as one whole number: the weight of bucket b stands in its 64 bits from 64·b on.

So the sum of rungs is the histogram of everything, 0 is the empty one, and equal ones are equal.
"""


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


def rungs_of(buckets: Mapping[int, int]) -> Rungs:
    """A histogram of weights by bucket; raises struct.error for a bucket or weight that is none."""
    lanes = bytearray(_LANE.size * (LAST_BUCKET + 1))
    for bucket, weight in buckets.items():
        _LANE.pack_into(lanes, _LANE.size * bucket, weight)
    return int.from_bytes(lanes, "little")


def _lanes(rungs: Rungs) -> tuple[int, ...]:
    """The weights from bucket 0 up to the last that has any."""
    count = -(-rungs.bit_length() // _LANE_BITS)
    return struct.unpack(f"<{count}Q", rungs.to_bytes(_LANE.size * count, "little"))


def weight_of(rungs: Rungs) -> int:
    """How many durations it holds."""
    return sum(_lanes(rungs))


class Ladder:
    """A histogram that is asked for several quantiles: how much lies in each bucket and below."""

    def __init__(self, rungs: Rungs) -> None:
        self._seen = [*accumulate(_lanes(rungs))]
        self.total = self._seen[-1] if self._seen else 0

    def quantile(self, q: float) -> float:
        """The duration in milliseconds that a share `q` of the weight, which is some, stays in."""
        return value_of(bisect_left(self._seen, max(math.ceil(q * self.total), 1)))


def quantile(histogram: Histogram, q: float) -> float | None:
    """The duration in milliseconds that a share `q` of the weight does not exceed."""
    ladder = Ladder(rungs_of(histogram.buckets))
    return ladder.quantile(q) if ladder.total else None


def mean(histogram: Histogram) -> float | None:
    """The exact mean in milliseconds, from sum and count."""
    return histogram.total / histogram.count if histogram.count else None


def pack(histograms: Sequence[Rungs]) -> bytes:
    """Consecutive histograms as planes of bytes under zlib.

    First the number of planes, of histograms, their first bucket and how many of them follow it;
    then of all weights, histogram by histogram, the lowest bytes, then the next ones, as far as
    there are any. So packing and unpacking never touch each number.
    """
    used = _lanes(reduce(or_, histograms, 0))
    first = next((bucket for bucket, weight in enumerate(used) if weight), 0)
    span, planes = len(used) - first, -(-max(used, default=0).bit_length() // 8)
    size = _LANE.size * span
    lanes = b"".join((one >> _LANE_BITS * first).to_bytes(size, "little") for one in histograms)
    head = _HEAD.pack(planes, len(histograms), first, span)
    return zlib.compress(head + b"".join(lanes[n :: _LANE.size] for n in range(planes)), 6)


def unpack(packed: bytes) -> list[Rungs]:
    """What `pack` packed; raises zlib.error, struct.error or ValueError for anything else."""
    plain = zlib.decompress(packed)
    planes, count, first, span = _HEAD.unpack_from(plain)
    weights = count * span
    if len(plain) != _HEAD.size + planes * weights or first + span > LAST_BUCKET + 1:
        raise ValueError(f"{planes} planes of {count} × {span} weights in {len(plain)} bytes")
    lanes = bytearray(_LANE.size * weights)
    for n in range(planes):
        begin = _HEAD.size + n * weights
        lanes[n :: _LANE.size] = plain[begin : begin + weights]
    size, shift, view = _LANE.size * span, _LANE_BITS * first, memoryview(lanes)
    return [
        int.from_bytes(view[n * size : (n + 1) * size], "little") << shift for n in range(count)
    ]
