"""The detector on recorded series, scored by the benchmark's rules: `make bench ARGS=anomaly`.

Half of the series were never looked at while its configuration was chosen.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from local.anomaly import signals
from local.anomaly_scores import Profile, Scored, best, held_out, score_at, spans
from local.disturbances import Labelled
from local.recordings import Point, read_csv
from shared.domain.anomalies.detectors import Detector, step
from shared.domain.anomalies.listing import LEAST, TOGETHER
from shared.domain.times import floor_minute

ROOT = Path(__file__).parent.parent
TRACES = Path(os.environ.get("PANTRY_TRACES", ROOT.parent / "shared" / "traces"))
LABELS = "anomaly_windows.json"
LEAST_SCORE = 60.0
"""Of all series together at the one threshold that the benchmark chooses."""
MOST_MICROSECONDS = 30.0
LOWER = 0.55
WEEK = timedelta(days=7)
PROFILES = {
    "standard": Profile(),
    "low FP": Profile(false=0.22),
    "low FN": Profile(missed=2.0),
}


def run(say: Callable[[str], None]) -> bool:
    """Whether the score of all series and the time a point are within their limits."""
    if not (TRACES / LABELS).exists():
        say(f"skipped: no recorded series in {TRACES}; name their folder in PANTRY_TRACES")
        return True
    read = list(recorded())
    began = time.process_time()
    series = [Scored(one.name, list(signals(one.points)), one.windows) for one in read]
    points = sum(len(one.scores) for one in series)
    each = (time.process_time() - began) / points * 1e6
    tuned = [one for one in series if is_tuned_on(one.name)]
    unseen = [one for one in series if not is_tuned_on(one.name)]
    threshold = best(tuned).threshold
    for name, part in (("tuned on", tuned), ("never tuned on", unseen), ("all", series)):
        say(f"{name + ':':<16}" + _line(part))
    say(f"never tuned on, at the other half's threshold: {score_at(threshold, unseen).score:.1f}")
    say(f"tuned on, each at the threshold of the others: {sum(held_out(tuned)):.1f}")
    _say_scores([one for one in read if is_tuned_on(one.name)], say)
    say(f"{points:,} points, {each:.1f} µs of CPU each (limit {MOST_MICROSECONDS:g})")
    return best(series).score >= LEAST_SCORE and each <= MOST_MICROSECONDS


def _line(series: Sequence[Scored]) -> str:
    windows = sum(len(one.windows) for one in series)
    scores = (f"{name} {best(series, given).score:5.1f}" for name, given in PROFILES.items())
    found = best(series)
    return (
        f"{', '.join(scores)}; {len(series)} series, {windows} windows, "
        f"threshold {found.threshold:.4f}"
    )


def _say_scores(tuned: Sequence[Labelled], say: Callable[[str], None]) -> None:
    """What a rule on the scores would meet: unusual values as the report's list tells them."""
    weeks = sum((one.points[-1][0] - one.points[0][0]) / WEEK for one in tuned)
    windows = sum(len(one.windows) for one in tuned)
    scored = [(one, list(_scores(one.points))) for one in tuned]
    for least in (LEAST, LOWER):
        found = sum(
            max(scores[first : last + 1]) >= least
            for one, scores in scored
            for first, last in one.windows
        )
        false = sum(_outside(one, scores, least) for one, scores in scored)
        say(
            f"tuned on, a score of {least:g}: in {found} of {windows} windows, "
            f"{false} times outside in {weeks:.0f} weeks"
        )


def _scores(points: Iterable[Point]) -> Iterator[float]:
    detector: Detector | None = None
    for at, value in points:
        detector, judged = step(detector, at, value)
        yield judged.score


def _outside(one: Labelled, scores: Sequence[float], least: float) -> int:
    """How many times outside the windows; unusual points at most TOGETHER apart are one."""
    times = [
        at
        for place, ((at, _), score) in enumerate(zip(one.points, scores, strict=True))
        if score >= least and not any(first <= place <= last for first, last in one.windows)
    ]
    return len(times) - sum(after - before <= TOGETHER for before, after in pairwise(times))


def is_tuned_on(name: str) -> bool:
    """Whether the SHA-1 of `folder/file.csv` ends in an even hex digit."""
    return int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[-1], 16) % 2 == 0


def recorded() -> Iterator[Labelled]:
    """The labelled series, by name."""
    labels = msgspec.json.decode((TRACES / LABELS).read_bytes(), type=dict[str, list[list[str]]])
    for name, windows in sorted(labels.items()):
        points = read_csv(TRACES / name)
        times = [(_minute(first), _minute(last)) for first, last in windows]
        yield Labelled(name, points, spans([at for at, _ in points], times))


def _minute(text: str) -> datetime:
    return floor_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))
