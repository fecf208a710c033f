"""What is known about each rule: where it comes from, who edited it, how it stands."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from shared.domain.errors import NotFound
from shared.domain.machine import State
from shared.domain.records import Kept
from shared.domain.rules import KeptRule, Rule
from shared.ports import House
from shared.services.boards import Board, load_board
from shared.services.reach import undeliverable, unmeasured
from shared.services.targets import RULES


class Source(StrEnum):
    """Where a rule comes from."""

    SHIPPED = "shipped"
    EDITED = "edited"
    OWN = "own"


class Standing(Struct, frozen=True, rename="camel"):
    """How a rule stands on one target; `last_folded`: the newest minute that it has judged."""

    state: State
    active_at: datetime | None
    last_folded: datetime
    episode: str | None
    snoozed_until: datetime | None


class Entry(Struct, frozen=True):
    """A rule as it is shipped and as people keep it; one of the two may be missing."""

    shipped: Rule | None
    kept: Kept[KeptRule] | None

    @property
    def rule(self) -> Rule | None:
        """The rule that counts."""
        return self.kept.value.rule if self.kept is not None else self.shipped

    @property
    def etag(self) -> str | None:
        """Differs whenever the rule does; None when there is none."""
        return etag_of(self.rule) if self.rule is not None else None

    @property
    def source(self) -> Source:
        """Where it comes from."""
        if self.kept is None:
            return Source.SHIPPED
        return Source.EDITED if self.shipped is not None else Source.OWN


class KnownRule(Struct, frozen=True, kw_only=True):
    """A rule and how it stands on each target that it ever watched."""

    rule: Rule
    source: Source
    etag: str
    created_at: datetime | None = None
    edited_at: datetime | None = None
    edited_by: str | None = None
    standings: dict[str, Standing]


def etag_of(rule: Rule) -> str:
    """A short name for exactly this rule."""
    return hashlib.sha256(msgspec.json.encode(rule)).hexdigest()[:16]


def known_rules(targets: Sequence[str], *, house: House, now: datetime) -> list[KnownRule]:
    """Every rule, disabled ones too: the shipped ones in their order, then people's own."""
    boards = [load_board(target, house.alerts) for target in targets]
    found = ((entry, entry.rule) for entry in _entries(house))
    return [_known(entry, rule, boards, now) for entry, rule in found if rule is not None]


def every_rule(house: House) -> list[Rule]:
    """The rules alone, disabled ones too, with every address that they tell."""
    known = (entry.rule for entry in _entries(house))
    return [house.routing.routed(rule) for rule in known if rule is not None]


def _entries(house: House) -> list[Entry]:
    stored = {kept.key: kept for kept in house.config.scan(RULES, "", KeptRule)}
    shipped = {rule.id: rule for rule in house.rules}
    ids = dict.fromkeys([*shipped, *stored])
    return [Entry(shipped.get(one), stored.get(one)) for one in ids]


def known_rule(rule_id: str, targets: Sequence[str], *, house: House, now: datetime) -> KnownRule:
    """One rule; raises NotFound."""
    entry = entry_of(rule_id, house)
    if entry.rule is None:
        raise NotFound(f"there is no rule {rule_id[:100]!r}")
    boards = [load_board(target, house.alerts) for target in targets]
    return _known(entry, entry.rule, boards, now)


def entry_of(rule_id: str, house: House) -> Entry:
    """The rule as it is shipped and kept just now."""
    shipped = next((rule for rule in house.rules if rule.id == rule_id), None)
    return Entry(shipped, house.config.get(RULES, rule_id, KeptRule))


def warnings(rule: Rule, targets: Sequence[str], *, house: House) -> list[str]:
    """Why the rule, though it is accepted, can't do all of its work."""
    strangers = [target for target in rule.targets or () if target not in targets]
    known = {one.id for one in every_rule(house)}
    measured = {target: house.sources_of(target) for target in targets}
    return [
        *(f"nobody watches the target {target}" for target in strangers),
        *(f"there is no rule {one} to inhibit it" for one in rule.inhibited_by if one not in known),
        *_half_escalation(rule),
        *undeliverable([house.routing.routed(rule)], house.channels),
        *unmeasured([rule], house.catalog, measured),
    ]


def _half_escalation(rule: Rule) -> list[str]:
    if rule.escalate_to and rule.escalate_after is None:
        return ["escalateTo without escalateAfter: nobody is ever called in"]
    if rule.escalate_after is not None and not rule.escalate_to:
        return ["escalateAfter without escalateTo: there is nobody to call in"]
    return []


def _known(entry: Entry, rule: Rule, boards: Sequence[Board], now: datetime) -> KnownRule:
    found = {board.target: _standing(rule.id, board, now) for board in boards}
    stored = entry.kept.value if entry.kept is not None else KeptRule(rule)
    return KnownRule(
        rule=rule,
        source=entry.source,
        etag=etag_of(rule),
        created_at=stored.created_at,
        edited_at=stored.edited_at,
        edited_by=stored.edited_by,
        standings={target: one for target, one in found.items() if one is not None},
    )


def _standing(rule_id: str, board: Board, now: datetime) -> Standing | None:
    kept, snooze = board.states.get(rule_id), board.snoozes.get(rule_id)
    if kept is None:
        return None
    is_quiet = snooze is not None and snooze.value.until > now
    return Standing(
        state=kept.value.state,
        active_at=kept.value.active_at,
        last_folded=kept.value.last_folded,
        episode=kept.value.episode or kept.value.no_data.episode,
        snoozed_until=snooze.value.until if snooze is not None and is_quiet else None,
    )
