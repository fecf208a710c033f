"""Letters as strokes: enough for numbers, units and times in a picture, at any size.

A glyph is polylines of points on a grid: x to the right, y downwards, capitals from 0 to the
baseline at 6, small letters from 2. `"00 06,03 33"`: a line from (0, 0) to (0, 6), and another.
"""

from collections.abc import Sequence

from shared.adapters.raster import Canvas, Colour, Point

CAPITAL = 6
GAP = 1.9
SPACE = 3.0
UNKNOWN = "00 40 46 06 00"

_STROKES = {
    "0": "10 30 41 45 36 16 05 01 10",
    "1": "11 20 26",
    "2": "01 10 30 41 42 06 46",
    "3": "01 10 30 41 42 33 44 45 36 16 05,13 33",
    "4": "36 30 04 44",
    "5": "40 00 02 32 43 45 36 16 05",
    "6": "30 20 02 05 16 36 45 44 33 13 04",
    "7": "00 40 16",
    "8": "13 33 44 45 36 16 05 04 13 02 01 10 30 41 42 33",
    "9": "42 33 13 02 01 10 30 41 44 26 16",
    "A": "06 20 46,14 34",
    "B": "00 06 36 45 44 33 03,33 42 41 30 00",
    "C": "41 30 10 01 05 16 36 45",
    "D": "00 30 41 45 36 06 00",
    "E": "40 00 06 46,03 33",
    "F": "40 00 06,03 33",
    "G": "41 30 10 01 05 16 36 45 43 23",
    "H": "00 06,40 46,03 43",
    "I": "20 26",
    "J": "40 45 36 16 05",
    "K": "00 06,40 03 46",
    "L": "00 06 46",
    "M": "06 00 23 40 46",
    "N": "06 00 46 40",
    "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03",
    "Q": "10 30 41 45 36 16 05 01 10,34 46",
    "R": "06 00 30 41 42 33 03,23 46",
    "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40,20 26",
    "U": "00 05 16 36 45 40",
    "V": "00 26 40",
    "W": "00 16 23 36 40",
    "X": "00 46,40 06",
    "Y": "00 23 40,23 26",
    "Z": "00 40 06 46",
    "a": "12 32 43 46,44 14 05 16 36 45",
    "b": "00 06,03 12 32 43 45 36 16 05",
    "c": "43 32 12 03 05 16 36 45",
    "d": "40 46,43 32 12 03 05 16 36 45",
    "e": "04 44 43 32 12 03 05 16 36 45",
    "f": "30 20 11 16,02 32",
    "g": "42 47 38 18 07,43 32 12 03 05 16 36 45",
    "h": "00 06,03 12 32 43 46",
    "i": "22 26,20",
    "j": "22 27 18,20",
    "k": "00 06,42 04,23 46",
    "l": "20 26",
    "m": "02 06,03 12 23 26,23 32 43 46",
    "n": "02 06,03 12 32 43 46",
    "o": "12 32 43 45 36 16 05 03 12",
    "p": "02 08,03 12 32 43 45 36 16 05",
    "q": "42 48,43 32 12 03 05 16 36 45",
    "r": "02 06,03 12 32",
    "s": "43 32 12 03 14 34 45 36 16 05",
    "t": "10 15 26 36,02 32",
    "u": "02 05 16 36 45,42 46",
    "v": "02 26 42",
    "w": "02 16 23 36 42",
    "x": "02 46,42 06",
    "y": "02 26,42 18",
    "z": "02 42 06 46",
    ".": "26",
    ",": "26 17",
    ":": "23,26",
    "%": "10 21 12 01 10,34 45 36 25 34,40 06",
    "/": "06 40",
    "-": "13 33",
    "(": "30 21 25 36",
    ")": "10 21 25 16",
    "<": "41 03 45",
    ">": "01 43 05",
    "=": "02 42,04 44",
    "+": "03 43,21 25",
}


def text_width(text: str, size: float) -> float:
    """How wide `text` is when its capitals are `size` high."""
    return (sum(map(_advance, text)) - GAP) * size / CAPITAL if text else 0.0


def write(
    canvas: Canvas, at: Point, text: str, size: float, colour: Colour, *, weight: float = 0.15
) -> None:
    """Text whose first letter's upper left corner is `at`; `weight` is the stroke's part of it."""
    scale, (x, y) = size / CAPITAL, at
    for letter in text:
        for stroke in _glyph(letter):
            points = [(x + px * scale, y + py * scale) for px, py in stroke]
            canvas.line(points, size * weight, colour)
        x += _advance(letter) * scale


def _advance(letter: str) -> float:
    if letter == " ":
        return SPACE
    return max(x for stroke in _glyph(letter) for x, _ in stroke) + GAP


def _glyph(letter: str) -> Sequence[Sequence[Point]]:
    """The letter's strokes, moved to the left edge."""
    if letter == " ":
        return ()
    strokes = [
        [(float(point[0]), float(point[1])) for point in stroke.split()]
        for stroke in _STROKES.get(letter, UNKNOWN).split(",")
    ]
    left = min(x for stroke in strokes for x, _ in stroke)
    return [[(x - left, y) for x, y in stroke] for stroke in strokes]
