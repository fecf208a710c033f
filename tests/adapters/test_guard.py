"""The guard refuses what Azure refuses; every limit on both sides, and against Azurite.

Azurite enforces the keys, 64 KiB a value, rows that are not doubled and 4 MiB a transaction. Unlike
Azure it takes more than 252 properties, rows beyond 1 MiB and names that are no identifiers; over a
transaction of more than 100 operations its answer is no HTTP.
"""

import math
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from azure.data.tables import TableClient

from local.azurite import Account
from shared.adapters import guard
from shared.adapters.guard import GuardedRows, check_transaction
from shared.adapters.memory import MemoryRows
from shared.adapters.rows import DeleteRow, InsertRow, Op, ReplaceRow, Row
from shared.adapters.tables import TableRows
from shared.domain.errors import StoreError, StoreRefused

KIB = 1024
ETAG = "W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\""


def row(**properties: Any) -> InsertRow:
    return InsertRow("k", properties)


def takes(*ops: Op, partition: str = "p") -> bool:
    try:
        check_transaction(partition, ops)
    except StoreRefused:
        return False
    return True


def azurite_takes(table: TableRows, *ops: Op) -> bool:
    try:
        table.transact("p", ops)
    except StoreRefused:
        return False
    return True


def numbers(count: int) -> dict[str, int]:
    return {f"p{number}": number for number in range(count)}


def a_row_of(size: int) -> InsertRow:
    """A row of exactly so many bytes, as Azure counts them: in partition `p`, under key `k`."""
    full, name = 60_000, 8 + 2 * len("b00") + 4
    left, properties = size - (4 + 2 * len("pk")), {}
    for number in range(99):
        length = min(full, left - name)
        properties[f"b{number:02d}"] = bytes(length)
        left -= name + length
        if left <= name:
            break
    return row(**properties)


def test_252_properties_are_the_most() -> None:
    assert takes(row(**numbers(252)))
    assert not takes(row(**numbers(253)))


@pytest.mark.parametrize("letter", ["a", "ü", "€"])
def test_32_000_characters_are_the_longest_string(letter: str) -> None:
    assert takes(row(text=letter * 32_000))
    assert not takes(row(text=letter * 32_001))


def test_a_character_beyond_the_basic_plane_counts_twice() -> None:
    assert takes(row(text="😀" * 16_000))
    assert not takes(row(text="😀" * 16_000 + "a"))


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert not takes(row(text="\ud83d"))
    assert not takes(InsertRow("\ud83d", {}))


def test_64_kib_are_the_largest_binary() -> None:
    assert takes(row(packed=bytes(64 * KIB)))
    assert not takes(row(packed=bytes(64 * KIB + 1)))


def test_a_row_is_under_1_mib() -> None:
    assert takes(a_row_of(KIB * KIB - 1))
    assert not takes(a_row_of(KIB * KIB))


def test_the_partition_key_counts_for_the_row() -> None:
    assert takes(a_row_of(KIB * KIB - 1), partition="p")
    assert not takes(a_row_of(KIB * KIB - 1), partition="pp")


def test_a_transaction_has_1_to_100_operations() -> None:
    ops = [DeleteRow(f"k{number}") for number in range(101)]

    assert not takes()
    assert takes(*ops[:1])
    assert takes(*ops[:100])
    assert not takes(*ops)


def test_a_transaction_touches_each_row_once() -> None:
    assert takes(row(), ReplaceRow("l", {}, ETAG), DeleteRow("m"))
    assert not takes(row(), DeleteRow("k"))


def rows_of_text(total: int) -> list[InsertRow]:
    """Twelve rows that send `total` ASCII characters."""
    part, rest = divmod(total, 140)
    lengths = [part + (number < rest) for number in range(140)]
    texts = [{f"t{n}": "x" * length for n, length in enumerate(lengths[i::12])} for i in range(12)]
    return [InsertRow(f"k{number:02d}", one) for number, one in enumerate(texts)]


def test_a_transaction_is_at_most_4_mib() -> None:
    assert takes(*rows_of_text(4_150_000))
    assert not takes(*rows_of_text(4 * KIB * KIB))


def test_bytes_count_as_the_base64_that_is_sent() -> None:
    ops = [InsertRow(f"k{number:02d}", {"b": bytes(64 * KIB)}) for number in range(60)]

    assert takes(*ops[:47])
    assert not takes(*ops[:48])


def test_letters_beyond_ascii_count_as_the_escapes_that_are_sent() -> None:
    ops = [InsertRow(f"k{number:02d}", {"t": "ü" * 32_000}) for number in range(30)]

    assert takes(*ops[:21])
    assert not takes(*ops[:22])


@pytest.mark.parametrize("letter", ["/", "\\", "#", "?", "\0", "\t", "\n", "\x1f", "\x7f", "\x9f"])
@pytest.mark.parametrize("place", ["", "a"])
def test_a_forbidden_character_is_refused_anywhere_in_a_key(letter: str, place: str) -> None:
    key = f"{place}{letter}{place}"

    assert not takes(InsertRow(key, {}))
    assert not takes(ReplaceRow(key, {}, ETAG))
    assert not takes(DeleteRow(key))
    assert not takes(row(), partition=key)


@pytest.mark.parametrize("key", ["due:20260101T000500Z:x", "a b", "~", "it's", "\x20", "\xa0", "ü"])
def test_any_other_character_is_welcome_in_a_key(key: str) -> None:
    assert takes(InsertRow(key, {}), partition=key)


@pytest.mark.parametrize(("letter", "most"), [("k", 512), ("ü", 512), ("😀", 256)])
def test_a_key_is_at_most_1_kib_of_utf_16(letter: str, most: int) -> None:
    assert takes(InsertRow(letter * most, {}), partition=letter * most)
    assert not takes(InsertRow(letter * (most + 1), {}))
    assert not takes(row(), partition=letter * (most + 1))


@pytest.mark.parametrize("name", ["a", "_a", "responseTime_avg", "a1", "p" * 255])
def test_a_property_name_is_an_identifier(name: str) -> None:
    assert takes(row(**{name: 1}))


@pytest.mark.parametrize("name", ["responseTime.avg", "", "1a", "a-b", "a b", "a:b", "p" * 256])
def test_any_other_property_name_is_refused(name: str) -> None:
    assert not takes(row(**{name: 1}))


@pytest.mark.parametrize("name", ["PartitionKey", "RowKey", "Timestamp"])
def test_a_property_must_not_stand_in_for_one_of_the_tables_own(name: str) -> None:
    assert not takes(row(**{name: "x"}))


@pytest.mark.parametrize("number", [2**31 - 1, -(2**31), 0, 1e300, 5e-324, -0.0, True, False])
def test_numbers_that_fit(number: float) -> None:
    assert takes(row(number=number))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, math.nan, math.inf, -math.inf])
def test_numbers_that_do_not(number: float) -> None:
    assert not takes(row(number=number))


@pytest.mark.parametrize("value", [None, [1], {"a": 1}, (1, 2), object(), bytearray(b"x")])
def test_anything_but_text_numbers_and_bytes_is_refused(value: object) -> None:
    assert not takes(row(value=value))


@pytest.mark.parametrize(
    ("op", "said"),
    [
        (row(text="x" * 32_001), "text has 32,001 characters; a string has at most 32,000"),
        (row(x=math.nan), "x is nan; numbers must be finite"),
        (row(x=2**31), "x = 2147483648 is beyond 32 bits; write a float"),
        (row(**{"a.b": 1}), "property 'a.b' must be an identifier: letters, digits, _"),
        (DeleteRow("a/b"), r"key 'a/b' must be without / \\ # \? and control characters"),
    ],
)
def test_the_refusal_says_what_would_be_right(op: Op, said: str) -> None:
    with pytest.raises(StoreRefused, match=said):
        check_transaction("p", [op])


def test_nothing_is_written_of_a_refused_transaction() -> None:
    rows = GuardedRows(MemoryRows())

    with pytest.raises(StoreRefused):
        rows.transact("p", [InsertRow("a", {}), row(x=math.nan)])

    assert rows.query("p", "", "~") == []


class RefusingRows(MemoryRows):
    """As Azure answers a key that it does not take."""

    def get(self, partition: str, key: str) -> Row | None:
        raise StoreRefused(f"400 {partition} {key}")


@pytest.mark.parametrize("key", ["a/b", "k" * 513])
def test_what_no_row_can_be_called_is_not_asked_for(key: str) -> None:
    rows = GuardedRows(RefusingRows())

    assert (rows.get("p", key), rows.get(key, "k")) == (None, None)


OVER: dict[str, list[Op]] = {
    "forbidden key": [InsertRow("a?b", {})],
    "long key": [InsertRow("k" * 513, {})],
    "doubled row": [row(), row()],
    "large binary": [row(packed=bytes(64 * KIB + 1))],
    "large transaction": [*rows_of_text(4 * KIB * KIB)],
    # Azure and Azurite stop at 32,768: the guard leaves room.
    "long string": [row(text="😀" * 16_385)],
}
UNDER: dict[str, list[Op]] = {
    "252 properties": [row(**numbers(252))],
    "long key": [InsertRow("k" * 512, {})],
    "odd keys": [InsertRow(key, {}) for key in ("~", "it's", "ü", "😀" * 256)],
    "large binary": [row(packed=bytes(64 * KIB))],
    "long string": [row(text="😀" * 16_000, other="ü" * 32_000)],
    "large row": [a_row_of(KIB * KIB - 1)],
    "100 operations": [InsertRow(f"k{number}", {}) for number in range(100)],
    "large transaction": [*rows_of_text(4_150_000)],
    "much base64": [InsertRow(f"k{n}", {"b": bytes(64 * KIB)}) for n in range(47)],
    "many escapes": [InsertRow(f"k{n}", {"t": "ü" * 32_000}) for n in range(21)],
    "extreme numbers": [row(a=2**31 - 1, b=-(2**31), c=1e308, d=True)],
}


@pytest.mark.parametrize("case", OVER)
def test_what_azurite_refuses_the_guard_refuses(table: TableRows, case: str) -> None:
    assert not azurite_takes(table, *OVER[case])
    assert not takes(*OVER[case])


@pytest.mark.parametrize("case", UNDER)
def test_what_the_guard_takes_azurite_takes(table: TableRows, case: str) -> None:
    assert takes(*UNDER[case])
    assert azurite_takes(table, *UNDER[case])


@pytest.mark.parametrize(
    "op", [row(**numbers(253)), a_row_of(KIB * KIB + 1), row(**{"a.b": 1}), row(x=math.nan)]
)
def test_the_guard_is_needed_where_azurite_is_too_kind(table: TableRows, op: Op) -> None:
    """A change here is good news: Azurite learnt a limit of Azure, and the guard may rest on it."""
    assert azurite_takes(table, op)
    assert not takes(op)


ALPHABETS: list[Callable[[random.Random], str]] = [
    lambda dice: chr(dice.randint(0x20, 0x7E)),
    lambda dice: dice.choice('"\\\n\t\x01/'),
    lambda dice: chr(dice.randint(0xA0, 0x2FF)),
    lambda dice: chr(dice.randint(0x1F600, 0x1F64F)),
]


def any_text(dice: random.Random, most: int) -> str:
    letter = dice.choice(ALPHABETS)
    return "".join(letter(dice) for _ in range(dice.randint(0, most)))


def any_operations(dice: random.Random) -> list[Op]:
    ops: list[Op] = []
    for number in range(dice.randint(1, 100)):
        key = f"{number:02d}:" + any_text(dice, 40).translate(dict.fromkeys(b"/\\#?\n\t\x01"))
        properties: dict[str, Any] = {
            f"p{n}": dice.choice([any_text(dice, 200), dice.random(), dice.randbytes(99), 7, True])
            for n in range(dice.randint(0, 8))
        }
        replace = ReplaceRow(key, properties, ETAG)
        ops.append(replace if dice.random() < 0.5 else InsertRow(key, properties))
    return [*ops, DeleteRow("z", ETAG)][:100]


def test_the_guard_never_counts_less_than_what_is_sent(storage: Account) -> None:
    dice = random.Random(5)
    sizes: list[int] = []
    with TableClient.from_connection_string(
        storage.connection_string,
        "Rows",
        raw_request_hook=lambda request: sizes.append(len(request.http_request.content or b"")),
    ) as client:
        client.create_table()
        for _ in range(40):
            ops = any_operations(dice)
            with suppress(StoreError):  # whatever the answer is: only the request matters
                TableRows(client).transact("p", ops)
            counted = sum(guard._check_op("p", op) for op in ops)
            assert sizes[-1] <= counted <= 2 * sizes[-1] + 2000
