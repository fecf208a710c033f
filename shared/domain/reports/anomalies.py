"""The anomalies of a report: the worst of what a detector found, and of the client's DTU spikes."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from shared.domain.anomalies.listing import (
    DTU_SPIKE,
    UNUSUAL,
    Anomaly,
    dtu_spikes,
    unusual,
)
from shared.domain.metrics import Catalog
from shared.domain.quantities import quantity
from shared.domain.series import Chunks
from shared.domain.times import Span

SPIKING = "dtuUtilization"
MOST = 50
"""Of each type: the client's rule calls one minute in twenty a spike, by its nature."""


class Anomalies(Struct, frozen=True, kw_only=True):
    """The worst of each type, oldest first; `counts`: how many of each type there were in all."""

    worst: tuple[Anomaly, ...]
    counts: dict[str, int]
    sentence: str


def anomalies(chunks: Chunks, span: Span, catalog: Catalog, measured: Collection[str]) -> Anomalies:
    """What was unusual in the span, from hours with the minutes of DTU, and of what was unusual.

    `measured`: the columns of which anything is known in the span; silence is not called calm.
    """
    found = [one for metric in catalog.metrics for one in unusual(metric, chunks, span)]
    spikes = dtu_spikes(catalog.metric(SPIKING), chunks, span)
    worst = [*_worst(found), *_worst(spikes)]
    return Anomalies(
        worst=tuple(sorted(worst, key=lambda one: (one.timestamp, one.type, one.metric))),
        counts={UNUSUAL: len(found), DTU_SPIKE: len(spikes)},
        sentence=f"{_of_unusual(found, catalog, measured)} {_of_spikes(spikes, measured)}",
    )


def _worst(found: Iterable[Anomaly]) -> list[Anomaly]:
    """By severity, then by how unusual it was."""
    ranked = sorted(found, key=lambda one: (-one.severity.rank, -_size(one), one.timestamp))
    return ranked[:MOST]


def _size(one: Anomaly) -> float:
    """The detector's score; of a spike, how far it lies from the mean."""
    if one.score is not None or one.expected is None:
        return one.score or 0.0
    return abs(one.value - (one.expected.low + one.expected.high) / 2)


def _of_unusual(found: Sequence[Anomaly], catalog: Catalog, measured: Collection[str]) -> str:
    judged = {metric.column for metric in catalog.metrics if metric.score is not None}
    if not judged:
        return "No detector judges any metric."
    if not found and judged.isdisjoint(measured):
        return "Nothing was measured that a detector judges."
    if not found:
        return "Nothing was unusual beside the days before it."
    return f"{len(found)} unusual stretch{'' if len(found) == 1 else 'es'}, beside the days before."


def _of_spikes(spikes: Sequence[Anomaly], measured: Collection[str]) -> str:
    """The client's rule is about minutes: they are counted, and the highest is named."""
    if not spikes and SPIKING not in measured:
        return "DTU was not measured."
    if not spikes:
        return "No minute of DTU was more than two standard deviations from its mean."
    top = max(spikes, key=lambda one: one.value)
    count = f"{len(spikes):,} minute{'' if len(spikes) == 1 else 's'}"
    highest = f"{quantity(top.value, '%')} at {top.timestamp:%Y-%m-%d %H:%M} UTC"
    said = f"In {count} DTU was more than two standard deviations from its mean"
    return f"{said}; the highest was {highest}."
