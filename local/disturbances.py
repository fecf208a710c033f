"""Labelled series made slightly different, to see whether a detector lives by their accidents."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import NamedTuple

from local.anomaly_scores import Span
from local.recordings import Point

NOISE = 0.15
"""Of the span of the middle half."""
LOST = 0.1
DRIFT = 0.5
"""How much higher a series is at its end."""


class Labelled(NamedTuple):
    """A series and the windows in which an anomaly is to be found."""

    name: str
    points: Sequence[Point]
    windows: Sequence[Span]


def _moved(by: timedelta) -> Callable[[Labelled], Labelled]:
    return lambda one: one._replace(points=[(at + by, value) for at, value in one.points])


def _begun_later(share: float) -> Callable[[Labelled], Labelled]:
    return lambda one: _only(one, range(int(share * len(one.points)), len(one.points)))


def _bent(bend: Callable[[float], float]) -> Callable[[Labelled], Labelled]:
    """Values as multiples of the median above the least, bent."""

    def bent(one: Labelled) -> Labelled:
        ordered = sorted(value for _, value in one.points)
        least = ordered[0]
        unit = ordered[len(ordered) // 2] - least or 1.0
        points = [(at, bend((value - least) / unit)) for at, value in one.points]
        return one._replace(points=points)

    return bent


def _noisy(one: Labelled) -> Labelled:
    ordered = sorted(value for _, value in one.points)
    spread = ordered[3 * len(ordered) // 4] - ordered[len(ordered) // 4]
    random = Random(one.name)
    points = [(at, value + random.gauss(0, NOISE * spread)) for at, value in one.points]
    return one._replace(points=points)


def _drifting(one: Labelled) -> Labelled:
    count = len(one.points)
    points = [(at, v * (1 + DRIFT * place / count)) for place, (at, v) in enumerate(one.points)]
    return one._replace(points=points)


def _thinned(one: Labelled) -> Labelled:
    random = Random(one.name)
    return _only(one, [place for place in range(len(one.points)) if random.random() >= LOST])


def _halved(one: Labelled) -> Labelled:
    return _only(one, range(0, len(one.points), 2))


def _only(one: Labelled, places: Sequence[int]) -> Labelled:
    """The points at some places; a window that keeps none is no more."""
    found = ((bisect_left(places, a), bisect_right(places, b) - 1) for a, b in one.windows)
    windows = [span for span in found if span[0] <= span[1]]
    return Labelled(one.name, [one.points[place] for place in places], windows)


DISTURBANCES: Mapping[str, Callable[[Labelled], Labelled]] = {
    "begun later": _begun_later(0.06),
    "begun much later": _begun_later(0.12),
    "with noise": _noisy,
    "5 hours later": _moved(timedelta(hours=5)),
    "3 days and 11 hours later": _moved(timedelta(days=3, hours=11)),
    "every other point": _halved,
    "a tenth lost": _thinned,
    "drifting": _drifting,
    "logarithms": _bent(lambda value: math.log1p(3 * value)),
    "powers": _bent(lambda value: value**1.5),
}
