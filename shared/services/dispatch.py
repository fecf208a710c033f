"""Turn decided events into delivery rows, one transaction per event, in order."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.deliveries import MOST_CHANNELS, Delivery, first_delivery, inserts
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import Conflict
from shared.domain.records import Delete, Insert, Kept, Write, event_key, outbox_key
from shared.domain.rules import Action
from shared.ports import House, Ledger
from shared.services.addresses import addresses, events_of

TO_WHO_HEARD = frozenset({EventKind.RESOLVED, EventKind.REMINDER})
"""These go to every channel that heard of the episode, whatever the rule says by now."""


def dispatch(target: str, *, house: House) -> int:
    """Dispatch everything in the target's outbox; answers how many events went out.

    Idempotent: whoever loses a race finds the outbox row gone. An event waits until its
    predecessor left the outbox, so that a resolve sees every channel that heard of the firing.
    """
    sent = 0
    for kept in house.alerts.scan(target, "outbox:", Event):
        if _predecessor_waits(target, kept.value, house.alerts):
            continue
        sent += _dispatch_one(target, kept, house)
    return sent


def _predecessor_waits(target: str, event: Event, alerts: Ledger) -> bool:
    if event.seq == 1:
        return False
    # A point read by key: a predecessor that can't be read waits, too.
    return bool(alerts.keys(target, outbox_key(event.episode, event.seq - 1)))


def _dispatch_one(target: str, kept: Kept[Event], house: House) -> bool:
    routes = _routes(target, kept.value, house)
    try:
        house.alerts.commit(target, _writes(kept, routes, house.wall()))
    except Conflict:
        return False
    return True


def _writes(kept: Kept[Event], routes: Sequence[Action], wall: datetime) -> list[Write]:
    event = kept.value
    rows: list[Write] = [
        Delete(kept.key, kept.etag),
        Insert(event_key(event.episode, event.seq), event),
    ]
    for action in routes[:MOST_CHANNELS]:
        rows += inserts(first_delivery(event, action, wall))
    return rows


def _routes(target: str, event: Event, house: House) -> list[Action]:
    """Whom to tell: the event's routes, or every channel that heard of the episode."""
    if event.kind not in TO_WHO_HEARD or event.missed_count:
        return list(addresses([event], None).values())
    earlier = events_of(target, event.episode, house.alerts).values()
    known = addresses([*earlier, event], house.fallback)
    rows = house.alerts.scan(target, f"delivery:{event.episode}:", Delivery)
    heard = dict.fromkeys(kept.value.channel for kept in rows)
    return [known[channel] for channel in heard if channel in known]
