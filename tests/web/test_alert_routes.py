"""GET alerts, GET alerts/{id}, POST alerts: what they answer, and what they refuse."""

import json
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.alerts import Alert, AlertState
from shared.domain.errors import Conflict, StoreUnavailable
from shared.domain.records import Insert, alert_key
from shared.domain.rules import Severity
from shared.web.alerts import ACT, ALERT, ALERTS
from shared.web.auth import Gate
from tests.builders import BAD, OK, TARGET, Desk, a_desk, a_rule, an_alert, at
from tests.services.test_resilience import damage
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of, told
from tests.web.test_auth import OBJECT_ID, login

ALERT_FIELDS = {
    "toldAt",
    "remindedAt",
    "escalatedAt",
    "alertId",
    "id",
    "ruleId",
    "ruleName",
    "target",
    "metric",
    "condition",
    "kind",
    "state",
    "severity",
    "value",
    "lastValue",
    "threshold",
    "unit",
    "activeAt",
    "firedAt",
    "lastTriggered",
    "count",
    "acknowledgedBy",
    "acknowledgedAt",
    "note",
    "snoozedUntil",
    "resolvedAt",
    "resolvedBy",
    "reason",
    "culprits",
    "deploy",
    "breaches",
    "forecastHours",
}


@pytest.fixture
def desk() -> Desk:
    """Fires at the end of minute 6; ten minutes are folded."""
    desk = a_desk([OK] * 5 + [BAD] * 600)
    desk.ticks(0, 11)
    return desk


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def alert_id(desk: Desk) -> str:
    return f"{TARGET}.{desk.alert().id}"


def keep(desk: Desk, *alerts: Alert, target: str = TARGET) -> None:
    desk.house.alerts.commit(target, [Insert(alert_key(one.id), one) for one in alerts])


def an_old_alert(month: int, number: int = 0, **changes: Any) -> Alert:
    episode = f"2025{month:02d}{number + 1:02d}T0005Z-1a2b3c4d"
    return an_alert(episode, state=AlertState.RESOLVED, resolved_at=at(9), **changes)


def test_open_alerts_are_listed_in_the_wires_form(counter: Counter) -> None:
    listed = counter.get(ALERTS, 11)

    (alert,) = listed["data"]
    assert alert.keys() == ALERT_FIELDS
    assert alert["alertId"] == f"{TARGET}.{alert['id']}"
    assert (alert["state"], alert["activeAt"]) == ("firing", "2026-01-01T00:05:00Z")
    assert (alert["count"], alert["value"]) == (5, BAD)
    assert listed["meta"].items() >= {"state": "open", "limit": 50, "more": False}.items()


def test_past_alerts_come_newest_first_over_the_months(counter: Counter, desk: Desk) -> None:
    firing = desk.alert().id
    old = [an_old_alert(month, number) for month in (3, 11) for number in range(3)]
    keep(desk, *old)
    newest = [one.id for one in reversed(old)]

    resolved = counter.get(ALERTS, 11, state="resolved")["data"]
    everything = counter.get(ALERTS, 11, state="all")["data"]

    assert [alert["id"] for alert in resolved] == newest
    assert [alert["id"] for alert in everything] == [firing, *newest]


def test_a_limit_leaves_out_the_oldest_and_says_so(counter: Counter, desk: Desk) -> None:
    keep(desk, *[an_old_alert(11, number) for number in range(5)])

    cut = counter.get(ALERTS, 11, state="resolved", limit="4")
    whole = counter.get(ALERTS, 11, state="resolved", limit="5")

    assert (len(cut["data"]), cut["meta"]["more"]) == (4, True)
    assert (len(whole["data"]), whole["meta"]["more"]) == (5, False)


@pytest.mark.parametrize("state", ["open", "all"])
def test_alerts_of_one_severity(state: str) -> None:
    rules = [a_rule("one"), a_rule("two", severity=Severity.LOW)]
    desk = a_desk([BAD] * 60, rules=rules)
    desk.ticks(0, 5)

    found = Counter(desk).get(ALERTS, 5, state=state, severity="low")["data"]

    assert [alert["ruleId"] for alert in found] == ["two"]


def test_alerts_of_all_targets_or_of_one(counter: Counter, desk: Desk) -> None:
    counter.targets = (TARGET, "other-app")
    keep(desk, an_old_alert(11, target="other-app"), target="other-app")

    both = counter.get(ALERTS, 11, state="all")["data"]
    one = counter.get(ALERTS, 11, state="all", target="other-app")["data"]

    assert [alert["target"] for alert in both] == [TARGET, "other-app"]
    assert [alert["target"] for alert in one] == ["other-app"]


@pytest.mark.parametrize("state", ["open", "all"])
def test_a_snooze_is_shown_while_it_lasts(counter: Counter, desk: Desk, state: str) -> None:
    desk.act("snooze", desk.alert().id, 11, minutes=10)

    (during,) = counter.get(ALERTS, 12, state=state)["data"]
    (after,) = counter.get(ALERTS, 21, state=state)["data"]

    assert (during["snoozedUntil"], after["snoozedUntil"]) == ("2026-01-01T00:21:00Z", None)


@pytest.mark.parametrize("state", ["open", "all"])
def test_a_damaged_alert_does_not_hide_the_others(state: str) -> None:
    desk = a_desk([BAD] * 9, rules=[a_rule("one"), a_rule("two")])
    desk.ticks(0, 4)
    broken, whole = desk.alerts()
    damage(desk, alert_key(broken.id), severity="terrible")
    counter = Counter(desk)

    found = counter.get(ALERTS, 4, state=state)["data"]

    assert [alert["id"] for alert in found] == [whole.id]
    request = a_request(headers=bearer(crm_token()), alert_id=broken.id)
    assert error_of(counter.ask(ALERT, 4, request))[:2] == (500, "damaged_row")


def test_a_damaged_state_is_no_missing_rule(counter: Counter, desk: Desk) -> None:
    damage(desk, "state:dtu-high", state="terrible")
    wish = {"alertId": alert_id(desk), "action": "resolve"}

    assert error_of(counter.post(ACT, 12, wish))[:2] == (500, "damaged_row")


@pytest.mark.parametrize(
    ("params", "code", "sentence"),
    [
        ({"state": "firing"}, "invalid_state", "state is one of open, resolved, all"),
        ({"severity": "urgent"}, "invalid_severity", "one of low, medium, high, critical"),
        ({"limit": "0"}, "invalid_limit", "from 1 to 100"),
        ({"limit": "101"}, "invalid_limit", "from 1 to 100"),
        ({"limit": "²"}, "invalid_limit", "from 1 to 100"),
        ({"limit": "9" * 5000}, "invalid_limit", "from 1 to 100"),
        ({"target": "x"}, "unknown_target", "known are pantry-crm"),
        ({"stat": "open"}, "unknown_parameter", "did you mean state?"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    counter: Counter, params: dict[str, str], code: str, sentence: str
) -> None:
    status, said, message = counter.refused(ALERTS, 11, **params)

    assert (status, said) == (400, code)
    assert sentence in message


def test_an_alert_is_told_with_its_timeline(counter: Counter, desk: Desk) -> None:
    desk.act("acknowledge", desk.alert().id, 11, note="on it")

    story = counter.get(ALERT, 12, alert_id(desk))["data"]

    assert story.keys() == ALERT_FIELDS | {"timeline"}
    assert [line["kind"] for line in story["timeline"]] == ["firing", "acknowledged"]
    assert story["timeline"][1].items() >= {"by": "admin", "note": "on it"}.items()


def test_a_bare_episode_is_the_first_targets(counter: Counter, desk: Desk) -> None:
    assert counter.get(ALERT, 12, desk.alert().id)["data"]["alertId"] == alert_id(desk)


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "",
        f"{TARGET}.x",
        f"{TARGET}.20260101T0005Z-00000000",
        "other.20260101T0005Z-00000000",
        f"{TARGET}.20260101T0005Z-0000000/",
        "a" * 5000,
    ],
)
def test_an_alert_that_nobody_knows_is_not_found(counter: Counter, name: str) -> None:
    request = a_request(headers=bearer(crm_token()), alert_id=name)
    read = error_of(counter.ask(ALERT, 11, request))
    acted = error_of(counter.post(ACT, 11, {"alertId": name, "action": "resolve"}))

    assert read[:2] == acted[:2] == (404, "not_found")


def test_an_alert_that_is_still_pending_is_not_found() -> None:
    desk = a_desk([BAD] * 9, rules=[a_rule(duration=60)])
    desk.ticks(0, 4)
    name = f"{TARGET}.20260101T0000Z-00000000"

    answer = Counter(desk).post(ACT, 4, {"alertId": name, "action": "acknowledge"})

    assert error_of(answer)[:2] == (404, "not_found")
    assert "from firing on" in error_of(answer)[2]


def test_an_action_answers_the_alert_as_it_then_stands(counter: Counter, desk: Desk) -> None:
    wish = {"alertId": alert_id(desk), "action": "acknowledge", "note": " on it\x00 "}

    alert = told(counter.post(ACT, 11, wish))["data"]

    assert alert.keys() == ALERT_FIELDS
    assert (alert["acknowledgedBy"], alert["note"]) == ("Desk admin", "on it")
    assert alert["acknowledgedAt"] == "2026-01-01T00:11:00Z"
    assert desk.alert().acknowledged_by == "Desk admin"


def test_every_action_does_what_it_says(counter: Counter, desk: Desk) -> None:
    name = alert_id(desk)

    def post(action: str, **more: Any) -> dict[str, Any]:
        answer = counter.post(ACT, 11, {"alertId": name, "action": action, **more})
        alert: dict[str, Any] = told(answer)["data"]
        return alert

    assert post("snooze", duration=60)["snoozedUntil"] == "2026-01-01T01:11:00Z"
    assert post("unsnooze", duration=None)["snoozedUntil"] is None
    assert post("resolve")["state"] == "resolved"
    assert post("acknowledge")["acknowledgedBy"] is None


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"action": "delete"}, "invalid_body", "action must be one of acknowledge, resolve"),
        ({"action": 7}, "invalid_body", "action must be one of acknowledge"),
        ({"action": "x" * 5000}, "invalid_body", "action must be one of"),
        ({"alertId": None}, "invalid_body", "alertId must be target.episode"),
        ({"alertId": ...}, "invalid_body", "alertId must be target.episode"),
        ({"action": ...}, "invalid_body", "action must be one of"),
        ({"action": "snooze"}, "invalid_duration", "a snooze needs an end"),
        ({"action": "snooze", "duration": 0}, "invalid_body", "from 1 to 10080"),
        ({"action": "snooze", "duration": 10081}, "invalid_body", "from 1 to 10080"),
        ({"action": "snooze", "duration": 10**30}, "invalid_body", "from 1 to 10080"),
        ({"action": "snooze", "duration": 1.5}, "invalid_body", "from 1 to 10080"),
        ({"action": "snooze", "duration": "60"}, "invalid_body", "from 1 to 10080"),
        ({"action": "snooze", "duration": True}, "invalid_body", "from 1 to 10080"),
        ({"duration": 5}, "invalid_duration", "duration goes with snooze"),
        ({"note": "x" * 1001}, "invalid_body", "at most 1,000 characters"),
        ({"note": 7}, "invalid_body", "note must be text"),
        ({"actoin": "resolve"}, "unknown_field", "did you mean action?"),
        ({"user": "me"}, "unknown_field", "known are alertId, action, duration, note"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_a_sentence(
    counter: Counter, desk: Desk, change: dict[str, Any], code: str, sentence: str
) -> None:
    wish = {"alertId": alert_id(desk), "action": "acknowledge", **change}
    wish = {name: value for name, value in wish.items() if value is not ...}
    before = desk.keys("audit:")

    status, said, message = error_of(counter.post(ACT, 11, wish))

    assert (status, said) == (400, code)
    assert sentence in message
    assert desk.keys("audit:") == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"\xff", 400, "malformed_json"),
        (b'{"note": "\xff"}', 400, "malformed_json"),
        (b"[" * 50_000, 400, "malformed_json"),
        (b"[]", 400, "invalid_body"),
        (b"null", 400, "invalid_body"),
        (b'"resolve"', 400, "invalid_body"),
        (b"{" + b" " * 65536 + b"}", 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    counter: Counter, body: bytes, status: int, code: str
) -> None:
    assert error_of(counter.post(ACT, 11, body))[:2] == (status, code)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 404),
        ("application/json; charset=utf-8", 404),
        ("APPLICATION/JSON", 404),
        ("application/merge-patch+json", 404),
        ("", 404),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
def test_a_body_that_says_it_is_not_json_is_refused(
    counter: Counter, kind: str, status: int
) -> None:
    answer = counter.post(ACT, 11, {"alertId": "x", "action": "resolve"}, **{"Content-Type": kind})

    assert answer.status_code == status


def test_a_browsers_login_must_say_json_so_that_no_form_can_act(desk: Desk) -> None:
    counter = Counter(desk)
    counter.gate = Gate(platform_login=True)
    headers = login((OBJECT_ID, "o-1"), ("roles", "admin"))
    wish = {"alertId": alert_id(desk), "action": "acknowledge"}

    def post(**more: str) -> int:
        request = a_request("POST", body=wish, headers={**headers, **more})
        status: int = counter.ask(ACT, 11, request).status_code
        return status

    assert post() == 415
    assert post(**{"Content-Type": "application/json"}) == 200


def test_who_only_reads_may_not_act(counter: Counter, desk: Desk) -> None:
    wish = {"alertId": alert_id(desk), "action": "resolve"}
    headers = bearer(crm_token(roles="reader"))

    answer = counter.ask(ACT, 11, a_request("POST", body=wish, headers=headers))

    assert error_of(answer)[:2] == (403, "forbidden")
    assert desk.alert().state is AlertState.FIRING


@pytest.mark.parametrize("error", [Conflict("raced"), StoreUnavailable("down")])
def test_a_busy_store_says_when_to_try_again(
    counter: Counter, desk: Desk, error: Exception
) -> None:
    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(original, name)

        def commit(self, *_: Any) -> Any:
            raise error

    original = desk.house.alerts
    counter.desk = replace(desk, house=replace(desk.house, alerts=Busy()))
    answer = counter.post(ACT, 11, {"alertId": alert_id(desk), "action": "resolve"})

    assert error_of(answer)[:2] == (503, "store_busy")
    assert answer.headers["Retry-After"] == "1"
    assert "raced" not in answer.get_body().decode()


def test_the_query_of_an_action_is_refused(counter: Counter, desk: Desk) -> None:
    wish = {"alertId": alert_id(desk), "action": "resolve"}
    request = a_request("POST", {"x": "1"}, body=wish, headers=bearer(crm_token()))

    assert error_of(counter.ask(ACT, 11, request))[1] == "unknown_parameter"


def test_a_name_in_an_answer_is_json_text(counter: Counter, desk: Desk) -> None:
    token = crm_token(name="<script>\"'é")
    wish = {"alertId": alert_id(desk), "action": "acknowledge"}
    answer = counter.ask(ACT, 11, a_request("POST", body=wish, headers=bearer(token)))

    assert json.loads(answer.get_body())["data"]["acknowledgedBy"] == "<script>\"'é"
