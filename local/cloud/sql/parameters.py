"""The parameters of procedure calls: each with its type and its value, as clients send them."""

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Context, Decimal
from typing import Any, NamedTuple
from uuid import UUID

from local.cloud.sql.columns import ANSI, MAX
from local.cloud.sql.engine import SqlError

UNKNOWN_TYPE = 8009
_EXACT = Context(prec=60)
_YEAR_1900 = datetime(1900, 1, 1)  # noqa: DTZ001 - a datetime has no zone in T-SQL
_COLLATION_SIZE = 5
_NO_CHUNKS = 0xFFFFFFFFFFFFFFFF
_NO_TEXT = 0xFFFFFFFF


class Cursor:
    """Reads bytes from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """Raises EOFError where there are fewer."""
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise EOFError("a request ends before its parameters do")
        self._at += count
        return found

    def number(self, form: str) -> int:
        (found,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(found)

    def text(self, characters: int) -> str:
        return self.take(2 * characters).decode("utf-16-le")


class Parameter(NamedTuple):
    """A value, None for NULL; the name, if it has one, with its @."""

    name: str
    value: Any


Read = Callable[[Cursor], Any]


def read_parameter(cursor: Cursor) -> Parameter:
    """Raises SqlError for a type that is not known here."""
    name = cursor.text(cursor.number("<B"))
    cursor.take(1)
    token = cursor.number("<B")
    if token not in _TYPES:
        raise SqlError(UNKNOWN_TYPE, f"Parameter {name!r}: data type {token:#04x} is unknown.")
    return Parameter(name, _TYPES[token](cursor))


def _sized(decode: Callable[[bytes], Any]) -> Read:
    """The type says its size, then the value says its own, 0 for NULL."""

    def read(cursor: Cursor) -> Any:
        cursor.take(1)
        return _value(cursor, decode)

    return read


def _value(cursor: Cursor, decode: Callable[[bytes], Any]) -> Any:
    data = cursor.take(cursor.number("<B"))
    return decode(data) if data else None


def _integer(data: bytes) -> int:
    # A tinyint alone has no sign.
    return int.from_bytes(data, "little", signed=len(data) > 1)


def _float(data: bytes) -> float:
    (found,) = struct.unpack("<f" if len(data) == 4 else "<d", data)
    return float(found)


def _decimal(cursor: Cursor) -> Decimal | None:
    _, _, scale = cursor.take(3)

    def decode(data: bytes) -> Decimal:
        magnitude = int.from_bytes(data[1:], "little")
        return _EXACT.scaleb(Decimal(magnitude if data[0] else -magnitude), -scale)

    found: Decimal | None = _value(cursor, decode)
    return found


def _string(decode: Callable[[bytes], Any], *, collated: bool) -> Read:
    def read(cursor: Cursor) -> Any:
        longest = cursor.number("<H")
        cursor.take(_COLLATION_SIZE if collated else 0)
        data = _chunks(cursor) if longest == MAX else _counted(cursor)
        return None if data is None else decode(data)

    return read


def _counted(cursor: Cursor) -> bytes | None:
    length = cursor.number("<H")
    return None if length == MAX else cursor.take(length)


def _chunks(cursor: Cursor) -> bytes | None:
    if cursor.number("<Q") == _NO_CHUNKS:
        return None
    return b"".join(iter(lambda: cursor.take(cursor.number("<I")), b""))


def _long(decode: Callable[[bytes], Any], *, collated: bool) -> Read:
    """The long types of old, which clients still send for what has no known bound."""

    def read(cursor: Cursor) -> Any:
        cursor.take(4 + (_COLLATION_SIZE if collated else 0))
        length = cursor.number("<I")
        return None if length == _NO_TEXT else decode(cursor.take(length))

    return read


def _day(data: bytes) -> date:
    return date.fromordinal(int.from_bytes(data, "little") + 1)


def _clock(data: bytes, scale: int) -> timedelta:
    ticks = int.from_bytes(data, "little") * 10 ** (7 - scale)
    return timedelta(microseconds=ticks // 10)


def _moment(data: bytes, scale: int) -> datetime:
    day = _day(data[-3:])
    return datetime(day.year, day.month, day.day) + _clock(data[:-3], scale)  # noqa: DTZ001


def _time(data: bytes, scale: int) -> time:
    return (_YEAR_1900 + _clock(data, scale)).time()


def _moment_with_offset(data: bytes, scale: int) -> datetime:
    (offset,) = struct.unpack("<h", data[-2:])
    moment = _moment(data[:-2], scale).replace(tzinfo=UTC)
    return moment.astimezone(timezone(timedelta(minutes=offset)))


def _scaled(decode: Callable[[bytes, int], Any]) -> Read:
    def read(cursor: Cursor) -> Any:
        scale = cursor.number("<B")
        return _value(cursor, lambda data: decode(data, scale))

    return read


def _old_datetime(data: bytes) -> datetime:
    if len(data) == 4:
        days, minutes = struct.unpack("<HH", data)
        return _YEAR_1900 + timedelta(days=days, minutes=minutes)
    days, fractions = struct.unpack("<iI", data)
    return _YEAR_1900 + timedelta(days=days, milliseconds=round(fractions * 10 / 3))


def _utf16(data: bytes) -> str:
    return data.decode("utf-16-le")


def _ansi(data: bytes) -> str:
    return data.decode(ANSI, "replace")


_TYPES: dict[int, Read] = {
    0x22: _long(bytes, collated=False),
    0x23: _long(_ansi, collated=True),
    0x24: _sized(lambda data: UUID(bytes_le=data)),
    0x26: _sized(_integer),
    0x28: lambda cursor: _value(cursor, _day),
    0x29: _scaled(_time),
    0x2A: _scaled(_moment),
    0x2B: _scaled(_moment_with_offset),
    0x63: _long(_utf16, collated=True),
    0x68: _sized(lambda data: data != b"\x00"),
    0x6A: _decimal,
    0x6C: _decimal,
    0x6D: _sized(_float),
    0x6F: _sized(_old_datetime),
    0xA5: _string(bytes, collated=False),
    0xA7: _string(_ansi, collated=True),
    0xAD: _string(bytes, collated=False),
    0xAF: _string(_ansi, collated=True),
    0xE7: _string(_utf16, collated=True),
    0xEF: _string(_utf16, collated=True),
}
