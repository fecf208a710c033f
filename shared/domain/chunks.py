"""An hour of one target: sixty cells a column, their histograms, and the summary of both.

Merging a reading into chunks is decided here; how a chunk is packed into a row is the store's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.histograms import Histogram, Rungs, mean, quantile, rungs_of, weight_of
from shared.domain.metrics import Catalog, Metric, Within, Writes
from shared.domain.samples import Failure, FailureKind, Reading, Sample
from shared.domain.summaries import Summary, summarize
from shared.domain.times import MINUTE, floor_hour

Cells = tuple[float | None, ...]
UNASKED = timedelta(minutes=3)
"""A source that nobody asked for longer than this (beyond its cadence) is not blamed for it."""

NO_CELLS: Cells = (None,) * 60
NO_HISTOGRAMS: tuple[Rungs, ...] = (0,) * 60


class HourChunk(Struct, frozen=True, kw_only=True):
    """One hour: cells by column, the minutes' histograms (as rungs) and the summaries.

    `etag` is the stored row's; None for an hour that is not stored yet. `damaged`: what of the row
    was to be read and could not be, by the names of its properties; it is left out here.
    """

    hour: datetime
    cells: dict[str, Cells] = field(default_factory=dict)
    histograms: tuple[Rungs, ...] = NO_HISTOGRAMS
    summary: dict[str, Summary] = field(default_factory=dict)
    summary_histogram: Rungs = 0
    damaged: tuple[str, ...] = ()
    etag: str | None = None


class Asked(Struct, frozen=True):
    """When a source's last reading finished, good or failed, and since when without a break.

    `since` is None while it has been asked since the target's first pass: then the rule's own start
    counts.
    """

    at: datetime
    since: datetime | None = None


class Latest(Struct, frozen=True, kw_only=True):
    """What a person sees first, and how far each source has spoken.

    `values` and `minutes` by column: the newest cell, provisional or not. `idle` by column: the
    newest minute in which a count was 0, so that its distributions were empty. `covered`, `asked`
    and `lacking` by source; the last is what only a person can give, such as a grant. `damaged`:
    hours that lost something and wait to be read again from the sources that still remember.
    """

    values: dict[str, float] = field(default_factory=dict)
    minutes: dict[str, datetime] = field(default_factory=dict)
    idle: dict[str, datetime] = field(default_factory=dict)
    covered: dict[str, datetime] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)
    damaged: tuple[datetime, ...] = ()
    updated_at: datetime | None = None
    etag: str | None = None

    def covered_until(self, metric: Metric) -> datetime | None:
        """How far `metric` is covered: to the later of its sources; None before the first word."""
        known = [self.covered[name] for name in metric.sources if name in self.covered]
        return max(known, default=None)


def columns_of(reading: Reading, catalog: Catalog) -> dict[str, dict[datetime, float]]:
    """A reading's cells by column and minute, several samples of a minute merged by `within`."""
    several: dict[str, dict[datetime, list[float]]] = {}
    for sample in (*reading.samples, *_distribution_samples(reading, catalog)):
        minutes = several.setdefault(catalog.metric(sample.metric).name, {})
        minutes.setdefault(sample.minute, []).append(sample.value)
    return {
        catalog.metric(name).column: {
            minute: within(catalog.metric(name).within, values)
            for minute, values in minutes.items()
        }
        for name, minutes in several.items()
    }


def within(rule: Within, values: list[float]) -> float:
    """One value for several of the same minute, in the order they came."""
    match rule:
        case Within.LAST:
            return values[-1]
        case Within.MEAN:
            return sum(values) / len(values)
        case Within.MAX:
            return max(values)
        case Within.MIN:
            return min(values)
        case Within.SUM:
            return sum(values)


def _distribution_samples(reading: Reading, catalog: Catalog) -> Iterator[Sample]:
    for at in reading.histograms:
        for metric in catalog.distributions():
            value = _statistic(metric, at.histogram)
            if value is not None:
                yield Sample(metric.name, at.minute, value)


def _statistic(metric: Metric, histogram: Histogram) -> float | None:
    if isinstance(metric.statistic, float):
        return quantile(histogram, metric.statistic)
    return mean(histogram)


def weights_of(catalog: Catalog) -> dict[str, str]:
    """The column of each mean of requests, and that of the count that weighs its minutes."""
    means = (metric for metric in catalog.distributions() if metric.statistic == "mean")
    return {mean.column: catalog.metric(mean.of).column for mean in means if mean.of}


class Merge:
    """Merges readings into the chunks and `latest` of one target; nothing is written here.

    Rules of docs/semantics.md section 1: a later answer replaces a cell, a fallback fills empty
    ones only, the probe combines, windows of counts must join, and what is covered is never
    overwritten by what is provisional.
    """

    def __init__(
        self, catalog: Catalog, latest: Latest, chunks: Mapping[datetime, HourChunk]
    ) -> None:
        self._catalog = catalog
        self._stored = latest
        self.latest = _with_damage(latest, chunks.values())
        self._chunks = dict(chunks)
        self._counts = {catalog.metric(m.of).column for m in catalog.distributions() if m.of}
        self._weights = weights_of(catalog)
        self._bands = {column for m in catalog.metrics for column in m.expected or ()}
        self._cells: dict[datetime, dict[str, list[float | None]]] = {}
        self._histograms: dict[datetime, list[Rungs]] = {}

    def add(self, reading: Reading) -> None:
        """Merge one reading; a count window that does not join is dropped, never added twice."""
        source = self._catalog.source(reading.source)
        covered = self._stored.covered.get(reading.source)
        self._note_asked(reading)
        self._note_lacking(reading.source, None)
        if source.writes is Writes.WINDOW and covered is not None and reading.since != covered:
            return
        for column, minutes in columns_of(reading, self._catalog).items():
            self._add_column(reading, self._metric_of(column), minutes)
        self._add_histograms(reading)
        self._cover(reading)

    def add_failure(self, failure: Failure) -> None:
        """Remember that the source was asked, or why it was not; it covers nothing."""
        if failure.was_asked:
            self._note_asked(failure)
        denied = failure.kind is FailureKind.DENIED
        self._note_lacking(failure.source, failure.error if denied else None)

    def chunks(self) -> list[HourChunk]:
        """The chunks that changed, oldest first, with their summaries brought up to date."""
        hours = sorted(self._cells.keys() | self._histograms.keys())
        finished = [self._finished(hour) for hour in hours]
        return [chunk for chunk in finished if chunk != self._chunk(chunk.hour)]

    def fresh(self, metric: Metric) -> list[tuple[datetime, float]]:
        """The samples of the minutes that were not covered before and now are, oldest first."""
        before, until = self._stored.covered_until(metric), self.latest.covered_until(metric)
        if until is None or until == before:
            return []
        found: list[tuple[datetime, float]] = []
        for hour in sorted(self._chunks):
            first = 0 if before is None else max(-((hour - before) // MINUTE), 0)
            cells = self._cells_of(metric.column, hour)[: max((until - hour) // MINUTE, 0)]
            found += [
                (hour + number * MINUTE, value)
                for number, value in enumerate(cells[first:], start=first)
                if value is not None
            ]
        return found

    def note(self, column: str, minute: datetime, value: float) -> None:
        """Write a cell that is no source's word but what is made of it."""
        self._open(column, floor_hour(minute))[minute.minute] = value

    def _cells_of(self, column: str, hour: datetime) -> Sequence[float | None]:
        opened = self._cells.get(hour, {}).get(column)
        return self._chunk(hour).cells.get(column, NO_CELLS) if opened is None else opened

    def _metric_of(self, column: str) -> Metric:
        return next(metric for metric in self._catalog.metrics if metric.column == column)

    def _add_column(
        self, reading: Reading, metric: Metric, minutes: Mapping[datetime, float]
    ) -> None:
        for minute, value in minutes.items():
            cells = self._open(metric.column, floor_hour(minute))
            stored = cells[minute.minute]
            merged = self._merged(reading, metric, minute, stored, value)
            if merged != stored:
                cells[minute.minute] = merged
            self._note_value(metric.column, minute, merged)

    def _merged(
        self,
        reading: Reading,
        metric: Metric,
        minute: datetime,
        stored: float | None,
        value: float,
    ) -> float | None:
        provisional = minute + MINUTE > reading.covered_until
        if metric.sources[0] != reading.source:
            fills = stored is None or not self._is_spoken_for(metric, minute)
            return value if fills and not provisional else stored
        if provisional and self._is_covered(metric, minute):
            return stored
        if stored is not None and self._catalog.source(reading.source).writes is Writes.COMBINE:
            return within(metric.within, [stored, value])
        return value

    def _is_spoken_for(self, metric: Metric, minute: datetime) -> bool:
        """Whether the primary source has covered the minute, so that its word stands."""
        covered = self.latest.covered.get(metric.sources[0])
        return covered is not None and minute + MINUTE <= covered

    def _is_covered(self, metric: Metric, minute: datetime) -> bool:
        covered = self.latest.covered_until(metric)
        return covered is not None and minute + MINUTE <= covered

    def _add_histograms(self, reading: Reading) -> None:
        for at in reading.histograms:
            if self._is_stale(reading, at.minute):
                continue
            hour = floor_hour(at.minute)
            histograms = self._histograms.setdefault(hour, list(self._chunk(hour).histograms))
            histograms[at.minute.minute] = rungs_of(at.histogram.buckets)

    def _is_stale(self, reading: Reading, minute: datetime) -> bool:
        provisional = minute + MINUTE > reading.covered_until
        covered = self._stored.covered.get(reading.source)
        return provisional and covered is not None and minute + MINUTE <= covered

    def _open(self, column: str, hour: datetime) -> list[float | None]:
        columns = self._cells.setdefault(hour, {})
        if column not in columns:
            columns[column] = list(self._chunk(hour).cells.get(column, NO_CELLS))
        return columns[column]

    def _chunk(self, hour: datetime) -> HourChunk:
        return self._chunks.setdefault(hour, HourChunk(hour=hour))

    def _note_value(self, column: str, minute: datetime, value: float | None) -> None:
        newest = self.latest.minutes.get(column)
        if value == 0 and column in self._counts:
            idle = max(minute, self.latest.idle.get(column, minute))
            self.latest = replace(self.latest, idle={**self.latest.idle, column: idle})
        if value is None or (newest is not None and newest > minute):
            return
        self.latest = replace(
            self.latest,
            values={**self.latest.values, column: value},
            minutes={**self.latest.minutes, column: minute},
        )

    def _cover(self, reading: Reading) -> None:
        covered = self.latest.covered.get(reading.source, reading.covered_until)
        until = max(covered, reading.covered_until)
        self.latest = replace(self.latest, covered={**self.latest.covered, reading.source: until})

    def _note_asked(self, asked: Reading | Failure) -> None:
        before = self.latest.asked.get(asked.source)
        patience = self._catalog.source(asked.source).cadence - MINUTE + UNASKED
        # One that joins a target later, or got its grant later, was not asked until now.
        now = Asked(asked.asked_at, None if self._stored.updated_at is None else asked.asked_at)
        if before is not None:
            unbroken = asked.asked_at - before.at <= patience
            since = before.since if unbroken else asked.asked_at
            now = Asked(max(asked.asked_at, before.at), since)
        self.latest = replace(self.latest, asked={**self.latest.asked, asked.source: now})

    def _note_lacking(self, source: str, what: str | None) -> None:
        if self.latest.lacking.get(source) != what:
            known = {name: one for name, one in self.latest.lacking.items() if name != source}
            lacking = known if what is None else {**known, source: what}
            self.latest = replace(self.latest, lacking=lacking)

    def _finished(self, hour: datetime) -> HourChunk:
        """The chunk as it is now; of a damaged one everything is counted anew.

        While it waits to be read again, a summary that knew more than what is left stands.
        """
        chunk, waits = self._chunk(hour), hour in self.latest.damaged
        changed = {name: tuple(cells) for name, cells in self._cells.get(hour, {}).items()}
        cells = {**chunk.cells, **changed}
        if chunk.damaged:
            changed = cells
        found = {name: self._summary(name, cells) for name in self._with_means(changed, cells)}
        counted = {name: one for name, one in found.items() if one is not None}
        if waits:
            counted = {name: _fuller(one, chunk.summary.get(name)) for name, one in counted.items()}
        return replace(
            self._with_histograms(chunk, waits=waits),
            cells=cells,
            damaged=(),
            summary={**chunk.summary, **counted},
        )

    def _with_histograms(self, chunk: HourChunk, *, waits: bool) -> HourChunk:
        histograms = self._histograms.get(chunk.hour)
        if histograms is None:
            return chunk
        whole, known = sum(histograms), chunk.summary_histogram
        knew_more = waits and weight_of(known) > weight_of(whole)
        return replace(
            chunk,
            histograms=tuple(histograms),
            summary_histogram=known if knew_more else whole,
        )

    def _with_means(self, changed: Iterable[str], cells: Mapping[str, Cells]) -> set[str]:
        """The changed columns but bands, and those whose weights are among them."""
        changed = set(changed) - self._bands
        weighed = {column for column, of in self._weights.items() if of in changed}
        return changed | weighed & cells.keys()

    def _summary(self, column: str, cells: Mapping[str, Cells]) -> Summary | None:
        of = self._weights.get(column)
        return summarize(cells[column], None if of is None else cells.get(of, NO_CELLS))


def _fuller(one: Summary, other: Summary | None) -> Summary:
    """The summary of more samples, the first of equal ones."""
    return one if other is None or one[0] >= other[0] else other


def by_hour(chunks: Iterable[HourChunk]) -> dict[datetime, HourChunk]:
    """Chunks by the hour they are of."""
    return {chunk.hour: chunk for chunk in chunks}


def _with_damage(latest: Latest, chunks: Iterable[HourChunk]) -> Latest:
    """Whoever rewrites a damaged hour notes it: afterwards nobody could see what it lost."""
    found = {chunk.hour for chunk in chunks if chunk.damaged}
    return replace(latest, damaged=tuple(sorted(found.union(latest.damaged)))) if found else latest


def touched_hours(reading: Reading) -> set[datetime]:
    """The hours that a reading has something to say about."""
    at: list[Any] = [*reading.samples, *reading.histograms]
    return {floor_hour(one.minute) for one in at}
