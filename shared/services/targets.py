"""What is watched since when, and which rules are in force."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain.errors import Conflict
from shared.domain.records import Insert
from shared.domain.rules import KeptRule, Rule
from shared.domain.times import floor_minute
from shared.ports import Ledger

TARGETS = "target"
RULES = "rule"


class Target(Struct, frozen=True, rename="camel"):
    """A watched application; minutes before `activated_at` are stored, never judged."""

    activated_at: datetime


def activate(target: str, *, config: Ledger, now: datetime) -> datetime:
    """The minute from which rules judge the target; the first call fixes it."""
    kept = config.get(TARGETS, target, Target)
    if kept is not None:
        return kept.value.activated_at
    first = Target(activated_at=floor_minute(now))
    try:
        config.commit(TARGETS, [Insert(target, first)])
    except Conflict:
        return activate(target, config=config, now=now)
    return first.activated_at


def rules_in_force(target: str, shipped: Sequence[Rule], *, config: Ledger) -> list[KeptRule]:
    """The rules that watch `target`: the shipped ones, each replaced by its stored edit."""
    rules = {rule.id: KeptRule(rule) for rule in shipped}
    for kept in config.scan(RULES, "", KeptRule):
        rules[kept.key] = kept.value
    return [one for one in rules.values() if one.rule.applies_to(target)]
