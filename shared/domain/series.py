"""A metric's stored minutes as the rule machine reads them: held values, and gaps by name."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from shared.domain.chunks import HourChunk
from shared.domain.metrics import Metric
from shared.domain.samples import Gap, Sampled
from shared.domain.times import MINUTE, each_minute, floor_hour

Chunks = Mapping[datetime, HourChunk]


def first_needed(metric: Metric, minute: datetime) -> datetime:
    """The oldest minute whose sample can still hold in `minute`."""
    return minute - (metric.every - 1) * MINUTE


def read_cells(
    metric: Metric, of: Metric | None, chunks: Chunks, first: datetime, end: datetime
) -> Iterator[tuple[datetime, Sampled]]:
    """The covered minutes of [first, end) of `metric`; `of` is the count it is a distribution of.

    A sample holds from its own minute for `every` minutes, also over the hour's end.
    """
    held, until = _held_before(metric, chunks, first)
    for minute in each_minute(first, end):
        value = _stored(metric, chunks, minute)
        if value is not None:
            held, until = value, minute + metric.every * MINUTE
        yield minute, held if held is not None and minute < until else _gap(of, chunks, minute)


def _held_before(metric: Metric, chunks: Chunks, first: datetime) -> tuple[float | None, datetime]:
    for back in range(1, metric.every):
        minute = first - back * MINUTE
        value = _stored(metric, chunks, minute)
        if value is not None:
            return value, minute + metric.every * MINUTE
    return None, first


def _gap(of: Metric | None, chunks: Chunks, minute: datetime) -> Gap:
    return Gap.EMPTY if of is not None and _stored(of, chunks, minute) == 0 else Gap.MISSING


def _stored(metric: Metric, chunks: Chunks, minute: datetime) -> float | None:
    chunk = chunks.get(floor_hour(minute))
    cells = chunk.cells.get(metric.column) if chunk is not None else None
    return cells[minute.minute] if cells is not None else None
