"""Hour and day chunks in table rows.

An hour has one property per metric, a compact JSON array, so that a chart reads what it draws; a
day packs all metrics into a few: the table client costs some 10 µs for each property it reads.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.adapters.chunk_rows import (
    HISTOGRAMS,
    SUMMARY,
    SUMMARY_HISTOGRAM,
    hour_properties,
    latest_properties,
    to_detectors,
    to_hour,
    to_latest,
)
from shared.adapters.day_rows import HOURLY, QUARTER_HISTOGRAMS, QUARTERLY, day_properties, to_day
from shared.adapters.rows import DeleteRow, InsertRow, Op, Properties, ReplaceRow, Rows
from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.chunks import HourChunk, Latest
from shared.domain.days import DayChunk, Versions
from shared.domain.times import DAY, HOUR, day_key, hour_key

LATEST = "latest"
DETECTORS = "detectors"


class ChunkStore:
    """See ports.SampleStore."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def latest(self, target: str) -> Latest:
        """See SampleStore.latest."""
        row = self._rows.get(target, LATEST)
        return Latest() if row is None else to_latest(row)

    def hours(
        self,
        target: str,
        first: datetime,
        last: datetime,
        *,
        columns: Iterable[str] | None = None,
        summaries: bool = False,
        histograms: bool = False,
    ) -> list[HourChunk]:
        """See SampleStore.hours."""
        select = _select(columns, summaries=summaries, histograms=histograms)
        rows = self._rows.query(target, hour_key(first), hour_key(last + HOUR), select)
        return [chunk for chunk in map(to_hour, rows) if chunk is not None]

    def detectors(self, target: str) -> KeptDetectors:
        """See SampleStore.detectors."""
        row = self._rows.get(target, DETECTORS)
        return KeptDetectors() if row is None else to_detectors(row)

    def save(
        self,
        target: str,
        chunks: Sequence[HourChunk],
        latest: Latest,
        detectors: KeptDetectors | None = None,
    ) -> None:
        """See SampleStore.save."""
        ops = [_op(hour_key(chunk.hour), hour_properties(chunk), chunk.etag) for chunk in chunks]
        ops.append(_op(LATEST, latest_properties(latest), latest.etag))
        if detectors is not None:
            ops.append(_op(DETECTORS, detectors.packed, detectors.etag))
        self._rows.transact(target, ops)

    def versions(self, target: str, first: datetime, last: datetime) -> Versions:
        """See SampleStore.versions."""
        rows = self._rows.query(target, hour_key(first), hour_key(last + HOUR), ())
        found = ((to_hour(row), row.etag) for row in rows)
        return {chunk.hour: etag for chunk, etag in found if chunk is not None}

    def drop_hours(self, target: str, hours: Versions, day: DayChunk | None = None) -> None:
        """See SampleStore.drop_hours."""
        gone = [DeleteRow(hour_key(hour), etag) for hour, etag in hours.items()]
        kept = [] if day is None else [_op(day_key(day.day), day_properties(day), day.etag)]
        self._rows.transact(target, [*gone, *kept])

    def days(
        self,
        target: str,
        first: datetime,
        last: datetime,
        *,
        columns: Iterable[str] | None = None,
        quarters: bool = False,
        summaries: bool = False,
        histograms: bool = False,
    ) -> list[DayChunk]:
        """See SampleStore.days."""
        wanted = None if columns is None else frozenset(columns)
        if quarters and not summaries:
            select: list[str] | None = [*QUARTERLY, *([QUARTER_HISTOGRAMS] if histograms else [])]
        else:
            packed = None if wanted is None else HOURLY
            select = _select(packed, summaries=summaries, histograms=histograms)
        rows = self._rows.query(target, day_key(first), day_key(last + DAY), select)
        return [chunk for row in rows if (chunk := to_day(row, wanted)) is not None]

    def save_day(self, target: str, chunk: DayChunk) -> None:
        """See SampleStore.save_day."""
        self._rows.transact(target, [_op(day_key(chunk.day), day_properties(chunk), chunk.etag)])

    def drop_days(self, target: str, days: Versions) -> None:
        """See SampleStore.drop_days."""
        self._rows.transact(target, [DeleteRow(day_key(day), etag) for day, etag in days.items()])


def _op(key: str, properties: Properties, etag: str | None) -> Op:
    return InsertRow(key, properties) if etag is None else ReplaceRow(key, properties, etag)


def _select(
    columns: Iterable[str] | None, *, summaries: bool, histograms: bool
) -> list[str] | None:
    if summaries:
        return [SUMMARY, SUMMARY_HISTOGRAM] if histograms else [SUMMARY]
    if columns is None:
        return None
    return [*columns, HISTOGRAMS] if histograms else [*columns]
