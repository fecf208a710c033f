"""A metric drawn over even steps: what it was in each, and how low and high it went."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shared.domain.histograms import quantile_of
from shared.domain.summaries import Buckets, Summary, merge_summaries, weigh

Values = tuple[float | None, ...]
Cells = Sequence[float | None]

Point = tuple[float | None, float | None, float | None]
"""Value, low and high of one step."""

NOTHING: Point = (None, None, None)


class Curve(Struct, frozen=True):
    """One value for each step, None where there is no sample; `lows` and `highs` keep spikes."""

    values: Values
    lows: Values
    highs: Values

    def held(self, steps: int) -> "Curve":
        """Each value also for the empty steps behind it, so that it lasts for `steps` in all."""
        if steps < 2:
            return self
        return Curve(*(tuple(_held(line, steps)) for line in (self.values, self.lows, self.highs)))

    def cut(self, first: int) -> "Curve":
        """Without the steps before the step `first`."""
        return Curve(self.values[first:], self.lows[first:], self.highs[first:])

    def with_quantiles(self, merged: Sequence[Buckets], q: float) -> "Curve":
        """The quantile of each step's histogram; a step that came without one keeps its mean."""
        found = (quantile_of(buckets, q) for buckets in merged)
        pairs = zip(self.values, found, strict=True)
        values = tuple(value if exact is None else exact for value, exact in pairs)
        return Curve(values, self.lows, self.highs)


def _held(line: Values, steps: int) -> Iterator[float | None]:
    last, age = None, steps
    for value in line:
        last, age = (value, 1) if value is not None else (last, age + 1)
        yield last if age <= steps else None


def curve_of_cells(cells: Cells, size: int, weights: Cells | None = None) -> Curve:
    """Steps of `size` minutes; `weights`: of a mean, how much each minute of it stands for."""
    if size == 1:
        line = tuple(cells)
        return Curve(line, line, line)
    if weights is None:
        return _curve(_point(cells[i : i + size]) for i in range(0, len(cells), size))
    return _curve(
        _weighed_point(cells[i : i + size], weights[i : i + size])
        for i in range(0, len(cells), size)
    )


def curve_of_summaries(summaries: Sequence[Summary | None], size: int) -> Curve:
    """Steps of `size` hours or days."""
    return _curve(
        _summed_point(merge_summaries(summaries[i : i + size]))
        for i in range(0, len(summaries), size)
    )


def _curve(points: Iterable[Point]) -> Curve:
    values, lows, highs = zip(*points, strict=True)
    return Curve(values, lows, highs)


def _point(cells: Cells) -> Point:
    real = [value for value in cells if value is not None]
    return (sum(real) / len(real), min(real), max(real)) if real else NOTHING


def _weighed_point(cells: Cells, weights: Cells) -> Point:
    real = [value for value in cells if value is not None]
    if not real:
        return NOTHING
    count, total = weigh(cells, weights)
    return total / count, min(real), max(real)


def _summed_point(summary: Summary | None) -> Point:
    if summary is None:
        return NOTHING
    count, low, high, total, _ = summary
    return total / count, low, high
