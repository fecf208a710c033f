"""Scores of a detector by the rules of the Numenta Anomaly Benchmark, version 1.1.

Source: numenta/NAB, nab/sweeper.py and nab/runner.py (Lavin and Ahmad, 2015, arXiv:1510.03336).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

PROBATION = 0.15
MOST_PROBATION = 750
FAR_BEHIND = 3.0

Span = tuple[int, int]
"""The places of a window's first and last point, both included."""


class Profile(NamedTuple):
    """What a found window earns, a false alarm costs, and a missed window costs."""

    found: float = 1.0
    false: float = 0.11
    missed: float = 1.0


STANDARD = Profile()


class Scored(NamedTuple):
    """A series that a detector has scored: 0–1 a point, and the windows that people labelled."""

    name: str
    scores: Sequence[float]
    windows: Sequence[Span]


class Outcome(NamedTuple):
    """A score of 0 is no detection at all, 100 a perfect detector; `threshold` or more is found."""

    score: float
    threshold: float


class _Point(NamedTuple):
    score: float
    worth: float
    window: tuple[str, int] | None


def spans(times: Sequence[datetime], windows: Iterable[tuple[datetime, datetime]]) -> list[Span]:
    """Windows of time as places in the series."""
    found = ((bisect_left(times, first), bisect_right(times, last) - 1) for first, last in windows)
    return [span for span in sorted(found) if span[0] <= span[1]]


def probation_of(length: int) -> int:
    """How many points at the beginning of a series count for nothing."""
    return min(math.floor(PROBATION * length), MOST_PROBATION)


def sigmoid(place: float) -> float:
    """From nearly 1 at place -1 through 0 at 0 to -1 far behind a window."""
    return -1.0 if place > FAR_BEHIND else 2 / (1 + math.exp(5 * place)) - 1


def best(series: Iterable[Scored], profile: Profile = STANDARD) -> Outcome:
    """The score at the one threshold that serves all the series together best."""
    series = list(series)
    outcomes = _sweep(series, profile)
    raw, threshold = max(outcomes, key=lambda one: one[0])
    return Outcome(_normal(raw, series, profile), threshold)


def score_at(threshold: float, series: Iterable[Scored], profile: Profile = STANDARD) -> Outcome:
    """The score at a threshold that is given."""
    series = list(series)
    raw = max(
        (one for one in _sweep(series, profile) if one[1] >= threshold), key=lambda one: -one[1]
    )[0]
    return Outcome(_normal(raw, series, profile), threshold)


def held_out(series: Iterable[Scored]) -> list[float]:
    """What each series adds to the score at the threshold that is best for all the others.

    Their sum is a score of 100 at most: that of a threshold which no series has had a say in.
    """
    series = list(series)
    sweeps = [_sweep([one], STANDARD) for one in series]
    thresholds = sorted({threshold for sweep in sweeps for _, threshold in sweep}, reverse=True)
    raws = [list(_raws(sweep, thresholds)) for sweep in sweeps]
    together = [sum(column) for column in zip(*raws, strict=True)]
    windows = sum(len(one.windows) for one in series) or 1
    return [
        50 * (_unasked(own, together) + len(one.windows)) / windows
        for one, own in zip(series, raws, strict=True)
    ]


def _unasked(own: Sequence[float], together: Sequence[float]) -> float:
    """A series' raw score at the place where the others have their best."""
    return own[max(range(len(own)), key=lambda place: together[place] - own[place])]


def _raws(sweep: Sequence[tuple[float, float]], thresholds: Iterable[float]) -> Iterator[float]:
    """The raw score at each of falling thresholds."""
    place = 0
    for threshold in thresholds:
        while place + 1 < len(sweep) and sweep[place + 1][1] >= threshold:
            place += 1
        yield sweep[place][0]


def _normal(raw: float, series: Sequence[Scored], profile: Profile) -> float:
    windows = sum(len(one.windows) for one in series)
    nothing, perfect = -profile.missed * windows, profile.found * windows
    return 100 * (raw - nothing) / (perfect - nothing) if windows else 0.0


def _sweep(series: Sequence[Scored], profile: Profile) -> list[tuple[float, float]]:
    """The raw score at every threshold that changes it, from the one that nothing reaches."""
    points = [point for one in series for point in _points(one, profile)]
    points.sort(key=lambda point: -point.score)
    earned = {point.window: -profile.missed for point in points if point.window is not None}
    always = -profile.missed * (sum(len(one.windows) for one in series) - len(earned))
    costs, total = 0.0, sum(earned.values())
    outcomes = [(always + total, math.inf)]
    for threshold, level in groupby(points, key=lambda point: point.score):
        for point in level:
            if point.window is None:
                costs += point.worth
            elif point.worth > earned[point.window]:
                total += point.worth - earned[point.window]
                earned[point.window] = point.worth
        outcomes.append((always + total + costs, threshold))
    return outcomes


def _points(series: Scored, profile: Profile) -> Iterable[_Point]:
    """What a detection at each point after probation is worth; negative outside the windows."""
    before: Span | None = None
    ahead = list(series.windows)
    first = probation_of(len(series.scores))
    for place, score in enumerate(series.scores):
        if ahead and place > ahead[0][1]:
            before = ahead.pop(0)
        inside = bool(ahead) and place >= ahead[0][0]
        if place >= first:
            worth = (
                _found(place, ahead[0]) * profile.found
                if inside
                else (_false(place, before) * profile.false)
            )
            yield _Point(score, worth, (series.name, ahead[0][0]) if inside else None)


def _found(place: int, window: Span) -> float:
    """1 at the window's start, falling to nearly 0 at its end."""
    width = window[1] - window[0] + 1
    return sigmoid(-(window[1] - place + 1) / width) / sigmoid(-1.0)


def _false(place: int, before: Span | None) -> float:
    """-1 where no window lies before, or far behind one; 0 directly behind it."""
    if before is None:
        return -1.0
    return sigmoid((place - before[1]) / max(before[1] - before[0], 1))
