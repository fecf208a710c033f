"""The tokens of a server's answers, as bytes."""

import struct
from collections.abc import Sequence

from local.cloud.sql.engine import SqlError

COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
SERVER = "desk"
LONGEST_NAME = 128

DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
MORE, FAILED, COUNTED, ATTENTION = 0x01, 0x02, 0x10, 0x20

_ERROR, _INFO, _LOGIN_ACCEPTED, _FEATURES, _CHANGED = 0xAA, 0xAB, 0xAD, 0xAE, 0xE3
_COLUMNS, _ROW, _RETURN_STATUS, _RETURN_VALUE = 0x81, 0xD1, 0x79, 0xAC
_DATABASE, _PACKET_SIZE, _COLLATION, _BEGUN, _RESET = 1, 4, 7, 8, 18
COMMITTED, ROLLED_BACK = 9, 10
_NULLABLE = 0x09


def done(token: int, status: int = 0, count: int | None = None) -> bytes:
    """The end of a statement or of a whole answer."""
    counted = COUNTED if count is not None else 0
    return struct.pack("<BHHQ", token, status | counted, 0, count or 0)


def error(of: SqlError) -> bytes:
    return _said(_ERROR, of.number, of.state, of.severity, of.message)


def info(number: int, message: str) -> bytes:
    return _said(_INFO, number, 1, 0, message)


def _said(token: int, number: int, state: int, severity: int, message: str) -> bytes:
    body = struct.pack("<IBBH", number, state, severity, len(_utf16(message)) // 2)
    body += _utf16(message) + short_text(SERVER) + short_text("") + struct.pack("<I", 1)
    return _sized(token, body)


def login_accepted(program: str, version: bytes) -> bytes:
    # 1 is T-SQL; TDS 7.4 is big-endian here.
    body = b"\x01" + bytes.fromhex("74000004") + short_text(program) + version
    return _sized(_LOGIN_ACCEPTED, body)


def feature_accepted(feature: int) -> bytes:
    return struct.pack("<BBIB", _FEATURES, feature, 0, 0xFF)


def database_changed(name: str) -> bytes:
    return _changed(_DATABASE, short_text(name) + short_text(""))


def packet_size_changed(size: int) -> bytes:
    return _changed(_PACKET_SIZE, short_text(str(size)) * 2)


def collation_changed() -> bytes:
    return _changed(_COLLATION, _short(COLLATION) + _short(b""))


def connection_reset() -> bytes:
    return _changed(_RESET, _short(b"") * 2)


def transaction_begun(descriptor: int) -> bytes:
    return _changed(_BEGUN, _short(struct.pack("<Q", descriptor)) + _short(b""))


def transaction_ended(how: int, descriptor: int) -> bytes:
    """`how` is COMMITTED or ROLLED_BACK."""
    return _changed(how, _short(b"") + _short(struct.pack("<Q", descriptor)))


def columns(described: Sequence[tuple[str, bytes]]) -> bytes:
    """The names of a result's columns, each with its type as bytes."""
    found = struct.pack("<BH", _COLUMNS, len(described))
    for name, type_info in described:
        found += struct.pack("<IH", 0, _NULLABLE) + type_info + short_text(name[:LONGEST_NAME])
    return found


def row(values: Sequence[bytes]) -> bytes:
    return bytes([_ROW]) + b"".join(values)


def return_status(status: int = 0) -> bytes:
    return struct.pack("<Bi", _RETURN_STATUS, status)


def return_handle(handle: int) -> bytes:
    """The first parameter of a procedure comes back: an int, the handle of a prepared statement."""
    body = struct.pack("<BHBBIH", _RETURN_VALUE, 0, 0, 1, 0, _NULLABLE)
    return body + struct.pack("<BBBi", 0x26, 4, 4, handle)


def _changed(what: int, values: bytes) -> bytes:
    return _sized(_CHANGED, bytes([what]) + values)


def _sized(token: int, body: bytes) -> bytes:
    return struct.pack("<BH", token, len(body)) + body


def short_text(text: str) -> bytes:
    """At most 255 UTF-16 units after their number."""
    encoded = _utf16(text)
    return bytes([len(encoded) // 2]) + encoded


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le")
