"""A day of one target: what is kept of its hours when their minutes are gone."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.chunks import HourChunk
from shared.domain.histograms import Rungs
from shared.domain.records import short_hash
from shared.domain.summaries import Summary, merge_summaries
from shared.domain.times import DAY, each_hour, hour_key

T = TypeVar("T")

HOURS_A_DAY = 24
HOURS_A_QUARTER = 6
QUARTERS_A_DAY = HOURS_A_DAY // HOURS_A_QUARTER


class Parts(NamedTuple):
    """The summaries of a day's hours or quarters column by column: so they are read and drawn.

    A part without samples has the count 0, the total 0, and else None.
    """

    counts: tuple[int, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    totals: tuple[float, ...]
    lasts: tuple[float | None, ...]

    @property
    def summaries(self) -> tuple[Summary | None, ...]:
        """Part by part; None: no sample."""
        rows = (one if one[0] else None for one in zip(*self, strict=True))
        return cast("tuple[Summary | None, ...]", tuple(rows))

    @property
    def is_sound(self) -> bool:
        """Whether every part is there or not in all columns alike."""
        gaps = [count == 0 for count in self.counts]
        columns = (self.lows, self.highs, self.lasts)
        return all([value is None for value in column] == gaps for column in columns)


def parts_of(summaries: Iterable[Summary | None]) -> Parts:
    """The columns of consecutive summaries, one at least."""
    return Parts(*zip(*(one or NO_SAMPLE for one in summaries), strict=True))


NO_SAMPLE = (0, None, None, 0.0, None)
NO_HOURS = parts_of((None,) * HOURS_A_DAY)
NO_QUARTERS = parts_of((None,) * QUARTERS_A_DAY)
NO_HOURLY_HISTOGRAMS: tuple[Rungs, ...] = (0,) * HOURS_A_DAY
NO_QUARTER_HISTOGRAMS: tuple[Rungs, ...] = (0,) * QUARTERS_A_DAY


class DayChunk(Struct, frozen=True, kw_only=True):
    """One day in UTC: summaries of its hours by column, their histograms, and the day's own.

    `quarters`: the same of every six hours from midnight on, which seasons are drawn from.

    `made_from` stands for the versions of the hour rows that it was rolled up from; `purged`: they
    were old enough to go; `etag` and `damaged` as in an HourChunk.
    """

    day: datetime
    hours: dict[str, Parts] = field(default_factory=dict)
    histograms: tuple[Rungs, ...] = NO_HOURLY_HISTOGRAMS
    quarters: dict[str, Parts] = field(default_factory=dict)
    quarter_histograms: tuple[Rungs, ...] = NO_QUARTER_HISTOGRAMS
    summary: dict[str, Summary] = field(default_factory=dict)
    summary_histogram: Rungs = 0
    made_from: str = ""
    purged: bool = False
    damaged: tuple[str, ...] = ()
    etag: str | None = None


Versions = Mapping[datetime, str]
"""The ETags of stored rows, by the hour or day that they are of."""


def fingerprint(versions: Versions) -> str:
    """What changes whenever an hour row is written, comes or goes."""
    return short_hash(*(f"{hour_key(hour)} {versions[hour]}" for hour in sorted(versions)))


def roll_up(day: datetime, chunks: Iterable[HourChunk], before: DayChunk | None = None) -> DayChunk:
    """The day of these hours; what they can't say any more is kept from the day as it was before.

    So an hour that was lost or damaged keeps its summary, column by column.
    """
    chunks = list(chunks)
    found = day_of_hours(day, chunks, before)
    parts = {column: hours.summaries for column, hours in found.hours.items()}
    sums = {column: merge_summaries(hours) for column, hours in parts.items()}
    return replace(
        found,
        quarters={
            column: parts_of(map(merge_summaries, _quarters(hours)))
            for column, hours in parts.items()
        },
        quarter_histograms=tuple(map(sum, _quarters(found.histograms))),
        summary={column: one for column, one in sums.items() if one is not None},
        summary_histogram=sum(found.histograms),
        made_from=fingerprint({chunk.hour: chunk.etag or "" for chunk in chunks}),
    )


def day_of_hours(
    day: datetime, chunks: Iterable[HourChunk], before: DayChunk | None = None
) -> DayChunk:
    """The same, of which only the hours and their histograms are wanted."""
    before = before or DayChunk(day=day)
    by_hour = {chunk.hour: chunk for chunk in chunks}
    parts = [by_hour.get(hour) for hour in each_hour(day, day + DAY)]
    columns = {column for part in parts if part is not None for column in part.summary}
    histograms = (
        part.summary_histogram if part is not None and part.summary_histogram else old
        for part, old in zip(parts, before.histograms, strict=True)
    )
    return DayChunk(
        day=day,
        hours={
            column: _hours(column, parts, before.hours.get(column, NO_HOURS))
            for column in sorted(columns | before.hours.keys())
        },
        histograms=tuple(histograms),
        purged=before.purged,
        etag=before.etag,
    )


def _quarters(hours: Sequence[T]) -> Iterable[Sequence[T]]:
    return (hours[n : n + HOURS_A_QUARTER] for n in range(0, len(hours), HOURS_A_QUARTER))


def _hours(column: str, parts: Iterable[HourChunk | None], before: Parts) -> Parts:
    found = (part.summary.get(column) if part is not None else None for part in parts)
    pairs = zip(found, before.summaries, strict=True)
    return parts_of(old if new is None else new for new, old in pairs)


def without_hours(day: DayChunk) -> DayChunk:
    """The day whose hours go because they are old enough: none of them will be missed."""
    return replace(day, made_from=fingerprint({}), purged=True)


def lost_hours(chunks: Iterable[HourChunk], before: DayChunk | None) -> list[datetime]:
    """The hours that the day remembers and that are not stored any more, or are damaged."""
    found = {chunk.hour: chunk for chunk in chunks}
    damaged = {hour for hour, chunk in found.items() if chunk.damaged}
    if before is None or before.purged:
        return sorted(damaged)
    hours = list(each_hour(before.day, before.day + DAY))
    known = {
        hour
        for its in before.hours.values()
        for hour, count in zip(hours, its.counts, strict=True)
        if count
    }
    return sorted(damaged | known - found.keys())
