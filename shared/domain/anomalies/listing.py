"""What was unusual in a range: the detector's stored scores as a list, and the client's DTU spikes.

The scores are made when minutes are covered (detectors, scoring); here they are only read.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from statistics import fmean, pstdev

from msgspec import Struct

from shared.domain.chunks import NO_CELLS
from shared.domain.metrics import Better, Metric
from shared.domain.quantities import quantity
from shared.domain.rules import Severity
from shared.domain.series import Chunks
from shared.domain.times import MINUTE, Span, floor_hour

UNUSUAL = "unusual_value"
DTU_SPIKE = "dtu_spike"
LEAST = 0.6
"""A score from which on a minute is worth a line."""
STRIKING = 0.66
TOGETHER = timedelta(hours=1)
"""Unusual minutes that lie no farther apart are one anomaly."""
MOST_SIGMAS = 2
MUCH_DTU = 90


class Expected(Struct, frozen=True):
    """Between which figures a value would have been usual."""

    low: float
    high: float


class Anomaly(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something unusual; `timestamp` and `value` are those of its most unusual minute.

    `type`: unusual_value (the detector's) or dtu_spike (the client's rule). `minutes`: how many
    of its minutes were unusual. `score`: the detector's, 0–1.
    """

    type: str
    metric: str
    timestamp: datetime
    value: float
    expected: Expected | None
    severity: Severity
    description: str
    minutes: int = 1
    score: float | None = None


class _Minute(Struct, frozen=True):
    """A stored minute whose score is worth a line."""

    at: datetime
    value: float
    score: float
    expected: Expected | None


def columns_of(metric: Metric) -> tuple[str, ...]:
    """The stored columns that its anomalies are read from; empty when no detector judges it."""
    if metric.score is None:
        return ()
    return (metric.column, metric.score, *(metric.expected or ()))


def unusual(metric: Metric, chunks: Chunks, span: Span, *, least: float = LEAST) -> list[Anomaly]:
    """The anomalies of a metric in a span, oldest first, from hours with `columns_of` it.

    Empty for a metric that no detector judges; minutes without a score are passed over.
    """
    found = _minutes(metric, chunks, span, least)
    return [_told(metric, group) for group in _grouped(found)]


def _minutes(metric: Metric, chunks: Chunks, span: Span, least: float) -> Iterator[_Minute]:
    if metric.score is None:
        return
    for at, score in _samples(metric.score, chunks, span):
        value = _cell(metric.column, chunks, at)
        if score >= least and value is not None:
            yield _Minute(at, value, score, _expected(metric, chunks, at))


def _samples(column: str, chunks: Chunks, span: Span) -> Iterator[tuple[datetime, float]]:
    for hour in sorted(chunks):
        for number, value in enumerate(chunks[hour].cells.get(column, NO_CELLS)):
            at = hour + number * MINUTE
            if value is not None and span.covers(at):
                yield at, value


def _cell(column: str, chunks: Chunks, at: datetime) -> float | None:
    return chunks[floor_hour(at)].cells.get(column, NO_CELLS)[at.minute]


def _expected(metric: Metric, chunks: Chunks, at: datetime) -> Expected | None:
    low, high = (_cell(column, chunks, at) for column in metric.expected or ())
    return None if low is None or high is None else Expected(low, high)


def _grouped(minutes: Iterable[_Minute]) -> Iterator[list[_Minute]]:
    group: list[_Minute] = []
    for one in minutes:
        if group and one.at - group[-1].at > TOGETHER:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _told(metric: Metric, group: Sequence[_Minute]) -> Anomaly:
    worst = max(group, key=lambda one: one.score)
    return Anomaly(
        type=UNUSUAL,
        metric=metric.name,
        timestamp=worst.at,
        value=worst.value,
        expected=worst.expected,
        severity=_severity(metric, worst),
        description=_sentence(metric, worst, group),
        minutes=len(group),
        score=worst.score,
    )


def _severity(metric: Metric, worst: _Minute) -> Severity:
    """Never critical; low when it is better than usual, high when it is far from all that was."""
    if _is_good(metric.better, worst):
        return Severity.LOW
    return Severity.HIGH if worst.score >= STRIKING else Severity.MEDIUM


def _is_good(better: Better, one: _Minute) -> bool:
    if one.expected is None or better is Better.NEITHER:
        return False
    middle = (one.expected.low + one.expected.high) / 2
    return one.value < middle if better is Better.LOW else one.value > middle


def _sentence(metric: Metric, worst: _Minute, group: Sequence[_Minute]) -> str:
    said = quantity(worst.value, metric.unit)
    first, last = group[0].at, group[-1].at
    lasted = f", unusual in {len(group)} minutes from {first:%H:%M} to {last:%H:%M} UTC"
    return (
        f"{metric.label} was {said} at {worst.at:%Y-%m-%d %H:%M} UTC{_beside(metric, worst)}"
        f"{lasted if len(group) > 1 else ''}."
    )


def _beside(metric: Metric, one: _Minute) -> str:
    """What was expected, in words."""
    if one.expected is None:
        return ""
    low, high = one.expected.low, one.expected.high
    usual = f"the usual {quantity(low, '').strip()} to {quantity(high, metric.unit)} of that hour"
    if low <= one.value <= high:
        return f": within {usual}, but rare in the last days"
    return f", {'above' if one.value > high else 'below'} {usual}"


def dtu_spikes(metric: Metric, chunks: Chunks, span: Span) -> list[Anomaly]:
    """The client's rule: more than two standard deviations off the span's mean; high above 90 %.

    The deviation is that of all samples (n, not n − 1). Each minute beyond it is one, oldest first.
    Of equal samples none is, though their mean may miss them by its last bit.
    """
    samples = list(_samples(metric.column, chunks, span))
    values = [value for _, value in samples]
    if len(set(values)) < 2:
        return []
    mean, sigma = fmean(values), pstdev(values)
    expected = Expected(mean - MOST_SIGMAS * sigma, mean + MOST_SIGMAS * sigma)
    return [
        _spike(metric, at, value, expected, mean)
        for at, value in samples
        if abs(value - mean) > MOST_SIGMAS * sigma
    ]


def _spike(metric: Metric, at: datetime, value: float, expected: Expected, mean: float) -> Anomaly:
    return Anomaly(
        type=DTU_SPIKE,
        metric=metric.name,
        timestamp=at,
        value=value,
        expected=expected,
        severity=Severity.HIGH if value > MUCH_DTU else Severity.MEDIUM,
        description=(
            f"{metric.label} was {quantity(value, metric.unit)} at {at:%Y-%m-%d %H:%M} UTC, "
            f"more than two standard deviations from the mean of {quantity(mean, metric.unit)}."
        ),
    )
