"""GET channels, tests of one channel and of the whole way: what they answer, do and leave."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.budgets import Limits
from shared.domain.deliveries import channel_of
from shared.domain.errors import ChannelError
from shared.domain.handling import AuditEntry
from shared.domain.rules import Action, ActionType
from shared.services.closures import closures
from shared.services.deliver import deliver_due
from shared.web.alerts import ALERT, ALERTS
from shared.web.channels import CHANNELS, TEST, TEST_PATH
from shared.web.metrics import METRICS
from tests.builders import (
    LOG,
    MAIL,
    OK,
    SLACK,
    TARGET,
    Desk,
    a_desk,
    a_rule,
    an_event,
    assert_at_rest,
)
from tests.web.builders import Counter, bearer, crm_token, error_of, lose_answers, told

HOOK = Action(ActionType.WEBHOOK, "https://hooks.example.com/secret-path")
UNSET = Action(ActionType.EMAIL, "${ALERT_EMAIL}")


@pytest.fixture
def desk() -> Desk:
    rules = [a_rule("one", actions=(MAIL, SLACK)), a_rule("two", actions=(MAIL, HOOK))]
    desk = a_desk([OK] * 60, rules=rules, fallback=LOG)
    desk.ticks(0, 3)
    return desk


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def listed(counter: Counter) -> dict[str, dict[str, Any]]:
    return {one["type"]: one for one in counter.get(CHANNELS, 3)["data"]}


def tried(counter: Counter, address: Action = MAIL) -> dict[str, Any]:
    found: dict[str, Any] = told(counter.send(TEST, 3, channel_of(address)))["data"]
    return found


def refuse(desk: Desk, channel: str = "email", *, permanent: bool = True) -> None:
    desk.channels[channel].failures.append(ChannelError("gone", permanent=permanent))


def path(counter: Counter, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = told(counter.post(TEST_PATH, 3, body))["data"]
    return found


def test_channels_are_listed_with_their_rules_and_no_secret(counter: Counter) -> None:
    found = listed(counter)

    assert found["email"]["rules"] == ["one", "two"]
    assert (found["slack"]["name"], found["slack"]["rules"]) == ("#alerts", ["one"])
    assert found["webhook"]["name"] == "https://hooks.example.com/…"
    assert (found["console"]["isFallback"], found["console"]["rules"]) == (True, [])
    assert all(one["reachable"] and one["closed"] is None for one in found.values())
    assert "console" in counter.get(CHANNELS, 3)["meta"]["setUp"]


def test_a_channel_that_is_not_set_up_says_so(desk: Desk, counter: Counter) -> None:
    desk.shipped(a_rule(actions=(UNSET,)))

    assert listed(counter)["email"]["reachable"] is False
    assert "ALERT_EMAIL" in listed(counter)["email"]["problem"]
    assert (tried(counter, UNSET)["outcome"], desk.messages()) == ("refused", [])


def test_a_test_message_is_marked_and_goes_through_the_real_channel(
    desk: Desk, counter: Counter
) -> None:
    assert tried(counter)["outcome"] == "sent"

    (message,) = desk.messages()
    assert message.subject.startswith("[TEST] [RESOLVED]")
    assert message.to == MAIL.target
    assert "somebody tests" not in message.subject
    assert counter.get(ALERTS, 3, state="all")["data"] == []
    assert_at_rest(desk)


def test_the_whole_way_also_leads_to_whom_an_escalation_calls(desk: Desk, counter: Counter) -> None:
    desk.shipped(a_rule("one", escalate_after=10, escalate_to=(SLACK,)))

    assert {one["channelType"] for one in path(counter, ruleId="one")["channels"]} == {
        "email",
        "slack",
    }


def test_a_refusal_closes_the_channel_and_a_good_test_opens_it(
    desk: Desk, counter: Counter
) -> None:
    refuse(desk)
    assert tried(counter) == {
        "channel": channel_of(MAIL),
        "outcome": "refused",
        "providerId": None,
        "error": "gone",
        "retryAt": None,
    }
    closed = listed(counter)["email"]["closed"]
    assert (closed["count"], closed["error"]) == (1, "gone")

    assert tried(counter)["outcome"] == "sent"
    assert closures(desk.house.config) == {}


def test_a_test_that_was_sent_is_so_though_the_audits_answer_is_lost(
    desk: Desk, counter: Counter
) -> None:
    lose_answers(desk.house.alerts, TARGET)

    assert tried(counter)["outcome"] == "sent"
    assert [one.action for one in desk.rows("audit:", AuditEntry)] == ["test_channel"]


def test_a_test_of_the_whole_way_goes_on_though_the_stores_answer_is_lost(
    desk: Desk, counter: Counter
) -> None:
    lose_answers(desk.house.alerts, TARGET)

    assert path(counter, ruleId="two")["episode"]
    assert [one.action for one in desk.rows("audit:", AuditEntry)] == ["test_path"]


def test_a_failure_that_may_heal_is_said(desk: Desk, counter: Counter) -> None:
    refuse(desk, permanent=False)

    assert (tried(counter)["outcome"], closures(desk.house.config)) == ("failed", {})


def test_a_test_takes_a_token_and_waits_for_none(desk: Desk, counter: Counter) -> None:
    desk.house = replace(desk.house, budgets={ActionType.EMAIL: Limits(1, 4)})

    assert tried(counter)["outcome"] == "sent"
    late = tried(counter)

    assert late["outcome"] == "no_budget"
    assert late["retryAt"] is not None
    assert len(desk.messages()) == 1


def test_tests_are_audited(desk: Desk, counter: Counter) -> None:
    tried(counter)
    path(counter)

    assert {one.action for one in desk.rows("audit:", AuditEntry)} == {"test_channel", "test_path"}


def test_the_whole_way_is_walked_on_every_channel(desk: Desk, counter: Counter) -> None:
    found = path(counter)

    assert found["steps"] == [
        {"step": "decide", "done": True},
        {"step": "dispatch", "done": True},
        {"step": "deliver", "done": True},
    ]
    outcomes = {one["channelType"]: one["status"] for one in found["channels"]}
    assert outcomes == {"email": "sent", "slack": "sent", "webhook": "sent"}
    assert desk.told("email") == ["firing+resolved"]
    assert desk.messages("slack")[0].subject.startswith("[TEST] ")
    assert_at_rest(desk)


def test_one_rules_channels_can_be_tested_alone(desk: Desk, counter: Counter) -> None:
    path(counter, ruleId="one", target=TARGET)

    assert desk.told("slack") == ["firing+resolved"]
    assert desk.told("webhook") == []


def test_a_test_is_never_an_alert(desk: Desk, counter: Counter) -> None:
    episode = path(counter)["episode"]

    assert counter.get(ALERTS, 3, state="all")["data"] == []
    seen = counter.get(METRICS, 3)["data"]
    assert (seen["alerts"], seen["currentMeta"]["systemStatusReasons"]) == ([], [])
    answer = counter.send(ALERT, 3, f"{TARGET}.{episode}", method="GET")
    assert error_of(answer)[0] == 404


def test_what_a_channel_refuses_arrives_by_the_fallback(desk: Desk, counter: Counter) -> None:
    refuse(desk)

    found = path(counter, ruleId="one")

    by_type = {one["channelType"]: one for one in found["channels"]}
    assert (by_type["email"]["status"], by_type["email"]["fellBack"]) == ("dead", True)
    assert (by_type["console"]["status"], by_type["console"]["reason"]) == ("sent", "delivered")
    assert desk.told("console") == ["firing+resolved"]


def test_what_can_not_be_sent_now_goes_on_by_itself(desk: Desk, counter: Counter) -> None:
    refuse(desk, permanent=False)

    found = path(counter, ruleId="one")
    assert found["steps"][-1] == {"step": "deliver", "done": False}
    desk.clock.advance(timedelta(minutes=1))
    deliver_due(TARGET, house=desk.house)

    assert desk.told("email") == ["firing+resolved"]
    assert_at_rest(desk)


def test_a_test_and_a_real_alert_never_share_a_message(desk: Desk, counter: Counter) -> None:
    desk.decide(an_event())

    path(counter, ruleId="one")
    deliver_due(TARGET, house=desk.house)

    subjects = [message.subject for message in desk.messages()]
    assert sorted(subject.startswith("[TEST]") for subject in subjects) == [False, True]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"ruleId": "none"}, 404, "not_found"),
        ({"target": "none"}, 400, "unknown_target"),
        ({"ruleId": 5}, 400, "invalid_body"),
        ({"channel": "x"}, 400, "unknown_field"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    counter: Counter, body: dict[str, Any], status: int, code: str
) -> None:
    assert error_of(counter.post(TEST_PATH, 3, body))[:2] == (status, code)


def test_without_anybody_to_tell_there_is_nothing_to_test(desk: Desk, counter: Counter) -> None:
    desk.shipped(a_rule(actions=()))

    assert error_of(counter.post(TEST_PATH, 3, {}))[:2] == (400, "invalid_input")


def test_a_channel_that_no_rule_names_is_not_found(counter: Counter) -> None:
    assert error_of(counter.send(TEST, 3, "00000000"))[:2] == (404, "not_found")


@pytest.mark.parametrize("route", [TEST, TEST_PATH])
def test_readers_test_nothing(counter: Counter, route: Any) -> None:
    headers = bearer(crm_token(roles="reader"))

    assert error_of(counter.send(route, 3, channel_of(MAIL), headers=headers))[0] == 403
