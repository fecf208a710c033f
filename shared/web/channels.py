"""GET channels, POST channels/{channel}/test, POST channels/path-test: can anybody be told?"""

from collections.abc import Sequence

from msgspec import Struct

from shared.domain.closures import Closure
from shared.domain.deliveries import Delivery, public_name
from shared.domain.rules import Action, ActionType
from shared.services.channels import (
    KnownChannel,
    Rehearsal,
    Trial,
    known_channels,
    rehearse,
    try_channel,
)
from shared.services.rulebook import every_rule, known_rule
from shared.web.alerts import target_of
from shared.web.auth import Role
from shared.web.deliveries import DELIVERY_VIEW, delivery_json
from shared.web.doors import Asked, Body, Reply, Route
from shared.web.views import Json, View, list_of

FIELDS = {
    "ruleId": "ruleId must be the id of the rule whose channels are tested",
    "target": "target must be the name of a target",
}


class ChannelJson(Struct, frozen=True, kw_only=True, rename="camel"):
    """An address that rules name, or the fallback; `problem`: why it can't be told."""

    channel: str
    type: ActionType
    name: str
    rules: tuple[str, ...]
    is_fallback: bool
    reachable: bool
    problem: str | None
    closed: Closure | None


class ChannelsMeta(Struct, frozen=True, rename="camel"):
    """The types of channel that are set up."""

    set_up: list[str]


class TargetMeta(Struct, frozen=True):
    """Which target it was about."""

    target: str


class Step(Struct, frozen=True):
    """A part of an alert's way; what is not done goes on by itself."""

    step: str
    done: bool


TRIAL_VIEW = View("Trial", Trial, beside={"channel": str})


def _list(asked: Asked) -> Reply:
    house = asked.office.house()
    set_up = [str(kind) for kind in house.channels]
    return Reply([_channel_json(one) for one in known_channels(house)], ChannelsMeta(set_up))


def _channel_json(one: KnownChannel) -> ChannelJson:
    return ChannelJson(
        channel=one.key,
        type=one.address.type,
        name=public_name(one.address),
        rules=one.rules,
        is_fallback=one.is_fallback,
        reachable=not one.problem,
        problem=one.problem or None,
        closed=one.closure,
    )


def _test(asked: Asked) -> Reply:
    channel = asked.name
    house, now, by = asked.office.house(), asked.office.now, asked.principal.name
    trial = try_channel(asked.office.targets[0], channel, by=by, house=house, now=now)
    return Reply(TRIAL_VIEW.shown(trial, channel=channel))


class PathWish(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The body of POST channels/path-test; without `rule_id` the channels of all rules."""

    rule_id: str | None = None
    target: str = ""


def _test_path(asked: Asked) -> Reply:
    wish: PathWish = asked.body
    target = target_of(wish.target, asked.office.targets)
    house, now, by = asked.office.house(), asked.office.now, asked.principal.name
    found = rehearse(target, _routes(wish, target, asked), by=by, house=house, now=now)
    return Reply(_spelled(target, found), TargetMeta(target))


def _routes(wish: PathWish, target: str, asked: Asked) -> Sequence[Action]:
    house, office = asked.office.house(), asked.office
    if wish.rule_id is not None:
        known = known_rule(wish.rule_id, office.targets, house=house, now=office.now)
        rules = [house.routing.routed(known.rule)]
    else:
        rules = [rule for rule in every_rule(house) if rule.applies_to(target)]
    return [action for rule in rules for action in (*rule.actions, *rule.escalate_to)]


PATH_VIEW = View(
    "PathTest",
    Rehearsal,
    without=("dispatched", "rows"),
    beside={"steps": list[Step], "channels": list_of(DELIVERY_VIEW.kind)},
)


def _spelled(target: str, found: Rehearsal) -> Json:
    is_done = found.dispatched and all(row.is_final for row in found.rows)
    steps = [
        Step("decide", done=True),
        Step("dispatch", done=found.dispatched),
        Step("deliver", done=is_done),
    ]
    channels = [delivery_json(target, row) for row in _last_of_each(found.rows)]
    return PATH_VIEW.shown(found, steps=steps, channels=channels)


def _last_of_each(rows: Sequence[Delivery]) -> Sequence[Delivery]:
    """A channel's newest row tells how its message went: both events share it."""
    return list({row.channel: row for row in rows}.values())


CHANNELS = Route(
    name="channels",
    role=Role.READER,
    answer=_list,
    says="whom the monitor can tell",
    data=list[ChannelJson],
    meta=ChannelsMeta,
)
TEST = Route(
    name="channels/{id}/test",
    method="POST",
    role=Role.ADMIN,
    answer=_test,
    says="a test message through one channel",
    data=TRIAL_VIEW.kind,
)
TEST_PATH = Route(
    name="channels/path-test",
    method="POST",
    role=Role.ADMIN,
    answer=_test_path,
    says="a test story along the whole way of an alert",
    body=Body(PathWish, FIELDS),
    data=PATH_VIEW.kind,
    meta=TargetMeta,
    also=(404,),
)
