"""What detectors thought of a range: how unusual each step was, and what would have been usual.

Both are stored when a minute is covered (scoring); here they are drawn like any figure.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.curves import Curve, Values
from shared.domain.metrics import Kind, Metric, Within
from shared.domain.ranges import Detail, Grid


class Usual(Struct, frozen=True):
    """Of each step the highest score (0–1), and the band that was expected; None: not judged."""

    score: Values
    low: Values
    high: Values


def judgements(metrics: Iterable[Metric], grid: Grid) -> list[Metric]:
    """The columns that detectors write, as metrics that can be drawn over the grid.

    Of judged metrics alone; beyond minutes nothing but the score is stored.
    """
    return [one for metric in metrics for one in _judgements(metric)[: _known(grid)]]


def _known(grid: Grid) -> int:
    return 3 if grid.detail is Detail.MINUTES else 1


def usual_of(metric: Metric, curves: Mapping[str, Curve]) -> Usual | None:
    """What was drawn of the metric's judgements, by column; None when no detector judges it."""
    if not metric.judged:
        return None
    score, *band = (curves.get(one.name) for one in _judgements(metric))
    if score is None:
        return None
    none = (None,) * len(score.highs)
    low, high = (none if one is None else one.values for one in band)
    return Usual(score.highs, low, high)


def _judgements(metric: Metric) -> list[Metric]:
    columns = filter(None, (metric.score, *(metric.expected or ())))
    return [
        replace(
            metric,
            name=column,
            column=column,
            kind=Kind.GAUGE,
            within=Within.MAX,
            of=None,
            statistic=None,
            judged=False,
        )
        for column in columns
    ]
