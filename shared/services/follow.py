"""What a link does that acts without a login: tell where its episode stands, and act once.

A link is good for the state that its message showed (docs/adr/013-links-that-act.md): whether it
was used follows from the alert and the rule's silence, which the action itself writes.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertState
from shared.domain.decisions import Snooze
from shared.domain.deliveries import Delivery, public_name
from shared.domain.episodes import Event
from shared.domain.errors import NotFound
from shared.domain.links import SNOOZE_MINUTES, LinkAction, Permit, permits
from shared.domain.reasons import Reason
from shared.domain.records import alert_key, delivery_key, event_key, snooze_key
from shared.domain.short_links import Pointer
from shared.ports import House
from shared.services.addresses import addresses, events_of
from shared.services.manage import AlertAction, act


class Standing(StrEnum):
    """What a link can still do."""

    READY = "ready"
    DONE = "done"  # just now, by this request
    USED = "used"  # somebody did the same before
    STALE = "stale"  # somebody did something else since
    OVER = "over"
    EXPIRED = "expired"


class Errand(Struct, frozen=True):
    """A link's permit, the alert as it stands, and in whose name it acts."""

    permit: Permit
    alert: Alert
    by: str
    standing: Standing


def look(permit: Permit, *, house: House, now: datetime) -> Errand:
    """Where it stands; changes nothing. Raises NotFound when the alert is gone."""
    kept = house.alerts.get(permit.target, alert_key(permit.episode), Alert)
    if kept is None:
        raise NotFound("the alert that this link is about is gone")
    silence = house.alerts.get(permit.target, snooze_key(kept.value.rule_id), Snooze)
    alert = _with_silence(kept.value, silence.value if silence else None, now)
    standing = _standing(permit, alert, silence.value if silence else None, house.wall())
    return Errand(permit, alert, f"{_name(permit, house)} by link", standing)


class Offer(Struct, frozen=True):
    """What a short link leads to: its alert as it stands, and what can still be done about it."""

    alert: Alert
    permits: tuple[Permit, ...]


def offer(pointer: Pointer, *, targets: Sequence[str], house: House, now: datetime) -> Offer:
    """All that can be done about the event that a short link names; changes nothing.

    Raises NotFound when its delivery or its alert is gone.
    """
    for target in targets:
        row = house.alerts.get(target, _row_of(pointer), Delivery)
        event = house.alerts.get(target, event_key(pointer.episode, pointer.seq), Event)
        if row is not None and event is not None:
            return _offer(row.value, event.value, house, now)
    raise NotFound("the alert that this link is about is gone")


def _offer(row: Delivery, event: Event, house: House, now: datetime) -> Offer:
    found = permits(event, row.channel, row.wanted_since)
    errands = [look(permit, house=house, now=now) for permit in found]
    ready = (one.permit for one in errands if one.standing is Standing.READY)
    return Offer(errands[0].alert, tuple(ready))


def _row_of(pointer: Pointer) -> str:
    return delivery_key(pointer.episode, pointer.channel, pointer.seq)


def follow(permit: Permit, *, house: House, now: datetime) -> Errand:
    """Do what the link allows, once; raises what services/manage raises, and NotFound."""
    errand = look(permit, house=house, now=now)
    if errand.standing is not Standing.READY:
        return errand
    wish = AlertAction(
        action=permit.action,
        alert=permit.episode,
        by=errand.by,
        minutes=SNOOZE_MINUTES if permit.action is LinkAction.SNOOZE else None,
        as_of=permit.as_of,
    )
    alert = act(permit.target, wish, house=house, now=now)
    return replace(errand, alert=alert, standing=Standing.DONE)


def _with_silence(alert: Alert, silence: Snooze | None, now: datetime) -> Alert:
    running = silence is not None and silence.until > now
    return replace(alert, snoozed_until=silence.until if silence and running else None)


def _standing(permit: Permit, alert: Alert, silence: Snooze | None, wall: datetime) -> Standing:
    if wall >= permit.expires_at:
        return Standing.EXPIRED
    if alert.state is AlertState.RESOLVED:
        by_hand = alert.reason is Reason.RESOLVED_BY_HAND
        resolves = permit.action is LinkAction.RESOLVE
        return Standing.USED if by_hand and resolves else Standing.OVER
    if permit.action is LinkAction.ACKNOWLEDGE and alert.acknowledged_by is not None:
        return Standing.USED
    if permit.action is LinkAction.SNOOZE and silence is not None and silence.at >= permit.as_of:
        return Standing.USED if alert.snoozed_until is not None else Standing.STALE
    return Standing.READY


def _name(permit: Permit, house: House) -> str:
    """Who was sent the link: an address as it may be shown."""
    events = events_of(permit.target, permit.episode, house.alerts).values()
    known = addresses(events, house.fallback)
    if permit.recipient not in known:
        raise NotFound("nobody is known any more who was sent this link")
    return public_name(known[permit.recipient])
