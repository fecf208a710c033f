"""Turns a log query's answer into minutes, or says what of it is not as agreed."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta, Struct

from shared.catalog.log_queries import LogQuery
from shared.domain.decoding import convert, decode
from shared.domain.errors import SourceError
from shared.domain.histograms import LAST_BUCKET, value_of

SUCCESS = "Success"

_Pairs = list[tuple[Annotated[int, Meta(ge=0, le=LAST_BUCKET)], Annotated[int, Meta(ge=0)]]]


class LogMinute(Struct, frozen=True):
    """One minute: counts by column, weights by bucket, the sum of all durations in ms."""

    counts: dict[str, float]
    buckets: dict[int, int]
    total: float


Minutes = Mapping[datetime, LogMinute]


def minutes_of(query: LogQuery, answer: Any) -> Minutes:
    """The answer's rows by minute; raises SourceError when it is not whole or not as agreed."""
    return dict(_minute(query, row) for row in whole(query, answer))


class Asked(Protocol):
    """What an answer must have."""

    @property
    def name(self) -> str:
        """The query's name."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """Its columns, with their Kusto types."""
        ...


def whole(query: Asked, answer: Any) -> Sequence[Any]:
    """The rows of an answer with all columns; raises SourceError when it is not whole."""
    if answer.status != SUCCESS:
        error = getattr(answer, "partial_error", None)
        raise SourceError(f"query {query.name} was answered in part only: {_said(error)}")
    if not answer.tables:
        raise SourceError(f"query {query.name} was answered without a table")
    table = answer.tables[0]
    missing = [column for column in query.columns if column not in table.columns]
    if missing:
        raise SourceError(f"the answer to query {query.name} has no column {', '.join(missing)}")
    return list(table.rows)


def _said(error: Any) -> str:
    return "no reason given" if error is None else f"{error.code}: {error.message}"


def _minute(query: LogQuery, row: Any) -> tuple[datetime, LogMinute]:
    counts = {column: count_in(column, row[column]) for column in query.counts}
    buckets = _buckets(query.histogram, row[query.histogram])
    total = _number(query.total, row[query.total])
    if not math.isfinite(total):
        total = sum(value_of(bucket) * weight for bucket, weight in buckets.items())
    return time_in(query.minute, row[query.minute]), LogMinute(counts, buckets, total)


def time_in(column: str, cell: Any) -> datetime:
    """A cell as a time, in UTC."""
    if not isinstance(cell, datetime) or cell.tzinfo is None:
        raise SourceError(f"column {column} holds {cell!r}, which is no time")
    return cell.astimezone(UTC)


def count_in(column: str, cell: Any) -> float:
    """A cell as a count; nothing is 0."""
    value = 0.0 if cell is None else _number(column, cell)
    if not math.isfinite(value):
        raise SourceError(f"column {column} holds {cell!r}, which is no count")
    return value


def _number(column: str, cell: Any) -> float:
    """A cell as a number; some answers spell numbers as text, and NaN always."""
    try:
        return math.nan if cell is None else float(cell)
    except (TypeError, ValueError):
        raise SourceError(f"column {column} holds {cell!r}, which is no number") from None


def _buckets(column: str, cell: Any) -> dict[int, int]:
    """The weights of a dynamic cell's [bucket, weight] pairs, which travel as JSON text.

    A pair without weight is of requests that do not count.
    """
    try:
        is_text = isinstance(cell, str)
        pairs = decode(cell, _Pairs) if is_text else convert(cell, _Pairs)
    except msgspec.MsgspecError as error:
        raise SourceError(f"column {column} holds no histogram: {error}") from error
    return {bucket: weight for bucket, weight in pairs if weight}
