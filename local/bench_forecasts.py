"""How far forecasts are off, and how often a trend is seen where there is none.

A forecast is made on each third day of a series for the level that the series really has some days
later; what it says is held against the day on which that level is met first. Trends are looked for
in weeks of such worlds in random order, so that each one that is found is a false alarm.
The worlds' hours are drawn from one minute each.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import NamedTuple

from local.world.engine import Script, ScriptedWorld
from local.world.truth import truth
from shared.catalog.metrics import CATALOG
from shared.domain.curves import Columns
from shared.domain.hour_lines import HourLines
from shared.domain.times import DAY, HOUR, MINUTE, Span
from shared.domain.trends.forecasts import OVER, path_to
from shared.domain.trends.slopes import Point
from shared.domain.trends.tendencies import NAMED, Direction, tendency

BEGINS = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 84
SEEDS = (1, 2, 3)
HORIZONS = (7, 14, 30)
EVERY = 3
"""Days from one forecast to the next."""
LOOKS = 400
MOST_FALSE = 0.06
"""Of the looks for a trend: each is 95 % sure."""
LEAST_INSIDE = {"storage": 0.95, "storage with imports": 0.6, "sessions": 0.9, "memory": 0.9}
"""The share of forecasts in whose interval the truth lies."""


def run(out: Callable[[str], None]) -> bool:
    """Print both tables; True when errors and false alarms keep to their limits."""
    worlds = [_hours(seed) for seed in SEEDS]
    out(f"{len(SEEDS)} worlds of {DAYS} days, forecasts from {OVER // DAY} days before them")
    out(f"{'series':>22} {'days ahead':>10} {'made':>5} {'off by':>10} {'in interval':>12}")
    good = [_judged(name, worlds, out) for name in SERIES]
    out(f"{'trend of':>22} {'days':>10} {'looks':>5} {'false':>10}")
    calm = [
        _false_alarms(metric, days, worlds, out) for metric in NAMED.values() for days in (14, 28)
    ]
    return all(good) and all(calm)


def _hours(seed: int) -> HourLines:
    """A calm world's metrics hour by hour."""
    world = ScriptedWorld(Script("calm", BEGINS), seed=seed)
    names = [*NAMED.values(), "storagePercent", "memoryUsage", "sessionsPercent", "throughput"]
    starts = [BEGINS + n * HOUR + 30 * MINUTE for n in range(24 * DAYS)]
    columns = {
        CATALOG.metric(name).column: _line([truth(world, name, at) for at in starts])
        for name in names
    }
    return HourLines(Span(BEGINS, BEGINS + DAYS * DAY), columns)


def _line(values: Sequence[float | None]) -> Columns:
    counts = [0 if value is None else 60 for value in values]
    totals = [60 * value if value is not None else 0.0 for value in values]
    return Columns(counts, values, values, totals)


def _storage(lines: HourLines, _: Random) -> list[Point]:
    return lines.days(CATALOG.metric("storagePercent"), CATALOG)


def _imports(lines: HourLines, dice: Random) -> list[Point]:
    """Each week an import of up to 5 % on some day, beside the usual growth."""
    points, more = [], 0.0
    for day, value in _storage(lines, dice):
        more += dice.uniform(0, 5) if dice.random() < 1 / 7 else 0.0
        points.append((day, value + more))
    return points


def _growing(metric: str, by: float, lines: HourLines, dice: Random) -> list[Point]:
    """The busiest hours of a business that grows by a share a day, each day 5 % more or less."""
    points = lines.busiest_hours(CATALOG.metric(metric), CATALOG)
    return [(day, value * (1 + by * (DAYS + day)) * dice.gauss(1, 0.05)) for day, value in points]


Series = Callable[[HourLines, Random], list[Point]]
SERIES: dict[str, Series] = {
    "storage": _storage,
    "storage with imports": _imports,
    "sessions": partial(_growing, "sessionsPercent", 0.01),
    "memory": partial(_growing, "memoryUsage", 0.004),
}


class Try(NamedTuple):
    """A forecast's error in days, and whether the truth lay between its ends."""

    off: float
    inside: bool


def _judged(name: str, worlds: Sequence[HourLines], out: Callable[[str], None]) -> bool:
    good = True
    for horizon in HORIZONS:
        tries = [
            one
            for seed, lines in zip(SEEDS, worlds, strict=True)
            for one in _tries(SERIES[name](lines, Random(seed)), horizon)
        ]
        off = statistics.median(abs(one.off) for one in tries)
        inside = sum(one.inside for one in tries) / len(tries)
        out(f"{name:>22} {horizon:>10} {len(tries):>5} {off:>5.1f} days {100 * inside:>10.0f} %")
        good = good and inside >= LEAST_INSIDE[name]
    return good


def _tries(points: Sequence[Point], horizon: int) -> Iterator[Try]:
    """What was said of the level that came so many days later, on each day on which it can be."""
    window = OVER // DAY
    for origin in range(window, len(points) - horizon, EVERY):
        before, after = points[origin - window : origin], points[origin : origin + horizon]
        limit = points[origin + horizon - 1][1]
        if any(value >= limit for _, value in before):
            continue
        path = path_to(before, limit)
        if path is None:
            continue
        actual = 1 + next(i for i, (_, value) in enumerate(after) if value >= limit)
        ends = path.earliest, path.latest if path.latest is not None else float("inf")
        # The newest day is a day long: it is met within it, or at its end.
        yield Try(path.about - actual, ends[0] - 1 <= actual <= ends[1] + 1)


def _false_alarms(
    name: str, days: int, worlds: Sequence[HourLines], out: Callable[[str], None]
) -> bool:
    """Weeks of the worlds are drawn at random, so that no two looks see the same ones in a row."""
    metric, dice = CATALOG.metric(name), Random(days)
    weeks = [_week(lines, first) for lines in worlds for first in range(0, DAYS, 7)]
    found = []
    for _ in range(LOOKS):
        looked_at = _joined(dice.sample(weeks, days // 7))
        found.append(tendency(metric, looked_at, CATALOG).direction is not Direction.STEADY)
    share = sum(found) / len(found)
    out(f"{name:>22} {days:>10} {len(found):>5} {100 * share:>8.1f} %")
    return share <= MOST_FALSE


def _week(lines: HourLines, first: int) -> HourLines:
    begin = BEGINS + first * DAY
    return lines.within(Span(begin, begin + 7 * DAY))


def _joined(weeks: Sequence[HourLines]) -> HourLines:
    """Weeks one after the other, whenever they were."""
    columns = {
        name: _line([value for week in weeks for value in week.columns[name].highs])
        for name in weeks[0].columns
    }
    return HourLines(Span(BEGINS, BEGINS + len(weeks) * 7 * DAY), columns)


if __name__ == "__main__":
    run(print)
