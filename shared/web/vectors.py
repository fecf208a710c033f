"""Charts and heat maps as SVG: no script, colours by the page's style, words for who can't see.

Whatever is drawn is also told: a title, a description, and a table of the figures behind it.
"""

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from html import escape

from shared.domain.axes import day_marks, short, three_digits, ticks, unbroken
from shared.domain.maintenance import WEEK
from shared.domain.quantities import quantity
from shared.domain.reports.charts import Chart, Series
from shared.domain.trends.habits import LONG, HeatMap

WIDTH, HEIGHT = 460, 178
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 12, 24
MOST_LABELS = 7
LEAST_APART = 34
"""Units between two labels of the time axis."""
CELL = 17
MAP_LEFT, MAP_TOP = 34, 4

GRID = 'class="grid" stroke="#e5e7eb"'
BAND = 'class="band" fill="#c9d9fa"'
LINE = 'class="line" fill="none" stroke="#1d4ed8"'
LIMIT = 'class="limit" stroke="#b91c1c"'
NONE = 'class="none" fill="none"'
"""Looks that a page's style changes, and that still tell the truth where it is not let in: without
any, a line would be a black area."""

Point = tuple[float, float]


def chart_svg(name: str, chart: Chart, series: Series, zone: tzinfo) -> str:
    """One metric over time: its mean as a line, lowest to highest as a band behind it.

    `name` makes the ids that the picture is told by; it must be unlike all others of the page.
    """
    return _Picture(name, chart, series, zone).svg


class _Picture:
    """The measures of one chart."""

    def __init__(self, name: str, chart: Chart, series: Series, zone: tzinfo) -> None:
        self._chart, self._series, self._zone = chart, series, zone
        highs = [value for value in series.max if value is not None]
        self._ticks = ticks(max(highs, default=1.0))
        body = [self._grid(), self._band(), self._limit(), self._line(), self._times()]
        self.svg = _framed(name, HEIGHT, self._title, self._description, "".join(body))

    @property
    def _title(self) -> str:
        return f"{self._series.label} ({self._series.unit})"

    @property
    def _description(self) -> str:
        known = self._series.known
        if not known:
            return "Nothing was measured."
        unit, series = self._series.unit, self._series
        low = min(value for value in series.min if value is not None)
        high = max(value for value in series.max if value is not None)
        step = _length(self._chart.step)
        return (
            f"Mean of each {step} from {quantity(min(known), unit)} to "
            f"{quantity(max(known), unit)}; samples from {quantity(low, unit)} to "
            f"{quantity(high, unit)}. {series.coverage.told} are known."
        )

    def _x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / max(self._chart.points, 1)

    def _y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / self._ticks[-1])

    def _grid(self) -> str:
        lines = (
            f'<line {GRID} x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>'
            for value in self._ticks
            for y in [self._y(value)]
        )
        return "".join(lines)

    def _band(self) -> str:
        """Lowest to highest, stretch by stretch."""
        found = []
        for run in unbroken(self._series.max):
            upper = [self._corner(i, high) for i, high in run]
            lower = [self._corner(i, self._series.min[i]) for i, _ in reversed(run)]
            found.append(f'<polygon {BAND} points="{" ".join([*upper, *lower])}"/>')
        return "".join(found)

    def _line(self) -> str:
        found = []
        for run in unbroken(self._series.value):
            points = [self._corner(i, value) for i, value in run]
            if len(points) == 1:
                x, y = points[0].split(",")
                found.append(f'<circle class="dot" cx="{x}" cy="{y}" r="2"/>')
            else:
                found.append(f'<polyline {LINE} points="{" ".join(points)}"/>')
        return "".join(found)

    def _corner(self, step: int, value: float | None) -> str:
        return f"{self._x(step + 0.5):.1f},{self._y(value or 0.0):.1f}"

    def _limit(self) -> str:
        """Where the warning band begins, as far as the picture reaches."""
        warning = self._series.warning
        if warning is None or warning > self._ticks[-1]:
            return ""
        y = self._y(warning)
        return f'<line {LIMIT} x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'

    def _times(self) -> str:
        """Days by the readers' clock, or hours of one."""
        return "".join(
            f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{said}</text>'
            for x, said in self._labels()
        )

    def _labels(self) -> Iterator[tuple[float, str]]:
        marks = day_marks(self._chart, self._zone)
        every = max(-(-len(marks) // MOST_LABELS), 1)
        for at, said in marks[::every]:
            x = self._x((at - self._chart.start) / self._chart.step)
            if LEFT + LEAST_APART / 2 <= x <= WIDTH - LEAST_APART / 2:
                yield x, said


def heat_svg(name: str, heat: HeatMap) -> str:
    """A week as seven rows of hours, the busier the darker; each cell tells its figure."""
    known = [value for value in heat.hours if value is not None]
    top = max(known, default=0.0) or 1.0
    cells = "".join(
        _cell(heat, day, hour, value, top)
        for day, line in enumerate(heat.values)
        for hour, value in enumerate(line)
    )
    days = "".join(
        f'<text x="{MAP_LEFT - 6}" y="{MAP_TOP + (i + 0.72) * CELL:.1f}" '
        f'text-anchor="end">{day.title()}</text>'
        for i, day in enumerate(WEEK)
    )
    below = MAP_TOP + 7 * CELL + 14
    hours = "".join(
        f'<text x="{MAP_LEFT + hour * CELL}" y="{below}" text-anchor="middle">{hour:02d}</text>'
        for hour in range(0, 25, 6)
    )
    title = f"{heat.label} by weekday and hour ({heat.unit})"
    told = f"Means from {short(min(known, default=0))} to {short(top)} {heat.unit}, {heat.zone}."
    return _framed(name, below + 6, title, told, cells + days + hours)


def _cell(heat: HeatMap, day: int, hour: int, value: float | None, top: float) -> str:
    said = f"{LONG[WEEK[day]]} {hour:02d}:00: {quantity(three_digits(value), heat.unit)}"
    x, y = MAP_LEFT + hour * CELL, MAP_TOP + day * CELL
    look = NONE if value is None else f'class="cell" fill-opacity="{_ink(value, top)}"'
    size = f'width="{CELL - 1}" height="{CELL - 1}"'
    return f'<rect {look} x="{x}" y="{y}" {size}><title>{escape(said)}</title></rect>'


def _ink(value: float, top: float) -> str:
    """Never quite nothing: what is measured as quiet is not unknown."""
    return f"{0.06 + 0.94 * max(value, 0.0) / top:.2f}"


def _framed(name: str, height: float, title: str, told: str, body: str) -> str:
    return (
        f'<svg role="img" font-size="12" viewBox="0 0 {WIDTH} {height}" '
        f'aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(told)}</desc>'
        f"{body}</svg>"
    )


def _length(step: timedelta) -> str:
    hours = step // timedelta(hours=1)
    return {1: "hour", 24: "day"}.get(hours, f"{hours} hours")
