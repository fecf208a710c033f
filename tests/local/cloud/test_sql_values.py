"""Values as bytes: what a column's type writes is what a parameter of that type reads."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from local.cloud.sql.columns import wire_of
from local.cloud.sql.engine import SqlError
from local.cloud.sql.parameters import Cursor, read_parameter

UNNAMED = b"\x00\x00"
LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - T-SQL's have no zone
INDIA = timezone(timedelta(hours=5, minutes=30))


def read_back(type_name: str, value: Any) -> Any:
    wire = wire_of(type_name)
    cursor = Cursor(UNNAMED + wire.info + wire.encode(value))
    found = read_parameter(cursor).value
    assert not cursor.has_more
    return found


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("bit", False),
        ("tinyint", 0),
        ("smallint", 32767),
        ("int", -1),
        ("bigint", -(2**63)),
        ("real", -0.25),
        ("float(24)", 0.25),
        ("float(53)", 1e300),
        ("DECIMAL( 9 , 4 )", Decimal("-12345.6789")),
        ("decimal", Decimal(10**18 - 1)),
        ("numeric(38, 38)", Decimal(10**38 - 1).scaleb(-38)),
        ("nvarchar(1)", "ß"),
        ("nvarchar(max)", ""),
        ("nchar(3)", "abc"),
        ("sysname", "dbo"),
        ("varchar(3)", "€ü?"),
        ("char(1)", "x"),
        ("varchar(max)", "y" * 9000),
        ("binary(2)", b"\x00\x01"),
        ("varbinary(max)", b"z" * 9000),
        ("date", date.max),
        ("time(2)", time(1, 2, 3, 990000)),
        ("time(4)", time(1, 2, 3, 999900)),
        ("datetime2(0)", datetime(1, 1, 1)),  # noqa: DTZ001 - as above
        ("datetime2(7)", LAST_MOMENT),
        ("datetime", datetime(1753, 1, 1, 0, 0, 0, 3000)),  # noqa: DTZ001 - as above
        ("datetimeoffset(7)", datetime(2026, 3, 2, 0, 15, tzinfo=INDIA)),
        ("uniqueidentifier", UUID(int=2**127 + 1)),
    ],
)
def test_a_value_and_a_null_are_read_as_they_were_written(type_name: str, value: Any) -> None:
    assert read_back(type_name, value) == value
    assert read_back(type_name, None) is None


def test_what_a_type_cannot_hold_is_rounded_as_the_server_would() -> None:
    assert read_back("decimal(5,1)", Decimal("2.25")) == Decimal("2.3")
    assert read_back("decimal(5,1)", 0.5) == Decimal("0.5")
    assert read_back("varchar(9)", "漢x") == "?x"
    late = datetime(2026, 3, 2, 23, 59, 59, 999000)  # noqa: DTZ001 - as above
    assert read_back("datetime", late) == datetime(2026, 3, 3)  # noqa: DTZ001 - as above


def test_a_moment_without_a_zone_is_utc() -> None:
    naive = datetime(2026, 3, 2, 9, 0)  # noqa: DTZ001 - as above
    assert read_back("datetimeoffset", naive) == naive.replace(tzinfo=UTC)


@pytest.mark.parametrize("type_name", ["geography", "int; drop", "", "decimal(5,"])
def test_an_unknown_type_is_named(type_name: str) -> None:
    with pytest.raises(ValueError, match=r"no column has type .* there are bit, tinyint"):
        wire_of(type_name)


def test_a_text_too_long_for_its_column_says_what_would_do() -> None:
    with pytest.raises(ValueError, match=r"of 4 is too long for a column of 3; max would do"):
        wire_of("nvarchar(3)").encode("four")


def test_a_parameter_of_an_unknown_type_is_an_sql_error() -> None:
    with pytest.raises(SqlError, match="data type 0xf3 is unknown"):
        read_parameter(Cursor(UNNAMED + b"\xf3"))
