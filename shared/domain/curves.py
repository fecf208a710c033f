"""A metric drawn over even steps: what it was in each, and how low and high it went."""

import math
from collections.abc import Iterable, Iterator, Sequence
from operator import truediv
from typing import NamedTuple, TypeVar

from msgspec import Struct

from shared.domain.histograms import Ladder
from shared.domain.summaries import weigh

T = TypeVar("T")

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

    def with_quantiles(self, ladders: Sequence[Ladder], q: float) -> "Curve":
        """The quantile of each step's histogram; a step that came without one keeps its mean."""
        pairs = zip(self.values, ladders, strict=True)
        values = tuple(ladder.quantile(q) if ladder.total else value for value, ladder in pairs)
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
    if weights is not None:
        return _curve(map(_weighed_point, _groups(cells, size), _groups(weights, size)))
    if None not in cells:
        return _whole_curve(cells, size)  # type: ignore[arg-type]
    return _curve(map(_point, _groups(cells, size)))


def _whole_curve(cells: Sequence[float], size: int) -> Curve:
    """Without gaps nothing has to be looked at one by one."""
    groups = [*_groups(cells, size)]
    means = tuple(total / size for total in map(sum, groups))
    return Curve(means, tuple(map(min, groups)), tuple(map(max, groups)))


def _groups(line: Iterable[T], size: int) -> Iterable[tuple[T, ...]]:
    """The line in pieces of `size`, which divides its length."""
    return zip(*[iter(line)] * size, strict=True)


def _curve(points: Iterable[Point]) -> Curve:
    values, lows, highs = zip(*points, strict=True)
    return Curve(values, lows, highs)


def _point(cells: Cells) -> Point:
    real = [value for value in cells if value is not None]
    if len(real) < 2:
        return (real[0], real[0], real[0]) if real else NOTHING
    return sum(real) / len(real), min(real), max(real)


def _weighed_point(cells: Cells, weights: Cells) -> Point:
    real = [value for value in cells if value is not None]
    if not real:
        return NOTHING
    count, total = weigh(cells, weights)
    return total / count, min(real), max(real)


class Columns(NamedTuple):
    """Summaries of consecutive hours or days, column by column; count 0 and None: no sample."""

    counts: Sequence[int]
    lows: Cells
    highs: Cells
    totals: Sequence[float]


def curve_of_columns(columns: Columns, size: int) -> Curve:
    """Steps of `size` hours or days: what `merge_summaries` says of each."""
    counts, lows, highs, totals = columns
    has_gaps = not all(counts)
    if has_gaps:
        lows = [math.inf if value is None else value for value in lows]
        highs = [-math.inf if value is None else value for value in highs]
    if size > 1:
        counts = tuple(map(sum, _groups(counts, size)))
        totals = tuple(map(sum, _groups(totals, size)))
        lows = tuple(map(min, *_strands(lows, size)))
        highs = tuple(map(max, *_strands(highs, size)))
    if not has_gaps:
        return Curve(tuple(map(truediv, totals, counts)), tuple(lows), tuple(highs))
    points = zip(counts, totals, lows, highs, strict=True)
    return _curve(
        (total / count, low, high) if count else NOTHING for count, total, low, high in points
    )


def _strands(line: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The line dealt out: the first of every `size`, the second, and so on."""
    return (line[i::size] for i in range(size))
