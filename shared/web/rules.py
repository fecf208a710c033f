"""GET, PUT and DELETE rules, POST rules/{id}/reset: what watches, and how to change it."""

from typing import Any

import msgspec

from shared.domain.deliveries import public_name
from shared.domain.errors import InvalidRule
from shared.domain.inhibition import circle
from shared.domain.limits import impossible
from shared.domain.rules import Action, Rule, parse_rule
from shared.ports import House
from shared.services.edit import Editor, remove_rule, reset_rule, save_rule
from shared.services.rulebook import KnownRule, every_rule, known_rule, known_rules, warnings
from shared.web.alerts import target_of
from shared.web.asking import json_object, no_body, no_parameters, parameters
from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.preconditions import precondition, quoted

PARAMETERS = ("target",)

RuleJson = dict[str, Any]


def rule_json(known: KnownRule, asked: Asked) -> RuleJson:
    """The rule as PUT takes it, and what is known about it."""
    return {
        "rule": _shown(known, asked),
        "source": known.source,
        "etag": known.etag,
        "createdAt": known.created_at,
        "editedAt": known.edited_at,
        "editedBy": known.edited_by,
        "states": known.standings,
    }


def _shown(known: KnownRule, asked: Asked) -> RuleJson:
    """Who can't write rules does not see the secrets that an address can hold."""
    rule = known.rule
    if not asked.principal.may(Role.ADMIN):
        rule = msgspec.structs.replace(
            rule,
            actions=tuple(map(_without_secret, rule.actions)),
            escalate_to=tuple(map(_without_secret, rule.escalate_to)),
        )
    shown: RuleJson = msgspec.to_builtins(rule)
    return shown


def _without_secret(action: Action) -> Action:
    return msgspec.structs.replace(action, target=public_name(action))


def _list(asked: Asked) -> Reply:
    given = parameters(asked.request, PARAMETERS)
    house, targets = asked.office.house(), asked.office.targets
    wanted = target_of(given, targets) if given.get("target") else None
    found = known_rules([wanted] if wanted else targets, house=house, now=asked.office.now)
    return Reply([rule_json(one, asked) for one in found if _is_for(one.rule, wanted)])


def _is_for(rule: Rule, target: str | None) -> bool:
    return target is None or rule.targets is None or target in rule.targets


def _one(asked: Asked) -> Reply:
    no_parameters(asked.request)
    return _answer(_named(asked), asked)


def _save(asked: Asked) -> Reply:
    no_parameters(asked.request)
    house, rule_id = asked.office.house(), _named(asked)
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
    no_parameters(asked.request)
    rule_id, house, now = _named(asked), asked.office.house(), asked.office.now
    is_gone = remove_rule(rule_id, _editor(asked), house=house, now=now)
    return Reply({"ruleId": rule_id, "outcome": "removed" if is_gone else "disabled"})


def _reset(asked: Asked) -> Reply:
    no_parameters(asked.request)
    no_body(asked.request, must_say_json=asked.principal.by_cookie)
    rule_id, house, now = _named(asked), asked.office.house(), asked.office.now
    reset_rule(rule_id, _editor(asked), house=house, now=now)
    return _answer(rule_id, asked)


RULES = Route("rules", Role.READER, _list)
RULE = Route("rules/{id}", Role.READER, _one)
SAVE = Route("rules/{id}", Role.ADMIN, _save)
REMOVE = Route("rules/{id}", Role.ADMIN, _remove)
RESET = Route("rules/{id}/reset", Role.ADMIN, _reset)


def _named(asked: Asked) -> str:
    return str(asked.request.route_params.get("id", ""))


def _editor(asked: Asked, *, needed: bool = False) -> Editor:
    return Editor(
        by=asked.principal.name,
        check=precondition(asked.request.headers, needed=needed),
        targets=asked.office.targets,
    )


def _answer(rule_id: str, asked: Asked) -> Reply:
    house, targets = asked.office.house(), asked.office.targets
    known = known_rule(rule_id, targets, house=house, now=asked.office.now)
    meta = {"etag": known.etag, "warnings": warnings(known.rule, targets, house=house)}
    return Reply(rule_json(known, asked), meta, {"ETag": quoted(known.etag)})
