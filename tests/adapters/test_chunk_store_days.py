"""The contract of SampleStore: days, and whatever is damaged, over memory and over Azurite."""

import math
import random
import struct
import zlib
from datetime import datetime

import pytest
from msgspec.structs import replace

from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import LARGEST_ROW
from shared.adapters.rows import InsertRow, Property, Rows
from shared.domain.chunks import Latest
from shared.domain.days import DayChunk, parts_of, roll_up
from shared.domain.errors import Conflict, StoreRefused
from shared.domain.histograms import pack, rungs_of
from shared.domain.summaries import Summary
from shared.domain.times import DAY, HOUR
from tests.adapters.chunk_scenes import (
    COLUMNS,
    T0,
    TARGET,
    a_chunk,
    packed_size,
    read,
    spoil,
    with_histograms,
)


@pytest.fixture
def store(rows: Rows) -> ChunkStore:
    return ChunkStore(rows)


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
