"""How unusual is a point for its series? Detectors learn as they go and never look ahead.

One configuration serves every series: docs/anomalies.md says how it works and what it can't do.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.anomalies.ranks import History, single
from shared.domain.times import DAY

GRAIN = timedelta(minutes=5)
"""What the rates below are for; points that come faster count less, slower ones not more."""
KEPT_EVERY = 3 * GRAIN
"""Histories take at most one point of so much time."""
SILENT_FOR = DAY
"""Whoever has not seen a day does not know what is usual."""
LEARNS = 0.05
"""How much of a point goes into its hour's habit."""
SMOOTHS = 0.1
"""Likewise into the residual."""
SETTLES = 0.01
"""Likewise into the level, which serves hours without a habit."""
FADES = 0.001
"""How much of the peak goes with each point."""
DAMPS = 0.7
"""How much of the peak a signal must be above."""
HALF = 4.0
"""The surprise that scores 0.5."""
WIDTH = 4.0
"""The band in mean absolute deviations: ±3.2 standard deviations of a normal one."""
HOURS = 24
_UNKNOWN = (None,) * (2 * HOURS)


class Habit(Struct, frozen=True):
    """What is usual in one hour of the day, on work days or at weekends: mean and mean deviation.

    `seen`: how many points it is made of, counted in GRAINs, as long as there are few.
    """

    mean: float
    deviation: float
    seen: float = 0.0


class Detector(Struct, frozen=True, kw_only=True):
    """All that is known of a series: a value, a few kilobytes.

    `habits`: of the 24 hours in UTC of a work day, then of a weekend's. `level` and `deviation`
    are the series' own, for hours that are new. `residual`: the smoothed distance from habit.
    `peak`: the greatest surprise so far, fading. `kept_at`: when the histories last took a point.
    """

    began: datetime
    seen: datetime
    kept_at: datetime
    level: float
    deviation: float = 0.0
    residual: float = 0.0
    peak: float = 0.0
    habits: tuple[Habit | None, ...] = _UNKNOWN
    values: History = History()
    residuals: History = History()


class Judged(Struct, frozen=True):
    """A point's scores, 0–1, and the band in which it was expected.

    `score`: how unusual it is. `signal`: the same for the one point of an episode that stands out
    from the surprises of the last days, else 0.
    """

    score: float
    signal: float
    low: float
    high: float


def step(detector: Detector | None, at: datetime, value: float) -> tuple[Detector, Judged]:
    """What is known after one more point, and how unusual that was before it was known.

    `detector` None: the first point of a series. `at` must not be earlier than the point before.
    """
    known = detector or Detector(began=at, seen=at, kept_at=at - KEPT_EVERY, level=value)
    pace = 1.0 if detector is None else min((at - known.seen) / GRAIN, 1.0)
    place = at.hour + HOURS * (at.weekday() >= 5)
    habit = _habit(known, place)
    off = value - habit.mean
    residual = known.residual + _rate(SMOOTHS, pace) * (off - known.residual)
    value_kept, residual_kept = single(value), single(residual)
    surprise = 0.0
    if at - known.began >= SILENT_FOR:
        surprise = known.values.surprise(value_kept) + known.residuals.surprise(residual_kept)
    is_kept = at - known.kept_at >= KEPT_EVERY
    learned = Detector(
        began=known.began,
        seen=at,
        kept_at=at if is_kept else known.kept_at,
        level=known.level + _rate(SETTLES, pace) * (value - known.level),
        deviation=known.deviation + _rate(SETTLES, pace) * (abs(off) - known.deviation),
        residual=residual,
        peak=max(surprise, known.peak * (1 - _rate(FADES, pace))),
        habits=_with(known.habits, place, _learned(habit, off, pace)),
        values=known.values.with_one(value_kept) if is_kept else known.values,
        residuals=known.residuals.with_one(residual_kept) if is_kept else known.residuals,
    )
    return learned, _judged(surprise, known.peak, habit)


def _rate(rate: float, pace: float) -> float:
    """A rate per GRAIN for a point that comes after `pace` of it."""
    return rate if pace == 1.0 else 1 - (1 - rate) ** pace


def _habit(known: Detector, place: int) -> Habit:
    """The hour's own habit; of one that is new that of the other days' same hour, or the level."""
    other = known.habits[(place + HOURS) % (2 * HOURS)]
    found = known.habits[place]
    if found is None:
        usual = other or Habit(known.level, known.deviation)
        found = Habit(usual.mean, usual.deviation)
    return found


def _learned(habit: Habit, off: float, pace: float) -> Habit:
    """The first points are averaged, so that a new habit is soon a good one."""
    seen = habit.seen + pace
    rate = max(_rate(LEARNS, pace), pace / (seen + 1))
    return Habit(
        habit.mean + rate * off, habit.deviation + rate * (abs(off) - habit.deviation), seen
    )


def _with(habits: tuple[Habit | None, ...], place: int, habit: Habit) -> tuple[Habit | None, ...]:
    return (*habits[:place], habit, *habits[place + 1 :])


def _judged(surprise: float, peak: float, habit: Habit) -> Judged:
    signal = surprise - DAMPS * peak if surprise > peak else 0.0
    width = WIDTH * habit.deviation
    return Judged(_share(surprise), _share(signal), habit.mean - width, habit.mean + width)


def _share(surprise: float) -> float:
    return surprise / (surprise + HALF)
