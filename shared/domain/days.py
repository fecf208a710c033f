"""A day of one target: what is kept of its hours when their minutes are gone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, cast

from msgspec import Meta, Struct, field

from shared.domain.chunks import HourChunk
from shared.domain.records import short_hash
from shared.domain.summaries import Summary, merge_summaries, sum_buckets
from shared.domain.times import DAY, each_hour, hour_key

HOURS_A_DAY = 24

_Day = Meta(min_length=HOURS_A_DAY, max_length=HOURS_A_DAY)


class Hourly(NamedTuple):
    """The summaries of a day's 24 hours column by column, which is how they are read and drawn.

    An hour without samples has the count 0, the total 0, and else None.
    """

    counts: Annotated[tuple[int, ...], _Day]
    lows: Annotated[tuple[float | None, ...], _Day]
    highs: Annotated[tuple[float | None, ...], _Day]
    totals: Annotated[tuple[float, ...], _Day]
    lasts: Annotated[tuple[float | None, ...], _Day]

    @property
    def summaries(self) -> tuple[Summary | None, ...]:
        """Hour by hour; None: no sample."""
        rows = (one if one[0] else None for one in zip(*self, strict=True))
        return cast("tuple[Summary | None, ...]", tuple(rows))

    @property
    def is_sound(self) -> bool:
        """Whether every hour is there or not in all columns alike."""
        gaps = [count == 0 for count in self.counts]
        columns = (self.lows, self.highs, self.lasts)
        return all([value is None for value in column] == gaps for column in columns)


def hourly_of(summaries: Iterable[Summary | None]) -> Hourly:
    """The columns of 24 summaries."""
    return Hourly(*zip(*(one or NO_SAMPLE for one in summaries), strict=True))


NO_SAMPLE = (0, None, None, 0.0, None)
NO_HOURS = hourly_of((None,) * HOURS_A_DAY)
NO_HOURLY_HISTOGRAMS: tuple[dict[int, int], ...] = ({},) * HOURS_A_DAY


class DayChunk(Struct, frozen=True, kw_only=True):
    """One day in UTC: summaries of its hours by column, their histograms, and the day's own.

    `made_from` stands for the versions of the hour rows that it was rolled up from; `etag` and
    `damaged` as in an HourChunk.
    """

    day: datetime
    hours: dict[str, Hourly] = field(default_factory=dict)
    histograms: tuple[dict[int, int], ...] = NO_HOURLY_HISTOGRAMS
    summary: dict[str, Summary] = field(default_factory=dict)
    summary_histogram: dict[int, int] = field(default_factory=dict)
    made_from: str = ""
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
    before = before or DayChunk(day=day)
    by_hour = {chunk.hour: chunk for chunk in chunks}
    parts = [by_hour.get(hour) for hour in each_hour(day, day + DAY)]
    columns = {column for part in parts if part is not None for column in part.summary}
    hours = {
        column: _hourly(column, parts, before.hours.get(column, NO_HOURS))
        for column in sorted(columns | before.hours.keys())
    }
    histograms = tuple(
        part.summary_histogram if part is not None and part.summary_histogram else old
        for part, old in zip(parts, before.histograms, strict=True)
    )
    sums = {column: merge_summaries(hourly.summaries) for column, hourly in hours.items()}
    return DayChunk(
        day=day,
        hours=hours,
        histograms=histograms,
        summary={column: one for column, one in sums.items() if one is not None},
        summary_histogram=sum_buckets(histograms),
        made_from=fingerprint({hour: chunk.etag or "" for hour, chunk in by_hour.items()}),
        etag=before.etag,
    )


def _hourly(column: str, parts: Iterable[HourChunk | None], before: Hourly) -> Hourly:
    found = (part.summary.get(column) if part is not None else None for part in parts)
    pairs = zip(found, before.summaries, strict=True)
    return hourly_of(old if new is None else new for new, old in pairs)


def lost_hours(chunks: Iterable[HourChunk], before: DayChunk | None) -> list[datetime]:
    """The hours that the day remembers and that are not stored any more, or are damaged."""
    found = {chunk.hour: chunk for chunk in chunks}
    damaged = {hour for hour, chunk in found.items() if chunk.damaged}
    if before is None:
        return sorted(damaged)
    hours = list(each_hour(before.day, before.day + DAY))
    known = {
        hour
        for hourly in before.hours.values()
        for hour, count in zip(hours, hourly.counts, strict=True)
        if count
    }
    return sorted(damaged | known - found.keys())
