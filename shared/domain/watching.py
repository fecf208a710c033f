"""Stored minutes as a rule hears them: the cells of its members, windows made into one cell.

A window is judged from what is stored up to the minute, so any split of the minutes hears the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.members import Member
from shared.domain.metrics import Better, Metric
from shared.domain.samples import Cell, Gap, Outlook, Said, Sampled
from shared.domain.series import Chunks, first_needed, read_cells
from shared.domain.times import MINUTE, minutes_between
from shared.domain.trends.slopes import Trend, look_back, medians, slot_of, trend_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Watched(Struct, frozen=True):
    """A member of a rule with its metric, and the count that this is a distribution of."""

    member: Member
    metric: Metric
    of: Metric | None = None

    @property
    def read(self) -> Metric:
        """The metric as it is read: an anomaly's values are a detector's scores."""
        scored = self.member.condition == "anomaly" and self.metric.score is not None
        return replace(self.metric, column=self.metric.score) if scored else self.metric

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that judging it needs."""
        return (self.read.column, *([self.of.column] if self.of else []))

    def first_in_window(self, minute: datetime) -> datetime:
        """The oldest minute that the window of `minute` can hold."""
        return minute - (look_back(self.member.minutes) - 1) * MINUTE

    def first_needed(self, minute: datetime) -> datetime:
        """The oldest minute whose sample can count in judging `minute`."""
        return first_needed(self.metric, self.first_in_window(minute))


def listen(
    watched: Sequence[Watched], chunks: Chunks, first: datetime, end: datetime, *, composite: bool
) -> Iterator[tuple[datetime, Said]]:
    """The covered minutes of [first, end) as a rule hears them; a composite hears all members."""
    rows = [_cells(one, chunks, first, end) for one in watched]
    if not composite:
        yield from rows[0]
        return
    for heard in zip(*rows, strict=True):
        yield heard[0][0], tuple(cell for _, cell in heard)


def _cells(
    watched: Watched, chunks: Chunks, first: datetime, end: datetime
) -> Iterator[tuple[datetime, Cell]]:
    begin = watched.first_in_window(first)
    cells = read_cells(watched.read, watched.of, chunks, begin, end)
    return cells if watched.member.minutes == 1 else over_window(watched, cells, first)


def over_window(
    watched: Watched, cells: Iterable[tuple[datetime, Sampled]], first: datetime
) -> Iterator[tuple[datetime, Cell]]:
    """From `first` on, what the window that ends with each minute says; `cells` begin before it.

    A minute without a sample of its own stays the gap that it is; gaps before it are samples that
    the window lacks, and one that lacks more than half of them is missing.
    """
    window = _Window(watched)
    for minute, cell in cells:
        window.add(minute, cell)
        if minute >= first:
            yield minute, cell if isinstance(cell, Gap) else window.cell


class _Window:
    """The samples of the last whole slots; the trend is made anew when a slot has ended."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._slot = slot_of(watched.member.minutes)
        self._length = watched.member.minutes // self._slot * self._slot
        self._samples: deque[tuple[int, float]] = deque()
        self._end = self._made_for = 0
        self._made: Cell = Gap.MISSING

    def add(self, minute: datetime, cell: Sampled) -> None:
        """Go on by a minute."""
        number = minutes_between(_EPOCH, minute)
        if not isinstance(cell, Gap):
            self._samples.append((number, cell))
        self._end = (number + 1) // self._slot * self._slot
        while self._samples and self._samples[0][0] < self._end - self._length:
            self._samples.popleft()

    @property
    def cell(self) -> Cell:
        """What the window says just now."""
        if self._made_for != self._end:
            self._made_for, self._made = self._end, self._make()
        return self._made

    def _make(self) -> Cell:
        inside = [sample for sample in self._samples if sample[0] < self._end]
        enough = 2 * len(inside) >= self._length
        trend = trend_of(medians(inside, self._slot)) if enough else None
        return Gap.MISSING if trend is None else _said_by(trend, self._watched)


def _said_by(trend: Trend, watched: Watched) -> Cell:
    member = watched.member
    if member.within_hours is None:
        return trend.slope
    rising = watched.metric.better is Better.LOW
    minutes = trend.minutes_until(member.threshold or 0.0, rising=rising)
    if minutes is None or minutes > 60 * member.within_hours:
        return Outlook(trend.level, None)
    return Outlook(trend.level, minutes / 60)
