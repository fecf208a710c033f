"""What is watched since when, and which rules are in force."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import Conflict
from shared.domain.records import put
from shared.domain.rules import KeptRule
from shared.domain.times import floor_minute
from shared.ports import House, Ledger

GOLDEN = (5**0.5 - 1) / 2
TARGETS = "target"
RULES = "rule"


class Target(Struct, frozen=True, rename="camel"):
    """A watched application; minutes before `activated_at` are stored, never judged.

    `retired_at`: it left the settings, and its stories are closed.
    """

    activated_at: datetime
    retired_at: datetime | None = None


def in_turn(targets: Sequence[str], now: datetime, every: timedelta) -> list[str]:
    """All of them, each time from another place on: so nobody is always left when time runs out.

    The places of successive turns lie apart by the golden ratio: if each turn serves a part of all,
    however small, everybody is served after little more turns than it takes.
    """
    turn = int(now.timestamp()) // int(every.total_seconds())
    first = int(turn * GOLDEN % 1 * len(targets))
    return [*targets[first:], *targets[:first]]


def activate(target: str, *, config: Ledger, now: datetime) -> datetime:
    """The minute from which rules judge the target; the first call fixes it, a return anew."""
    kept = config.get(TARGETS, target, Target)
    if kept is not None and kept.value.retired_at is None:
        return kept.value.activated_at
    first = Target(activated_at=floor_minute(now))
    try:
        config.commit(TARGETS, [put(target, first, kept)])
    except Conflict:
        return activate(target, config=config, now=now)
    return first.activated_at


def activated_at(target: str, *, config: Ledger) -> datetime | None:
    """Since when the target is watched; None before its first pass, or after its last."""
    kept = config.get(TARGETS, target, Target)
    return None if kept is None or kept.value.retired_at is not None else kept.value.activated_at


def known_targets(*, config: Ledger) -> Mapping[str, Target]:
    """Every target that is or was watched."""
    return {kept.key: kept.value for kept in config.scan(TARGETS, "", Target)}


def leavers(targets: Collection[str], known: Mapping[str, Target], *, now: datetime) -> list[str]:
    """The targets that were watched once, are not any more, and still have stories to close.

    Who is to be judged from a time to come may have yet to be named.
    """
    begun = [one for one, its in known.items() if its.activated_at <= now and not its.retired_at]
    return [one for one in begun if one not in targets]


def strangers(targets: Sequence[str], known: Mapping[str, Target]) -> list[str]:
    """The targets that are to be watched, and that no pass has activated yet."""
    return [one for one in targets if one not in known or known[one].retired_at is not None]


def recent(known: Mapping[str, Target], within: timedelta, *, now: datetime) -> list[str]:
    """The targets that were activated just now; a person may have chosen a time far ahead."""
    return [one for one, its in known.items() if abs(now - its.activated_at) <= within]


def retire(target: str, *, config: Ledger, now: datetime) -> None:
    """Note that nothing is left to do for a target that left."""
    kept = config.get(TARGETS, target, Target)
    if kept is not None:
        with suppress(Conflict):
            config.commit(TARGETS, [put(target, replace(kept.value, retired_at=now), kept)])


def rules_in_force(target: str, *, house: House) -> list[KeptRule]:
    """The rules that watch `target`: the shipped ones, each replaced by its stored edit, routed."""
    rules = {rule.id: KeptRule(rule) for rule in house.rules}
    for kept in house.config.scan(RULES, "", KeptRule):
        rules[kept.key] = kept.value
    watching = (one for one in rules.values() if one.rule.applies_to(target))
    return [replace(one, rule=house.routing.routed(one.rule)) for one in watching]
