"""A recorded series as a metric source: CSV rows `timestamp,value`, read on a virtual clock."""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from shared.catalog.metrics import METRICS
from shared.domain.errors import InvalidInput
from shared.domain.metrics import Catalog, Metric, Source
from shared.domain.samples import Reading, Sample
from shared.domain.times import MINUTE, floor_minute

NAME = "recording"
FIRST_YEAR, LAST_YEAR = 1970, 2200

Point = tuple[datetime, float]


class Recorded(NamedTuple):
    """A row of a file: its timestamp as written there, the moment that is meant, and the value."""

    text: str
    at: datetime
    value: float


def read_csv(path: Path, *, scale: float = 1.0) -> list[Point]:
    """The points of a file, cut to the minute and scaled; raises InvalidInput with the line.

    Doubled timestamps stay (they merge in the chunk); time that runs backwards is refused.
    """
    return [(floor_minute(row.at), row.value) for row in read_rows(path, scale=scale)]


def read_rows(path: Path, *, scale: float = 1.0) -> list[Recorded]:
    """The rows of a file as they are, scaled; raises InvalidInput likewise."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(_rows(csv.reader(file), path, scale))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{path} can't be read: {error}") from error
    if not rows:
        raise InvalidInput(f"{path} has no rows below its header")
    return rows


def _rows(rows: Iterator[list[str]], path: Path, scale: float) -> Iterable[Recorded]:
    if [name.strip() for name in next(rows, [])] != ["timestamp", "value"]:
        raise InvalidInput(f"{path} must begin with the header timestamp,value")
    before: datetime | None = None
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        at, value = _point(row, scale, f"{path}, line {number}")
        if before is not None and at < before:
            raise InvalidInput(f"{path}, line {number}: time runs backwards, to {at}")
        before = at
        yield Recorded(row[0].strip(), at, value)


def _point(row: list[str], scale: float, place: str) -> Point:
    try:
        at, value = datetime.fromisoformat(row[0].strip()), float(row[1]) * scale
    except (ValueError, IndexError):
        raise InvalidInput(f"{place}: expected a timestamp and a number, not {row}") from None
    if len(row) > 2:
        raise InvalidInput(f"{place}: expected a timestamp and a number, not {row}")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise InvalidInput(f"{place}: the year must be from {FIRST_YEAR} to {LAST_YEAR}")
    if not math.isfinite(value):
        raise InvalidInput(f"{place}: {value} is not a finite number")
    return (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)), value


def recorded_catalog(name: str, grain: timedelta) -> Catalog:
    """The shipped catalog, in which one metric is measured every `grain` by the recording."""
    known = Catalog(METRICS, ()).metric(name)
    recorded = replace(known, every=grain // MINUTE, sources=(NAME,))
    metrics = [recorded if metric.name == name else metric for metric in METRICS]
    return Catalog(metrics, [recording_source(grain)])


def recording_source(grain: timedelta) -> Source:
    """The recording as the catalog knows it: complete at once, asked once a grain."""
    return Source(
        name=NAME, settle=timedelta(0), cadence=grain, description="A recorded series from a file."
    )


class Recording:
    """Answers what a live source would have answered at `now`; gaps in the file are missing."""

    name = NAME

    def __init__(self, metric: Metric, points: Sequence[Point]) -> None:
        self._metric = metric
        self._points = points
        self._next = 0

    @property
    def first(self) -> datetime:
        """The minute of the first point."""
        return self._points[0][0]

    @property
    def end(self) -> datetime:
        """The end of the last point's hold."""
        return self._points[-1][0] + self._metric.every * MINUTE

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - one target
        """See MetricSource.read: every whole minute since the watermark."""
        until = min(floor_minute(now), self.end)
        start = since or self.first
        return Reading(
            source=NAME,
            asked_at=now,
            covered_until=max(until, self.first),
            samples=tuple(
                Sample(self._metric.name, minute, value)
                for minute, value in self._between(start, until)
            ),
        )

    def _between(self, start: datetime, end: datetime) -> Iterable[Point]:
        """The points of [start, end); usually right behind the last ones that were read."""
        while self._next > 0 and self._points[self._next - 1][0] >= start:
            self._next -= 1
        while self._next < len(self._points) and self._points[self._next][0] < end:
            point = self._points[self._next]
            self._next += 1
            if point[0] >= start:
                yield point
