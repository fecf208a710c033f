"""What was unusual in a range, read from what is stored; nothing is judged anew."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from shared.domain.anomalies import LEAST, Anomaly, columns_of, dtu_spikes, unusual
from shared.domain.chunks import by_hour
from shared.domain.metrics import Metric
from shared.domain.ranges import Detail
from shared.domain.series import Chunks
from shared.domain.times import DAY, HOUR, MINUTE, Span, floor_hour
from shared.ports import House
from shared.services.day_history import days_of_rows

DTU = "dtuUtilization"


def find_anomalies(target: str, span: Span, *, house: House) -> list[Anomaly]:
    """What detectors found unusual in a span, and the client's DTU spikes; oldest first.

    Only the hours are read whose highest score is worth it. Hours whose minutes are gone tell
    nothing, and nothing is found in what was stored before there were detectors.
    """
    judged = [metric for metric in house.catalog.metrics if metric.judged]
    striking = _striking(target, judged, span, house)
    found = [
        one
        for metric in judged
        for one in unusual(metric, _minutes(target, metric, striking[metric.name], house), span)
    ]
    return sorted([*found, *find_dtu_spikes(target, span, house=house)], key=_by_time)


def find_dtu_spikes(target: str, span: Span, *, house: House) -> list[Anomaly]:
    """The client's rule over the minutes of a span."""
    metric = house.catalog.metric(DTU)
    chunks = house.samples.hours(
        target, floor_hour(span.start), floor_hour(span.end - MINUTE), columns=[metric.column]
    )
    return dtu_spikes(metric, by_hour(chunks), span)


def _by_time(one: Anomaly) -> datetime:
    return one.timestamp


def _striking(
    target: str, judged: Sequence[Metric], span: Span, house: House
) -> dict[str, list[datetime]]:
    """The hours of each metric in which a score was worth a line."""
    days = days_of_rows(
        target,
        span.start,
        span.end,
        columns=[metric.score for metric in judged if metric.score],
        detail=Detail.HOURS,
        histograms=False,
        house=house,
    )
    found: dict[str, list[datetime]] = {metric.name: [] for metric in judged}
    for day, chunk in sorted(days.found.items()):
        for metric in judged:
            parts = chunk.hours.get(metric.score or "")
            highs = parts.highs if parts is not None else ()
            found[metric.name] += [
                day + number * HOUR
                for number, high in enumerate(highs)
                if high is not None and high >= LEAST
            ]
    return found


def _minutes(target: str, metric: Metric, hours: Collection[datetime], house: House) -> Chunks:
    """Those hours, day by day: what is unusual is seldom, and comes together."""
    columns = columns_of(metric)
    chunks = (
        chunk
        for run in _runs(hours)
        for chunk in house.samples.hours(target, run[0], run[-1], columns=columns)
    )
    return by_hour(chunks)


def _runs(hours: Iterable[datetime]) -> list[list[datetime]]:
    """Hours that lie less than a day apart, together."""
    runs: list[list[datetime]] = []
    for hour in sorted(hours):
        if runs and hour - runs[-1][-1] < DAY:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return runs
