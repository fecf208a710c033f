"""The contract of SampleStore: hour chunks and `latest`, over memory and over Azurite."""

import math
import random
import struct
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from shared.adapters import chunk_rows
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import LARGEST_BINARY, LARGEST_ROW, LONGEST_STRING, MOST_PROPERTIES
from shared.adapters.rows import InsertRow, Property, ReplaceRow, Rows
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import NO_HISTOGRAMS, Asked, Cells, HourChunk, Latest
from shared.domain.days import DayChunk, parts_of, roll_up
from shared.domain.errors import Conflict, StoreRefused
from shared.domain.histograms import histogram_of, pack, rungs_of
from shared.domain.kept_detectors import KeptDetectors
from shared.domain.scoring import written
from shared.domain.summaries import Summary, summarize
from shared.domain.times import DAY, HOUR, MINUTE

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "pantry-crm"
COLUMNS = [metric.column for metric in CATALOG.metrics]
ODD_FLOATS = (0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, 1e22, 2**53 + 0.0, 1 / 3, 100.0)


@pytest.fixture
def store(rows: Rows) -> ChunkStore:
    return ChunkStore(rows)


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


def packed_size(value: object) -> int:
    assert isinstance(value, str | bytes)
    return len(value) * (2 if isinstance(value, str) else 1)


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


def a_day(day: datetime = T0, seed: int = 1) -> DayChunk:
    hours = [
        replace(with_histograms(a_chunk(T0 + n * HOUR, columns=COLUMNS, seed=n), 5), etag=str(seed))
        for n in range(0, 24, 5)
    ]
    return replace(roll_up(day, [replace(one, hour=day + (one.hour - T0)) for one in hours]))


def read_day(store: ChunkStore, day: datetime = T0) -> DayChunk:
    [chunk] = store.days(TARGET, day, day)
    return chunk


def test_a_day_is_read_as_it_was_saved(store: ChunkStore) -> None:
    store.save_day(TARGET, a_day())

    assert replace(read_day(store), etag=None) == a_day()


def test_days_and_hours_do_not_meet(store: ChunkStore) -> None:
    store.save(TARGET, [a_chunk()], Latest())
    for n in (0, 2, 1):
        store.save_day(TARGET, a_day(T0 + n * DAY))

    found = store.days(TARGET, T0, T0 + DAY)

    assert [one.day for one in found] == [T0, T0 + DAY]
    assert [one.hour for one in store.hours(TARGET, T0, T0 + 9 * DAY)] == [T0]


def test_a_day_is_read_in_part(store: ChunkStore) -> None:
    saved = a_day()
    store.save_day(TARGET, saved)

    [hours] = store.days(TARGET, T0, T0, columns=["throughput"], histograms=True)
    [quarters] = store.days(TARGET, T0, T0, columns=["throughput"], quarters=True, histograms=True)
    [bare] = store.days(TARGET, T0, T0, columns=["throughput"], quarters=True)
    [sums] = store.days(TARGET, T0, T0, summaries=True, histograms=True)

    assert hours.hours == {"throughput": saved.hours["throughput"]}
    assert (hours.histograms, hours.quarters, hours.summary) == (saved.histograms, {}, {})
    assert quarters.quarters == bare.quarters == {"throughput": saved.quarters["throughput"]}
    assert (quarters.quarter_histograms, quarters.hours) == (saved.quarter_histograms, {})
    assert not any(bare.quarter_histograms)
    assert (sums.summary, sums.summary_histogram) == (saved.summary, saved.summary_histogram)
    assert sums.hours == {}


def test_a_day_that_somebody_else_wrote_is_not_overwritten(store: ChunkStore) -> None:
    store.save_day(TARGET, a_day())
    mine = read_day(store)
    store.save_day(TARGET, mine)

    for late in (mine, a_day()):
        with pytest.raises(Conflict):
            store.save_day(TARGET, replace(late, made_from="late"))

    assert read_day(store).made_from == mine.made_from


def test_versions_change_with_every_write(store: ChunkStore) -> None:
    store.save(TARGET, [a_chunk(), a_chunk(T0 + HOUR)], Latest())
    before = store.versions(TARGET, T0, T0 + HOUR)
    store.save(TARGET, [replace(read(store), cells={})], store.latest(TARGET))

    after = store.versions(TARGET, T0, T0 + HOUR)

    assert list(after) == [T0, T0 + HOUR]
    assert after[T0] != before[T0]
    assert after[T0 + HOUR] == before[T0 + HOUR]
    assert after[T0] == read(store).etag


def test_hours_are_dropped_together_or_not_at_all(store: ChunkStore) -> None:
    store.save(TARGET, [a_chunk(), a_chunk(T0 + HOUR)], Latest())
    versions = store.versions(TARGET, T0, T0 + HOUR)
    store.save(TARGET, [read(store)], store.latest(TARGET))

    with pytest.raises(Conflict):
        store.drop_hours(TARGET, versions)
    assert len(store.versions(TARGET, T0, T0 + HOUR)) == 2

    store.drop_hours(TARGET, store.versions(TARGET, T0, T0 + HOUR))
    assert store.versions(TARGET, T0, T0 + HOUR) == {}


def test_days_are_dropped(store: ChunkStore) -> None:
    store.save_day(TARGET, a_day())
    store.save_day(TARGET, a_day(T0 + DAY))
    gone = read_day(store)
    assert gone.etag is not None

    store.drop_days(TARGET, {gone.day: gone.etag})

    assert [one.day for one in store.days(TARGET, T0, T0 + DAY)] == [T0 + DAY]


def test_a_fullest_day_stays_within_the_guard(store: ChunkStore, rows: Rows) -> None:
    dice = random.Random(3)
    low, high, total, last = (dice.uniform(0, 1e6) for _ in range(4))
    one: Summary = (60, low, high, total, last)
    full = rungs_of({bucket: dice.randint(1, 16_383) for bucket in range(401)})
    chunk = DayChunk(
        day=T0,
        hours=dict.fromkeys(COLUMNS, parts_of((one,) * 24)),
        histograms=(full,) * 24,
        summary=dict.fromkeys(COLUMNS, one),
        summary_histogram=full,
    )
    store.save_day(TARGET, chunk)

    row = rows.get(TARGET, "d:20260101")

    assert row is not None
    assert sum(packed_size(value) for value in row.properties.values()) < LARGEST_ROW / 2


SPOILED = [
    ("dtuUtilization", "[1,2,3]"),
    ("dtuUtilization", "[1,2"),
    ("dtuUtilization", 7.5),
    ("dtuUtilization", '["x"' + ",null" * 59 + "]"),
    ("responseTime_hist", b"nonsense"),
    ("responseTime_hist", pack([5])),
    ("responseTime_hist", "text"),
    ("summary", '{"dtuUtilization":[1,2]}'),
    ("summary_hist", zlib.compress(b"\x01")),
]


@pytest.mark.parametrize(("name", "nonsense"), SPOILED)
def test_what_can_not_be_read_is_left_out_by_name_and_told(
    store: ChunkStore,
    rows: Rows,
    name: str,
    nonsense: Property,
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = with_histograms(a_chunk(columns=["dtuUtilization", "throughput"]), 5)
    store.save(TARGET, [saved], Latest())
    spoil(rows, "h:2026010100", name, nonsense)

    hour = read(store)

    assert hour.damaged == (name,)
    assert hour.cells["throughput"] == saved.cells["throughput"]
    assert ("dtuUtilization" in hour.cells) is (name != "dtuUtilization")
    assert f"row 'h:2026010100': {name} can't be read" in caplog.text
    [part] = store.hours(TARGET, T0, T0, columns=["throughput"])
    assert part.damaged == ()


@pytest.mark.parametrize(("name", "nonsense"), [one for one in SPOILED if "_" in one[0]])
def test_the_hours_of_a_day_outlive_its_histograms(
    store: ChunkStore, rows: Rows, name: str, nonsense: Property
) -> None:
    saved = a_day()
    store.save_day(TARGET, saved)
    spoil(rows, "d:20260101", name, nonsense)

    assert read_day(store).damaged == (name,)
    assert read_day(store).hours == saved.hours


HOURS, QUARTERS = {"counts"}, {"quarters"}
SPOILED_COLUMNS: list[tuple[str, Property, set[str]]] = [
    ("metrics", '["dtuUtilization"]', HOURS | QUARTERS),
    ("metrics", "[", HOURS | QUARTERS | {"metrics"}),
    ("counts", "text", HOURS),
    ("lows", zlib.compress(bytes(8)), HOURS),
    ("totals", b"nonsense", HOURS),
    ("lasts", 7.5, HOURS),
    ("quarters", zlib.compress(bytes(7)), QUARTERS),
    ("quarters", "", QUARTERS),
]


@pytest.mark.parametrize(("name", "nonsense", "damaged"), SPOILED_COLUMNS)
def test_a_days_hours_and_its_quarters_are_told_of_all_metrics_or_of_none(
    store: ChunkStore,
    rows: Rows,
    name: str,
    nonsense: Property,
    damaged: set[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    saved = a_day()
    store.save_day(TARGET, saved)
    spoil(rows, "d:20260101", name, nonsense)

    day = read_day(store)

    assert set(day.damaged) == damaged
    assert day.hours == ({} if damaged & HOURS else saved.hours)
    assert day.quarters == ({} if damaged & QUARTERS else saved.quarters)
    assert (day.summary, day.histograms) == (saved.summary, saved.histograms)
    assert f"row 'd:20260101': {day.damaged[0]} can't be read" in caplog.text


def spoil(rows: Rows, key: str, name: str, nonsense: Property) -> None:
    row = rows.get(TARGET, key)
    assert row is not None
    rows.transact(TARGET, [ReplaceRow(key, {**row.properties, name: nonsense}, row.etag)])


def test_a_row_whose_key_names_no_time_is_left_out(store: ChunkStore, rows: Rows) -> None:
    store.save(TARGET, [a_chunk()], Latest())
    rows.transact(TARGET, [InsertRow("h:2026010100x", {}), InsertRow("d:20260101x", {})])

    assert [one.hour for one in store.hours(TARGET, T0, T0)] == [T0]
    assert list(store.versions(TARGET, T0, T0)) == [T0]
    assert store.days(TARGET, T0, T0) == []


def test_a_day_whose_columns_do_not_agree_is_damaged(store: ChunkStore, rows: Rows) -> None:
    store.save_day(TARGET, roll_up(T0, [a_chunk()]))
    spoil(rows, "d:20260101", "lows", zlib.compress(struct.pack("<24d", *(math.nan,) * 24)))

    assert read_day(store).damaged == ("counts",)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_day_of_what_is_no_number_is_refused(store: ChunkStore, value: float) -> None:
    day = DayChunk(day=T0, hours={"dtuUtilization": parts_of([(1, 1.0, value, 1.0, 1.0)] * 24)})

    with pytest.raises(StoreRefused, match="numbers must be finite"):
        store.save_day(TARGET, day)


def test_a_day_has_room_for_many_more_metrics(store: ChunkStore) -> None:
    dice = random.Random(3)
    hours = parts_of([(n, dice.random(), dice.random(), dice.random(), n) for n in range(1, 25)])
    many = dict.fromkeys(map(str, range(300)), hours)
    store.save_day(TARGET, DayChunk(day=T0, hours=many, quarters=many))
