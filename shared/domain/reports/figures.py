"""The figures of a report, each with its range, its coverage, and what it was before."""

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct

from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog, Kind, Metric, Within
from shared.domain.quantities import quantity
from shared.domain.times import Span

USUAL = "usual"
GENERIC = ("business", "security")
"""Groups whose metrics are all told, one figure each."""
P95 = 0.95
WHOLE, NEARLY_WHOLE = 100.0, 98
MOST_DIGITS = 5
"""So many tell one minute of 90 days from none."""
LEAST_POINTS = 0.005
MOST_APART = 0.05
"""Between the known shares of two sums that are compared: of half a week everything is half."""


class Coverage(Struct, frozen=True, kw_only=True, rename={"known_minutes": "knownMinutes"}):
    """How much of a stretch is known: `share` in [0, 1] of its `minutes`."""

    minutes: int
    known_minutes: int
    share: float

    @property
    def told(self) -> str:
        """`99.2 % of minutes`; never all of them while one is missing."""
        return f"{percent_down(self.share)} of minutes"


class Figure(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"start": "from", "end": "to", "before_coverage": "beforeCoverage"},
):
    """A figure of the report from `from` to `to`; null: nothing was measured.

    `group` is usual for those that every report has, else that of the metric.

    `before` is the same of the stretch of the same length before it, `change` how much more it is
    now in parts of that; null where a sum is known of another share of it. `metric`: what it is
    counted from.
    """

    name: str
    group: str
    label: str
    metric: str
    unit: str
    value: float | None
    before: float | None
    change: float | None
    start: datetime
    end: datetime
    coverage: Coverage
    before_coverage: Coverage

    @property
    def told(self) -> str:
        """As people read it."""
        return self._told(self.value)

    @property
    def told_before(self) -> str:
        """Likewise."""
        return self._told(self.before)

    def _told(self, value: float | None) -> str:
        """Of what is nearly whole the last digits matter, and what is not whole never reads so."""
        said = quantity(value, self.unit, 4 if self._is_nearly_whole else 3)
        is_rounded_up = value is not None and value < WHOLE and said == quantity(WHOLE, "%")
        return quantity(value, self.unit, MOST_DIGITS) if is_rounded_up else said

    @property
    def _is_nearly_whole(self) -> bool:
        return self.unit == "%" and (self.value or 0) >= NEARLY_WHOLE

    @property
    def told_change(self) -> str:
        """`+12 %`, `about the same`, or nothing; of what is nearly whole in points of percent."""
        if self.change is None or self.value is None or self.before is None:
            return ""
        points, are_whole = self.value - self.before, self.before >= NEARLY_WHOLE
        if self._is_nearly_whole and are_whole and abs(points) >= LEAST_POINTS:
            return f"{points:+.2g} points"
        return told_change(self.change)


Count = Callable[[HourLines, Metric], float | None]


class Measure(Struct, frozen=True):
    """How a figure is counted; `unit` where it is not the metric's own."""

    name: str
    label: str
    metric: str
    count: Count
    unit: str | None = None
    group: str = USUAL


def _p95(lines: HourLines, _: Metric) -> float | None:
    return lines.quantile(P95)


MEASURES = (
    Measure("uptime", "Availability", "availability", HourLines.mean),
    Measure("avgResponseTime", "Response time, mean", "responseTime.avg", HourLines.mean),
    Measure("p95ResponseTime", "Response time, p95", "responseTime.p95", _p95),
    Measure("errorRate", "Errors a minute, mean", "errorRate", HourLines.mean, "count"),
    Measure("totalErrors", "Errors", "errorRate", HourLines.total, "count"),
    Measure("totalRequests", "Requests", "throughput", HourLines.total, "count"),
    Measure("maxDTU", "DTU, highest minute", "dtuUtilization", HourLines.high),
    Measure("avgDTU", "DTU, mean", "dtuUtilization", HourLines.mean),
    Measure("avgMemoryUsage", "Memory, mean", "memoryUsage", HourLines.mean),
    Measure("maxMemoryUsage", "Memory, highest minute", "memoryUsage", HourLines.high),
    Measure("peakUsers", "Active users, most at once", "activeUsers", HourLines.high),
    Measure("totalInteractions", "Interactions logged", "interactionsLogged", HourLines.total),
    Measure("totalReports", "Reports generated", "reportsGenerated", HourLines.total),
)
"""The client's six and what belongs beside them."""


def measures_of(catalog: Catalog) -> tuple[Measure, ...]:
    """What a report counts: the figures above, and one of each further business metric."""
    told = {one.metric for one in MEASURES}
    return (*MEASURES, *(_generic(one) for one in catalog.metrics if _is_further(one, told)))


def _is_further(metric: Metric, told: Iterable[str]) -> bool:
    return metric.group in GENERIC and metric.name not in told


def _generic(metric: Metric) -> Measure:
    """All of what is counted; else what a minute would say of several samples."""
    count, said = _TOLD[Within.SUM if metric.kind is Kind.COUNT else metric.within]
    label = f"{metric.label}{said}"
    return Measure(metric.name, label, metric.name, count, group=metric.group)


_TOLD: dict[Within, tuple[Count, str]] = {
    Within.SUM: (HourLines.total, ""),
    Within.LAST: (HourLines.last, ", at the end"),
    Within.MAX: (HourLines.high, ", highest"),
    Within.MIN: (HourLines.mean, ", mean"),
    Within.MEAN: (HourLines.mean, ", mean"),
}


def figures(now: HourLines, before: HourLines, catalog: Catalog) -> tuple[Figure, ...]:
    """Every figure of two stretches; those that neither of them knows are left out."""
    found = (_figure(one, now, before, catalog) for one in measures_of(catalog))
    wanted = {one.name for one in MEASURES}
    return tuple(
        one for one in found if one.name in wanted or (one.value, one.before) != (None, None)
    )


def _figure(measure: Measure, now: HourLines, before: HourLines, catalog: Catalog) -> Figure:
    metric = catalog.metric(measure.metric)
    value, then = measure.count(now, metric), measure.count(before, metric)
    known, was_known = coverage_of(metric, now, catalog), coverage_of(metric, before, catalog)
    apart = abs(known.share - was_known.share) if measure.count is HourLines.total else 0.0
    return Figure(
        name=measure.name,
        group=measure.group,
        label=measure.label,
        metric=metric.name,
        unit=measure.unit or metric.unit,
        value=value,
        before=then,
        change=change_of(then, value) if apart <= MOST_APART else None,
        start=now.span.start,
        end=now.span.end,
        coverage=known,
        before_coverage=was_known,
    )


def coverage_of(metric: Metric, lines: HourLines, catalog: Catalog) -> Coverage:
    """How much the lines know of a metric."""
    known, minutes = lines.known_minutes(metric, catalog), lines.minutes
    return Coverage(minutes=minutes, known_minutes=known, share=known / minutes if minutes else 0.0)


def change_of(before: float | None, now: float | None) -> float | None:
    """How much more it is, in parts of what it was; None where that says nothing."""
    return None if before is None or now is None or before <= 0 else now / before - 1


def told_change(change: float) -> str:
    """A change in percent, or that there is none worth a word."""
    if abs(change) < 0.005:
        return "about the same"
    return f"{100 * change:+,.0f} %" if abs(change) >= 0.095 else f"{100 * change:+.1f} %"


def percent_down(share: float) -> str:
    """A share in percent, rounded down: what is not whole never reads as 100 %."""
    tenths = int(1000 * share + 1e-6)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


def told_span(span: Span) -> str:
    """`2026-03-09 06:00 to 2026-03-16 06:00 UTC`."""
    return f"{span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M} UTC"
