"""GET channels, POST channels/{channel}/test, POST channels/path-test: can anybody be told?"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared.domain.deliveries import Delivery, public_name
from shared.domain.rules import Action
from shared.services.channels import (
    KnownChannel,
    Rehearsal,
    known_channels,
    rehearse,
    try_channel,
)
from shared.services.rulebook import every_rule, known_rule
from shared.web.alerts import target_of
from shared.web.asking import json_object, no_body, no_parameters
from shared.web.auth import Role
from shared.web.deliveries import delivery_json
from shared.web.doors import Asked, Reply, Route
from shared.web.problems import Problem

FIELDS = {
    "ruleId": "ruleId must be the id of the rule whose channels are tested",
    "target": "target must be the name of a target",
}


def _list(asked: Asked) -> Reply:
    no_parameters(asked.request)
    house = asked.office.house()
    set_up = [str(kind) for kind in house.channels]
    return Reply([_channel_json(one) for one in known_channels(house)], {"setUp": set_up})


def _channel_json(one: KnownChannel) -> dict[str, Any]:
    return {
        "channel": one.key,
        "type": one.address.type,
        "name": public_name(one.address),
        "rules": one.rules,
        "isFallback": one.is_fallback,
        "reachable": not one.problem,
        "problem": one.problem or None,
        "closed": one.closure,
    }


def _test(asked: Asked) -> Reply:
    no_parameters(asked.request)
    no_body(asked.request, must_say_json=asked.principal.by_cookie)
    channel = str(asked.request.route_params.get("id", ""))
    house, now, by = asked.office.house(), asked.office.now, asked.principal.name
    trial = try_channel(asked.office.targets[0], channel, by=by, house=house, now=now)
    return Reply({"channel": channel, **msgspec.to_builtins(trial)})


class PathWish(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of POST channels/path-test; without `rule_id` the channels of all rules."""

    rule_id: str | None = None
    target: str = ""


def _test_path(asked: Asked) -> Reply:
    no_parameters(asked.request)
    wish = _wish(asked)
    target = target_of({"target": wish.target}, asked.office.targets)
    house, now, by = asked.office.house(), asked.office.now, asked.principal.name
    found = rehearse(target, _routes(wish, target, asked), by=by, house=house, now=now)
    return Reply(_spelled(target, found), {"target": target})


CHANNELS = Route("channels", Role.READER, _list)
TEST = Route("channels/{id}/test", Role.ADMIN, _test)
TEST_PATH = Route("channels/path-test", Role.ADMIN, _test_path)


def _wish(asked: Asked) -> PathWish:
    must_say_json = asked.principal.by_cookie
    given = json_object(asked.request, list(FIELDS), must_say_json=must_say_json)
    try:
        return msgspec.convert(given, PathWish)
    except msgspec.ValidationError as error:
        name = next((name for name in FIELDS if f"$.{name}`" in str(error)), "ruleId")
        raise Problem(400, "invalid_body", FIELDS[name]) from None


def _routes(wish: PathWish, target: str, asked: Asked) -> Sequence[Action]:
    house, office = asked.office.house(), asked.office
    if wish.rule_id is not None:
        known = known_rule(wish.rule_id, office.targets, house=house, now=office.now)
        rules = [house.routing.routed(known.rule)]
    else:
        rules = [rule for rule in every_rule(house) if rule.applies_to(target)]
    return [action for rule in rules for action in rule.actions]


def _spelled(target: str, found: Rehearsal) -> dict[str, Any]:
    is_done = found.dispatched and all(row.is_final for row in found.rows)
    return {
        "episode": found.episode,
        "steps": [
            {"step": "decide", "done": True},
            {"step": "dispatch", "done": found.dispatched},
            {"step": "deliver", "done": is_done},
        ],
        "channels": [delivery_json(target, row) for row in _last_of_each(found.rows)],
    }


def _last_of_each(rows: Sequence[Delivery]) -> Sequence[Delivery]:
    """A channel's newest row tells how its message went: both events share it."""
    return list({row.channel: row for row in rows}.values())
