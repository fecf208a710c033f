"""Since when a target is watched, by which rules, by whom just now, and whether anybody hears."""

import dataclasses
from datetime import timedelta

import pytest

from shared.adapters.channels.memory import MemoryChannel
from shared.adapters.channels.slack import SlackChannel
from shared.adapters.channels.sms import open_sms
from shared.domain.records import Insert
from shared.domain.routing import Routing
from shared.domain.rules import Action, ActionType, KeptRule, Severity
from shared.domain.times import DAY
from shared.ports import Channel
from shared.services.beat import heartbeat
from shared.services.leases import LEASES, LENGTH, Lease, lease
from shared.services.reach import unreachable
from shared.services.targets import activate, in_turn, rules_in_force
from tests.builders import LOG, MAIL, SLACK, TARGET, Desk, a_rule, at
from tests.services.conftest import MakeDesk


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def test_a_target_is_active_from_its_first_tick_on(desk: Desk) -> None:
    first = activate(TARGET, config=desk.house.config, now=at(3, 20))

    assert first == at(3)
    assert activate(TARGET, config=desk.house.config, now=at(90)) == at(3)


@pytest.mark.parametrize(("many", "served"), [(1, 1), (7, 2), (200, 180), (1000, 180), (1000, 7)])
def test_where_time_is_short_everybody_has_a_turn(many: int, served: int) -> None:
    targets = [f"target-{number}" for number in range(many)]
    least = -(-many // served)

    turns = [in_turn(targets, at(0) + turn * DAY, DAY) for turn in range(200, 200 + 2 * least)]

    assert all(sorted(one) == sorted(targets) for one in turns)
    assert {target for one in turns for target in one[:served]} == set(targets)


def test_rules_in_force_are_the_shipped_ones_replaced_by_their_edits(desk: Desk) -> None:
    shipped = [a_rule("one"), a_rule("two"), a_rule("three", targets=("other",))]
    stored = [
        KeptRule(a_rule("two", enabled=False), at(1)),
        KeptRule(a_rule("four", targets=(TARGET,)), at(2)),
    ]
    desk.house.config.commit("rule", [Insert(kept.rule.id, kept) for kept in stored])

    found = rules_in_force(TARGET, house=dataclasses.replace(desk.house, rules=shipped))

    assert found == [KeptRule(shipped[0]), stored[1]]


def test_rules_in_force_are_routed_the_edited_ones_too(desk: Desk) -> None:
    mail = Action(ActionType.EMAIL, "${ALERT_EMAIL}")
    shipped = [a_rule("one", actions=(mail,)), a_rule("two")]
    edit = KeptRule(a_rule("two", actions=()), at(1))
    desk.house.config.commit("rule", [Insert("two", edit)])
    routing = Routing({"ALERT_EMAIL": "admin@example.com"}, {edit.rule.severity: (mail, SLACK)})

    house = dataclasses.replace(desk.house, rules=shipped, routing=routing)

    assert [
        [action.target for action in kept.rule.actions]
        for kept in rules_in_force(TARGET, house=house)
    ] == [["admin@example.com"], ["admin@example.com", "#alerts"]]
    kept = desk.house.config.get("rule", "two", KeptRule)
    assert kept is not None
    assert kept.value == edit, "it is stored as it was written"


def test_a_lease_has_one_holder_until_it_is_released(desk: Desk) -> None:
    house = desk.house
    with lease(TARGET, config=house.config, wall=house.wall) as mine:
        with lease(TARGET, config=house.config, wall=house.wall) as other:
            assert (mine.is_mine, other.is_mine) == (True, False)
        with lease(TARGET, config=house.config, wall=house.wall) as other:
            assert not other.is_mine, "whoever got none must not release somebody else's"
    with lease(TARGET, config=house.config, wall=house.wall) as next_one:
        assert next_one.is_mine


def test_a_lease_runs_out_and_its_slow_holder_leaves_the_next_ones_alone(desk: Desk) -> None:
    house = desk.house
    with lease(TARGET, config=house.config, wall=house.wall):
        desk.clock.advance(LENGTH - timedelta(seconds=1))
        with lease(TARGET, config=house.config, wall=house.wall) as early:
            assert not early.is_mine
        desk.clock.advance(timedelta(seconds=1))
        taken = lease(TARGET, config=house.config, wall=house.wall)
        assert taken.__enter__().is_mine
    assert len(house.config.scan(LEASES, "", Lease)) == 1
    taken.__exit__(None, None, None)


def test_a_clock_that_ran_ahead_keeps_no_target_from_the_others_nor_quiet(desk: Desk) -> None:
    desk.tick(600)
    desk.clock.advance(timedelta(hours=1))
    lease(TARGET, config=desk.house.config, wall=desk.house.wall).__enter__()
    desk.clock.now = at(3)

    assert heartbeat([TARGET], house=desk.house, now=at(3)) != []
    assert not desk.tick(3).skipped
    assert heartbeat([TARGET], house=desk.house, now=at(3)) == []


def test_a_lease_is_released_when_its_work_fails(desk: Desk) -> None:
    with pytest.raises(RuntimeError), lease(TARGET, config=desk.house.config, wall=desk.house.wall):
        raise RuntimeError
    with lease(TARGET, config=desk.house.config, wall=desk.house.wall) as next_one:
        assert next_one.is_mine


def test_placeholders_are_filled_in_where_a_value_is_known() -> None:
    mail = Action(ActionType.EMAIL, "${ALERT_EMAIL}")
    rule = a_rule(actions=(mail, SLACK), escalate_to=(Action(ActionType.SMS, "${PHONE}"),))

    filled = Routing({"ALERT_EMAIL": "admin@example.com"}).routed(rule)

    assert [action.target for action in filled.actions] == ["admin@example.com", "#alerts"]
    assert filled.escalate_to[0].target == "${PHONE}"


def test_a_rule_without_actions_goes_where_its_severity_does() -> None:
    routing = Routing({}, {Severity.CRITICAL: (MAIL, SLACK)})

    assert routing.routed(a_rule(actions=())).actions == (MAIL, SLACK)
    assert routing.routed(a_rule(actions=(LOG,))).actions == (LOG,)
    assert routing.routed(a_rule(actions=(), severity=Severity.LOW)).actions == ()


def with_channels(*kinds: str) -> dict[str, Channel]:
    return {kind: MemoryChannel(kind) for kind in kinds}


def test_everybody_who_cannot_be_told_is_named_once() -> None:
    nobody = Action(ActionType.EMAIL, "${ALERT_EMAIL}")
    rules = [a_rule("one", actions=(nobody, SLACK)), a_rule("two", actions=(nobody, LOG))]

    assert unreachable(rules, with_channels("console"), LOG) == [
        "the setting ALERT_EMAIL is empty, so its email alerts reach nobody",
        "no slack channel is set up, so slack alerts reach nobody",
    ]


def test_when_nobody_at_all_can_be_told_that_comes_first() -> None:
    problems = unreachable([a_rule(actions=(MAIL,))], {}, None)

    assert problems[0].startswith("nobody can be told")
    both = with_channels("email", "console")
    assert unreachable([a_rule(actions=(MAIL,), enabled=False)], both, LOG) == []
    assert unreachable([a_rule(actions=(MAIL,))], both, LOG) == []


def test_a_channel_says_itself_whom_it_cannot_tell() -> None:
    slack = SlackChannel({"#alerts": "https://hooks.example/services/T/B/x"})
    rules = [a_rule(actions=(SLACK, Action(ActionType.SLACK, "#performance")))]

    (problem,) = unreachable(rules, {"slack": slack, **with_channels("console")}, LOG)

    assert "#performance" in problem
    assert "SLACK_BOT_TOKEN" in problem


def sms_from(least: Severity) -> dict[str, Channel]:
    key = "endpoint=https://sms.example.com/;accesskey=a2V5"
    sms = open_sms(connection_string=key, sender="Pantry", least=least)
    return {"sms": sms, **with_channels("email", "console")}


def test_a_rule_that_its_channel_finds_too_mild_is_named() -> None:
    phone = Action(ActionType.SMS, "+491511234567")
    rules = [
        a_rule("worst", severity=Severity.CRITICAL, actions=(phone, MAIL)),
        a_rule("mild", severity=Severity.MEDIUM, actions=(MAIL, phone)),
        a_rule("milder", severity=Severity.LOW, actions=(phone,), enabled=False),
    ]

    assert unreachable(rules, sms_from(Severity.HIGH), LOG) == [
        "sms refuses alerts that are milder than high, and those of the rule mild are medium"
    ]
    assert unreachable(rules, sms_from(Severity.MEDIUM), LOG) == []


def test_when_every_rule_is_too_mild_nobody_can_be_told() -> None:
    rules = [a_rule(severity=Severity.HIGH, actions=(Action(ActionType.SMS, "+491511234567"),))]

    first, second = unreachable(rules, sms_from(Severity.CRITICAL), LOG)

    assert first.startswith("nobody can be told")
    assert second.startswith("sms refuses alerts that are milder than critical")


def test_a_fallback_that_refuses_mild_alerts_is_named() -> None:
    phone = Action(ActionType.SMS, "+491511234567")

    assert unreachable([a_rule(actions=(MAIL,))], sms_from(Severity.CRITICAL), phone) == [
        "the fallback, sms, refuses alerts that are milder than critical"
    ]
    assert unreachable([a_rule(actions=(MAIL,))], sms_from(Severity.LOW), phone) == []


@pytest.mark.parametrize("fallback", [None, Action(ActionType.TEAMS, "room")])
def test_a_fallback_that_hears_nothing_is_named(fallback: Action | None) -> None:
    (problem,) = unreachable([a_rule(actions=(MAIL,))], with_channels("email"), fallback)

    assert "fallback" in problem
