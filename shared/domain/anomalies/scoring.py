"""Every covered minute is judged once, in its order, in the merge that covers it.

Scores, and the detectors that know one minute more, are written with the minutes themselves in one
transaction: what was stored was judged, and what was not stored was not.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.domain.anomalies.detectors import Detector, Judged, step
from shared.domain.anomalies.kept import KeptDetectors, pack, unpack
from shared.domain.chunks import Merge
from shared.domain.metrics import Catalog, Metric

DIGITS = 4
SIGNIFICANT = "{:.4g}"


class Scored(NamedTuple):
    """The detectors as they are to be stored; `lost`: metrics whose stored one can't be read.

    Those begin anew, which costs them a silent day.
    """

    detectors: KeptDetectors
    lost: list[str]


def score_covered(
    merge: Merge, catalog: Catalog, read: Callable[[], KeptDetectors]
) -> Scored | None:
    """Judge what `merge` covers newly, and write the scores and bands into its hours.

    None when there was nothing to judge; then the detectors are not read either.
    """
    scored = [metric for metric in catalog.metrics if metric.score is not None]
    fresh = [(metric, samples) for metric in scored if (samples := merge.fresh(metric))]
    if not fresh:
        return None
    kept = read()
    packed, lost = dict(kept.packed), list[str]()
    for metric, samples in fresh:
        try:
            detector = _known(packed.get(metric.column))
        except ValueError as error:
            detector = None
            lost.append(f"{metric.name} ({error})")
        packed[metric.column] = pack(_after(detector, metric, samples, merge))
    return Scored(KeptDetectors(packed=packed, etag=kept.etag), lost)


def _after(
    detector: Detector | None,
    metric: Metric,
    samples: Sequence[tuple[datetime, float]],
    merge: Merge,
) -> Detector:
    """The detector after the samples, of which there is one at least; their scores are noted.

    What it has seen is passed over: a `latest` row that was lost must not double anything.
    """
    for at, value in samples:
        if detector is not None and at <= detector.seen:
            continue
        detector, judged = step(detector, at, value)
        for column, found in zip(written(metric), _figures(metric, judged), strict=True):
            merge.note(column, at, found)
    if detector is None:
        raise ValueError("a detector needs a sample to begin with")
    return detector


def written(metric: Metric) -> Sequence[str]:
    """The columns that judging a metric fills: its score, and the ends of its band."""
    return [] if metric.score is None else [metric.score, *(metric.expected or ())]


def _known(packed: bytes | None) -> Detector | None:
    """The stored detector; raises ValueError for one that can't be read."""
    return None if packed is None else unpack(packed)


def _figures(metric: Metric, judged: Judged) -> Sequence[float]:
    score = round(judged.score, DIGITS)
    return [score, *map(_short, _possible(metric, judged))] if metric.expected else [score]


def _possible(metric: Metric, judged: Judged) -> Sequence[float]:
    """The band as far as the metric can be there at all."""
    least, limit = metric.least, metric.limit
    low = judged.low if least is None else max(judged.low, least)
    high = judged.high if limit is None else min(judged.high, limit)
    return low, max(high, low)


def _short(value: float) -> float:
    return float(SIGNIFICANT.format(value))
