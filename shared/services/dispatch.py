"""Turn decided events into delivery rows, one transaction per event, in order."""

from datetime import datetime

from shared.domain.deliveries import MOST_CHANNELS, Delivery, first_delivery, inserts
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import Conflict
from shared.domain.records import Delete, Insert, Kept, Write, event_key, outbox_key
from shared.domain.rules import Action, ActionType
from shared.ports import House, Ledger


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
    return alerts.get(target, outbox_key(event.episode, event.seq - 1), Event) is not None


def _dispatch_one(target: str, kept: Kept[Event], house: House) -> bool:
    event = kept.value
    routes = _routes(target, event, house.alerts)
    writes = _writes(kept, routes, house.wall())
    try:
        house.alerts.commit(target, writes)
    except Conflict:
        return False
    return True


def _writes(kept: Kept[Event], routes: list[Action], wall: datetime) -> list[Write]:
    event = kept.value
    rows: list[Write] = [
        Delete(kept.key, kept.etag),
        Insert(event_key(event.episode, event.seq), event),
    ]
    for action in routes[:MOST_CHANNELS]:
        rows += inserts(first_delivery(event, action, wall))
    return rows


def _routes(target: str, event: Event, alerts: Ledger) -> list[Action]:
    """Whom to tell: the event's routes; for a resolve, every channel that heard of the episode."""
    if event.kind is not EventKind.RESOLVED or event.missed_count:
        return list(dict.fromkeys(_plain(action) for action in event.routes))
    heard = alerts.scan(target, f"delivery:{event.episode}:", Delivery)
    told = [Action(ActionType(kept.value.channel_type), kept.value.channel_name) for kept in heard]
    return list(dict.fromkeys(told))


def _plain(action: Action) -> Action:
    """The address alone: a rule's own message does not make another channel of it."""
    return Action(action.type, action.target)
