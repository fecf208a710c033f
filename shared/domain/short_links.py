"""A link short enough for an SMS: it names an event on a channel, and acts on nothing itself.

What it opens is a page with the links of links.py, so its code carries neither an action nor an
expiry: both follow from the delivery row that it names (docs/adr/013-links-that-act.md).
"""

import struct
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from shared.domain.errors import LinkRefused
from shared.domain.times import MINUTE, minute_key, parse_minute_key

PATH = "/api/monitoring/a?c="
CODE_LENGTH = 32
"""24 bytes in base64url: what is named, and ten bytes of signature."""
SIGNATURE = 10

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_LAYOUT = struct.Struct(">I4s4sH")
"""Minutes since 2020, the episode's and the channel's hash, the event's number."""


class Pointer(Struct, frozen=True):
    """The event that a message told: `seq` of `episode`, on `channel` (the hash of its address)."""

    episode: str
    seq: int
    channel: str


def packed(pointer: Pointer) -> bytes:
    """The pointer in 14 bytes; raises ValueError when it has no such form."""
    began, _, story = pointer.episode.partition("-")
    minutes = (parse_minute_key(began) - _FIRST) // MINUTE
    names = bytes.fromhex(story), bytes.fromhex(pointer.channel)
    try:
        raw = _LAYOUT.pack(minutes, *names, pointer.seq)
    except struct.error as error:
        raise ValueError(f"{pointer} can't be written short: {error}") from None
    if unpacked(raw) != pointer:
        raise ValueError(f"{pointer} has another form than an episode's events")
    return raw


def unpacked(raw: bytes) -> Pointer:
    """What `packed` wrote; raises LinkRefused when it has another length."""
    try:
        minutes, story, channel, seq = _LAYOUT.unpack(raw)
        began = _FIRST + timedelta(minutes=minutes)
    except (struct.error, OverflowError):
        raise LinkRefused("the link is incomplete or was changed") from None
    return Pointer(f"{minute_key(began)}-{story.hex()}", seq, channel.hex())
