"""Where an episode's channels are: delivery rows show a public name, events hold the address."""

from collections.abc import Iterable

from shared.domain.deliveries import channel_of
from shared.domain.episodes import Event
from shared.domain.rules import Action
from shared.ports import Ledger


def events_of(target: str, episode: str, alerts: Ledger) -> dict[int, Event]:
    """The episode's dispatched events by number."""
    kept = alerts.scan(target, f"event:{episode}:", Event)
    return {one.value.seq: one.value for one in kept}


def addresses(events: Iterable[Event], fallback: Action | None) -> dict[str, Action]:
    """Every address that the events name, by channel; the newest event's own message wins."""
    known = {channel_of(action): action for event in events for action in event.routes}
    return {**({channel_of(fallback): fallback} if fallback is not None else {}), **known}
