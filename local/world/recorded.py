"""A recorded series as a scene: the rows of a CSV drive one quantity of the world."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import inf
from pathlib import Path

from local.recordings import Point, read_csv
from local.world.levels import Levels
from local.world.scenes import Scene
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, minutes_between

Drive = Callable[[Levels, float], Levels]
_LEAST_TRAFFIC = 20
"""A recorded latency needs requests that can be slow."""


def _dtu(levels: Levels, percent: float) -> Levels:
    return replace(
        levels,
        database_cpu=percent,
        database_io=min(levels.database_io, percent),
        database_log=min(levels.database_log, percent),
        database_noise=0,
    )


def _latency(levels: Levels, milliseconds: float) -> Levels:
    return replace(
        levels,
        traffic=max(levels.traffic, _LEAST_TRAFFIC),
        latency_ms=milliseconds,
        latency_spread=0,
        wait_ms=0,
    )


def _memory(levels: Levels, megabytes: float) -> Levels:
    platform = min(levels.platform_mb, megabytes)
    return replace(levels, platform_mb=platform, resident_mb=megabytes - platform, plan_noise=0)


def _cpu(levels: Levels, percent: float) -> Levels:
    return replace(levels, plan_cpu=percent, plan_noise=0)


def _requests(levels: Levels, a_minute: float) -> Levels:
    return replace(levels, traffic=a_minute)


QUANTITIES: Mapping[str, Drive] = {
    "dtu": _dtu,
    "latency": _latency,
    "memory": _memory,
    "cpu": _cpu,
    "requests": _requests,
}
"""DTU and CPU in percent, latency in ms, and the plan's MB are met exactly; the requests of a
minute only on average."""


@dataclass(frozen=True)
class Recorded(Scene):
    """One quantity follows a recording; a value holds until the next one."""

    quantity: str = "dtu"
    values: tuple[tuple[int, float], ...] = ()
    """Minutes after the beginning, and values."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantity not in QUANTITIES:
            raise InvalidInput(f"No quantity {self.quantity!r}; there are {', '.join(QUANTITIES)}")

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """The last value at or before that moment takes the quantity's place."""
        place = bisect_right(self.values, (into // MINUTE, inf)) - 1
        if place < 0:
            return levels
        return QUANTITIES[self.quantity](levels, self.values[place][1])


def recorded(path: Path, begins: datetime, *, quantity: str, scale: float = 1.0) -> Recorded:
    """The scene that plays a file's values times `scale` at their own pace; raises InvalidInput."""
    values = _from_first(read_csv(path, scale=scale))
    grain = min((after - at for (at, _), (after, _) in pairwise(values)), default=1)
    return Recorded(begins, values[-1][0] + grain, quantity, values)


def _from_first(points: list[Point]) -> tuple[tuple[int, float], ...]:
    """Minutes after the first point; of doubled timestamps the last one counts."""
    first = points[0][0]
    return tuple({minutes_between(first, at): value for at, value in points}.items())
