"""Log-bucket histograms of durations: mergeable, so that percentiles are never averaged.

Bucket b holds durations up to γ^b milliseconds, γ = 1.04; a quantile is answered by the bucket's
harmonic centre 2γ^b / (1 + γ), at most 1.96 % off (the DDSketch guarantee, Masson et al. 2019).
"""

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

GAMMA = 1.04
LAST_BUCKET = 400
_LN_GAMMA = math.log(GAMMA)


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
    return 2 * GAMMA**bucket / (1 + GAMMA)


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


def quantile(histogram: Histogram, q: float) -> float | None:
    """The duration in milliseconds that a share `q` of the weight does not exceed."""
    rank = max(math.ceil(q * histogram.count), 1)
    seen = 0
    for bucket in sorted(histogram.buckets):
        seen += histogram.buckets[bucket]
        if seen >= rank:
            return value_of(bucket)
    return None


def mean(histogram: Histogram) -> float | None:
    """The exact mean in milliseconds, from sum and count."""
    return histogram.total / histogram.count if histogram.count else None


def pack(histograms: Sequence[Mapping[int, int] | None]) -> bytes:
    """Buckets of consecutive minutes as zlib over varints; None and empty are one and the same."""
    plain = bytearray()
    for buckets in histograms:
        _put(plain, buckets or {})
    return zlib.compress(bytes(plain), 6)


def unpack(packed: bytes) -> list[dict[int, int]]:
    """What `pack` packed; a minute without weight is an empty mapping."""
    numbers = _varints(zlib.decompress(packed))
    return [_take(numbers, size) for size in numbers]


def _put(plain: bytearray, buckets: Mapping[int, int]) -> None:
    _put_varint(plain, len(buckets))
    previous = 0
    for bucket in sorted(buckets):
        _put_varint(plain, bucket - previous)
        _put_varint(plain, buckets[bucket])
        previous = bucket


def _take(numbers: Iterator[int], size: int) -> dict[int, int]:
    buckets: dict[int, int] = {}
    bucket = 0
    for _ in range(size):
        bucket += next(numbers)
        buckets[bucket] = next(numbers)
    return buckets


def _put_varint(plain: bytearray, number: int) -> None:
    while number > 0x7F:
        plain.append(number & 0x7F | 0x80)
        number >>= 7
    plain.append(number)


def _varints(plain: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in plain:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
