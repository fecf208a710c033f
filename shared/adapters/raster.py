"""A small raster: filled areas and smooth lines on rows of RGB bytes, written as a PNG."""

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, floor, hypot

Colour = tuple[int, int, int]
Point = tuple[float, float]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2


class Canvas:
    """`width` × `height` pixels; x grows to the right, y downwards, both from 0."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.width = width
        self.height = height
        self._rows = [bytearray(bytes(background) * width) for _ in range(height)]

    def pixel(self, x: int, y: int) -> Colour:
        """The colour of one pixel."""
        red, green, blue = self._rows[y][3 * x : 3 * x + 3]
        return red, green, blue

    def fill(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A rectangle, its edges on whole pixels."""
        first, end = max(round(left), 0), min(round(right), self.width)
        for row in self._rows[max(round(top), 0) : min(round(bottom), self.height)]:
            row[3 * first : 3 * end] = bytes(colour) * max(end - first, 0)

    def line(self, points: Sequence[Point], thickness: float, colour: Colour) -> None:
        """Segments from point to point, round at their ends; a single point is a dot."""
        for start, end in zip(points, points[1:] or points, strict=False):
            self._segment(start, end, thickness / 2, colour)

    def _segment(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        """Every pixel is covered by as much as it lies within `radius` of the segment."""
        reach = radius + 1
        top, bottom = sorted((start[1], end[1]))
        for y in range(max(floor(top - reach), 0), min(ceil(bottom + reach) + 1, self.height)):
            left, right = _across(start, end, y, reach)
            row, first = self._rows[y], max(left, 0)
            covers = _covers(start, end, radius, y, range(first, min(right + 1, self.width)))
            for x, cover in enumerate(covers, start=first):
                if cover > 0:
                    _blend(row, 3 * x, colour, cover)

    def png(self) -> bytes:
        """The picture as a PNG file; the same pixels are always the same bytes."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, _RGB, 0, 0, 0)
        body = zlib.compress(b"".join(b"\0" + row for row in self._rows), 6)
        chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
        return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _covers(
    start: Point, end: Point, radius: float, y: int, columns: Iterable[int]
) -> Iterator[float]:
    """How much of each pixel of row `y` lies within `radius` of the segment; 1 or more is all."""
    (x0, y0), (x1, y1) = start, end
    dx, dy, length = x1 - x0, y1 - y0, hypot(x1 - x0, y1 - y0) or 1.0
    for x in columns:
        along = (x - x0) * dx + (y - y0) * dy
        if along < 0 or start == end:
            distance = hypot(x - x0, y - y0)
        elif along > length * length:
            distance = hypot(x - x1, y - y1)
        else:
            distance = abs((x - x0) * dy - (y - y0) * dx) / length
        yield radius + 0.5 - distance


def _blend(row: bytearray, place: int, colour: Colour, cover: float) -> None:
    """Put `cover` of the colour, at most all, over three bytes."""
    if cover >= 1:
        row[place : place + 3] = bytes(colour)
        return
    for channel in range(3):
        before = row[place + channel]
        row[place + channel] = round(before + (colour[channel] - before) * cover)


def _across(start: Point, end: Point, y: int, reach: float) -> tuple[int, int]:
    """The columns of row `y` that a segment can touch: for a steep one only those near it."""
    (x0, y0), (x1, y1) = start, end
    if y0 == y1:
        return floor(min(x0, x1) - reach), ceil(max(x0, x1) + reach)
    slope = (x1 - x0) / (y1 - y0)
    nearest = [min(max(edge, min(y0, y1)), max(y0, y1)) for edge in (y - reach, y + reach)]
    columns = [x0 + (edge - y0) * slope for edge in nearest]
    return floor(min(columns) - reach), ceil(max(columns) + reach)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
