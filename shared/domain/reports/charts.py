"""The charts of a report: the client's three, each some metrics over even steps."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.curves import Curve, Values, curve_of_columns
from shared.domain.hour_lines import HourLines, known
from shared.domain.metrics import Catalog, Metric
from shared.domain.reports.figures import Coverage, coverage_of
from shared.domain.times import DAY, HOUR, Span

MOST_POINTS = 180
STEPS = (HOUR, 3 * HOUR, 6 * HOUR, DAY)
CHARTS = {
    "performanceOverTime": ("Performance", ("responseTime.avg", "errorRate")),
    "resourceUtilization": ("Resources", ("dtuUtilization", "memoryUsage", "cpuUtilization")),
    "userActivity": ("Users", ("activeUsers", "throughput", "interactionsLogged")),
}


class Series(Struct, frozen=True, kw_only=True):
    """One metric: the mean of each step, and its lowest and highest sample.

    `warning`: where its warning band begins; `limit`: what it can't exceed.
    """

    label: str
    unit: str
    coverage: Coverage
    warning: float | None
    limit: float | None
    value: Values
    min: Values
    max: Values

    @property
    def known(self) -> list[float]:
        """The means that there are."""
        return known(self.value)


class Chart(
    Struct,
    frozen=True,
    kw_only=True,
    rename={"start": "from", "end": "to", "step_minutes": "stepMinutes"},
):
    """Metrics over the same steps: point i begins at from + i × stepMinutes."""

    title: str
    start: datetime
    end: datetime
    step_minutes: int
    points: int
    series: dict[str, Series]

    @property
    def step(self) -> timedelta:
        """How long a point stands for."""
        return timedelta(minutes=self.step_minutes)


class Charts(Struct, frozen=True, kw_only=True, rename="camel"):
    """The client's three."""

    performance_over_time: Chart
    resource_utilization: Chart
    user_activity: Chart

    @property
    def all(self) -> tuple[Chart, ...]:
        """In their order."""
        return self.performance_over_time, self.resource_utilization, self.user_activity


def charts(lines: HourLines, catalog: Catalog) -> Charts:
    """Draw the lines; metrics that nobody measured are left out."""
    made = (_chart(title, names, lines, catalog) for title, names in CHARTS.values())
    performance, resources, users = made
    return Charts(
        performance_over_time=performance, resource_utilization=resources, user_activity=users
    )


def _chart(title: str, names: Iterable[str], lines: HourLines, catalog: Catalog) -> Chart:
    hours = (lines.span.end - lines.span.start) // HOUR
    step = next((one for one in STEPS if hours * HOUR / one <= MOST_POINTS), DAY)
    size = step // HOUR
    begin = lines.span.end - hours // size * step
    cut = lines.within(Span(begin, lines.span.end))
    metrics = [catalog.metric(name) for name in names]
    return Chart(
        title=title,
        start=begin,
        end=lines.span.end,
        step_minutes=int(step / timedelta(minutes=1)),
        points=hours // size,
        series={
            metric.name: _series(metric, cut, size, catalog)
            for metric in metrics
            if metric.column in cut.columns
        },
    )


def _series(metric: Metric, lines: HourLines, size: int, catalog: Catalog) -> Series:
    curve: Curve = curve_of_columns(lines.columns[metric.column], size)
    return Series(
        label=metric.label,
        unit=metric.unit,
        coverage=coverage_of(metric, lines, catalog),
        warning=metric.warning,
        limit=metric.limit,
        value=curve.values,
        min=curve.lows,
        max=curve.highs,
    )
