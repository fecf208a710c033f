"""Where something was unusual in a range, found in what is stored; nothing is judged anew."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from shared.domain.anomalies.listing import LEAST, columns_of
from shared.domain.chunks import HourChunk
from shared.domain.metrics import Metric
from shared.domain.ranges import Detail
from shared.domain.series import Chunks
from shared.domain.times import DAY, HOUR, Span
from shared.ports import House
from shared.services.day_history import days_of_rows


def with_unusual(chunks: Chunks, target: str, span: Span, *, house: House) -> Chunks:
    """The chunks, and in the hours of the span that have anything unusual the judged columns, too.

    Days know the highest score of each of their hours, so a month costs its days and the few hours
    that are worth it. Hours whose minutes are gone tell nothing.
    """
    read = _hours(target, _striking(target, span, house), house)
    return {**chunks, **{one.hour: _joined(chunks.get(one.hour), one) for one in read}}


def _joined(known: HourChunk | None, more: HourChunk) -> HourChunk:
    return more if known is None else replace(known, cells={**known.cells, **more.cells})


def _striking(target: str, span: Span, house: House) -> dict[datetime, list[Metric]]:
    """The hours in which a score was worth a line, and whose it was."""
    judged = {metric.score: metric for metric in house.catalog.metrics if metric.score}
    days = days_of_rows(
        target,
        span.start,
        span.end,
        columns=judged,
        detail=Detail.HOURS,
        histograms=False,
        house=house,
    )
    found: dict[datetime, list[Metric]] = {}
    for day, chunk in sorted(days.found.items()):
        for column, metric in judged.items():
            parts = chunk.hours.get(column)
            for number, high in enumerate(parts.highs if parts is not None else ()):
                if high is not None and high >= LEAST:
                    found.setdefault(day + number * HOUR, []).append(metric)
    return found


def _hours(
    target: str, striking: Mapping[datetime, Iterable[Metric]], house: House
) -> list[HourChunk]:
    """Those hours with what is judged in them; what lies between two of a run is read, too."""
    found: list[HourChunk] = []
    for run in _runs(striking):
        metrics = {metric.name: metric for hour in run for metric in striking[hour]}
        columns = [column for metric in metrics.values() for column in columns_of(metric)]
        found += house.samples.hours(target, run[0], run[-1], columns=columns)
    return found


def _runs(hours: Iterable[datetime]) -> list[list[datetime]]:
    """Hours that lie less than a quarter of a day apart, together."""
    runs: list[list[datetime]] = []
    for hour in sorted(hours):
        if runs and hour - runs[-1][-1] < DAY / 4:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return runs
