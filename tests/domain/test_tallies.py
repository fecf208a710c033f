"""Tables by name: the rows with most, packed hour by hour, whole slots in each other's place."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from shared.domain.errors import DamagedRow
from shared.domain.tallies import (
    LARGEST,
    LONGEST_LABEL,
    MOST_ROWS,
    SLOT,
    Tally,
    TallyRow,
    by_hour,
    floor_slot,
    hours_of,
    tally,
    unpacked,
    with_tallies,
)

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_tally(count: float = 1, slot: datetime = T0, table: str = "pages") -> Tally:
    return tally(table, slot, [TallyRow(("home",), (count,))])


def test_slots_are_quarters_of_an_hour() -> None:
    assert floor_slot(T0 + timedelta(minutes=44, seconds=59)) == T0 + 2 * SLOT
    assert hours_of(T0 + SLOT, T0 + 5 * SLOT) == (T0, T0 + timedelta(hours=2))
    assert hours_of(T0, T0 + 4 * SLOT) == (T0, T0 + timedelta(hours=1))


def test_the_rows_with_most_are_kept_in_the_same_order_always() -> None:
    rows = [TallyRow((f"page {n:03}",), (n // 2, 1.0)) for n in range(100)]
    Random(1).shuffle(rows)

    kept = tally("pages", T0, rows).rows

    assert len(kept) == MOST_ROWS
    assert [row.labels[0] for row in kept[:3]] == ["page 098", "page 099", "page 096"]


def test_a_long_label_is_cut() -> None:
    (row,) = tally("pages", T0, [TallyRow(("x" * 500,), (1,))]).rows

    assert len(row.labels[0]) == LONGEST_LABEL
    assert row.labels[0].endswith("…")


def test_a_slot_that_is_counted_again_takes_its_own_place_only() -> None:
    first = with_tallies(None, T0, [a_tally(1), a_tally(2, T0 + SLOT), a_tally(3, table="other")])

    again = with_tallies(first, T0, [a_tally(7)])

    assert sorted(unpacked(again), key=lambda one: (one.table, one.slot)) == [
        a_tally(3, table="other"),
        a_tally(7),
        a_tally(2, T0 + SLOT),
    ]
    assert with_tallies(again, T0, [a_tally(7)]) == again


def test_an_hour_that_is_too_large_loses_what_has_least() -> None:
    chance = Random(1)
    names = [f"{chance.getrandbits(440):0110x}" for _ in range(MOST_ROWS * 40)]
    many = [
        tally(f"t{t}", T0 + s * SLOT, [TallyRow((chance.choice(names),), (n,)) for n in range(40)])
        for t in range(12)
        for s in range(4)
    ]

    kept = with_tallies(None, T0, many)

    assert len(kept.packed) <= LARGEST
    assert kept.cut == len(many) * MOST_ROWS // 2
    assert all(min(row.figures[0] for row in one.rows) == 20 for one in unpacked(kept))
    assert with_tallies(kept, T0, [a_tally()]).cut == kept.cut, "they are still not there"


def test_a_damaged_row_is_told_from_a_good_one() -> None:
    with pytest.raises(DamagedRow, match="2026-03-02 09:00"):
        unpacked(replace(with_tallies(None, T0, [a_tally()]), packed=b"nonsense"))


def test_tallies_lie_in_the_hours_of_their_slots() -> None:
    late = a_tally(slot=T0 + 4 * SLOT)

    assert by_hour([a_tally(), late]) == {T0: [a_tally()], T0 + timedelta(hours=1): [late]}
