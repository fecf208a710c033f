"""Tables of what happened in a quarter of an hour, by names: pages, addresses, stages and the like.

They are kept hour by hour, packed into one property; of a table only the rows with most are kept.
"""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.domain.decoding import decode
from shared.domain.errors import DamagedRow
from shared.domain.times import HOUR, floor_hour

SLOT = timedelta(minutes=15)
MOST_ROWS = 40
"""Of a table in a slot."""
LONGEST_LABEL = 120
LARGEST = 60_000
"""Bytes of a packed hour: a property holds 64 KiB."""
_LARGEST_UNPACKED = 8 * 2**20


class TallyRow(NamedTuple):
    """What is counted, and its figures, in the order that its table gives them."""

    labels: tuple[str, ...]
    figures: tuple[float, ...]


class Tally(Struct, frozen=True, array_like=True):
    """What a table says of the slot that begins at `slot`; a later one replaces it whole."""

    table: str
    slot: datetime
    rows: tuple[TallyRow, ...]


class KeptTallies(Struct, frozen=True, kw_only=True, rename="camel"):
    """A row: an hour's tallies as zlib of JSON; `cut`: rows for which there was no room.

    An hour is written again and again: `cut` is the most that one writing left out.
    """

    hour: datetime
    packed: bytes
    cut: int = 0


def floor_slot(at: datetime) -> datetime:
    """The start of the slot that a moment lies in."""
    hour = floor_hour(at)
    return hour + (at - hour) // SLOT * SLOT


def tally(table: str, slot: datetime, rows: Iterable[TallyRow]) -> Tally:
    """A table of those rows that have most, by their first figure; labels are cut short."""
    most = sorted(rows, key=lambda row: (-row.figures[0], row.labels))[:MOST_ROWS]
    return Tally(table, slot, tuple(TallyRow(_short(row.labels), row.figures) for row in most))


def _short(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        for label in labels
    )


def with_tallies(kept: KeptTallies | None, hour: datetime, new: Iterable[Tally]) -> KeptTallies:
    """The hour's row with the new tallies in place of what it had of their tables and slots."""
    known = {(one.table, one.slot): one for one in (unpacked(kept) if kept else ())}
    known |= {(one.table, one.slot): one for one in new}
    packed = _packed(hour, [known[key] for key in sorted(known)])
    return replace(packed, cut=max(packed.cut, kept.cut if kept else 0))


def by_hour(tallies: Iterable[Tally]) -> dict[datetime, list[Tally]]:
    """Tallies by the hour that their slot lies in."""
    found: dict[datetime, list[Tally]] = {}
    for one in tallies:
        found.setdefault(floor_hour(one.slot), []).append(one)
    return found


def unpacked(kept: KeptTallies) -> list[Tally]:
    """The tallies of a row; raises DamagedRow."""
    try:
        text = zlib.decompressobj().decompress(kept.packed, _LARGEST_UNPACKED)
        return decode(text, list[Tally])
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedRow(f"the tallies of {kept.hour:%Y-%m-%d %H:%M} are damaged") from error


def _packed(hour: datetime, tallies: Sequence[Tally]) -> KeptTallies:
    most, cut = MOST_ROWS, 0
    packed = _zipped(tallies)
    while len(packed) > LARGEST:
        most //= 2
        shorter = [Tally(one.table, one.slot, one.rows[:most]) for one in tallies]
        cut += sum(len(one.rows) for one in tallies) - sum(len(one.rows) for one in shorter)
        tallies, packed = shorter, _zipped(shorter)
    return KeptTallies(hour=hour, packed=packed, cut=cut)


def _zipped(tallies: Sequence[Tally]) -> bytes:
    return zlib.compress(msgspec.json.encode(tallies), 9)


def hours_of(first: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The hours whose rows hold the slots of [first, end): the first, and the end of the last."""
    last = floor_hour(end - timedelta(microseconds=1)) if end > first else floor_hour(first)
    return floor_hour(first), last + HOUR
