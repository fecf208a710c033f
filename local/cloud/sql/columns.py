"""How a result's columns and their values go over the wire, by the names of their T-SQL types."""

import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple
from uuid import UUID

from local.cloud.sql.tokens import COLLATION

MAX = 0xFFFF
ANSI = "cp1252"
WIDE = "utf-16-le"
_EPOCH = date(1900, 1, 1)
_TICKS_PER_S = 10**7
_FRACTIONS_PER_DAY = 86400 * 300
_LONGEST_VARIANT = 8009
_EXACT = Context(prec=60)
_NAME = re.compile(r"\s*(\w+)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*")


class Wire(NamedTuple):
    """A column's type as bytes, and how each value of it, which may be None, becomes bytes."""

    info: bytes
    encode: Callable[[Any], bytes]


def wire_of(type_name: str) -> Wire:
    """By a name such as int, decimal(5,2) or nvarchar(max); raises ValueError for an unknown one.

    A text or binary without a length may be as long as the longest that is not max.
    """
    found = _NAME.fullmatch(type_name.lower())
    make = _TYPES.get(found[1]) if found else None
    if found is None or make is None:
        raise ValueError(f"no column has type {type_name!r}; there are {', '.join(_TYPES)}")
    return make(*(one for one in found.groups()[1:] if one is not None))


def _sized(token: int, size: int, encode: Callable[[Any], bytes]) -> Wire:
    """A type whose size stands once in its column; each value says it again, or 0 for NULL."""
    return Wire(bytes([token, size]), _nullable(encode))


def _nullable(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def encoded(value: Any) -> bytes:
        if value is None:
            return b"\x00"
        data = encode(value)
        return bytes([len(data)]) + data

    return encoded


def _number(token: int, form: str) -> Callable[[], Wire]:
    packed = struct.Struct(form)
    wire = _sized(token, packed.size, packed.pack)
    return lambda: wire


def _bit() -> Wire:
    return _sized(0x68, 1, lambda value: bytes([bool(value)]))


def _float(mantissa: str = "53") -> Wire:
    return _number(0x6D, "<f" if int(mantissa) <= 24 else "<d")()


def _decimal(precision: str = "18", scale: str = "0") -> Wire:
    digits, places = int(precision), int(scale)
    size = next(size for most, size in ((9, 5), (19, 9), (28, 13), (38, 17)) if digits <= most)

    def encode(value: Any) -> bytes:
        shifted = _EXACT.scaleb(Decimal(value), places)
        magnitude = int(shifted.to_integral_value(ROUND_HALF_UP, _EXACT))
        return bytes([magnitude >= 0]) + abs(magnitude).to_bytes(size - 1, "little")

    return Wire(bytes([0x6C, size, digits, places]), _nullable(encode))


def _text(token: int, encoding: str, unit: int) -> Callable[..., Wire]:
    # A database keeps and tells half a character, too, such as where a text was cut.
    errors = "surrogatepass" if encoding == WIDE else "replace"

    def made(length: str = str(8000 // unit)) -> Wire:
        return _string(token, length, unit, COLLATION, lambda text: text.encode(encoding, errors))

    return made


def _binary(length: str = "8000") -> Wire:
    return _string(0xA5, length, 1, b"", bytes)


def _string(
    token: int, length: str, unit: int, collation: bytes, encode: Callable[[Any], bytes]
) -> Wire:
    longest = MAX if length == "max" else int(length) * unit

    def counted(value: Any) -> bytes:
        data = None if value is None else encode(value)
        if data is not None and len(data) > longest:
            long = f"a value of {len(data) // unit} is too long"
            raise ValueError(f"{long} for a column of {length}; max would do")
        return _counted(data)

    def chunked(value: Any) -> bytes:
        return _chunked(None if value is None else encode(value))

    info = struct.pack("<BH", token, longest) + collation
    return Wire(info, chunked if length == "max" else counted)


def _counted(data: bytes | None) -> bytes:
    return b"\xff\xff" if data is None else struct.pack("<H", len(data)) + data


def _chunked(data: bytes | None) -> bytes:
    """The form of max: the whole length, then chunks with theirs, here one, then an empty one."""
    if data is None:
        return b"\xff" * 8
    chunk = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + chunk + struct.pack("<I", 0)


def _date() -> Wire:
    return Wire(b"\x28", _nullable(_day))


def _day(value: date) -> bytes:
    return (value.toordinal() - 1).to_bytes(3, "little")


def _moments(token: int, encode: Callable[[Any, int], bytes]) -> Callable[..., Wire]:
    """The newer types of time, whose scale is 0 to 7 digits of a second."""

    def made(scale: str = "7") -> Wire:
        places = int(scale)
        return Wire(bytes([token, places]), _nullable(lambda value: encode(value, places)))

    return made


def _clock(value: time | datetime, places: int) -> bytes:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    ticks = (seconds * _TICKS_PER_S + value.microsecond * 10) // int(10 ** (7 - places))
    return ticks.to_bytes(3 + (places > 2) + (places > 4), "little")


def _datetime2(value: datetime, places: int) -> bytes:
    return _clock(value, places) + _day(value)


def _datetimeoffset(value: datetime, places: int) -> bytes:
    """On the wire the moment is UTC; one without a zone is taken for UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    offset = (aware.utcoffset() or timedelta()) // timedelta(minutes=1)
    return _datetime2(aware.astimezone(UTC), places) + struct.pack("<h", offset)


def _datetime() -> Wire:
    return _sized(0x6F, 8, _old_datetime)


def _old_datetime(value: datetime) -> bytes:
    """Days since 1900, and three-hundredths of a second."""
    midnight = datetime(value.year, value.month, value.day, tzinfo=value.tzinfo)
    fractions = round((value - midnight) / timedelta(seconds=1) * 300)
    days, fractions = divmod(fractions, _FRACTIONS_PER_DAY)
    return struct.pack("<iI", (value.date() - _EPOCH).days + days, fractions)


def _guid() -> Wire:
    return _sized(0x24, 16, lambda value: UUID(str(value)).bytes_le)


def _variant() -> Wire:
    """Each value brings its own type along, and a length of 0 is NULL."""
    return Wire(struct.pack("<BI", 0x62, _LONGEST_VARIANT), _varied)


def _varied(value: Any) -> bytes:
    if value is None:
        return struct.pack("<I", 0)
    if isinstance(value, int):
        said = struct.pack("<BBq", 0x7F, 0, value)
    else:
        data = str(value).encode(WIDE)
        said = struct.pack("<BB", 0xE7, 7) + COLLATION + struct.pack("<H", len(data)) + data
    return struct.pack("<I", len(said)) + said


_TYPES: dict[str, Callable[..., Wire]] = {
    "bit": _bit,
    "tinyint": _number(0x26, "<B"),
    "smallint": _number(0x26, "<h"),
    "int": _number(0x26, "<i"),
    "bigint": _number(0x26, "<q"),
    "real": _number(0x6D, "<f"),
    "float": _float,
    "decimal": _decimal,
    "numeric": _decimal,
    "nvarchar": _text(0xE7, WIDE, 2),
    "sysname": lambda: wire_of("nvarchar(128)"),
    "nchar": _text(0xEF, WIDE, 2),
    "varchar": _text(0xA7, ANSI, 1),
    "char": _text(0xAF, ANSI, 1),
    "varbinary": _binary,
    "binary": _binary,
    "date": _date,
    "time": _moments(0x29, _clock),
    "datetime2": _moments(0x2A, _datetime2),
    "datetimeoffset": _moments(0x2B, _datetimeoffset),
    "datetime": _datetime,
    "uniqueidentifier": _guid,
    "sql_variant": _variant,
}
