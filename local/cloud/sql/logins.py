"""How a connection begins: prelogin, the login itself, and the tokens that welcome it."""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from local.cloud.sql import tokens
from local.cloud.sql.engine import Login
from local.cloud.sql.framing import DEFAULT_SIZE, SIZES, BrokenStream

VERSION = bytes([12, 0, 7, 208, 0, 0])
PROGRAM = "Microsoft SQL Server"
DATABASE = "master"

# Options of a prelogin, and what the one about encryption may say.
_VERSION, _ENCRYPTION, _INSTANCE, _MARS, _TOKEN_WANTED, _END = 0, 1, 2, 4, 6, 0xFF
_ON, _UNSUPPORTED, _REQUIRED = b"\x01", b"\x02", b"\x03"

_TOKEN_FEATURE = 0x02
_EXTENDS = 0x10
_FLAGS_AT, _TEXTS_AT = 27, 36
_HOST, _USER, _PASSWORD, _PROGRAM, _EXTENSION, _DATABASE = 0, 1, 2, 3, 5, 8


class Prelogin(NamedTuple):
    """What a client wants before it logs in."""

    encrypts: bool
    sends_token: bool


def read_prelogin(body: bytes) -> Prelogin:
    options = dict(_options(body))
    encrypts = options.get(_ENCRYPTION, b"")[:1] in {_ON, _REQUIRED}
    return Prelogin(encrypts, options.get(_TOKEN_WANTED, b"")[:1] == _ON)


def _options(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while body[at] != _END:
        option, offset, length = struct.unpack_from(">BHH", body, at)
        yield option, body[offset : offset + length]
        at += 5


def prelogin_answer(wanted: Prelogin) -> bytes:
    """Encryption for the whole connection or none: nothing between, as Azure has it, too."""
    options = {
        _VERSION: VERSION,
        _ENCRYPTION: _ON if wanted.encrypts else _UNSUPPORTED,
        _INSTANCE: b"\x00",
        _MARS: b"\x00",
    }
    return _option_table(options | ({_TOKEN_WANTED: _ON} if wanted.sends_token else {}))


def _option_table(options: Mapping[int, bytes]) -> bytes:
    table, values = b"", b""
    for option, value in options.items():
        offset = 5 * len(options) + 1 + len(values)
        table += struct.pack(">BHH", option, offset, len(value))
        values += value
    return table + bytes([_END]) + values


class Request(NamedTuple):
    """A login, and the packet size that the client wants."""

    login: Login
    packet_size: int


def read_login(body: bytes) -> Request:
    """Raises BrokenStream where the texts of a login are not where it says."""
    (size,) = struct.unpack_from("<I", body, 8)
    login = Login(
        user=_text(body, _USER),
        password=_password(body),
        token=_token(body),
        program=_text(body, _PROGRAM),
        host=_text(body, _HOST),
        database=_text(body, _DATABASE) or DATABASE,
    )
    return Request(login, min(max(size or DEFAULT_SIZE, SIZES[0]), SIZES[1]))


def _text(body: bytes, which: int) -> str:
    return _raw_text(body, which).decode("utf-16-le")


def _raw_text(body: bytes, which: int) -> bytes:
    offset, characters = struct.unpack_from("<HH", body, _TEXTS_AT + 4 * which)
    found = body[offset : offset + 2 * characters]
    if len(found) < 2 * characters:
        raise BrokenStream("a login's text lies outside of it")
    return found


def _password(body: bytes) -> str:
    """Clients scramble it: the halves of each byte swapped, then XOR 0xA5."""
    plain = [one ^ 0xA5 for one in _raw_text(body, _PASSWORD)]
    return bytes((one >> 4) | (one << 4 & 0xF0) for one in plain).decode("utf-16-le")


def _token(body: bytes) -> str:
    if not body[_FLAGS_AT] & _EXTENDS:
        return ""
    (at,) = struct.unpack_from("<H", body, _TEXTS_AT + 4 * _EXTENSION)
    (at,) = struct.unpack_from("<I", body, at)
    while body[at] != _END:
        feature, length = struct.unpack_from("<BI", body, at)
        if feature == _TOKEN_FEATURE:
            # A byte of options and the token's length go before it.
            (size,) = struct.unpack_from("<I", body, at + 6)
            return body[at + 10 : at + 10 + size].decode("utf-16-le")
        at += 5 + length
    return ""


def welcome(login: Login, packet_size: int) -> Iterator[bytes]:
    """The tokens that say: you are in."""
    yield tokens.database_changed(login.database)
    yield tokens.info(5701, f"Changed database context to '{login.database}'.")
    yield tokens.collation_changed()
    yield tokens.login_accepted(PROGRAM, VERSION[:4])
    yield tokens.packet_size_changed(packet_size)
    if login.token:
        yield tokens.feature_accepted(_TOKEN_FEATURE)
    yield tokens.done(tokens.DONE)
