"""GET, PUT and DELETE rules, POST rules/{id}/reset: what watches, and how to change it."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from shared.domain.deliveries import public_name
from shared.domain.errors import InvalidRule
from shared.domain.inhibition import circle
from shared.domain.limits import impossible
from shared.domain.rules import Action, Rule, parse_rule
from shared.ports import House
from shared.services.edit import Editor, remove_rule, reset_rule, save_rule
from shared.services.rulebook import (
    KnownRule,
    Source,
    Standing,
    every_rule,
    known_rule,
    known_rules,
    warnings,
)
from shared.web.alerts import target_of
from shared.web.asking import json_object
from shared.web.auth import Role
from shared.web.doors import Asked, Body, Reply, Route
from shared.web.preconditions import precondition, quoted


class RulesQuery(Struct, frozen=True):
    """The rules for that target only."""

    target: str = ""


class RuleMeta(Struct, frozen=True):
    """`warnings`: what keeps an accepted rule from its work."""

    etag: str
    warnings: list[str]


class RuleJson(Struct, frozen=True, kw_only=True, rename="camel"):
    """The rule as PUT takes it, and what is known about it."""

    rule: Rule
    source: Source
    etag: str
    created_at: datetime | None
    edited_at: datetime | None
    edited_by: str | None
    states: dict[str, Standing]


class Removed(Struct, frozen=True, rename="camel"):
    """What DELETE did: removed, or disabled for a shipped rule."""

    rule_id: str
    outcome: Literal["removed", "disabled"]


def rule_json(known: KnownRule, asked: Asked) -> RuleJson:
    """What GET answers about a rule."""
    return RuleJson(
        rule=_shown(known, asked),
        source=known.source,
        etag=known.etag,
        created_at=known.created_at,
        edited_at=known.edited_at,
        edited_by=known.edited_by,
        states=known.standings,
    )


def _shown(known: KnownRule, asked: Asked) -> Rule:
    """Who can't write rules does not see the secrets that an address can hold."""
    rule = known.rule
    if asked.principal.may(Role.ADMIN):
        return rule
    return msgspec.structs.replace(
        rule,
        actions=tuple(map(_without_secret, rule.actions)),
        escalate_to=tuple(map(_without_secret, rule.escalate_to)),
    )


def _without_secret(action: Action) -> Action:
    return msgspec.structs.replace(action, target=public_name(action))


def _list(asked: Asked) -> Reply:
    query: RulesQuery = asked.query
    house, targets = asked.office.house(), asked.office.targets
    wanted = target_of(query.target, targets) if query.target else None
    found = known_rules([wanted] if wanted else targets, house=house, now=asked.office.now)
    return Reply([rule_json(one, asked) for one in found if _is_for(one.rule, wanted)])


def _is_for(rule: Rule, target: str | None) -> bool:
    return target is None or rule.targets is None or target in rule.targets


def _one(asked: Asked) -> Reply:
    return _answer(asked.name, asked)


def _save(asked: Asked) -> Reply:
    house, rule_id = asked.office.house(), asked.name
    given = json_object(asked.request, None, must_say_json=asked.principal.by_cookie)
    if given.get("id", rule_id) != rule_id:
        raise InvalidRule(f"the rule's id is not that of the address, {rule_id[:100]!r}")
    rule = parse_rule({**given, "id": rule_id}, house.catalog)
    _refuse_senseless(rule, house)
    save_rule(rule, _editor(asked, needed=True), house=house, now=asked.office.now)
    return _answer(rule_id, asked)


def _refuse_senseless(rule: Rule, house: House) -> None:
    """Raise InvalidRule for what is well formed, and still could not work."""
    reason = impossible(rule, house.catalog)
    if reason is not None:
        raise InvalidRule(f"rule {rule.id!r}: {reason}")
    inhibitors = {one.id: one.inhibited_by for one in every_rule(house)}
    around = circle({**inhibitors, rule.id: rule.inhibited_by})
    if around:
        raise InvalidRule(f"rules must not inhibit each other in a circle: {' - '.join(around)}")


def _remove(asked: Asked) -> Reply:
    rule_id, house, now = asked.name, asked.office.house(), asked.office.now
    is_gone = remove_rule(rule_id, _editor(asked), house=house, now=now)
    return Reply(Removed(rule_id, "removed" if is_gone else "disabled"))


def _reset(asked: Asked) -> Reply:
    rule_id, house, now = asked.name, asked.office.house(), asked.office.now
    reset_rule(rule_id, _editor(asked), house=house, now=now)
    return _answer(rule_id, asked)


def _editor(asked: Asked, *, needed: bool = False) -> Editor:
    return Editor(
        by=asked.principal.name,
        check=precondition(asked.request.headers, needed=needed),
        targets=asked.office.targets,
    )


def _answer(rule_id: str, asked: Asked) -> Reply:
    house, targets = asked.office.house(), asked.office.targets
    known = known_rule(rule_id, targets, house=house, now=asked.office.now)
    meta = RuleMeta(known.etag, warnings(known.rule, targets, house=house))
    return Reply(rule_json(known, asked), meta, {"ETag": quoted(known.etag)})


RULES = Route(
    name="rules",
    role=Role.READER,
    answer=_list,
    says="every rule, where it comes from and how it stands",
    query=RulesQuery,
    data=list[RuleJson],
)
RULE = Route(
    name="rules/{id}",
    role=Role.READER,
    answer=_one,
    says="one rule, with its ETag",
    data=RuleJson,
    meta=RuleMeta,
)
SAVE = Route(
    name="rules/{id}",
    method="PUT",
    role=Role.ADMIN,
    answer=_save,
    says="create or replace a rule",
    body=Body(Rule, said_already=("id",)),
    conditions=("If-Match", "If-None-Match"),
    sends=("ETag",),
    data=RuleJson,
    meta=RuleMeta,
    also=(412, 428),
)
REMOVE = Route(
    name="rules/{id}",
    method="DELETE",
    role=Role.ADMIN,
    answer=_remove,
    says="remove an own rule, disable a shipped one",
    data=Removed,
    conditions=("If-Match",),
    also=(412,),
)
RESET = Route(
    name="rules/{id}/reset",
    method="POST",
    role=Role.ADMIN,
    answer=_reset,
    says="back to the rule as it is shipped",
    conditions=("If-Match",),
    sends=("ETag",),
    data=RuleJson,
    meta=RuleMeta,
    also=(412,),
)
