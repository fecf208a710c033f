"""A metric's last hour as a message can show it, beside its threshold and the episode.

Of an anomaly the metric is shown without a threshold: a score has neither its unit nor its scale.
"""

from datetime import datetime

from msgspec import Struct

from shared.domain.conditions import Anomaly
from shared.domain.episodes import Event
from shared.domain.metrics import Metric
from shared.domain.samples import Gap
from shared.domain.series import Chunks, read_cells
from shared.domain.times import HOUR, MINUTE

FEWEST = 2
"""Fewer values than these make no line."""


class Trail(Struct, frozen=True, kw_only=True):
    """One value a minute from `first` on; None is a gap. The episode is [bad_from, bad_until)."""

    label: str
    unit: str
    first: datetime
    values: tuple[float | None, ...]
    threshold: float | None
    bad_from: datetime
    bad_until: datetime

    @property
    def end(self) -> datetime:
        """The end of the last minute."""
        return self.first + len(self.values) * MINUTE


def trail_span(event: Event) -> tuple[datetime, datetime]:
    """The hour that an event's trail shows: it ends with the minute that decided."""
    end = event.minute + MINUTE
    return end - HOUR, end


def trail_of(event: Event, metric: Metric, chunks: Chunks) -> Trail | None:
    """The hour before the event; None where there is too little to draw."""
    first, end = trail_span(event)
    cells = (cell for _, cell in read_cells(metric, None, chunks, first, end))
    values = tuple(None if isinstance(cell, Gap) else cell for cell in cells)
    if sum(value is not None for value in values) < FEWEST:
        return None
    alert = event.alert
    is_scored = alert.condition == Anomaly.name
    return Trail(
        label=metric.label if is_scored else event.metric_label,
        unit=metric.unit if is_scored else alert.unit,
        first=first,
        values=values,
        threshold=None if is_scored else alert.threshold,
        bad_from=max(alert.active_at, first),
        bad_until=min(alert.resolved_at or end, end),
    )
