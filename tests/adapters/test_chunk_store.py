"""The contract of SampleStore: hour chunks and `latest`, over memory and over Azurite."""

import math
import random
from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.adapters import chunk_rows
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import LARGEST_BINARY, LARGEST_ROW, LONGEST_STRING, MOST_PROPERTIES
from shared.adapters.rows import Property, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.anomalies.scoring import written
from shared.domain.chunks import NO_HISTOGRAMS, Asked, Cells, HourChunk, Latest
from shared.domain.errors import Conflict, StoreRefused
from shared.domain.summaries import summarize
from shared.domain.times import HOUR, MINUTE
from tests.adapters.chunk_scenes import (
    COLUMNS,
    ODD_FLOATS,
    T0,
    TARGET,
    a_chunk,
    packed_size,
    read,
    spoil,
    unsaved,
    with_histograms,
)


@pytest.fixture
def store(rows: Rows) -> ChunkStore:
    return ChunkStore(rows)


def test_a_target_that_was_never_read_has_nothing(store: ChunkStore) -> None:
    assert store.latest(TARGET) == Latest()
    assert store.hours(TARGET, T0, T0 + HOUR) == []


def test_a_chunk_is_read_as_it_was_saved(store: ChunkStore) -> None:
    chunk = with_histograms(a_chunk(columns=COLUMNS), 20)
    store.save(TARGET, [chunk], Latest())

    assert unsaved(read(store)) == chunk


def test_a_histogram_of_the_hour_outlives_those_of_its_minutes(store: ChunkStore) -> None:
    """They are gone when they could not be read and somebody rewrites the row."""
    chunk = replace(with_histograms(a_chunk(), 9), histograms=NO_HISTOGRAMS)

    store.save(TARGET, [chunk], Latest())

    assert read(store).summary_histogram == chunk.summary_histogram


def test_floats_are_read_bit_for_bit(store: ChunkStore) -> None:
    cells: Cells = ODD_FLOATS + (None,) * (60 - len(ODD_FLOATS))
    store.save(TARGET, [HourChunk(hour=T0, cells={"dtuUtilization": cells})], Latest())

    found = read(store).cells["dtuUtilization"]

    assert [c.hex() for c in found if c is not None] == [c.hex() for c in ODD_FLOATS]
    assert found[len(ODD_FLOATS) :] == cells[len(ODD_FLOATS) :]


def test_whole_numbers_come_back_as_floats(store: ChunkStore) -> None:
    chunk = HourChunk(hour=T0, cells={"bytesIn": (5_000_000_000, *(None,) * 59)})
    store.save(TARGET, [chunk], Latest(values={"bytesIn": 5_000_000_000}))

    assert repr(read(store).cells["bytesIn"][0]) == "5000000000.0"
    assert repr(store.latest(TARGET).values["bytesIn"]) == "5000000000.0"


def test_latest_is_read_as_it_was_saved(store: ChunkStore) -> None:
    latest = Latest(
        values={column: number + 0.1 for number, column in enumerate(COLUMNS)},
        minutes={column: T0 + number * MINUTE for number, column in enumerate(COLUMNS)},
        covered={"dmv": T0, "logs": T0 + HOUR},
        asked={"dmv": Asked(T0 + timedelta(microseconds=5), T0)},
        updated_at=T0 + timedelta(seconds=20, microseconds=3),
    )
    store.save(TARGET, [], latest)

    found = store.latest(TARGET)

    assert replace(found, etag=None) == latest
    assert found.etag is not None


def test_detectors_are_read_as_they_were_saved(store: ChunkStore) -> None:
    assert store.detectors(TARGET) == KeptDetectors()
    packed = {"dtuUtilization": bytes(range(256)) * 36, "throughput": b"short"}
    store.save(TARGET, [], Latest(), KeptDetectors(packed=packed))

    found = store.detectors(TARGET)

    assert found.packed == packed
    assert found.etag is not None


def test_detectors_and_hours_are_saved_together_or_not_at_all(store: ChunkStore) -> None:
    store.save(TARGET, [], Latest(), KeptDetectors(packed={"throughput": b"first"}))
    stale, latest = store.detectors(TARGET), store.latest(TARGET)
    store.save(TARGET, [], latest, replace(stale, packed={"throughput": b"second"}))

    with pytest.raises(Conflict):
        store.save(TARGET, [a_chunk()], store.latest(TARGET), stale)

    assert store.hours(TARGET, T0, T0) == []
    assert store.detectors(TARGET).packed == {"throughput": b"second"}


def test_latest_has_a_plain_column_per_metric(store: ChunkStore, rows: Rows) -> None:
    store.save(TARGET, [], Latest(values={"responseTime_avg": 12.5}))

    row = rows.get(TARGET, "latest")

    assert row is not None
    assert row.properties["responseTime_avg"] == 12.5


@pytest.mark.parametrize(
    ("name", "nonsense", "forgotten"),
    [
        ("covered", "{", {"covered": {}}),
        ("asked", '{"dmv":[1]}', {"asked": {}}),
        ("minutes", '{"dtuUtilization":"2026-01-01T00:05:00"}', {"minutes": {}}),
        ("damaged", "[1]", {"damaged": ()}),
        ("updatedAt", "yesterday", {"updated_at": None}),
        ("updatedAt", "2026-01-01T00:00:00", {"updated_at": None}),
        ("updatedAt", 5, {"updated_at": None}),
        ("dtuUtilization", "much", {"values": {"memoryUsage": 2.0}}),
    ],
)
def test_what_of_latest_can_not_be_read_is_forgotten_and_told(
    store: ChunkStore,
    rows: Rows,
    name: str,
    nonsense: Property,
    forgotten: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = Latest(
        values={"dtuUtilization": 1.0, "memoryUsage": 2.0},
        minutes={"dtuUtilization": T0},
        covered={"dmv": T0},
        asked={"dmv": Asked(T0)},
        damaged=(T0,),
        updated_at=T0,
    )
    store.save(TARGET, [], saved)
    spoil(rows, "latest", name, nonsense)

    assert replace(store.latest(TARGET), etag=None) == replace(saved, **forgotten)
    assert f"row 'latest': {name} can't be read" in caplog.text


@pytest.mark.parametrize("special", [chunk_rows.SPECIAL, chunk_rows.LATEST_SPECIAL])
def test_no_metric_has_the_name_of_a_column_with_a_meaning(special: frozenset[str]) -> None:
    assert not special & set(COLUMNS)


def test_a_range_has_both_its_hours_oldest_first(store: ChunkStore) -> None:
    hours = [T0 + n * HOUR for n in (30, 2, 0, 1, 24, 3)]
    store.save(TARGET, [a_chunk(hour) for hour in hours], Latest())

    found = store.hours(TARGET, T0 + HOUR, T0 + 24 * HOUR)

    assert [chunk.hour for chunk in found] == [T0 + n * HOUR for n in (1, 2, 3, 24)]


def test_only_the_chosen_columns_are_read(store: ChunkStore) -> None:
    store.save(TARGET, [with_histograms(a_chunk(columns=COLUMNS), 5)], Latest())

    [chunk] = store.hours(TARGET, T0, T0, columns=["dtuUtilization", "unknown"])

    assert chunk.cells.keys() == {"dtuUtilization"}
    assert chunk.summary == {}
    assert not any(chunk.histograms)


def test_histograms_come_beside_the_chosen_columns_when_asked_for(store: ChunkStore) -> None:
    saved = with_histograms(a_chunk(columns=COLUMNS), 5)
    store.save(TARGET, [saved], Latest())

    [chunk] = store.hours(TARGET, T0, T0, columns=["throughput"], histograms=True)

    assert chunk.cells == {"throughput": saved.cells["throughput"]}
    assert chunk.histograms == saved.histograms


@pytest.mark.parametrize("histograms", [False, True])
def test_summaries_come_without_cells(store: ChunkStore, *, histograms: bool) -> None:
    saved = with_histograms(a_chunk(columns=COLUMNS), 5)
    store.save(TARGET, [saved], Latest())

    [chunk] = store.hours(TARGET, T0, T0, summaries=True, histograms=histograms)

    assert chunk.cells == {}
    assert chunk.summary == saved.summary
    assert chunk.summary_histogram == (saved.summary_histogram if histograms else 0)
    assert not any(chunk.histograms)


def test_twelve_whole_hours_and_latest_fit_in_one_transaction(store: ChunkStore) -> None:
    chunk = with_histograms(a_chunk(columns=COLUMNS), 2000)
    chunks = [replace(chunk, hour=T0 + n * HOUR) for n in range(12)]
    store.save(TARGET, chunks, Latest(covered={"dmv": T0 + 12 * HOUR}))

    found = store.hours(TARGET, T0, T0 + 11 * HOUR)

    assert [unsaved(one) for one in found] == chunks
    assert store.latest(TARGET).covered == {"dmv": T0 + 12 * HOUR}


def test_a_busy_hour_of_every_metric_stays_far_within_the_guard(
    store: ChunkStore, rows: Rows
) -> None:
    """2,000 requests a minute, every cell with 17 digits, and what detectors say of them."""
    dice = random.Random(3)
    judged = [column for metric in CATALOG.metrics for column in written(metric)]
    full: dict[str, Cells] = {
        column: tuple(dice.uniform(0, 1e6) for _ in range(60)) for column in (*COLUMNS, *judged)
    }
    summary = {column: one for column in full if (one := summarize(full[column])) is not None}
    chunk = with_histograms(HourChunk(hour=T0, cells=full, summary=summary), 2000)
    store.save(TARGET, [chunk], Latest())

    row = rows.get(TARGET, "h:2026010100")

    assert row is not None
    assert len(row.properties) < MOST_PROPERTIES / 2
    assert packed_size(row.properties["responseTime_hist"]) < LARGEST_BINARY / 3
    assert max(len(v) for v in row.properties.values() if isinstance(v, str)) < LONGEST_STRING / 3
    assert sum(packed_size(value) for value in row.properties.values()) < LARGEST_ROW / 4


def test_a_chunk_that_somebody_else_wrote_stops_everything(store: ChunkStore) -> None:
    store.save(TARGET, [a_chunk()], Latest())
    mine, latest = read(store), store.latest(TARGET)
    store.save(TARGET, [replace(a_chunk(seed=2), etag=mine.etag)], latest)
    theirs = store.hours(TARGET, T0, T0 + HOUR)

    with pytest.raises(Conflict):
        store.save(TARGET, [a_chunk(T0 + HOUR), mine], store.latest(TARGET))

    assert store.hours(TARGET, T0, T0 + HOUR) == theirs


def test_a_latest_that_somebody_else_wrote_stops_everything(store: ChunkStore) -> None:
    store.save(TARGET, [], Latest())
    stale = store.latest(TARGET)
    store.save(TARGET, [], replace(stale, covered={"dmv": T0}))

    with pytest.raises(Conflict):
        store.save(TARGET, [a_chunk()], replace(stale, covered={"dmv": T0 + HOUR}))

    assert store.hours(TARGET, T0, T0) == []
    assert store.latest(TARGET).covered == {"dmv": T0}


def test_two_first_writers_of_an_hour_do_not_overwrite_each_other(store: ChunkStore) -> None:
    store.save(TARGET, [a_chunk(seed=1)], Latest())

    with pytest.raises(Conflict):
        store.save(TARGET, [a_chunk(seed=2)], store.latest(TARGET))

    assert unsaved(read(store)) == a_chunk(seed=1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["cells", "summary", "latest"])
def test_what_is_no_number_is_refused(store: ChunkStore, value: float, place: str) -> None:
    chunk = HourChunk(
        hour=T0,
        cells={"dtuUtilization": (value if place == "cells" else 1.0, *(None,) * 59)},
        summary={"dtuUtilization": (1, 1.0, 1.0, value if place == "summary" else 1.0, 1.0)},
    )
    latest = Latest(values={"dtuUtilization": value if place == "latest" else 1.0})

    with pytest.raises(StoreRefused, match="numbers must be finite"):
        store.save(TARGET, [chunk], latest)

    assert store.hours(TARGET, T0, T0) == []
    assert store.latest(TARGET) == Latest()
