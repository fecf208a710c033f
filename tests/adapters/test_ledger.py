"""The contract of Ledger: whatever record goes in comes out, over memory and over Azurite."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct, inspect

from shared.adapters.ledger import RowLedger
from shared.adapters.rows import InsertRow, Rows
from shared.domain.alerts import Alert, AlertKind
from shared.domain.decisions import Snooze
from shared.domain.deliveries import Delivery, Due
from shared.domain.episodes import Event, TimelineLine
from shared.domain.errors import Conflict, StoreRefused
from shared.domain.handling import AuditEntry
from shared.domain.kept_inspections import KeptInspection
from shared.domain.machine import RuleState
from shared.domain.quiet_hours import Inspecting
from shared.domain.records import MOST_WRITES, Delete, Insert, Kept, Replace, Write
from shared.domain.rules import KeptRule
from shared.services.leases import Lease
from shared.services.targets import Target
from tests.adapters.builders import T0, an_alert

RECORDS: list[type[Struct]] = [
    Alert,
    AuditEntry,
    Delivery,
    Due,
    Event,
    Inspecting,
    KeptInspection,
    KeptRule,
    Lease,
    RuleState,
    Snooze,
    Target,
    TimelineLine,
]
LIKE_JSON = ["", "null", "[1]", '{"a": 1}', '""', "it's", "true", "12", "2026-01-01T00:00:00Z"]
TEXTS = st.sampled_from(LIKE_JSON) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

keys = (f"k{number:06d}" for number in itertools.count())


@pytest.fixture
def ledger(rows: Rows) -> RowLedger:
    return RowLedger(rows)


def values_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value of a record's field, so that a new field is tested the moment it exists."""
    match kind:
        case inspect.StructType():
            return st.builds(kind.cls, **{f.name: values_of(f.type) for f in kind.fields})
        case inspect.Metadata():
            return values_of(kind.type)
        case inspect.UnionType():
            return st.one_of(*map(values_of, kind.types))
        case inspect.VarTupleType() | inspect.DictType():
            return several_of(kind)
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
        case _:
            return PLAIN[type(kind)]


def several_of(kind: inspect.VarTupleType | inspect.DictType) -> st.SearchStrategy[Any]:
    if isinstance(kind, inspect.DictType):
        return st.dictionaries(values_of(kind.key_type), values_of(kind.value_type), max_size=3)
    return st.lists(values_of(kind.item_type), max_size=3).map(tuple)


PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.StrType: TEXTS,
    inspect.BytesType: st.binary(max_size=20),
    inspect.IntType: st.integers(-(2**31), 2**31 - 1),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**53), 2**53),
    inspect.BoolType: st.booleans(),
    inspect.DateTimeType: st.datetimes(timezones=st.just(UTC)),
    inspect.NoneType: st.none(),
}


@pytest.mark.parametrize("kind", RECORDS)
@settings(
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_record_is_read_as_it_was_written(
    ledger: RowLedger, kind: type[Struct], data: st.DataObject
) -> None:
    value = data.draw(values_of(inspect.type_info(kind)))
    key = next(keys)

    [etag] = ledger.commit("p", [Insert(key, value)])

    assert ledger.get("p", key, kind) == Kept(key, value, str(etag))


@pytest.mark.parametrize("kind", RECORDS)
def test_no_record_has_a_field_whose_none_would_be_read_as_something_else(
    kind: type[Struct],
) -> None:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for one in info.fields:
        nullable = inspect.NoneType() in getattr(one.type, "types", ())
        assert not nullable or one.default in (None, msgspec.NODEFAULT), one.name


def test_a_no_data_alert_without_any_value_is_read_again(ledger: RowLedger) -> None:
    alert = an_alert(kind=AlertKind.NO_DATA, value=None, last_value=None, threshold=None)
    ledger.commit("p", [Insert("k", alert)])

    kept = ledger.get("p", "k", Alert)

    assert kept is not None
    assert kept.value == alert


def test_every_field_has_a_column_of_its_own_under_its_wire_name(
    ledger: RowLedger, rows: Rows
) -> None:
    ledger.commit("p", [Insert("k", an_alert())])

    row = rows.get("p", "k")

    assert row is not None
    assert row.properties["ruleId"] == "dtu-critical"
    assert row.properties["value"] == 97.5
    assert row.properties["activeAt"] == "2026-01-01T00:00:00Z"
    assert row.properties["count"] == 2
    assert "note" not in row.properties


def test_microseconds_are_kept(ledger: RowLedger) -> None:
    until = T0 + timedelta(microseconds=1)
    ledger.commit("p", [Insert("k", Lease("me", until))])

    kept = ledger.get("p", "k", Lease)

    assert kept is not None
    assert kept.value.until == until


@pytest.mark.parametrize("value", [5_000_000_000, 2**53, 1e300])
def test_a_value_beyond_32_bits_is_kept_as_a_float(ledger: RowLedger, value: float) -> None:
    ledger.commit("p", [Insert("k", an_alert(value=value))])

    kept = ledger.get("p", "k", Alert)

    assert kept is not None
    assert kept.value.value == value


class Old(Struct, frozen=True):
    name: str


class New(Struct, frozen=True):
    name: str
    number: int = 7
    names: tuple[str, ...] = ("a",)
    until: datetime | None = None


def test_fields_that_were_added_since_take_their_defaults(ledger: RowLedger) -> None:
    ledger.commit("p", [Insert("k", Old("x"))])

    kept = ledger.get("p", "k", New)

    assert kept is not None
    assert kept.value == New("x")


def test_columns_that_nobody_knows_are_ignored(ledger: RowLedger, rows: Rows) -> None:
    rows.transact("p", [InsertRow("k", {"name": "x", "number": 8, "gone": "[1, 2"})])

    assert ledger.scan("p", "k", Old)[0].value == Old("x")


class Story(Struct, frozen=True):
    alerts: tuple[Alert, ...] = ()
    value: float | None = None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("nested", [False, True])
def test_what_is_no_number_is_refused_at_any_depth(
    ledger: RowLedger, value: float, *, nested: bool
) -> None:
    story = Story(alerts=(an_alert(value=value),)) if nested else Story(value=value)

    with pytest.raises(StoreRefused, match="numbers must be finite"):
        ledger.commit("p", [Insert("k", story)])

    assert ledger.keys("p", "") == []


def test_a_row_that_is_missing_is_none(ledger: RowLedger) -> None:
    assert ledger.get("p", "k", Due) is None
    assert ledger.scan("p", "due:", Due) == []
    assert ledger.keys("p", "due:") == []


def test_a_scan_reads_one_prefix_in_key_order(ledger: RowLedger) -> None:
    names = ["due:2", "due:10", "due;", "state:1", "due:1", "lease:"]
    ledger.commit("p", [Insert(name, Due(name)) for name in names])

    found = ledger.scan("p", "due:", Due)

    assert [kept.value.delivery for kept in found] == ["due:1", "due:10", "due:2"]
    assert ledger.keys("p", "due:") == [kept.key for kept in found]
    assert ledger.keys("p", "") == sorted(names)
    assert all(ledger.get("p", kept.key, Due) == kept for kept in found)


def test_keys_may_be_bounded_on_either_side(ledger: RowLedger) -> None:
    ledger.commit("p", [Insert(f"{kind}:{n}", Due("")) for kind in "abc" for n in range(4)])

    assert ledger.keys("p", "b:", first="b:2") == ["b:2", "b:3"]
    assert ledger.keys("p", "b:", end="b:2") == ["b:0", "b:1"]
    assert ledger.keys("p", "b:", first="b:1", end="b:2") == ["b:1"]
    assert ledger.keys("p", "b:", first="a:0", end="c:9") == [f"b:{n}" for n in range(4)]
    assert ledger.keys("p", "b:", first="b:3", end="b:1") == []


def test_a_commit_does_everything_or_nothing(ledger: RowLedger) -> None:
    a, b = ledger.commit("p", [Insert("a", Due("1")), Insert("b", Due("2"))])
    again: list[Write] = [
        Replace("a", Due("3"), str(a)),
        Delete("b", str(b)),
        Insert("c", Due("4")),
    ]
    assert ledger.commit("p", again)[1] is None

    with pytest.raises(Conflict):
        ledger.commit("p", [Insert("d", Due("5")), *again])

    found = ledger.scan("p", "", Due)
    assert [(kept.key, kept.value.delivery) for kept in found] == [("a", "3"), ("c", "4")]


def test_a_commit_takes_100_writes_and_refuses_more(ledger: RowLedger) -> None:
    writes = [Insert(f"k{number:03d}", Due("x")) for number in range(MOST_WRITES + 1)]

    with pytest.raises(StoreRefused, match="1 to 100 operations, not 101"):
        ledger.commit("p", writes)

    assert len(ledger.commit("p", writes[:-1])) == MOST_WRITES


def test_only_structs_are_records(ledger: RowLedger) -> None:
    with pytest.raises(TypeError, match="is not a Struct"):
        ledger.commit("p", [Insert("k", 7)])
