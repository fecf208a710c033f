"""Hours as they are stored, and how they are read back in the tests of the store."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from shared.adapters.chunk_store import ChunkStore
from shared.adapters.rows import Property, ReplaceRow, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import Cells, HourChunk
from shared.domain.histograms import histogram_of, rungs_of
from shared.domain.summaries import summarize

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "pantry-crm"
COLUMNS = [metric.column for metric in CATALOG.metrics]
ODD_FLOATS = (0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 2**53 + 0.0, 1 / 3, 100.0)


def a_chunk(
    hour: datetime = T0, *, columns: Iterable[str] = ("dtuUtilization",), seed: int = 1
) -> HourChunk:
    dice = random.Random(seed)
    cells: dict[str, Cells] = {
        column: tuple(dice.choice([None, dice.uniform(0, 1e6)]) for _ in range(60))
        for column in columns
    }
    summaries = {column: summarize(cells[column]) for column in cells}
    return HourChunk(
        hour=hour,
        cells=cells,
        summary={column: one for column, one in summaries.items() if one is not None},
    )


def with_histograms(chunk: HourChunk, requests: int) -> HourChunk:
    dice = random.Random(7)
    histograms = tuple(
        rungs_of(histogram_of(dice.lognormvariate(5.5, 1) for _ in range(requests)).buckets)
        for _ in range(60)
    )
    return replace(chunk, histograms=histograms, summary_histogram=sum(histograms))


def read(store: ChunkStore, hour: datetime = T0) -> HourChunk:
    [chunk] = store.hours(TARGET, hour, hour)
    return chunk


def unsaved(chunk: HourChunk) -> HourChunk:
    return replace(chunk, etag=None)


def packed_size(value: object) -> int:
    assert isinstance(value, str | bytes)
    return len(value) * (2 if isinstance(value, str) else 1)


def spoil(rows: Rows, key: str, name: str, nonsense: Property) -> None:
    row = rows.get(TARGET, key)
    assert row is not None
    rows.transact(TARGET, [ReplaceRow(key, {**row.properties, name: nonsense}, row.etag)])
