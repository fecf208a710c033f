"""What is kept of many samples: a summary that merges."""

from collections.abc import Iterable, Sequence

Summary = tuple[int, float, float, float, float]
"""(count, min, max, sum, last) over real samples, never over holds.

Of a mean, each sample counts as often as what it is the mean of: count and sum are those of the
requests, so that sum / count is their mean however summaries are merged.
"""


def summarize(
    cells: Sequence[float | None], weights: Sequence[float | None] | None = None
) -> Summary | None:
    """The summary of the real samples; None when there are none.

    `weights`: how much each sample stands for; one of unknown weight counts once, as does one of
    less: a count of 0 would say that there is no sample.
    """
    real = [value for value in cells if value is not None]
    if not real:
        return None
    if weights is None:
        return len(real), min(real), max(real), sum(real), real[-1]
    count, total = weigh(cells, weights)
    return int(count), min(real), max(real), total, real[-1]


def weigh(cells: Sequence[float | None], weights: Sequence[float | None]) -> tuple[float, float]:
    """How much the samples stand for together, and their weighted sum."""
    pairs = [(v, max(w or 1.0, 1.0)) for v, w in zip(cells, weights, strict=True) if v is not None]
    return sum(w for _, w in pairs), sum(v * w for v, w in pairs)


def merge_summaries(parts: Iterable[Summary | None]) -> Summary | None:
    """One summary of consecutive ones, oldest first; None when there is nothing in any of them."""
    real = [part for part in parts if part is not None]
    if len(real) < 2:
        return real[0] if real else None
    counts, lows, highs, totals, lasts = zip(*real, strict=True)
    return sum(counts), min(lows), max(highs), sum(totals), lasts[-1]
