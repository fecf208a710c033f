"""Ranges of the past: how long, in which steps, and on which even grid they are drawn."""

import math
from datetime import UTC, datetime, timedelta
from enum import Enum

from msgspec import Struct

from shared.domain.errors import InvalidInput
from shared.domain.times import DAY, HOUR, MINUTE, floor_minute

RANGES = {
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": HOUR,
    "3h": timedelta(hours=3),
    "6h": timedelta(hours=6),
    "12h": timedelta(hours=12),
    "24h": timedelta(hours=24),
    "3d": timedelta(days=3),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
}
DEFAULT_RANGE = "1h"

MOST_POINTS = 2000
"""Of one series: more can't be told apart on any screen."""

STEPS = (
    (timedelta(hours=6), MINUTE),
    (timedelta(days=3), timedelta(minutes=5)),
    (timedelta(days=80), HOUR),
    (timedelta(days=120), timedelta(hours=6)),
    (MOST_POINTS * DAY, DAY),
)
"""Up to which length which step is cheap to read and not too many points."""
LONGEST = STEPS[-1][0]

SUMMARIES_UP_TO = timedelta(days=14)
"""So far hours come from their own rows, as new as the last pass; beyond, from their days'."""

MOST_CELLS = 6000
"""Properties of rows that one answer reads, at some 20 µs each."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Detail(Enum):
    """What a step is made of: the finest stored pieces that it does not cut."""

    MINUTES = MINUTE
    HOURS = HOUR
    QUARTERS = 6 * HOUR
    DAYS = DAY


class Grid(Struct, frozen=True):
    """`count` even steps from `start` on; the last one may still be running."""

    start: datetime
    step: timedelta
    count: int

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.start + self.count * self.step

    @property
    def starts(self) -> tuple[datetime, ...]:
        """Where each step begins."""
        return tuple(self.start + i * self.step for i in range(self.count))

    @property
    def detail(self) -> Detail:
        """The stored pieces that its steps are made of."""
        return detail_of(self.step)


def detail_of(step: timedelta) -> Detail:
    """The largest stored pieces that no step cuts."""
    return next(one for one in reversed(Detail) if not step % one.value)


def affordable(step: timedelta, columns: int) -> float:
    """How many steps of so many metrics one answer reads at most."""
    row = {Detail.MINUTES: HOUR, Detail.HOURS: DAY}.get(detail_of(step))
    return math.inf if row is None else MOST_CELLS * row / (columns * step)


def check_price(grid: Grid, columns: int) -> None:
    """Raise InvalidInput when the grid's rows have more to read than one answer should."""
    if grid.count > affordable(grid.step, columns):
        raise InvalidInput(
            "that reads too much at once; ask for fewer metrics, a shorter range or a longer step"
        )


def step_for(length: timedelta) -> timedelta:
    """How finely a range of that length is drawn when nobody says; raises InvalidInput."""
    found = next((step for longest, step in STEPS if length <= longest), None)
    if found is None:
        raise InvalidInput(f"a range is at most {LONGEST // DAY:,} days long")
    return found


def grid_of(length: timedelta, now: datetime, step: timedelta | None = None) -> Grid:
    """The range that ends with the step of the last full minute, on whole steps."""
    step = _checked(step or step_for(length), length)
    end = floor_step(floor_minute(now) - MINUTE, step) + step
    count = -(-length // step)
    return Grid(end - count * step, step, count)


def grid_between(
    start: datetime,
    end: datetime,
    now: datetime,
    step: timedelta | None = None,
    *,
    minutes_kept: timedelta = timedelta.max,
) -> Grid:
    """The whole steps that [start, end) touches, up to the one of the last full minute.

    `minutes_kept`: what is older is known by the hour. Raises InvalidInput for a range that is
    empty, has not begun, or has too many steps.
    """
    end = min(end, floor_minute(now))
    check_order(start, end)
    step = step or usual_step(start, end, now, minutes_kept=minutes_kept)
    first = floor_step(start, step)
    _checked(step, end - first)
    check_kept(start, step, now, minutes_kept)
    return Grid(first, step, -(-(end - first) // step))


def usual_step(
    start: datetime, end: datetime, now: datetime, *, minutes_kept: timedelta = timedelta.max
) -> timedelta:
    """How finely [start, end) is drawn when nobody says; raises InvalidInput.

    The longest range, widened to whole steps, could have one too many: it takes longer ones.
    """
    check_order(start, end)
    step = max(step_for(end - start), MINUTE if now - start <= minutes_kept else HOUR)
    return step if end - floor_step(start, step) <= MOST_POINTS * step else 2 * step


def check_order(start: datetime, end: datetime) -> None:
    """Raise InvalidInput for a range that is empty."""
    if not start < end:
        raise InvalidInput("a range has its start before its end, and before now")


def check_kept(start: datetime, step: timedelta, now: datetime, minutes_kept: timedelta) -> None:
    """Raise InvalidInput when the steps are made of minutes that are not kept so long."""
    if step % HOUR and now - start > minutes_kept:
        raise InvalidInput(
            f"minutes are kept for {minutes_kept // DAY} days; ask for steps of whole hours"
        )


def floor_step(at: datetime, step: timedelta) -> datetime:
    """The start of the step that `at` lies in; steps are counted from 1970 on."""
    return at - (at - _EPOCH) % step


def _checked(step: timedelta, length: timedelta) -> timedelta:
    if length / step > MOST_POINTS:
        raise InvalidInput(
            f"a series has at most {MOST_POINTS:,} points, so the step is at least "
            f"{-(-length // (MOST_POINTS * MINUTE))} minutes"
        )
    return step
