"""What every chart needs: round steps, stretches without a gap, the readers' midnights."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from shared.domain.reports.charts import Chart
from shared.domain.times import DAY, HOUR

NOTHING = 1e-9
"""What a sum of figures leaves over for 0; no axis has such steps."""


def ticks(top: float) -> list[float]:
    """From 0 to `top` at least, in at most four steps of 1, 2, 2.5 or 5 times a power of ten."""
    if top <= NOTHING:
        return [0.0, 1.0]
    power = 10 ** math.floor(math.log10(top / 4))
    size = next(part * power for part in (1, 2, 2.5, 5, 10) if part * power * 4 >= top)
    return [round(size * i, 10) for i in range(math.ceil(top / size - 1e-9) + 1)]


def short(value: float) -> str:
    """A figure for an axis: `0`, `2.5`, `1,500`."""
    is_whole = value == int(value) or abs(value) >= 1000
    return f"{value:,.0f}" if is_whole else f"{value:.3g}"


def three_digits(value: float | None) -> float | None:
    """All the digits that a mean is worth to the eye."""
    return None if value is None else float(f"{value:.3g}")


def unbroken(line: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Places and values of the line, those together that have no gap between them."""
    run: list[tuple[int, float]] = []
    for place, value in enumerate(line):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def day_marks(chart: Chart, zone: tzinfo) -> list[tuple[datetime, str]]:
    """The midnights of the chart with their dates; of a day or less, every third hour.

    They are the zone's: where it is half an hour beside UTC, an hour begins amid one of the chart.
    """
    start, end = chart.start.astimezone(zone), chart.end
    if end - chart.start <= DAY:
        first = start.replace(minute=0) + (HOUR if start.minute else timedelta(0))
        hours = (first + n * HOUR for n in range(25))
        return [(at, f"{at:%H}:00") for at in hours if at.hour % 3 == 0 and at <= end]
    day = start.date() + DAY
    found = []
    while (at := datetime(day.year, day.month, day.day, tzinfo=zone)) < end:
        found.append((at, f"{at:%a} {at.day}"))
        day += DAY
    return found
