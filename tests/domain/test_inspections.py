"""When a database is inspected, what has grown since the last time, and what is kept of it."""

import random
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.guard import check_transaction
from shared.adapters.ledger import from_properties, to_properties
from shared.adapters.rows import InsertRow
from shared.domain.errors import DamagedRow
from shared.domain.growth import compared
from shared.domain.inspections import Inspection, QueryStatistics, QueryUse, TableSize, Wait
from shared.domain.kept_inspections import KeptInspection, forgotten, pack, unpack
from shared.domain.quiet_hours import Inspecting, by_quarter, is_due, obstacle, starved_for
from shared.domain.records import inspection_key
from shared.domain.times import DAY, HOUR, MINUTE

T0 = datetime(2026, 3, 2, 9, 5, 35, tzinfo=UTC)
BUSY = 80.0
QUARTERS = {T0.replace(hour=3, minute=15, second=0): 50.0, T0.replace(minute=0, second=0): 62.0}


def an_inspection(**parts: Any) -> Inspection:
    return Inspection(**{"at": T0, **parts})


def use(**changes: Any) -> QueryUse:
    given: dict[str, Any] = {
        "executions": 4,
        "cpu_ms": 10.0,
        "duration_ms": 20.0,
        "logical_reads": 256.0,
    }
    return QueryUse(since=T0, **{**given, **changes})


def test_averages_are_of_an_execution_and_reads_are_of_8_kb() -> None:
    found = use()

    assert (found.average_cpu_ms, found.average_logical_reads) == (2.5, 64.0)
    assert found.logical_reads_mb == 2.0


def wait(name: str, ms: float, tasks: int = 10) -> Wait:
    return Wait(type=name, tasks=tasks, wait_ms=ms)


def test_waits_grow_from_one_inspection_to_the_next() -> None:
    before = an_inspection(at=T0 - 6 * HOUR, waits=(wait("LCK_M_S", 100, 4), wait("WRITELOG", 7)))
    after = compared(an_inspection(waits=(wait("LCK_M_S", 250), wait("LATCH_EX", 30, 3))), before)

    assert after.compared_with == T0 - 6 * HOUR
    assert [(one.grown_ms, one.grown_tasks) for one in after.waits or ()] == [(150, 6), (30, 3)]


def test_a_wait_that_stood_still_is_no_counter_that_fell() -> None:
    same = wait("WRITELOG", 7, 2)
    after = compared(an_inspection(waits=(same,)), an_inspection(waits=(same,)))

    assert [(one.grown_ms, one.grown_tasks) for one in after.waits or ()] == [(0, 0)]


@pytest.mark.parametrize("fell", [wait("WRITELOG", 6), wait("WRITELOG", 900, 9)])
def test_counters_that_began_anew_say_nothing_of_any_wait(fell: Wait) -> None:
    before = an_inspection(waits=(wait("LCK_M_S", 1), wait("WRITELOG", 7)))
    after = compared(an_inspection(waits=(wait("LCK_M_S", 9), fell)), before)

    assert [one.grown_ms for one in after.waits or ()] == [None, None]


def test_tables_grow_and_a_new_one_has_grown_by_nothing_that_is_known() -> None:
    known = TableSize(table="dbo.Contact", rows=90, size_mb=1.5)
    bigger = TableSize(table="dbo.Contact", rows=100, size_mb=2.0)
    new = TableSize(table="dbo.Pallet", rows=5, size_mb=9.0)
    after = compared(an_inspection(tables=(bigger, new)), an_inspection(tables=(known,)))

    assert [(one.grown_rows, one.grown_mb) for one in after.tables or ()] == [
        (10, 0.5),
        (None, None),
    ]


def test_what_one_of_them_could_not_read_is_compared_with_nothing() -> None:
    whole = an_inspection(waits=(wait("WRITELOG", 7),), tables=())

    assert compared(whole, an_inspection()).waits == whole.waits
    assert compared(an_inspection(), whole).waits is None
    assert compared(whole, None) == whole


@pytest.mark.parametrize(
    ("made", "tried", "due"),
    [
        (None, None, True),
        (6 * HOUR - MINUTE, None, True),
        (5 * HOUR + 50 * MINUTE, None, False),
        (None, 59 * MINUTE, False),
        (None, HOUR, True),
        (7 * HOUR, 10 * MINUTE, False),
    ],
)
def test_one_is_due_after_six_hours_and_an_hour_after_an_attempt(
    made: timedelta | None,
    tried: timedelta | None,
    due: bool,  # noqa: FBT001 - a column of the table
) -> None:
    state = Inspecting(
        wanted_since=T0 - 9 * DAY,
        made_at=T0 - made if made else None,
        tried_at=T0 - tried if tried else None,
    )

    assert is_due(state, T0) is due


@pytest.mark.parametrize(
    ("load", "starved", "said"),
    [
        (39.9, 6 * HOUR, ""),
        (40.0, 6 * HOUR, "it waits until DTU is below 40 %"),
        (79.9, DAY - MINUTE, "it waits until DTU is below 40 %"),
        (80.0, 9 * DAY, "it waits until DTU is below 80 %"),
        (60.0, DAY, "it waits for the quietest quarter hour, at 03:15"),
        (50.0, DAY, ""),
        (None, DAY - MINUTE, "how busy the database is, is not known"),
        (None, DAY, ""),
    ],
)
def test_it_waits_for_a_database_that_has_time_but_not_for_ever(
    load: float | None, starved: timedelta, said: str
) -> None:
    assert (
        obstacle(load=load, busy=BUSY, starved=starved, quarters=lambda: QUARTERS, now=T0) == said
    )


def test_who_starves_is_served_at_the_time_of_day_that_was_quietest() -> None:
    next_day = T0.replace(hour=3, minute=20) + DAY

    assert obstacle(load=60, busy=BUSY, starved=DAY, quarters=lambda: QUARTERS, now=next_day) == ""


def test_hunger_counts_from_the_last_one_or_from_the_first_wish() -> None:
    never = Inspecting(wanted_since=T0 - DAY)
    once = Inspecting(wanted_since=T0 - DAY, made_at=T0 - HOUR)

    assert (starved_for(never, T0), starved_for(once, T0)) == (DAY, HOUR)


def test_a_quarter_hour_is_the_mean_of_its_known_minutes() -> None:
    start = T0.replace(minute=0, second=0)
    loads = [(start + 14 * MINUTE, 10.0), (start, 20.0), (start + 15 * MINUTE, 50.0)]

    assert by_quarter(loads) == {start: 15.0, start + 15 * MINUTE: 50.0}


def a_query(number: int, text: str) -> QueryStatistics:
    spent = use(cpu_ms=1 / 3 + number, logical_reads=number / 7)
    return QueryStatistics(
        query_hash=f"0x{number:016X}",
        query_id=number,
        text=text,
        plans=tuple(range(number, number + 20)),
        hour=spent,
        day=spent,
        week=spent,
    )


def test_an_inspection_is_kept_and_read_again() -> None:
    whole = an_inspection(queries=(a_query(1, "SELECT ?"),), lacking={"waits": "it needs more"})
    kept = from_properties(to_properties(pack(whole)), KeptInspection)

    assert (kept.at, kept.lacking, kept.cut) == (T0, whole.lacking, 0)
    assert unpack(kept) == whole


def test_the_largest_inspection_fits_into_a_row_of_azures_and_says_what_it_left_out() -> None:
    """Nothing in it repeats itself, so that packing gains next to nothing."""
    chance = random.Random(1)
    texts = [
        "".join(chance.choices([chr(n) for n in range(0x4E00, 0x9FFF)], k=500)) for _ in "x" * 120
    ]
    whole = an_inspection(queries=tuple(a_query(n, text) for n, text in enumerate(texts, 1)))
    row = pack(whole)

    check_transaction("pantry-crm", [InsertRow(inspection_key(T0), to_properties(row))])
    left = unpack(row).queries or ()
    assert left == (whole.queries or ())[: len(left)]
    assert 20 < len(left) == 120 - row.cut


@pytest.mark.parametrize("packed", [b"", b"nonsense", zlib.compress(b'{"at": 3}')])
def test_a_damaged_one_is_told(packed: bytes) -> None:
    with pytest.raises(DamagedRow, match="2026-03-02 09:05"):
        unpack(KeptInspection(at=T0, packed=packed))


def test_the_newest_are_kept_and_one_of_each_day_for_five_weeks() -> None:
    times = [T0 - 6 * HOUR * n for n in range(4 * 40)][::-1]
    keys = [inspection_key(at) for at in times]
    gone = set(forgotten(keys, T0))
    kept = [at for at, key in zip(times, keys, strict=True) if key not in gone]

    assert kept[-8:] == times[-8:]
    assert kept[0] == min(at for at in times if T0 - at <= 35 * DAY and at.hour < 6)
    assert len({at.date() for at in kept}) == len(kept[:-8]) + 2
    assert forgotten(keys[:8], T0) == []
