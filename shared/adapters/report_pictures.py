"""The pictures in a report's mail: charts and a week of hours, on their own dark ground.

Like the picture of an alert they read the same in a light mail and in a dark one, and are drawn at
about twice the size they are shown at.
"""

from collections.abc import Iterator
from datetime import tzinfo
from math import ceil

from msgspec import Struct

from shared.adapters.lettering import text_width, write
from shared.adapters.pictures import GRID, GROUND, LINE, WIDTH, WORDS, dashes
from shared.adapters.raster import Canvas, Colour
from shared.domain.axes import day_marks, short, three_digits, ticks, unbroken
from shared.domain.maintenance import WEEK
from shared.domain.quantities import quantity, titled
from shared.domain.reports.charts import Chart, Series
from shared.domain.reports.report import PerformanceReport
from shared.domain.reports.sections import zone_of
from shared.domain.trends.habits import LONG, HeatMap

HEIGHT = 380
BAND: Colour = (44, 72, 118)
_LEFT, _RIGHT, _TOP, _BOTTOM = 120, 36, 34, 62
SIZE = 20
"""Of letters, in pixels of the picture."""
CELL = 38
_MAP_LEFT, _MAP_TOP = 116, 20
SHOWN = ("responseTime.avg", "dtuUtilization", "memoryUsage", "activeUsers")
"""A chart for each; a mail has no room for more."""


class Picture(Struct, frozen=True):
    """A picture, where it belongs, and what it shows for those who do not see it."""

    name: str
    title: str
    alt: str
    png: bytes


class Sketch(Struct, frozen=True):
    """A picture that is still to be drawn."""

    name: str
    title: str
    alt: str
    chart: Chart | None
    series: Series | None
    heat: HeatMap | None
    zone: tzinfo

    def drawn(self) -> Picture:
        """It as a PNG; the same figures are always the same bytes."""
        return Picture(self.name, self.title, self.alt, self._canvas().png())

    def _canvas(self) -> Canvas:
        if self.heat is not None:
            return _week(self.heat)
        if self.chart is None or self.series is None:
            raise ValueError("a sketch is of a chart or of a week")
        return _Drawing(self.chart, self.series, self.zone).canvas


def sketches(report: PerformanceReport) -> list[Sketch]:
    """What a mail about it shows, chart by chart, and the week of requests, or of users."""
    zone = zone_of(report)
    found = [
        Sketch(
            name=f"report-{place}",
            title=titled(series.label, series.unit),
            alt=alt_text(chart, series),
            chart=chart,
            series=series,
            heat=None,
            zone=zone,
        )
        for place, (chart, series) in enumerate(_charted(report))
    ]
    heat = next(iter(report.heat_maps.values()), None)
    return [*found, _of_week(heat, zone)] if heat is not None else found


def _charted(report: PerformanceReport) -> Iterator[tuple[Chart, Series]]:
    for chart in report.charts.all:
        for name, series in chart.series.items():
            if name in SHOWN and series.known:
                yield chart, series


def _of_week(heat: HeatMap, zone: tzinfo) -> Sketch:
    title = titled(f"{heat.label} by weekday and hour", heat.unit)
    peak = heat.peak
    most = (
        f"; most on {LONG[peak[0]]} from {peak[1]:02d}:00, "
        f"{quantity(three_digits(peak[2]), heat.unit)}"
        if peak
        else ""
    )
    alt = f"{title}, {heat.zone}{most}."
    return Sketch("report-week", title, alt, None, None, heat, zone)


def alt_text(chart: Chart, series: Series) -> str:
    """What a chart shows, in words."""
    known = series.known
    low, high = quantity(min(known), series.unit), quantity(max(known), series.unit)
    top = max(value for value in series.max if value is not None)
    return (
        f"{series.label} from {chart.start:%Y-%m-%d %H:%M} to {chart.end:%Y-%m-%d %H:%M} UTC: "
        f"{low} to {high} on average, highest sample {quantity(top, series.unit)}, "
        f"{series.coverage.told} known."
    )


class _Drawing:
    """One chart: the mean as a line, lowest to highest as a band behind it."""

    def __init__(self, chart: Chart, series: Series, zone: tzinfo) -> None:
        self.canvas = Canvas(WIDTH, HEIGHT, GROUND)
        self._chart, self._series, self._zone = chart, series, zone
        self._ticks = ticks(max(value for value in series.max if value is not None))
        self._band()
        self._grid()
        self._limit()
        for run in unbroken(series.value):
            points = [(self._x(step + 0.5), self._y(value)) for step, value in run]
            self.canvas.line(points, 4 if len(points) > 1 else 8, LINE)
        self._times()

    def _x(self, step: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * step / max(self._chart.points, 1)

    def _y(self, value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / self._ticks[-1])

    def _band(self) -> None:
        for step, (low, high) in enumerate(zip(self._series.min, self._series.max, strict=True)):
            if low is not None and high is not None:
                left, right = self._x(step), self._x(step + 1)
                self.canvas.fill(left, self._y(high) - 1, right, self._y(low) + 1, BAND)

    def _grid(self) -> None:
        for value in self._ticks:
            y, said = self._y(value), short(value)
            self.canvas.fill(_LEFT, y, WIDTH - _RIGHT, y + 2, GRID)
            left = _LEFT - 20 - text_width(said, SIZE)
            write(self.canvas, (left, y - SIZE / 2), said, SIZE, WORDS)

    def _limit(self) -> None:
        warning = self._series.warning
        if warning is None or warning > self._ticks[-1]:
            return
        dashes(self.canvas, self._y(warning), _LEFT, WIDTH - _RIGHT)

    def _times(self) -> None:
        """As many days as can be told apart."""
        marks = day_marks(self._chart, self._zone)
        wide = max((text_width(said, SIZE) for _, said in marks), default=0) + SIZE
        room = (WIDTH - _LEFT - _RIGHT) / wide
        every = max(ceil(len(marks) / room), 1)
        for at, said in marks[::every]:
            left = self._x((at - self._chart.start) / self._chart.step) - text_width(said, SIZE) / 2
            if left >= _LEFT / 2 and left + text_width(said, SIZE) <= WIDTH - SIZE / 2:
                write(self.canvas, (left, HEIGHT - SIZE - 18), said, SIZE, WORDS)


def _week(heat: HeatMap) -> Canvas:
    """Seven rows of hours, the busier the brighter; an unknown hour is a hole."""
    canvas = Canvas(WIDTH, _MAP_TOP + 7 * CELL + 60, GROUND)
    top = max((value for value in heat.hours if value is not None), default=0.0) or 1.0
    for day, line in enumerate(heat.values):
        y = _MAP_TOP + day * CELL
        said = WEEK[day].title()
        left = _MAP_LEFT - 20 - text_width(said, SIZE)
        write(canvas, (left, y + (CELL - SIZE) / 2), said, SIZE, WORDS)
        for hour, value in enumerate(line):
            if value is not None:
                x = _MAP_LEFT + hour * CELL
                canvas.fill(x, y, x + CELL - 3, y + CELL - 3, _shade(value / top))
    for hour in range(0, 25, 6):
        said = f"{hour:02d}"
        at = _MAP_LEFT + hour * CELL - text_width(said, SIZE) / 2
        write(canvas, (at, _MAP_TOP + 7 * CELL + 16), said, SIZE, WORDS)
    return canvas


def _shade(share: float) -> Colour:
    """From a little more than the ground to the line's colour."""
    part = 0.12 + 0.88 * min(max(share, 0.0), 1.0)
    red, green, blue = (
        round(ground + (line - ground) * part) for ground, line in zip(GROUND, LINE, strict=True)
    )
    return red, green, blue
