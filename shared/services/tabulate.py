"""A range of a target by name: its business, and people's conduct."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.catalog.sql_queries import LOST, WON
from shared.domain.business import Business, business_of
from shared.domain.chunks import NO_CELLS
from shared.domain.conduct import Conduct, conduct_of
from shared.domain.metrics import Kind, Metric
from shared.domain.tallies import floor_slot
from shared.domain.times import MINUTE, Span, floor_hour
from shared.ports import House
from shared.services.tally import tallied

SECURITY = "security"


def slots_of(length: timedelta, now: datetime) -> Span:
    """The range that ends now, widened to the quarter of an hour that it begins in."""
    return Span(floor_slot(now - length), now)


def business(target: str, span: Span, *, house: House) -> Business:
    """What the CRM was used for and what it brought."""
    found = tallied(target, span.start, span.end, alerts=house.alerts)
    return business_of(found.tallies, won=WON, lost=LOST, cut=found.cut)


def conduct(target: str, span: Span, *, masked: bool, house: House) -> Conduct:
    """Who did what that is worth a look."""
    found = tallied(target, span.start, span.end, alerts=house.alerts)
    counts = [m for m in house.catalog.metrics if m.group == SECURITY and m.kind is Kind.COUNT]
    totals = _totals(target, span, counts, house)
    return conduct_of(found.tallies, totals, masked=masked, cut=found.cut)


def _totals(
    target: str, span: Span, metrics: Sequence[Metric], house: House
) -> dict[str, float | None]:
    """The sums of the span's minutes; None where none has a sample."""
    found: dict[str, list[float]] = {metric.name: [] for metric in metrics}
    columns = [metric.column for metric in metrics]
    last = floor_hour(span.end)
    for chunk in house.samples.hours(target, floor_hour(span.start), last, columns=columns):
        for metric in metrics:
            for n, value in enumerate(chunk.cells.get(metric.column, NO_CELLS)):
                if value is not None and span.covers(chunk.hour + n * MINUTE):
                    found[metric.name].append(value)
    return {name: sum(values) if values else None for name, values in found.items()}
