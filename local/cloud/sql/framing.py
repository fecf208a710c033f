"""TDS packets: eight bytes of header and a piece of a message, in both directions."""

import struct
from collections.abc import Callable
from typing import NamedTuple

BATCH = 0x01
RPC = 0x03
ANSWER = 0x04
ATTENTION = 0x06
TRANSACTION = 0x0E
LOGIN = 0x10
PRELOGIN = 0x12
REQUESTS = {BATCH, RPC, ATTENTION, TRANSACTION, LOGIN, PRELOGIN}

DEFAULT_SIZE = 4096
SIZES = (512, 32767)

# Type, status, length with these bytes, session, number, window; big-endian, unlike all else.
_HEADER = struct.Struct(">BBHHBB")
HEADER_SIZE = _HEADER.size
_LAST = 0x01
RESETS = 0x08


class BrokenStream(Exception):
    """What came is no TDS."""


class Message(NamedTuple):
    """A whole request; `resets`: the client took the connection from its pool again."""

    kind: int
    body: bytes
    resets: bool


def read_message(read: Callable[[int], bytes]) -> Message:
    """The next message; `read` answers exactly as many bytes as asked for, or raises EOFError.

    Raises BrokenStream for what no client would send.
    """
    kind, status, body = _read_packet(read)
    pieces, last = [body], status
    while not last & _LAST:
        _, last, body = _read_packet(read)
        pieces.append(body)
    return Message(kind, b"".join(pieces), bool(status & RESETS))


def _read_packet(read: Callable[[int], bytes]) -> tuple[int, int, bytes]:
    kind, status, length, *_ = _HEADER.unpack(read(HEADER_SIZE))
    if kind not in REQUESTS or length < HEADER_SIZE:
        raise BrokenStream(f"no packet has type {kind:#04x} and {length} bytes")
    return kind, status, read(length - HEADER_SIZE)


def packets(kind: int, body: bytes, size: int = DEFAULT_SIZE) -> bytes:
    """A whole message in packets of at most `size` bytes."""
    room = size - HEADER_SIZE
    pieces = [body[at : at + room] for at in range(0, len(body), room)] or [b""]
    *firsts, last = pieces
    return b"".join([*(packet(kind, one) for one in firsts), packet(kind, last, last=True)])


def packet(kind: int, body: bytes, *, last: bool = False) -> bytes:
    return _HEADER.pack(kind, _LAST if last else 0, HEADER_SIZE + len(body), 0, 1, 0) + body
