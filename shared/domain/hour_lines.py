"""A target's metrics hour by hour over weeks: what reports count from, never from means of means.

A line holds, hour by hour, how many samples there were, their lowest, highest and sum; of a mean
of requests the count and sum are those of the requests (see summaries).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from shared.domain.curves import Cells, Columns
from shared.domain.days import NO_HOURLY_HISTOGRAMS, NO_HOURS, DayChunk
from shared.domain.histograms import Ladder, Rungs
from shared.domain.metrics import Catalog, Metric
from shared.domain.times import HOUR, Span, each_day
from shared.domain.trends.slopes import Point

T = TypeVar("T")

MINUTES_AN_HOUR = 60
HOURS_A_DAY = 24
FULL_DAY = 12
"""Hours of a day that must be known, so that it says something about the day."""


class HourLines(Struct, frozen=True):
    """Lines by column over the whole hours of `span`; histograms of the hours where they were read.

    A column that was never measured has no line. `lasts`: the last sample of each hour. `asked`:
    the columns that were looked for, whether they have a line or not.
    """

    span: Span
    columns: Mapping[str, Columns]
    histograms: Sequence[Rungs] = ()
    lasts: Mapping[str, Cells] = field(default_factory=dict)
    asked: Collection[str] = frozenset()

    def within(self, span: Span) -> "HourLines":
        """The same lines between whole hours; what lies outside of them is not known."""
        cut = slice(
            max((span.start - self.span.start) // HOUR, 0),
            max((span.end - self.span.start) // HOUR, 0),
        )
        columns = {name: _cut(line, cut) for name, line in self.columns.items()}
        lasts = {name: line[cut] for name, line in self.lasts.items()}
        return HourLines(span, columns, self.histograms[cut], lasts, self.asked)

    @property
    def minutes(self) -> int:
        """How many minutes the span has."""
        return (self.span.end - self.span.start) // HOUR * MINUTES_AN_HOUR

    def known_minutes(self, metric: Metric, catalog: Catalog) -> int:
        """The minutes of which the metric's sources spoke: a sample counts as long as it holds.

        A distribution is known wherever its count is: nothing may have happened.
        """
        counted = _counted(metric, catalog)
        line = self.columns.get(counted.column)
        if line is None:
            return 0
        if counted.every > MINUTES_AN_HOUR:
            return min(sum(line.counts) * counted.every, self.minutes)
        return sum(min(count * counted.every, MINUTES_AN_HOUR) for count in line.counts)

    def mean(self, metric: Metric) -> float | None:
        """The mean of its samples; of a mean of requests, that of the requests."""
        line = self.columns.get(metric.column)
        if line is None or not any(line.counts):
            return None
        return sum(line.totals) / sum(line.counts)

    def total(self, metric: Metric) -> float | None:
        """The sum of its samples; None where there is none."""
        line = self.columns.get(metric.column)
        return sum(line.totals) if line is not None and any(line.counts) else None

    def high(self, metric: Metric) -> float | None:
        """The highest sample."""
        line = self.columns.get(metric.column)
        return max(known(line.highs), default=None) if line is not None else None

    def last(self, metric: Metric) -> float | None:
        """The newest sample."""
        return next(iter(known(self.lasts.get(metric.column, ()))[::-1]), None)

    def quantile(self, q: float) -> float | None:
        """The duration in ms that a share `q` of all requests stays in."""
        ladder = Ladder(sum(self.histograms))
        return ladder.quantile(q) if ladder.total else None

    def means(self, metric: Metric) -> list[float | None]:
        """The mean of each hour."""
        line = self.columns.get(metric.column)
        if line is None:
            return []
        pairs = zip(line.totals, line.counts, strict=True)
        return [total / count if count else None for total, count in pairs]

    def days(self, metric: Metric, catalog: Catalog) -> list[Point]:
        """(number of the day, mean) of the 24 hours that end with the span, and of those before.

        The last day is number 0, the one before it -1: days a week apart are the same weekday. A
        day of which less than half is known is left out, and one without a sample. Oldest first.
        """
        line = self.columns.get(metric.column)
        if line is None:
            return []
        counts, totals = _days(line.counts), _days(line.totals)
        return [
            (day, sum(totals[day]) / sum(count))
            for day, count in counts.items()
            if sum(count) and self._known_hours(day, metric, catalog) >= FULL_DAY
        ]

    def busiest_hours(self, metric: Metric, catalog: Catalog) -> list[Point]:
        """(number of the day, mean of its highest hour), likewise."""
        days = _days(self.means(metric)).items()
        found = ((day, known(hours)) for day, hours in days)
        return [
            (day, max(hours))
            for day, hours in found
            if hours and self._known_hours(day, metric, catalog) >= FULL_DAY
        ]

    def _known_hours(self, day: int, metric: Metric, catalog: Catalog) -> int:
        """In how many hours the metric's sources spoke; see known_minutes."""
        line = self.columns.get(_counted(metric, catalog).column)
        return sum(map(bool, _days(line.counts)[day])) if line is not None else 0


def _cut(line: Columns, cut: slice) -> Columns:
    return Columns(line.counts[cut], line.lows[cut], line.highs[cut], line.totals[cut])


def known(values: Cells) -> list[float]:
    """The values that there are."""
    return [value for value in values if value is not None]


def _days(hours: Sequence[T]) -> dict[int, Sequence[T]]:
    """Whole days counted back from the end, oldest first."""
    count = len(hours) // HOURS_A_DAY
    first = len(hours) - HOURS_A_DAY * count
    return {
        day - count + 1: hours[first + HOURS_A_DAY * day : first + HOURS_A_DAY * (day + 1)]
        for day in range(count)
    }


def _counted(metric: Metric, catalog: Catalog) -> Metric:
    """What says whether it is known: of a distribution its count, because nothing may happen."""
    return catalog.metric(metric.of) if metric.of else metric


def lines_of(days: Mapping[datetime, DayChunk], metrics: Sequence[Metric], span: Span) -> HourLines:
    """The hours of `span` as days tell of them."""
    chunks = [days.get(day) for day in each_day(span.start, span.end)]
    first = next(iter(each_day(span.start, span.end)), span.start)
    skip = (span.start - first) // HOUR
    cut = slice(skip, skip + (span.end - span.start) // HOUR)
    whole = {metric.column: _line(metric.column, chunks, cut) for metric in metrics}
    lines = {name: line for name, line in whole.items() if any(line.counts)}
    found = (chunk.histograms if chunk else NO_HOURLY_HISTOGRAMS for chunk in chunks)
    histograms = [*chain.from_iterable(found)]
    return HourLines(
        span,
        {
            name: Columns(line.counts, line.lows, line.highs, line.totals)
            for name, line in lines.items()
        },
        histograms[cut] if any(histograms) else (),
        {name: line.lasts for name, line in lines.items()},
        whole.keys(),
    )


class _Line(NamedTuple):
    """One column's hours, as days keep them."""

    counts: Sequence[int]
    lows: Cells
    highs: Cells
    totals: Sequence[float]
    lasts: Cells


def _line(column: str, chunks: Sequence[DayChunk | None], cut: slice) -> _Line:
    hours = [chunk.hours.get(column, NO_HOURS) if chunk else NO_HOURS for chunk in chunks]
    lines = zip(*hours, strict=True)
    return _Line(*([value for day in line for value in day][cut] for line in lines))
