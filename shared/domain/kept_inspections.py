"""How inspections are kept: packed into one property, the newest ones and one of each day."""

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from shared.domain.decoding import decode
from shared.domain.errors import DamagedRow
from shared.domain.inspections import Inspection
from shared.domain.records import INSPECTIONS
from shared.domain.times import DAY, parse_second_key

LARGEST = 60_000
"""Bytes of a packed inspection: a property holds 64 KiB."""
NEWEST = 8
"""Two days of inspections, to compare with."""
ONE_A_DAY_FOR = 35 * DAY
"""For what has changed since an advice was followed."""
_LARGEST_UNPACKED = 8 * 2**20


class KeptInspection(Struct, frozen=True, kw_only=True, rename="camel"):
    """A row: what a person can read of it, and the inspection as zlib of JSON."""

    at: datetime
    packed: bytes
    dtu_percent: float | None = None
    own_cpu_ms: float | None = None
    own_reads: float | None = None
    lacking: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    """Findings that there was no room for, of the longest lists, from their ends."""


def pack(inspection: Inspection) -> KeptInspection:
    """Its row; the longest lists lose their ends until it fits."""
    left, cut = inspection, 0
    packed = _packed(left)
    while len(packed) > LARGEST:
        left, lost = _shortened(left)
        cut += lost
        packed = _packed(left)
    return KeptInspection(
        at=inspection.at,
        packed=packed,
        dtu_percent=inspection.dtu_percent,
        own_cpu_ms=inspection.own_cpu_ms,
        own_reads=inspection.own_reads,
        lacking=inspection.lacking,
        cut=cut,
    )


def unpack(kept: KeptInspection) -> Inspection:
    """The inspection of a row; raises DamagedRow."""
    try:
        text = zlib.decompressobj().decompress(kept.packed, _LARGEST_UNPACKED)
        return decode(text, Inspection)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise DamagedRow(f"the inspection of {kept.at:%Y-%m-%d %H:%M} is damaged") from error


def _packed(inspection: Inspection) -> bytes:
    return zlib.compress(msgspec.json.encode(inspection), 9)


def _shortened(inspection: Inspection) -> tuple[Inspection, int]:
    """Without the last quarter of the list that takes most room, and how many that were."""
    lists: dict[str, tuple[Any, ...]] = {
        name: value for name, value in asdict(inspection).items() if isinstance(value, tuple)
    }
    name = max(lists, key=lambda each: len(msgspec.json.encode(lists[each])))
    keep = len(lists[name]) * 3 // 4
    return replace(inspection, **{name: lists[name][:keep]}), len(lists[name]) - keep


def forgotten(keys: Sequence[str], now: datetime) -> list[str]:
    """The keys, of those given in order, that need not be kept any more."""
    older = keys[:-NEWEST]
    kept = set(_first_of_days(older))
    return [key for key in older if key not in kept or now - _time_of(key) > ONE_A_DAY_FOR]


def _first_of_days(keys: Iterable[str]) -> Iterable[str]:
    days: dict[str, str] = {}
    for key in keys:
        days.setdefault(f"{_time_of(key):%Y%m%d}", key)
    return days.values()


def _time_of(key: str) -> datetime:
    return parse_second_key(key.removeprefix(INSPECTIONS))
