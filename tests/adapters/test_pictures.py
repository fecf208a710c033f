"""The picture: a valid PNG of the right size, the same each time, in which a gap stays a gap."""

import struct
import zlib
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from shared.adapters.lettering import _STROKES, text_width, write
from shared.adapters.pictures import (
    GROUND,
    HEIGHT,
    LIMIT,
    LINE,
    SHADE,
    WIDTH,
    WORDS,
    alt_text,
    draw,
)
from shared.adapters.raster import Canvas, Colour
from shared.domain.trails import Trail
from tests.adapters.builders import MINUTE, T0

Pixels = list[list[Colour]]


def a_trail(**changes: Any) -> Trail:
    """40 % for fifty minutes with ten minutes missing, then 99 %."""
    values = [40.0] * 20 + [None] * 10 + [40.0] * 20 + [99.0] * 10
    given: dict[str, Any] = {
        "label": "DTU",
        "unit": "%",
        "first": T0,
        "values": tuple(values),
        "threshold": 95.0,
        "bad_from": T0 + 50 * MINUTE,
        "bad_until": T0 + 60 * MINUTE,
    }
    return Trail(**{**given, **changes})


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each chunk; every checksum is verified."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = [], 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", png, place + 8 + length)
        assert checksum == zlib.crc32(kind + body)
        found.append((kind, body))
        place += 12 + length
    return found


def pixels(png: bytes) -> Pixels:
    (_, header), (_, body), _ = chunks(png)
    width, height = struct.unpack_from(">II", header)
    raw, stride = zlib.decompress(body), 3 * width + 1
    assert len(raw) == stride * height
    rows = [raw[y * stride : (y + 1) * stride] for y in range(height)]
    assert all(row[0] == 0 for row in rows)
    return [[(row[x], row[x + 1], row[x + 2]) for x in range(1, stride, 3)] for row in rows]


def columns(drawn: Pixels, colour: Colour) -> set[int]:
    """The columns that have a pixel of that colour."""
    return {x for row in drawn for x, pixel in enumerate(row) if pixel == colour}


def test_it_is_a_png_of_its_size() -> None:
    kinds = chunks(draw(a_trail()))

    assert [kind for kind, _ in kinds] == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", kinds[0][1]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    assert len(draw(a_trail())) < 40_000


def test_the_same_trail_is_the_same_bytes() -> None:
    assert draw(a_trail()) == draw(a_trail())
    assert draw(a_trail()) != draw(a_trail(threshold=90.0))


def test_a_gap_stays_a_gap() -> None:
    line = columns(pixels(draw(a_trail())), LINE)

    left, right = min(line), max(line)
    minute = (right - left) / 59
    gap = range(round(left + 20 * minute), round(left + 29 * minute))
    assert line.isdisjoint(gap)
    before, after = range(left, gap[0] - 20), range(gap[-1] + 20, right)
    assert line.issuperset(before)
    assert line.issuperset(after)


def test_a_minute_alone_between_gaps_is_a_dot() -> None:
    values = (40.0, *[None] * 29, 50.0, *[None] * 28, 60.0)

    line = columns(pixels(draw(a_trail(values=values))), LINE)

    lone = [x for x in line if x - 1 not in line]
    assert len(lone) == 3


def test_the_episode_is_shaded_and_the_threshold_crosses_the_hour() -> None:
    drawn = pixels(draw(a_trail()))
    line, shade, limit = (columns(drawn, colour) for colour in (LINE, SHADE, LIMIT))

    left, right = min(line), max(line)
    plot = right - left
    assert abs(min(shade) - (left + plot * 50 / 60)) < plot / 60
    assert max(shade) >= right
    assert min(limit) < left
    assert max(limit) > right - 40
    assert columns(pixels(draw(a_trail(threshold=None))), LIMIT) == set()


def test_the_axes_are_labelled() -> None:
    drawn = pixels(draw(a_trail()))
    words = [(x, y) for y, row in enumerate(drawn) for x, pixel in enumerate(row) if pixel == WORDS]

    left = min(columns(drawn, LINE))
    assert {y > HEIGHT / 2 for x, y in words if x < left - 20 and y < HEIGHT - 60} == {True, False}
    below = sorted(x for x, y in words if y > HEIGHT - 50)
    groups = 1 + sum(after - before > 40 for before, after in pairwise(below))
    assert groups == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"values": (5.0,) * 60, "threshold": 5.0},
        {"values": (0.0,) * 60, "threshold": None},
        {"values": (-1e12, 1e12) * 30},
        {"values": (1e-9, 2e-9) * 30, "threshold": 1e300},
        {"unit": "requests/min", "values": (12345.678, 99.0) * 30},
        {"unit": "漢字"},
        {"bad_from": T0, "bad_until": T0},
        {"values": (1.0, 2.0)},
    ],
)
def test_whatever_was_measured_can_be_drawn(changes: dict[str, Any]) -> None:
    drawn = pixels(draw(a_trail(**changes)))

    assert (len(drawn), {len(row) for row in drawn}) == (HEIGHT, {WIDTH})
    assert columns(drawn, LINE)


def test_what_it_shows_is_said_for_those_who_do_not_see_it() -> None:
    said = alt_text(a_trail())

    assert said == (
        "DTU from 2026-01-01 00:00 UTC to 2026-01-01 01:00 UTC: 40 % to 99 %, threshold 95 %, "
        "10 min without data."
    )
    assert alt_text(a_trail(values=(1.0, 2.0), threshold=None, unit="count")).endswith("1 to 2.")


def test_letters_stay_within_the_width_that_was_reckoned() -> None:
    text = "".join(_STROKES)
    width = round(text_width(text, 24)) + 8
    canvas = Canvas(width, 48, GROUND)

    write(canvas, (4, 4), text, 24, WORDS)

    edges = [canvas.pixel(x, y) for x in (0, width - 1) for y in range(48)]
    assert set(edges) == {GROUND}
    assert text_width("", 24) == 0


def test_a_smooth_line_covers_what_lies_within_its_thickness() -> None:
    canvas = Canvas(20, 20, (0, 0, 0))

    canvas.line([(4.0, 10.0), (15.0, 10.0)], 4, (200, 100, 0))

    assert canvas.pixel(10, 10) == (200, 100, 0)
    assert canvas.pixel(10, 12) == (100, 50, 0)
    assert canvas.pixel(10, 13) == canvas.pixel(1, 10) == (0, 0, 0)


def test_what_lies_outside_is_left_out() -> None:
    canvas = Canvas(10, 10, (0, 0, 0))

    canvas.line([(-50.0, -20.0), (50.0, 30.0)], 3, (9, 9, 9))
    canvas.fill(-5, -5, 3, 3, (7, 7, 7))
    canvas.fill(20, 20, 30, 30, (7, 7, 7))

    assert canvas.pixel(0, 0) == (7, 7, 7)
    assert canvas.pixel(0, 9) == (0, 0, 0)


def test_an_hour_is_long_enough_for_the_times_below_it() -> None:
    late = replace(a_trail(), first=T0 + timedelta(hours=23, minutes=30))

    assert "2026-01-02 00:30 UTC" in alt_text(late)
