"""The contract of Rows, over memory and over Azurite alike."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from local.azurite import Account
from shared.adapters.rows import (
    DeleteRow,
    InsertRow,
    Op,
    Property,
    ReplaceRow,
    Row,
    Rows,
    prefix_end,
)
from shared.adapters.tables import open_table_as
from shared.domain.errors import Conflict

EVERYTHING = ("", "~")
STALE = "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\""
KINDS: dict[str, Property] = {
    "text": 'it\'s "quoted" & <tagged> ünï 😀\n\ttabbed',
    "empty": "",
    "json": '{"a": [1, null]}',
    "moment": "2026-01-01T00:00:00Z",
    "whole": 7,
    "lowest": -(2**31),
    "real": 0.1 + 0.2,
    "round": 3.0,
    "huge": 1.7976931348623157e308,
    "tiny": 5e-324,
    "yes": True,
    "no": False,
    "bytes": bytes(range(256)),
}


def insert(rows: Rows, *keys: str) -> list[str]:
    return [str(etag) for etag in rows.transact("p", [InsertRow(key, {"v": key}) for key in keys])]


def keys(found: list[Row]) -> list[str]:
    return [row.key for row in found]


def test_a_table_that_is_missing_reads_as_empty(rows: Rows) -> None:
    assert rows.get("p", "k") is None
    assert rows.query("p", *EVERYTHING) == []


def test_the_first_write_makes_the_table(rows: Rows) -> None:
    insert(rows, "k")

    assert keys(rows.query("p", *EVERYTHING)) == ["k"]


@pytest.mark.parametrize("op", [ReplaceRow("k", {}, STALE), DeleteRow("k"), DeleteRow("k", STALE)])
def test_changing_a_row_of_a_missing_table_is_a_conflict(rows: Rows, op: Op) -> None:
    with pytest.raises(Conflict):
        rows.transact("p", [op])

    assert rows.query("p", *EVERYTHING) == []


def test_a_row_is_read_as_it_was_written(rows: Rows) -> None:
    [etag] = rows.transact("p", [InsertRow("k", KINDS)])

    row = rows.get("p", "k")

    assert row == Row("k", KINDS, str(etag))
    assert {name: type(value) for name, value in row.properties.items()} == {
        name: type(value) for name, value in KINDS.items()
    }
    assert rows.query("p", *EVERYTHING) == [row]


@pytest.mark.parametrize("key", ["it's", "a b", "100%", "a+b", "a&b=c", 'say "hi"', "ünï", "😀"])
def test_a_key_may_look_odd(rows: Rows, key: str) -> None:
    rows.transact(key, [InsertRow(key, {"v": 1})])

    assert rows.get(key, key) is not None
    assert keys(rows.query(key, key, key + "~")) == [key]


@pytest.mark.parametrize("key", ["a/b", "a\\b", "a#b", "a?b", "a\nb"])
def test_a_key_that_no_row_can_have_is_not_there(rows: Rows, key: str) -> None:
    assert rows.get("p", key) is None
    assert rows.get(key, "k") is None


def test_partitions_do_not_see_each_other(rows: Rows) -> None:
    insert(rows, "k")

    assert rows.get("q", "k") is None
    assert rows.query("q", *EVERYTHING) == []


def test_rows_come_in_key_order_whatever_the_order_of_writing(rows: Rows) -> None:
    names = ["b", "B", "a:2", "a:10", "a:1", "a~", "a-", "a", "h:2026010100", "latest", "0", "_"]

    insert(rows, *names)

    assert keys(rows.query("p", "", "~")) == sorted(names)
    assert sorted(names)[:2] == ["0", "B"]


def test_a_range_has_its_first_key_and_not_its_end(rows: Rows) -> None:
    insert(rows, "a", "b", "c", "d")

    assert keys(rows.query("p", "b", "d")) == ["b", "c"]
    assert rows.query("p", "d", "b") == []


def test_a_prefix_ends_before_its_siblings(rows: Rows) -> None:
    insert(rows, "due:", "due:1", "due:~", "due", "due;", "duf", "state:1")

    assert keys(rows.query("p", "due:", prefix_end("due:"))) == ["due:", "due:1", "due:~"]


def test_select_reads_only_what_it_names_and_still_knows_the_etag(rows: Rows) -> None:
    [etag] = rows.transact("p", [InsertRow("k", {"a": 1, "b": 2})])

    assert rows.query("p", *EVERYTHING, ["a", "unknown"]) == [Row("k", {"a": 1}, str(etag))]
    assert rows.query("p", *EVERYTHING, []) == [Row("k", {}, str(etag))]


def test_more_rows_than_a_page_holds_are_all_read_in_order(rows: Rows) -> None:
    names = [f"{number:04d}" for number in range(1200)]
    for start in range(0, len(names), 100):
        insert(rows, *names[start : start + 100])

    assert keys(rows.query("p", *EVERYTHING, ())) == names


def test_a_transaction_answers_the_new_etags(rows: Rows) -> None:
    first, second = insert(rows, "a", "b")
    etags = rows.transact(
        "p", [ReplaceRow("a", {"v": 2}, first), DeleteRow("b", second), InsertRow("c", {})]
    )

    assert [row.etag for row in rows.query("p", *EVERYTHING)] == [etags[0], etags[2]]
    assert etags[1] is None
    assert etags[0] != first


def test_a_replaced_row_keeps_nothing_of_the_old_one(rows: Rows) -> None:
    [etag] = rows.transact("p", [InsertRow("k", {"a": 1, "b": 2})])
    rows.transact("p", [ReplaceRow("k", {"c": 3}, str(etag))])

    row = rows.get("p", "k")

    assert row is not None
    assert row.properties == {"c": 3}


def test_a_deleted_row_is_gone_and_its_key_free_again(rows: Rows) -> None:
    [etag] = insert(rows, "k")
    rows.transact("p", [DeleteRow("k", etag)])
    assert rows.get("p", "k") is None

    assert insert(rows, "k") != [etag]


def test_a_row_is_deleted_whatever_its_etag_when_none_is_given(rows: Rows) -> None:
    insert(rows, "k")
    rows.transact("p", [DeleteRow("k")])

    assert rows.query("p", *EVERYTHING) == []


@pytest.mark.parametrize(
    "op",
    [
        InsertRow("k", {"v": "mine"}),
        ReplaceRow("k", {"v": "mine"}, STALE),
        ReplaceRow("k", {"v": "mine"}, 'W/"1000"'),
        DeleteRow("k", STALE),
        ReplaceRow("missing", {"v": "mine"}, STALE),
        DeleteRow("missing", STALE),
        DeleteRow("missing"),
    ],
    ids=lambda op: f"{type(op).__name__}-{op.key}-{getattr(op, 'etag', '')}",
)
def test_one_conflict_stops_the_whole_transaction(rows: Rows, op: Op) -> None:
    insert(rows, "k")
    before = rows.query("p", *EVERYTHING)

    with pytest.raises(Conflict):
        rows.transact("p", [InsertRow("a", {}), op, InsertRow("z", {})])

    assert rows.query("p", *EVERYTHING) == before


def test_an_etag_is_good_for_one_change(rows: Rows) -> None:
    [etag] = insert(rows, "k")
    rows.transact("p", [ReplaceRow("k", {"v": 1}, etag)])

    with pytest.raises(Conflict):
        rows.transact("p", [ReplaceRow("k", {"v": 2}, etag)])
    with pytest.raises(Conflict):
        rows.transact("p", [DeleteRow("k", etag)])


def test_of_many_threads_that_replace_the_same_row_one_wins(rows: Rows) -> None:
    [etag] = insert(rows, "k")

    def replace(number: int) -> bool:
        try:
            rows.transact("p", [ReplaceRow("k", {"v": number}, etag)])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(replace, range(16)))

    assert won.count(True) == 1
    row = rows.get("p", "k")
    assert row is not None
    assert row.properties == {"v": won.index(True)}


def test_many_threads_share_one_table_from_its_first_write_on(rows: Rows) -> None:
    def write_and_read(number: int) -> Row | None:
        rows.transact("p", [InsertRow(f"k{number:02d}", {"v": number})])
        return rows.get("p", f"k{number:02d}")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(write_and_read, range(32)))

    assert [row.properties["v"] for row in found if row is not None] == list(range(32))
    assert len(rows.query("p", *EVERYTHING)) == 32


def test_a_table_is_opened_by_endpoint_and_identity(storage: Account) -> None:
    credential = AzureNamedKeyCredential(storage.name, storage.key)
    rows = open_table_as("Rows", endpoint=storage.table_endpoint, credential=credential)
    insert(rows, "k")

    assert keys(rows.query("p", *EVERYTHING)) == ["k"]
    rows.close()
