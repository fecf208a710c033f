"""How hours and `latest` are packed into rows, and what is read of a row that is damaged."""

import logging
import struct
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from shared.adapters.rows import Properties, Property, Row, json_text
from shared.domain.anomalies.kept import KeptDetectors
from shared.domain.chunks import Asked, Cells, HourChunk, Latest
from shared.domain.days import DayChunk
from shared.domain.decoding import decoder
from shared.domain.histograms import Rungs, pack, unpack
from shared.domain.summaries import Summary
from shared.domain.times import parse_hour_key

T = TypeVar("T")

SUMMARY = "summary"
HISTOGRAMS = "responseTime_hist"
SUMMARY_HISTOGRAM = "summary_hist"
SPECIAL = frozenset({SUMMARY, HISTOGRAMS, SUMMARY_HISTOGRAM})
LATEST_SPECIAL = frozenset(
    {"updatedAt", "minutes", "idle", "covered", "asked", "lacking", "damaged"}
)

_UNREADABLE = (msgspec.MsgspecError, LookupError, TypeError, ValueError, zlib.error, struct.error)

_sixty: msgspec.json.Decoder[Cells] = decoder(
    Annotated[Cells, Meta(min_length=60, max_length=60)]  # type: ignore[arg-type]
)
_summaries = decoder(dict[str, Summary])
_Moment = Annotated[datetime, Meta(tz=True)]
_times = decoder(dict[str, _Moment])
_words = decoder(dict[str, str])
_asked = decoder(dict[str, Asked])
_moments = decoder(tuple[_Moment, ...])

_log = logging.getLogger(__name__)


class RowReader:
    """Reads a row's properties one by one, and notes those that can't be read."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.damaged: list[str] = []

    def read(self, name: str, parse: Callable[[Any], T], otherwise: T) -> T:
        """The property; `otherwise` when it is not there, or damaged."""
        stored = self._row.properties.get(name)
        if stored is None:
            return otherwise
        try:
            return parse(stored)
        except _UNREADABLE as error:
            self.damaged.append(name)
            _log.error("row %r: %s can't be read: %s", self._row.key, name, error)
            return otherwise

    def columns(self, parse: Callable[[Any], T]) -> dict[str, T]:
        """Every property that is a metric's, the damaged ones left out."""
        stored = self._row.properties
        names = [name for name in stored if name not in SPECIAL]
        try:
            return {name: parse(stored[name]) for name in names}
        except _UNREADABLE:
            found = {name: self.read(name, parse, None) for name in names}
            return {name: value for name, value in found.items() if value is not None}

    def histograms(self, name: str, count: int) -> tuple[Rungs, ...]:
        """That many histograms; empty ones where there are none."""
        return self.read(name, lambda packed: _exactly(count, unpack(packed)), (0,) * count)

    def summary(self) -> dict[str, Summary]:
        """The summary of each metric."""
        return self.read(SUMMARY, _summaries.decode, {})

    def summary_histogram(self) -> Rungs:
        """The histogram of the whole."""
        return self.histograms(SUMMARY_HISTOGRAM, 1)[0]


def _exactly(count: int, histograms: list[Rungs]) -> tuple[Rungs, ...]:
    if len(histograms) != count:
        raise ValueError(f"{len(histograms)} histograms in place of {count}")
    return tuple(histograms)


def to_hour(row: Row) -> HourChunk | None:
    """The hour chunk in a row, or in what was selected of it; None when its key is none."""
    hour = time_of(row, parse_hour_key)
    if hour is None:
        return None
    reader = RowReader(row)
    return HourChunk(
        hour=hour,
        cells=reader.columns(_sixty.decode),
        histograms=reader.histograms(HISTOGRAMS, 60),
        summary=reader.summary(),
        summary_histogram=reader.summary_histogram(),
        damaged=tuple(reader.damaged),
        etag=row.etag,
    )


def time_of(row: Row, parse: Callable[[str], datetime]) -> datetime | None:
    """The time in the row's key; None, and a word in the log, when its key is none."""
    try:
        return parse(row.key)
    except ValueError:
        _log.error("row %r has a key that names no time", row.key)
        return None


def hour_properties(chunk: HourChunk) -> Properties:
    """The row of an hour."""
    cells = {name: json_text(cells) for name, cells in chunk.cells.items()}
    return {**cells, **summary_properties(chunk)}


def summary_properties(chunk: HourChunk | DayChunk) -> Properties:
    """What the rows of hours and of days have alike: the summary, and what histograms there are."""
    return {
        SUMMARY: json_text(chunk.summary),
        **histogram_property(HISTOGRAMS, chunk.histograms),
        **histogram_property(SUMMARY_HISTOGRAM, [chunk.summary_histogram]),
    }


def histogram_property(name: str, histograms: Sequence[Rungs]) -> dict[str, Property]:
    """The histograms, unless all are empty."""
    return {name: pack(histograms)} if any(histograms) else {}


def to_latest(row: Row) -> Latest:
    """What is known just now; what can't be read is forgotten, and known again from the next pass.

    A source whose watermark is lost is asked as on its first day; rules go on where they were.
    """
    reader = RowReader(row)
    names = [name for name in row.properties if name not in LATEST_SPECIAL]
    values = {name: reader.read(name, float, None) for name in names}
    return Latest(
        values={name: value for name, value in values.items() if value is not None},
        minutes=reader.read("minutes", _times.decode, {}),
        idle=reader.read("idle", _times.decode, {}),
        covered=reader.read("covered", _times.decode, {}),
        asked=reader.read("asked", _asked.decode, {}),
        lacking=reader.read("lacking", _words.decode, {}),
        damaged=reader.read("damaged", _moments.decode, ()),
        updated_at=reader.read("updatedAt", _moment, None),
        etag=row.etag,
    )


def _moment(stored: str) -> datetime:
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError("a time has a zone")
    return moment


def latest_properties(latest: Latest) -> Properties:
    """The row `latest`."""
    properties: dict[str, Any] = {name: float(value) for name, value in latest.values.items()}
    for name in sorted(LATEST_SPECIAL - {"updatedAt"}):
        properties[name] = msgspec.json.encode(getattr(latest, name)).decode()
    if latest.updated_at is not None:
        properties["updatedAt"] = latest.updated_at.isoformat()
    return properties


def to_detectors(row: Row) -> KeptDetectors:
    """A target's detectors, still packed; what is no bytes is none of them."""
    found = {name: value for name, value in row.properties.items() if isinstance(value, bytes)}
    return KeptDetectors(packed=found, etag=row.etag)
