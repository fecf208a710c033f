"""The picture in a mail: the last hour of a metric, its threshold, and the episode shaded.

It brings its own dark ground, so that it reads the same in a light mail and in a dark one, and is
drawn at about twice the size it is shown at.
"""

from shared.adapters.lettering import text_width, write
from shared.adapters.raster import Canvas, Colour
from shared.domain.axes import unbroken
from shared.domain.quantities import clock, number, quantity
from shared.domain.times import MINUTE
from shared.domain.trails import Trail

WIDTH, HEIGHT = 1080, 460
LETTERS = 24
GROUND: Colour = (17, 24, 39)
SHADE: Colour = (76, 29, 38)
GRID: Colour = (55, 65, 81)
LINE: Colour = (125, 180, 255)
LIMIT: Colour = (252, 129, 129)
WORDS: Colour = (229, 231, 235)

_TOP, _RIGHT, _BOTTOM = 62, 40, 76
_APART = 40
"""Between two labels on the left, in pixels."""
_DASH = 18
LONGEST_UNIT = 4
LONGEST_LABEL = 14


def alt_text(trail: Trail) -> str:
    """What the picture shows, for those who do not see it."""
    known = [value for value in trail.values if value is not None]
    low, high = quantity(min(known), trail.unit), quantity(max(known), trail.unit)
    limit = quantity(trail.threshold, trail.unit)
    gaps = len(trail.values) - len(known)
    said = [
        f"{trail.label} from {clock(trail.first)} to {clock(trail.end)}: {low} to {high}",
        f"threshold {limit}" if trail.threshold is not None else "",
        f"{gaps} min without data" if gaps else "",
    ]
    return ", ".join(filter(None, said)) + "."


def draw(trail: Trail) -> bytes:
    """The picture as a PNG of WIDTH × HEIGHT pixels; the same trail is always the same bytes."""
    return _Chart(trail).canvas.png()


def dashes(canvas: Canvas, y: float, left: int, right: int) -> None:
    """A limit across the plot."""
    for start in range(left, right, 2 * _DASH):
        canvas.fill(start, y - 2, min(start + _DASH, right), y + 2, LIMIT)


class _Chart:
    """One picture being drawn; a minute is a column of the plot, its value in the middle."""

    def __init__(self, trail: Trail) -> None:
        self.canvas = Canvas(WIDTH, HEIGHT, GROUND)
        self._trail = trail
        self._known = [value for value in trail.values if value is not None]
        limits = [trail.threshold] if trail.threshold is not None else []
        self._low, self._high = min(self._known + limits), max(self._known + limits)
        labels = map(self._said, (self._low, self._high))
        self._left = 32 + round(max(text_width(label, LETTERS) for label in labels)) + 24
        self._draw()

    def _draw(self) -> None:
        self._shade()
        for value in (min(self._known), max(self._known)):
            self.canvas.fill(self._left, self._y(value), WIDTH - _RIGHT, self._y(value) + 2, GRID)
        self._limit()
        for run in unbroken(self._trail.values):
            points = [(self._x(minute + 0.5), self._y(value)) for minute, value in run]
            self.canvas.line(points, 5 if len(points) > 1 else 10, LINE)
        self._labels()
        self._times()

    def _x(self, minutes: float) -> float:
        """Where so many minutes after the first one are."""
        return self._left + (WIDTH - _RIGHT - self._left) * minutes / len(self._trail.values)

    def _y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low) if self._high > self._low else 0.5
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share)

    def _shade(self) -> None:
        trail = self._trail
        begin, end = ((at - trail.first) / MINUTE for at in (trail.bad_from, trail.bad_until))
        self.canvas.fill(self._x(begin), _TOP - 16, self._x(end), HEIGHT - _BOTTOM + 16, SHADE)

    def _limit(self) -> None:
        if self._trail.threshold is None:
            return
        dashes(self.canvas, self._y(self._trail.threshold), self._left, WIDTH - _RIGHT)

    def _labels(self) -> None:
        """The threshold keeps its place, the others make room."""
        limit = self._trail.threshold
        if limit is not None:
            self._label(self._y(limit), limit, LIMIT)
        for value in {min(self._known), max(self._known)} - {limit}:
            self._label(self._beside_limit(value), value, WORDS)

    def _beside_limit(self, value: float) -> float:
        y, limit = self._y(value), self._trail.threshold
        if limit is None or abs(y - self._y(limit)) >= _APART:
            return y
        return self._y(limit) + (-_APART if value > limit else _APART)

    def _said(self, value: float) -> str:
        """With its unit, unless that is a long word, which the text beside the picture says."""
        unit = self._trail.unit
        said = quantity(value, unit) if len(unit) <= LONGEST_UNIT else number(value)
        return said if len(said) <= LONGEST_LABEL else f"{value:.3g}"

    def _label(self, y: float, value: float, colour: Colour) -> None:
        said = self._said(value)
        left = self._left - 24 - text_width(said, LETTERS)
        write(self.canvas, (left, y - LETTERS / 2), said, LETTERS, colour)

    def _times(self) -> None:
        trail, half = self._trail, len(self._trail.values) // 2
        for minutes, share in ((0, 0.0), (half, 0.5), (len(trail.values), 1.0)):
            said = f"{trail.first + minutes * MINUTE:%H:%M}" + ("" if minutes else " UTC")
            left = self._x(minutes) - share * text_width(said, LETTERS)
            write(self.canvas, (left, HEIGHT - LETTERS - 16), said, LETTERS, WORDS)
