"""How a run of the story ended: what was decided, heard and left behind, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from local.chaos import story
from local.desks import Storage
from local.followers import (
    Telling,
    doubles,
    flaws_of_stories,
    flaws_of_tellings,
    owed,
)
from shared.adapters.ledger import RowLedger
from shared.domain.deliveries import Delivery
from shared.domain.episodes import Event
from shared.domain.machine import RuleState

Place = tuple[str, str, datetime]
"""An address, and the episode that it heard of: its rule and when it began."""


@dataclass(frozen=True)
class Ending:
    """`decided`: the kinds of each episode's events; `heard`: their numbers as they arrived."""

    decided: dict[tuple[str, datetime], list[str]] = field(default_factory=dict)
    heard: dict[Place, set[int]] = field(default_factory=dict)
    states: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    flaws: Sequence[str] = ()
    doubled: int = 0

    def with_flaws(self, flaws: Sequence[str]) -> "Ending":
        """The same with more that is wrong."""
        return replace(self, flaws=[*self.flaws, *flaws])

    def problems(self, calm: "Ending") -> list[str]:
        """What is wrong with it, and how it differs from the undisturbed one."""
        found = list(self.flaws)
        for what in ("states", "decided", "heard"):
            mine, theirs = getattr(self, what), getattr(calm, what)
            found += [
                f"{what}: {key} is {mine.get(key)}, not {theirs.get(key)}"
                for key in sorted({*mine, *theirs})
                if mine.get(key) != theirs.get(key)
            ]
        return found


def ending_of(
    target: str, storage: Storage, tellings: Sequence[Telling], *, licences: int
) -> Ending:
    """Read what a run left behind; so many messages may have come twice."""
    ledger = RowLedger(storage.alerts)
    events = [kept.value for kept in ledger.scan(target, "event:", Event)]
    rows = [kept.value for kept in ledger.scan(target, "delivery:", Delivery)]
    states = ledger.scan(target, "state:", RuleState)
    wanted = owed(events, rows, story.FALLBACK)
    return Ending(
        decided=_decided(events),
        heard=_heard(events, tellings),
        states={
            one.key: (one.value.state, one.value.last_folded, one.value.told) for one in states
        },
        flaws=[
            *(f"left behind: {key}" for key in _leftovers(target, ledger, rows)),
            *flaws_of_stories(events),
            *flaws_of_tellings(wanted, tellings, licences=licences),
        ],
        doubled=len(doubles(tellings)),
    )


def _decided(events: Sequence[Event]) -> dict[tuple[str, datetime], list[str]]:
    found: dict[tuple[str, datetime], list[str]] = {}
    for event in sorted(events, key=lambda one: one.seq):
        place = event.alert.rule_id, event.alert.active_at
        found.setdefault(place, []).append(str(event.kind))
    return found


def _heard(events: Sequence[Event], tellings: Sequence[Telling]) -> dict[Place, set[int]]:
    alerts = {event.episode: event.alert for event in events}
    found: dict[Place, set[int]] = {}
    for one in tellings:
        for episode, seq in one.events:
            alert = alerts[episode]
            found.setdefault((one.address, alert.rule_id, alert.active_at), set()).add(seq)
    return found


def _leftovers(target: str, ledger: RowLedger, rows: Sequence[Delivery]) -> list[str]:
    keys = [key for prefix in ("outbox:", "due:") for key in ledger.keys(target, prefix)]
    return keys + [row.key for row in rows if not row.is_final]
