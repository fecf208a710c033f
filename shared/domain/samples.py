"""What a source answers, and the gaps that a stored minute can have."""

import math
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from shared.domain.errors import SourceError
from shared.domain.histograms import Histogram
from shared.domain.tallies import Tally


class Gap(StrEnum):
    """Why a covered minute has no value."""

    MISSING = "missing"  # no sample, and none was held
    EMPTY = "empty"  # the source says that nothing happened


class Outlook(Struct, frozen=True):
    """Where a metric stands, and in how many hours it reaches what a forecast asks about.

    `hours` is None when that is not foreseen within the hours that the rule asks for.
    """

    value: float
    hours: float | None


Sampled = float | Gap
"""A covered minute of one metric: its (held) value, or why there is none."""

Cell = Sampled | Outlook
"""A covered minute of one metric as a condition hears it."""

Said = Cell | tuple[Cell, ...]
"""A covered minute as a rule hears it: one cell, or one for each member of a composite."""


def figure_in(cell: Cell) -> float | None:
    """The number in a cell; None for a gap."""
    if isinstance(cell, Gap):
        return None
    return cell.value if isinstance(cell, Outlook) else cell


class Sample(Struct, frozen=True):
    """One value of one metric in the minute that starts at `minute`."""

    metric: str
    minute: datetime
    value: float

    def __post_init__(self) -> None:
        """NaN and infinities would poison every sum they touch, so they never get in."""
        if not math.isfinite(self.value):
            raise SourceError(f"{self.metric} at {self.minute}: {self.value} is not a number")


class MinuteHistogram(Struct, frozen=True):
    """All durations of one minute; the distribution metrics are computed from it."""

    minute: datetime
    histogram: Histogram


class Reading(Struct, frozen=True, kw_only=True):
    """One answer of one source.

    `asked_at`: world time at which the reading began. `covered_until`: minutes that end by then
    are complete. `since`: for a source that counts over windows, where this window starts.
    `tallies`: what it counts by name, in whole slots.
    """

    source: str
    asked_at: datetime
    covered_until: datetime
    samples: tuple[Sample, ...] = ()
    histograms: tuple[MinuteHistogram, ...] = ()
    since: datetime | None = None
    tallies: tuple[Tally, ...] = ()


class FailureKind(StrEnum):
    """Why a source gave nothing."""

    FAILED = "failed"  # it was asked, and did not answer well
    DENIED = "denied"  # it was not asked, because something is missing that only a person can give
    DEFERRED = "deferred"  # it was not asked, to spare a loaded database


class Failure(Struct, frozen=True):
    """A reading that failed or was left out; its minutes stay uncovered."""

    source: str
    asked_at: datetime
    error: str
    kind: FailureKind = FailureKind.FAILED

    @property
    def was_asked(self) -> bool:
        """Whether the source itself is silent: a missing grant or our own patience is not that."""
        return self.kind is FailureKind.FAILED


Answer = Reading | Failure
