"""What a world's rows say of its business in a quarter of an hour, from raw events alone."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from local.world.events import Opportunity, World
from shared.domain.times import MINUTE

SLOT = timedelta(minutes=15)
LONGEST_DEAL = timedelta(minutes=600)


_BEGUN: MutableMapping[World, dict[datetime, tuple[Opportunity, ...]]] = WeakKeyDictionary()
"""The deals that a world's minutes began, since each is looked for in the slots of ten hours."""


def _begun(world: World, minute: datetime) -> tuple[Opportunity, ...]:
    known = _BEGUN.setdefault(world, {})
    if minute not in known:
        known[minute] = world.business_rows(minute).opportunities
    return known[minute]


def _closed(world: World, start: datetime) -> Iterator[Opportunity]:
    """The deals that were closed in the slot, which began at most ten hours before."""
    minute, end = start - LONGEST_DEAL, start + SLOT
    while minute < end:
        for deal in _begun(world, minute):
            if deal.closed_at is not None and start <= deal.closed_at < end:
                yield deal
        minute += MINUTE


def _deals_won(world: World, start: datetime) -> float:
    return sum(deal.stage == "won" for deal in _closed(world, start))


def _deals_lost(world: World, start: datetime) -> float:
    return sum(deal.stage == "lost" for deal in _closed(world, start))


def _revenue(world: World, start: datetime) -> float:
    return sum(deal.value for deal in _closed(world, start) if deal.stage == "won")


def _report_duration(world: World, start: datetime) -> float | None:
    minutes = range(SLOT // MINUTE)
    took = [row.took_ms for n in minutes for row in world.business_rows(start + n * MINUTE).reports]
    return sum(took) / len(took) if took else None


def _page_views(world: World, start: datetime) -> float:
    minutes = [world.minute(start + n * MINUTE) for n in range(SLOT // MINUTE)]
    return sum(view.item_count for minute in minutes for view in minute.page_views)


SALES: Mapping[str, Callable[[World, datetime], float | None]] = {
    "dealsWon": _deals_won,
    "dealsLost": _deals_lost,
    "revenueWon": _revenue,
    "reportDuration": _report_duration,
    "pageViews": _page_views,
}
"""The metrics of a slot that begins with the minute."""
