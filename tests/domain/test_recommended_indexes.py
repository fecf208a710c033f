"""What is said of indexes: missing, idle and duplicate ones."""

from typing import Any

import pytest

from shared.domain.recommendations.idle_indexes import duplicate_indexes, unused_indexes
from shared.domain.recommendations.indexes import missing_indexes, quoted, wanted_indexes
from tests.domain.advised import BUSY, only
from tests.domain.advising import (
    a_missing,
    a_query,
    a_situation,
    ago,
    an_index,
)


def test_a_missing_index_comes_with_its_script_and_reversal() -> None:
    missing = a_missing("Status", inequality=("DueOn", "Kind"), included=("Odd]Name",))
    one = only(
        missing_indexes, a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(missing,))
    )

    assert one.script == (
        "CREATE NONCLUSTERED INDEX [IX_Visit_Status_DueOn_7233] ON [dbo].[Visit] "
        "([Status], [DueOn]) INCLUDE ([Odd]]Name]) WITH (ONLINE = ON, MAXDOP = 1);"
    )
    assert one.reversal == "DROP INDEX [IX_Visit_Status_DueOn_7233] ON [dbo].[Visit];"
    assert one.measure is not None
    assert (one.measure.label, one.measure.value) == ("IO of query 42", 2_000)


@pytest.mark.parametrize(
    ("suggested", "made"),
    [
        ([("A",), ("A", "B")], [("A", "B")]),
        ([("B",), ("A", "B")], [("B", "A")]),
        ([("A",), ("B",)], [("A",), ("B",)]),
        ([("A",), ("B",), ("A", "B")], [("A", "B"), ("B",)]),
        ([("A",), ("B", "C"), ("A", "B", "C")], [("B", "C", "A"), ("A",)]),
    ],
)
def test_one_index_takes_the_place_of_those_that_it_can_serve(
    suggested: list[tuple[str, ...]], made: list[tuple[str, ...]]
) -> None:
    situation = a_situation(missing_indexes=tuple(a_missing(*one) for one in suggested))

    assert [one.equality for one in wanted_indexes(situation)] == made


def test_a_range_comes_after_what_is_compared_for_equality() -> None:
    wide = a_missing("A", inequality=("B",), included=("C",))
    narrow = a_missing("A", included=("D",), seeks=10_000)
    (one,) = wanted_indexes(a_situation(missing_indexes=(narrow, wide)))

    assert (one.equality, one.included) == (("A", "B"), ("C", "D"))
    assert one.seeks == 40_000


def test_an_index_that_was_made_meanwhile_is_not_asked_for_again() -> None:
    missing = a_missing("Status", inequality=("DueOn",), included=("Note",))
    made = an_index("IX_new", "Status", "DueOn", includes=("Note", "Kind"))
    narrower = an_index("IX_new", "Status", "DueOn")

    assert wanted_indexes(a_situation(missing_indexes=(missing,), indexes=(made,))) == []
    assert wanted_indexes(a_situation(missing_indexes=(missing,), indexes=(narrower,))) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"seeks": 3},
        {"impact": 0.5},
        {"table": "dbo.Donor"},
        {"cost": 0.001},
        {"last_seek_at": ago(hours=25)},
    ],
    ids=str,
)
def test_a_suggestion_that_saves_nothing_is_not_made(changes: dict[str, Any]) -> None:
    situation = a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(**changes),))
    assert list(missing_indexes(situation)) == []


def test_what_a_new_query_asks_for_counts_from_its_first_day() -> None:
    """1,500 seeks are little in a month since the restart, and all of a query's one day."""
    day, missing = {"dtuDataIo": 60.0}, a_missing(seeks=1_500)

    def points(**changes: Any) -> float:
        queries = (a_query(**changes),)
        one = only(
            missing_indexes, a_situation(day=day, queries=queries, missing_indexes=(missing,))
        )
        assert one.estimate is not None
        return one.estimate.value

    assert points(first_seen_at=ago(days=1)) == 54.0
    assert points(first_seen_at=ago(days=90)) == 2.7


def test_an_index_on_a_table_that_is_mostly_written_is_not_made() -> None:
    def advised(writes: int) -> int:
        primary = an_index("PK", "Id", kind="CLUSTERED", is_primary_key=True, writes=writes)
        situation = a_situation(
            day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(),), indexes=(primary,)
        )
        return len(list(missing_indexes(situation)))

    assert (advised(30 * 1_000), advised(30 * 1_000_000)) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_primary_key": True},
        {"is_unique": True},
        {"is_unique_constraint": True},
        {"supports_foreign_key": True},
        {"is_disabled": True},
        {"kind": "CLUSTERED"},
        {"reads": 1},
        {"reads": None},
        {"writes": 0},
    ],
    ids=str,
)
def test_what_guards_something_or_is_used_is_not_dropped(changes: dict[str, Any]) -> None:
    assert list(unused_indexes(a_situation(indexes=(an_index(**changes),)))) == []


@pytest.mark.parametrize("started_at", [None, ago(days=13)])
def test_without_proof_of_two_weeks_no_index_is_called_idle(started_at: Any) -> None:
    indexes = (an_index(), an_index("IX_twin"))
    situation = a_situation(indexes=indexes, started_at=started_at)

    assert list(unused_indexes(situation)) == []
    assert list(duplicate_indexes(situation)) == []


def test_of_two_equal_indexes_one_goes_and_can_come_back() -> None:
    keys = {"keys": ("Kind", "DueOn DESC"), "filter": "([IsOpen]=(1))", "includes": ("Note",)}
    twins = (an_index("IX_a", reads=9, **keys), an_index("IX_b", reads=4, **keys))
    one = only(duplicate_indexes, a_situation(indexes=twins))

    assert one.script == "DROP INDEX [IX_b] ON [dbo].[Visit];"
    assert one.reversal == (
        "CREATE NONCLUSTERED INDEX [IX_b] ON [dbo].[Visit] ([Kind], [DueOn] DESC) "
        "INCLUDE ([Note]) WHERE ([IsOpen]=(1)) WITH (ONLINE = ON);"
    )


def test_an_index_is_no_duplicate_of_one_with_a_filter_or_fewer_columns() -> None:
    kept = an_index("IX_a", reads=9, includes=("Note",))

    for other in ({"filter": "x"}, {"includes": ()}, {"keys": ("Kind", "Id")}):
        pair = (kept, an_index("IX_b", **{"reads": 99, "includes": ("Note",), **other}))
        assert "IX_a" not in {
            one.title.split()[1] for one in duplicate_indexes(a_situation(indexes=pair))
        }


@pytest.mark.parametrize(
    ("table", "said"),
    [("dbo.Visit", "[dbo].[Visit]"), ("dbo.Visit.2025", "[dbo].[Visit.2025]"), ("a]b", "[a]]b]")],
)
def test_a_dot_in_a_tables_name_makes_no_other_table_of_it(table: str, said: str) -> None:
    assert quoted(table) == said


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        (("Status", "Kind", "DueOn"), 0),
        (("Kind", "Status", "DueOn"), 0),
        (("DueOn", "Kind", "Status"), 1),
        (("Status", "DueOn", "Kind"), 1),
    ],
)
def test_an_index_that_begins_with_a_range_is_not_the_one_that_was_asked_for(
    keys: tuple[str, ...], count: int
) -> None:
    missing = a_missing("Status", "Kind", inequality=("DueOn",))
    situation = a_situation(missing_indexes=(missing,), indexes=(an_index("IX", *keys),))

    assert len(wanted_indexes(situation)) == count
