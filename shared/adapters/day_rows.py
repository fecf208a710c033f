"""How days are packed into rows: the hours of all metrics in five binary columns.

A season is a hundred rows: as a property for each metric, most of the time went into taking them
apart. Columns of numbers are taken as they lie, and their quarters, a sixth of them, by themselves.
"""

import math
import struct
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from shared.adapters.chunk_rows import (
    HISTOGRAMS,
    RowReader,
    histogram_property,
    summary_properties,
    time_of,
)
from shared.adapters.rows import Properties, Row
from shared.domain.days import HOURS_A_DAY, QUARTERS_A_DAY, DayChunk, Parts
from shared.domain.decoding import decoder
from shared.domain.errors import StoreRefused
from shared.domain.times import parse_day_key

METRICS = "metrics"
QUARTERS = "quarters"
QUARTER_HISTOGRAMS = "quarters_hist"
MADE_FROM = "madeFrom"
PURGED = "purged"
HOURLY = (METRICS, *Parts._fields)
QUARTERLY = (METRICS, QUARTERS)

_FORMS = ("Q", "d", "d", "d", "d")
"""How the columns of Parts are packed: whole numbers or doubles, 8 bytes each, little-endian."""
_names = decoder(list[str])


def to_day(row: Row, wanted: Collection[str] | None = None) -> DayChunk | None:
    """The day chunk in a row, or in what was selected of it; None when its key is none.

    `wanted`: the metrics' columns that are unpacked; None: all.
    """
    day = time_of(row, parse_day_key)
    if day is None:
        return None
    reader = RowReader(row)
    names: list[str] = reader.read(METRICS, _names.decode, [])
    packed = _Packed(row.properties, names, wanted)
    return DayChunk(
        day=day,
        hours=reader.read(Parts._fields[0], lambda _: packed.hours(), {}),
        histograms=reader.histograms(HISTOGRAMS, HOURS_A_DAY),
        quarters=reader.read(QUARTERS, packed.quarters, {}),
        quarter_histograms=reader.histograms(QUARTER_HISTOGRAMS, QUARTERS_A_DAY),
        summary=reader.summary(),
        summary_histogram=reader.summary_histogram(),
        made_from=reader.read(MADE_FROM, str, ""),
        purged=reader.read(PURGED, bool, otherwise=False),
        damaged=tuple(reader.damaged),
        etag=row.etag,
    )


def day_properties(chunk: DayChunk) -> Properties:
    """The row of a day."""
    return {
        METRICS: msgspec.json.encode([*chunk.hours]).decode(),
        **dict(zip(Parts._fields, map(zlib.compress, _columns(chunk.hours)), strict=True)),
        QUARTERS: zlib.compress(b"".join(_columns(chunk.quarters))),
        **summary_properties(chunk),
        **histogram_property(QUARTER_HISTOGRAMS, chunk.quarter_histograms),
        MADE_FROM: chunk.made_from,
        **({PURGED: True} if chunk.purged else {}),
    }


def _columns(parts: Mapping[str, Parts]) -> list[bytes]:
    """The five columns, in each the numbers of all metrics, one after the other."""
    lines = zip(*parts.values(), strict=True) if parts else ((),) * len(_FORMS)
    return [
        _bytes(form, [*chain.from_iterable(line)]) for form, line in zip(_FORMS, lines, strict=True)
    ]


def _bytes(form: str, line: Sequence[float | None]) -> bytes:
    """A gap is NaN, which no stored number is."""
    if not all(value is None or math.isfinite(value) for value in line):
        raise StoreRefused("numbers must be finite, also inside columns")
    return struct.pack(f"<{len(line)}{form}", *(math.nan if one is None else one for one in line))


class _Packed:
    """The columns in a row, of which those of the wanted metrics are taken out."""

    def __init__(
        self, stored: Mapping[str, Any], names: Sequence[str], wanted: Collection[str] | None
    ) -> None:
        self._stored = stored
        self._count = len(names)
        self._wanted = {
            name: number for number, name in enumerate(names) if wanted is None or name in wanted
        }

    def hours(self) -> dict[str, Parts]:
        columns = [zlib.decompress(self._stored[name]) for name in Parts._fields]
        return self._parts(columns, HOURS_A_DAY)

    def quarters(self, packed: bytes) -> dict[str, Parts]:
        plain = zlib.decompress(packed)
        size = len(plain) // len(_FORMS)
        columns = [plain[n * size : (n + 1) * size] for n in range(len(_FORMS))]
        return self._parts(columns, QUARTERS_A_DAY)

    def _parts(self, columns: Iterable[bytes], length: int) -> dict[str, Parts]:
        count = self._count * length
        lines = [
            struct.unpack(f"<{count}{form}", column)
            for form, column in zip(_FORMS, columns, strict=True)
        ]
        slices = {name: slice(n * length, (n + 1) * length) for name, n in self._wanted.items()}
        return {name: _part(*(line[its] for line in lines)) for name, its in slices.items()}


def _part(
    counts: tuple[int, ...],
    lows: tuple[float, ...],
    highs: tuple[float, ...],
    totals: tuple[float, ...],
    lasts: tuple[float, ...],
) -> Parts:
    if 0 not in counts and math.isfinite(sum(lows) + sum(highs) + sum(totals) + sum(lasts)):
        return Parts(counts, lows, highs, totals, lasts)
    parts = Parts(counts, _with_gaps(lows), _with_gaps(highs), totals, _with_gaps(lasts))
    if not parts.is_sound:
        raise ValueError("its columns do not agree about what there is")
    return parts


def _with_gaps(line: Iterable[float]) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in line)
