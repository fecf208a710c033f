"""Which way a metric has gone over weeks: by how much a day, how sure, and in a sentence.

Weekdays are compared with themselves: a CRM's week has a wave that any shorter look would take for
a trend. So at least two weeks are looked at, and a week is judged together with the one before it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Better, Catalog, Metric
from shared.domain.quantities import quantity
from shared.domain.times import DAY, Span
from shared.domain.trends.seasons import Seasonal, seasonal
from shared.domain.trends.slopes import Point

NAMED = {
    "performance": "responseTime.avg",
    "resource": "dtuUtilization",
    "usage": "activeUsers",
}
"""The client's three, by the metric that stands for each."""
TRENDING = (
    *NAMED.values(),
    "errorRate",
    "throughput",
    "interactionsLogged",
    "memoryUsage",
    "cpuUtilization",
    "sessionsPercent",
    "storagePercent",
)
"""All whose trend a report tells."""
WEEK_DAYS = 7
SHORTEST = timedelta(days=14)
LEAST_DAYS = 12
"""Two weeks, of which two days may be lost."""
SURE = 0.95
"""A day may be the same as a week before, or not: with one chance in twenty of being wrong."""
WORTH_SAYING = 0.02
"""Of its mean: what changes by less over all the days hardly changes, however sure that is."""


class Direction(StrEnum):
    """Which way it goes; unknown while weekdays can't be compared with themselves."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"
    UNKNOWN = "unknown"


class Tendency(
    Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to", "per_day": "perDay"}
):
    """How a metric's days have gone from `from` to `to`.

    `per_day`, between `low` and `high` with 95 % confidence: the median slope between the same
    weekdays, in the metric's unit a day. `confidence` in [0, 1]: that it goes any way at all.
    `coverage`: the share of the days that are known.
    """

    metric: str
    label: str
    unit: str
    start: datetime
    end: datetime
    coverage: float
    direction: Direction
    per_day: float | None
    low: float | None
    high: float | None
    confidence: float | None
    sentence: str


def tendency_span(span: Span) -> Span:
    """What is looked at for the trend of `span`: all of it, and at least two weeks to its end."""
    return Span(min(span.start, span.end - SHORTEST), span.end)


def tendency(metric: Metric, lines: HourLines, catalog: Catalog) -> Tendency:
    """The trend of all the days that the lines span."""
    days = lines.days(metric, catalog)
    found = weekly(days)
    direction = _direction(found, [value for _, value in days])
    return Tendency(
        metric=metric.name,
        label=metric.label,
        unit=metric.unit,
        start=lines.span.start,
        end=lines.span.end,
        coverage=len(days) / _count(lines),
        direction=direction,
        per_day=None if found is None else found.slope,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        confidence=None if found is None else found.confidence,
        sentence=_sentence(metric, lines, len(days), found, direction),
    )


def weekly(days: Sequence[Point]) -> Seasonal | None:
    """The trend between the same weekdays, with 95 % confidence; None with less than two weeks."""
    return seasonal(days, WEEK_DAYS, confidence=SURE) if len(days) >= LEAST_DAYS else None


def _count(lines: HourLines) -> int:
    return max((lines.span.end - lines.span.start) // DAY, 1)


def _direction(found: Seasonal | None, values: Sequence[float]) -> Direction:
    if found is None:
        return Direction.UNKNOWN
    level = sum(map(abs, values)) / len(values)
    is_small = abs(found.slope) * len(values) < WORTH_SAYING * level
    if found.confidence < SURE or found.slope == 0 or is_small:
        return Direction.STEADY
    return Direction.RISING if found.slope > 0 else Direction.FALLING


def _sentence(
    metric: Metric, lines: HourLines, known: int, found: Seasonal | None, direction: Direction
) -> str:
    of = _count(lines)
    over = f"over {of} days" + ("" if known == of else f" ({known} of them known)")
    if found is None:
        return (
            f"{metric.label}: no trend can be told yet; it takes two weeks to tell one from the "
            f"days of the week, and of {of} days {known} {'is' if known == 1 else 'are'} known."
        )
    if direction is Direction.STEADY:
        return f"{metric.label}: no clear trend {over}."
    size, unit = quantity(abs(_round(found.slope)), metric.unit), "a day"
    judged = _judged(metric, direction)
    return (
        f"{metric.label}: {direction} by about {size} {unit} {over}, weekdays compared with "
        f"themselves ({told_confidence(found.confidence)} sure){judged}."
    )


def _judged(metric: Metric, direction: Direction) -> str:
    if metric.better is Better.NEITHER:
        return ""
    rising = direction is Direction.RISING
    return "" if rising is (metric.better is Better.HIGH) else ", which is the wrong way"


def _round(value: float) -> float:
    """Two digits are all that a slope is worth."""
    return float(f"{value:.2g}")


def told_confidence(share: float) -> str:
    """How sure it is, in percent; never that it is certain."""
    return "more than 99.9 %" if share > 0.9995 else f"{100 * share:.3g} %"


def named_tendencies(lines: HourLines, catalog: Catalog) -> dict[str, Tendency]:
    """The client's three, by their names."""
    return {
        name: tendency(catalog.metric(metric), lines, catalog) for name, metric in NAMED.items()
    }


def tendencies(lines: HourLines, catalog: Catalog) -> tuple[Tendency, ...]:
    """Of everything that is measured and worth it."""
    metrics = (catalog.metric(name) for name in TRENDING)
    return tuple(tendency(one, lines, catalog) for one in metrics if one.column in lines.columns)
