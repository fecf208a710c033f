"""How long reading takes from hour chunks, beside one row per minute in the same Azurite.

Both layouts hold the same week of every metric, are read by the same client with `select`, and must
give the same numbers: once as the store answers them, once as curves through the same service. The
row-per-minute layout keeps no roll-ups, so for 7 days it reads every minute, where the chunks read
hour summaries: that is what they are for.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from local.azurite import running_azurite
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import GuardedRows
from shared.adapters.ledger import RowLedger
from shared.adapters.memory import MemoryQueue, MemoryRows
from shared.adapters.rows import InsertRow, Row, Rows
from shared.adapters.tables import open_table
from shared.catalog.metrics import CATALOG
from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.chunks import Cells, HourChunk, Latest, weights_of
from shared.domain.histograms import (
    Histogram,
    Rungs,
    histogram_of,
    mean,
    pack,
    quantile,
    rungs_of,
    unpack,
)
from shared.domain.metrics import Metric
from shared.domain.ranges import grid_of
from shared.domain.summaries import summarize
from shared.domain.times import HOUR, MINUTE, each_minute, floor_hour, minute_key
from shared.ports import House, SampleStore
from shared.services.history import Past, draw

TARGET = "pantry-crm"
START = datetime(2026, 1, 5, tzinfo=UTC)
END = START + timedelta(days=7)
RANGES = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
CARDS = ("dtuUtilization", "memoryUsage", "responseTime.avg", "responseTime.p95")
REQUESTS_A_MINUTE = 60
RUNS = 7
LEAST_RATIO = 20
"""How many times faster 24 hours of all metrics must be read from chunks."""
HISTOGRAM = "responseTime_hist"


class MinuteRows(ChunkStore):
    """A SampleStore over one row per minute; `columns` are what the chart at hand needs."""

    def __init__(self, rows: Rows, columns: Iterable[str]) -> None:
        super().__init__(rows)
        self._columns = tuple(dict.fromkeys(columns))

    def latest(self, target: str) -> Latest:  # noqa: ARG002 - the same for every target
        """Empty, and not measured: it is one row in either layout."""
        return Latest()

    def save(
        self,
        target: str,
        chunks: Sequence[HourChunk],
        latest: Latest,
        detectors: KeptDetectors | None = None,
    ) -> None:
        """Write every minute of the chunks as a row."""
        del latest, detectors
        found = [row for chunk in chunks for row in _minute_rows(chunk)]
        for start in range(0, len(found), 100):
            self._rows.transact(target, found[start : start + 100])

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
        """See SampleStore.hours; summaries are counted from the minutes."""
        wanted = dict.fromkeys([*self._columns, *([] if columns is None else columns)])
        select = [*wanted, HISTOGRAM] if histograms else [*wanted]
        rows = self._rows.query(target, _key(first), _key(last + HOUR), select)
        chunks = _chunks(rows)
        return [_summed(chunk) for chunk in chunks] if summaries else chunks


def _key(minute: datetime) -> str:
    return f"m:{minute_key(minute)}"


def _minute_rows(chunk: HourChunk) -> Iterator[InsertRow]:
    for number, minute in enumerate(each_minute(chunk.hour, chunk.hour + HOUR)):
        values = {column: cells[number] for column, cells in chunk.cells.items()}
        properties: dict[str, Any] = {name: v for name, v in values.items() if v is not None}
        yield InsertRow(_key(minute), {**properties, HISTOGRAM: pack([chunk.histograms[number]])})


def _chunks(rows: Iterable[Row]) -> list[HourChunk]:
    cells: dict[datetime, dict[str, list[float | None]]] = {}
    histograms: dict[datetime, list[Rungs]] = {}
    for row in rows:
        minute = datetime.strptime(row.key, "m:%Y%m%dT%H%MZ").replace(tzinfo=UTC)
        hour = floor_hour(minute)
        columns = cells.setdefault(hour, {})
        buckets = histograms.setdefault(hour, [0] * 60)
        for name, value in row.properties.items():
            if isinstance(value, bytes):
                buckets[minute.minute] = unpack(value)[0]
            else:
                columns.setdefault(name, [None] * 60)[minute.minute] = float(value)
    return [
        HourChunk(
            hour=hour,
            cells={name: tuple(values) for name, values in cells[hour].items()},
            histograms=tuple(histograms[hour]),
        )
        for hour in cells
    ]


def _summed(chunk: HourChunk) -> HourChunk:
    weights = {name: chunk.cells.get(of) for name, of in weights_of(CATALOG).items()}
    sums = {name: summarize(cells, weights.get(name)) for name, cells in chunk.cells.items()}
    return replace(
        chunk,
        summary={name: one for name, one in sums.items() if one is not None},
        summary_histogram=sum(chunk.histograms),
    )


def a_week() -> Iterator[HourChunk]:
    """Seeded hours of every metric, with gaps where it has none, and a few requests a minute."""
    dice = random.Random(1)
    hour = START
    while hour < END:
        yield _an_hour(hour, dice)
        hour += HOUR


def _an_hour(hour: datetime, dice: random.Random) -> HourChunk:
    minutes = [
        histogram_of(dice.lognormvariate(5.5, 0.8) for _ in range(REQUESTS_A_MINUTE))
        for _ in range(60)
    ]
    cells = {metric.column: _cells(metric, hour, minutes, dice) for metric in CATALOG.metrics}
    histograms = tuple(rungs_of(one.buckets) for one in minutes)
    return _summed(HourChunk(hour=hour, cells=cells, histograms=histograms))


def _cells(
    metric: Metric, hour: datetime, minutes: Sequence[Histogram], dice: random.Random
) -> Cells:
    if isinstance(metric.statistic, float):
        return tuple(quantile(minute, metric.statistic) for minute in minutes)
    if metric.statistic is not None:
        return tuple(map(mean, minutes))
    first = int((hour - START) / MINUTE)
    return tuple(
        round(dice.uniform(0, 100), 3) if minute % metric.every == 0 else None
        for minute in range(first, first + 60)
    )


Work = Callable[[House], object]


@dataclass(frozen=True)
class Line:
    """One line of the table: seconds by layout."""

    range: str
    metrics: int
    chunks: float
    minutes: float

    def __str__(self) -> str:
        return (
            f"{self.range:>8} {self.metrics:>8} {self.chunks * 1000:>10.0f} ms "
            f"{self.minutes * 1000:>10.0f} ms {self.minutes / self.chunks:>8.1f} x"
        )


def run(out: Callable[[str], None]) -> bool:
    """Fill both layouts, compare their answers, print the times; False when chunks are slow.

    The quickest runs of each, because whatever else runs on the machine can only add.
    """
    every = [*CATALOG.metrics]
    with _tables() as (chunk_rows, minute_rows):
        began = time.perf_counter()
        _fill(ChunkStore(chunk_rows), MinuteRows(minute_rows, ()))
        out(_heading(time.perf_counter() - began))
        read = _measured(
            "24h read", _read(timedelta(days=1), every), every, chunk_rows, minute_rows
        )
        out(f"{read}, at least {LEAST_RATIO} x")
        for name, length in RANGES.items():
            for metrics in ([CATALOG.metric(card) for card in CARDS], every):
                work = _curves(length, metrics)
                out(str(_measured(name, work, metrics, chunk_rows, minute_rows)))
    out("The same answers from both. A row per minute keeps no roll-ups: 7d reads 10,080 rows.")
    return read.minutes >= LEAST_RATIO * read.chunks


def _heading(seconds: float) -> str:
    return (
        f"A week of {len(CATALOG.metrics)} metrics, {REQUESTS_A_MINUTE} requests a minute "
        f"(filled in {seconds:.0f} s); the quickest of {RUNS}\n"
        f"{'range':>8} {'metrics':>8} {'hour chunks':>13} {'minute rows':>13} {'ratio':>10}"
    )


@contextmanager
def _tables() -> Iterator[tuple[Rows, Rows]]:
    with running_azurite() as azurite:
        account = azurite.fresh_account().connection_string
        tables = [open_table(name, connection_string=account) for name in ("Chunks", "Minutes")]
        try:
            yield GuardedRows(tables[0]), GuardedRows(tables[1])
        finally:
            for table in tables:
                table.close()


def _fill(chunks: ChunkStore, minutes: MinuteRows) -> None:
    hours = list(a_week())
    for start in range(0, len(hours), 12):
        chunks.save(TARGET, hours[start : start + 12], chunks.latest(TARGET))
    minutes.save(TARGET, hours, Latest())


def _read(length: timedelta, metrics: Sequence[Metric]) -> Work:
    """What the store alone does for a chart of all metrics, histograms included."""
    columns = [metric.column for metric in metrics]

    def read(house: House) -> list[HourChunk]:
        return house.samples.hours(
            TARGET, END - length, END - HOUR, columns=columns, histograms=True
        )

    return read


def _told(answer: object) -> object:
    """What an answer says; of a chunk neither its version nor columns without a value."""
    if not isinstance(answer, list):
        return answer
    return [
        (chunk.hour, {name: its for name, its in chunk.cells.items() if any(its)}, chunk.histograms)
        for chunk in answer
    ]


def _curves(length: timedelta, metrics: Sequence[Metric]) -> Work:
    def curves(house: House) -> Past:
        past = draw(TARGET, metrics, grid_of(length, END), house=house, now=END)
        if not any(past.curves[metrics[0].name].values):
            raise AssertionError("nothing was found")
        return past

    return curves


def _measured(
    name: str, work: Work, metrics: Sequence[Metric], chunk_rows: Rows, minute_rows: Rows
) -> Line:
    weights = weights_of(CATALOG)
    columns = [metric.column for metric in metrics]
    columns += [weights[column] for column in columns if column in weights]
    houses = [_house(ChunkStore(chunk_rows)), _house(MinuteRows(minute_rows, columns))]
    # By turns, so that a busy moment of the machine meets both layouts.
    runs = [[_timed(work, house) for house in houses] for _ in range(RUNS)]
    for (by_chunk, _), (by_minute, _) in runs:
        if _told(by_chunk) != _told(by_minute):
            raise AssertionError(f"the two layouts do not agree about {name}")
    chunks, minutes = (min(run[which][1] for run in runs) for which in (0, 1))
    return Line(name, len(metrics), chunks, minutes)


def _timed(work: Work, house: House) -> tuple[object, float]:
    began = time.perf_counter()
    answer = work(house)
    return answer, time.perf_counter() - began


def _house(samples: SampleStore) -> House:
    nothing = RowLedger(MemoryRows())
    return House(
        catalog=CATALOG,
        rules=(),
        samples=samples,
        alerts=nothing,
        config=nothing,
        queue=MemoryQueue(),
        sources=(),
        channels={},
        wall=lambda: END,
    )


if __name__ == "__main__":
    run(print)
