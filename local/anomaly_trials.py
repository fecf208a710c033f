"""Other configurations of the detector on the half that it was tuned on: were they any better?

`python -m local.anomaly_trials` scores the shipped one and others on the labelled series themselves
and on disturbed copies, each series at the threshold of the eight others. The other half of the
series is never scored here: what is chosen by it is no longer unseen.
"""

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean, median, stdev
from typing import NamedTuple

from local.anomaly_scores import Scored, best, held_out
from local.bench_anomaly import LABELS, TRACES, is_tuned_on, recorded
from local.disturbances import DISTURBANCES, Labelled
from local.recordings import Point
from shared.domain.anomalies.detectors import (
    DAMPS,
    FADES,
    HALF,
    SILENT_FOR,
    Detector,
    step,
)
from shared.domain.anomalies.ranks import FEWEST, History, single

QUICK = 0.2
"""How much of a point goes into the mean and the gap of late."""
NEAREST = 5
SOONER = 2 * FADES


class Seen(NamedTuple):
    """The surprises of a point: its value, its residual, the mean of the last points, their gap.

    A gap is how far the nearest values lie that were seen before.
    """

    value: float = 0.0
    residual: float = 0.0
    mean: float = 0.0
    gap: float = 0.0


class Trial(NamedTuple):
    """What makes a point's surprise, and how much of the peak goes with each point."""

    surprise: Callable[[Seen], float]
    fades: float


SHIPPED = Trial(lambda seen: seen.value + seen.residual, FADES)
OTHERS = {
    "the peak fades twice as fast": SHIPPED._replace(fades=SOONER),
    "with the mean, or the residual": Trial(
        lambda seen: seen.value + max(seen.mean, seen.residual), SOONER
    ),
    "with the mean, and the gap": Trial(lambda seen: seen.value + seen.mean + seen.gap, SOONER),
}


def watch(points: Iterable[Point]) -> Iterator[Seen]:
    """The surprises of every point; points of five minutes or slower."""
    detector: Detector | None = None
    mean, gap, means, gaps = math.nan, 0.0, History(), History()
    for at, value in points:
        before = detector or Detector(began=at, seen=at, kept_at=at - SILENT_FOR, level=value)
        detector, _ = step(detector, at, value)
        mean = value if math.isnan(mean) else mean + QUICK * (value - mean)
        gap += QUICK * (_gap(before.values, value) - gap)
        if at - before.began < SILENT_FOR:
            yield Seen()
        else:
            yield Seen(
                before.values.surprise(single(value)),
                before.residuals.surprise(single(detector.residual)),
                means.surprise(single(mean)),
                _one_sided(gaps, single(gap)),
            )
        if detector.kept_at > before.kept_at:
            means, gaps = means.with_one(single(mean)), gaps.with_one(single(gap))


def _gap(history: History, value: float) -> float:
    """How far the fifth nearest number of a history is; 0 while there are no more."""
    ordered = history.ordered
    if len(ordered) <= NEAREST:
        return 0.0
    place = bisect_left(ordered, value)
    around = ordered[max(place - NEAREST, 0) : place + NEAREST]
    return sorted(abs(value - one) for one in around)[NEAREST - 1]


def _one_sided(history: History, value: float) -> float:
    """-log10 of the p-value of so great a number, where History asks on either side."""
    count = len(history.ordered)
    if count < FEWEST:
        return 0.0
    greater = (count - bisect_left(history.ordered, value) + 0.5) / (count + 1)
    return history.surprise(value) + math.log10(2) if greater <= 0.5 else -math.log10(greater)


def signals(seen: Iterable[Seen], trial: Trial) -> Iterator[float]:
    """The signals that a trial makes of surprises, as the detector makes them."""
    peak = 0.0
    for one in seen:
        surprise = trial.surprise(one)
        above = surprise - DAMPS * peak if surprise > peak else 0.0
        peak = max(surprise, peak * (1 - trial.fades))
        yield above / (above + HALF)


class Found(NamedTuple):
    """A trial's best score, and what each series adds at the threshold of the others."""

    best: float
    held_out: Sequence[float]


def found(copy: Sequence[tuple[Labelled, list[Seen]]], trial: Trial) -> Found:
    """The scores of a trial on series that were watched."""
    series = [Scored(one.name, list(signals(seen, trial)), one.windows) for one, seen in copy]
    return Found(best(series).score, held_out(series))


def run(say: Callable[[str], None]) -> None:
    """Say the scores of all trials, and what the others gain on each series over the shipped."""
    tuned = [one for one in recorded() if is_tuned_on(one.name)]
    copies = [_watched(tuned)]
    copies += [_watched([disturb(one) for one in tuned]) for disturb in DISTURBANCES.values()]
    shipped = [found(copy, SHIPPED) for copy in copies]
    say(f"{'as shipped:':<32}{_line(shipped)}")
    for name, trial in OTHERS.items():
        other = [found(copy, trial) for copy in copies]
        say(f"{name + ':':<32}{_line(other)}; {_gained(shipped, other)}")


def _watched(series: Iterable[Labelled]) -> list[tuple[Labelled, list[Seen]]]:
    return [(one, list(watch(one.points))) for one in series]


def _line(copies: Sequence[Found]) -> str:
    own, *disturbed = copies
    return (
        f"{own.best:.1f}, held out {sum(own.held_out):.1f}; disturbed "
        f"{fmean(one.best for one in disturbed):.1f}, held out "
        f"{fmean(sum(one.held_out) for one in disturbed):.1f}"
    )


def _gained(shipped: Sequence[Found], other: Sequence[Found]) -> str:
    """In points of the score, held out, over all copies; the error is that of nine series."""
    gains = [a - b for a, b in zip(_each(other), _each(shipped), strict=True)]
    error = stdev(gains) * math.sqrt(len(gains))
    better = sum(gain > 0 for gain in gains)
    return (
        f"{sum(gains):+.1f} ± {error:.1f}, better on {better} of {len(gains)} series, "
        f"the middle one {median(gains) * len(gains):+.1f}"
    )


def _each(copies: Sequence[Found]) -> list[float]:
    return [fmean(column) for column in zip(*(one.held_out for one in copies), strict=True)]


if __name__ == "__main__":
    if not (TRACES / LABELS).exists():
        sys.exit(f"no recorded series in {TRACES}; name their folder in PANTRY_TRACES")
    run(print)
