"""GET, PUT and DELETE rules, POST rules/{id}/reset: what they answer, refuse and leave behind."""

import json
from typing import Any

import azure.functions as func
import pytest

from shared.domain.errors import Conflict
from shared.domain.handling import AuditEntry
from shared.domain.records import Write
from shared.domain.rules import Action, ActionType, Severity
from shared.web.asking import LARGEST_BODY
from shared.web.rules import REMOVE, RESET, RULE, RULES, SAVE
from tests.builders import BAD, MAIL, OK, TARGET, Desk, a_desk, a_rule, at
from tests.web.builders import (
    Counter,
    a_request,
    bearer,
    check_answer,
    crm_token,
    error_of,
    lose_answers,
    told,
)
from tests.web.test_auth import OBJECT_ID, login

HOOK = Action(ActionType.WEBHOOK, "https://hooks.example.com/secret-path")
OWN: dict[str, Any] = {
    "id": "slow",
    "name": "Slow",
    "metric": "responseTime.avg",
    "condition": "greater_than",
    "threshold": 2000,
    "duration": 5,
    "severity": "high",
    "actions": [{"type": "email", "target": "admin@example.com"}],
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


def save(counter: Counter, rule: dict[str, Any], minute: float = 11, **headers: str) -> Any:
    """PUT of the rule under its id."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    name = str(rule.get("id", "slow"))
    return counter.send(SAVE, minute, name, method="PUT", body=rule, headers=given)


def shipped_as_seen(counter: Counter) -> tuple[dict[str, Any], str]:
    """The shipped rule's JSON, and the If-Match that replaces it."""
    answer = counter.ask(RULE, 11, a_request(headers=bearer(crm_token()), alert_id="dtu-high"))
    return told(answer)["data"]["rule"], answer.headers["ETag"]


def edit(counter: Counter, minute: float = 11, **changes: Any) -> func.HttpResponse:
    """Replace the shipped rule by itself with changes."""
    seen, etag = shipped_as_seen(counter)
    answer: func.HttpResponse = save(counter, {**seen, **changes}, minute, If_Match=etag)
    return answer


def audit(desk: Desk, target: str = TARGET) -> list[tuple[str, str, str | None]]:
    kept = desk.house.alerts.scan(target, "audit:", AuditEntry)
    return [(one.value.action, one.value.subject, one.value.detail) for one in kept]


def test_rules_are_listed_with_their_source_and_how_they_stand(counter: Counter) -> None:
    save(counter, OWN)

    shipped, own = counter.get(RULES, 11)["data"]

    assert (shipped["rule"]["id"], shipped["source"]) == ("dtu-high", "shipped")
    assert shipped["states"][TARGET]["state"] == "firing"
    assert shipped["states"][TARGET]["activeAt"] == "2026-01-01T00:05:00Z"
    assert shipped["states"][TARGET]["lastFolded"] == "2026-01-01T00:09:00Z"
    assert (own["rule"]["id"], own["source"], own["states"]) == ("slow", "own", {})
    assert (own["createdAt"], own["editedBy"]) == ("2026-01-01T00:11:00Z", "Desk admin")


def test_rules_of_one_target_leave_out_those_of_others(desk: Desk) -> None:
    counter = Counter(desk, targets=(TARGET, "other"))
    save(counter, {**OWN, "targets": ["other"]})

    assert [one["rule"]["id"] for one in counter.get(RULES, 11, target=TARGET)["data"]] == [
        "dtu-high"
    ]
    assert len(counter.get(RULES, 11, target="other")["data"]) == 2
    assert len(counter.get(RULES, 11)["data"]) == 2
    assert counter.refused(RULES, 11, target="none")[:2] == (400, "unknown_target")
    assert counter.refused(RULES, 11, state="all")[:2] == (400, "unknown_parameter")


def test_what_get_answers_is_what_put_takes(counter: Counter, desk: Desk) -> None:
    seen, etag = shipped_as_seen(counter)

    answer = save(counter, seen, If_Match=etag)

    assert told(answer)["data"]["rule"] == seen
    assert told(answer)["data"]["source"] == "shipped"  # nothing changed, nothing is kept
    assert audit(desk) == []


def test_a_rule_is_created_and_says_what_keeps_it_from_its_work(counter: Counter) -> None:
    answer = save(counter, {**OWN, "targets": ["nobody"]}, If_None_Match="*")

    body = check_answer(answer)
    assert body["meta"]["etag"] == body["data"]["etag"]
    assert answer.headers["ETag"] == f'"{body["meta"]["etag"]}"'
    assert body["meta"]["warnings"] == [
        "nobody watches the target nobody",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inhibitedBy": ["site-dwon"]}, "there is no rule site-dwon to inhibit it"),
        (
            {"escalateTo": [{"type": "slack", "target": "#alerts"}]},
            "escalateTo without escalateAfter: nobody is ever called in",
        ),
        ({"escalateAfter": 15}, "escalateAfter without escalateTo: there is nobody to call in"),
    ],
)
def test_what_would_never_happen_is_warned_of(
    counter: Counter, changes: dict[str, Any], said: str
) -> None:
    answer = save(counter, {**OWN, **changes}, If_None_Match="*")

    assert said in check_answer(answer)["meta"]["warnings"]


def test_an_id_in_the_address_is_enough(counter: Counter) -> None:
    without = {name: value for name, value in OWN.items() if name != "id"}

    answer = counter.send(SAVE, 11, "slow", method="PUT", body=without)

    assert told(answer)["data"]["rule"]["id"] == "slow"


def test_an_edit_of_a_shipped_rule_keeps_its_age_and_is_audited(
    counter: Counter, desk: Desk
) -> None:
    known = told(edit(counter, name="DTU very high", threshold=97))["data"]

    assert (known["source"], known["createdAt"]) == ("edited", None)
    assert audit(desk) == [
        ("save_rule", "dtu-high", "name DTU high → DTU very high, threshold 95.0 → 97.0")
    ]


def test_an_edit_in_place_leaves_the_story_and_a_new_threshold_ends_it(
    counter: Counter, desk: Desk
) -> None:
    edit(counter, name="DTU very high")
    desk.tick(11)
    assert desk.told() == ["firing"]

    edit(counter, 12, threshold=99.5)
    desk.ticks(12, 14)

    assert desk.told() == ["firing", "resolved"]
    assert desk.alert().reason == "rule_changed"


def test_raising_the_severity_ends_the_silence(desk: Desk, counter: Counter) -> None:
    desk.shipped(a_rule(severity=Severity.MEDIUM))
    desk.act("snooze", desk.alert().id, 11, minutes=600)
    desk.ticks(11, 13)

    edit(counter, 13, severity="critical")
    desk.tick(13)

    assert desk.told() == ["firing", "snooze_ended"]
    assert [action for action, *_ in audit(desk)].count("unsnooze") == 1
    assert counter.get(RULE, 14, "dtu-high")["data"]["states"][TARGET]["snoozedUntil"] is None


@pytest.mark.parametrize("severity", ["low", "medium"])
def test_lowering_or_keeping_the_severity_leaves_the_silence(
    desk: Desk, counter: Counter, severity: str
) -> None:
    desk.shipped(a_rule(severity=Severity.MEDIUM))
    desk.act("snooze", desk.alert().id, 11, minutes=600)

    edit(counter, severity=severity, name="Otherwise")

    assert [action for action, *_ in audit(desk)].count("unsnooze") == 0


def test_replacing_what_one_has_not_seen_is_refused(counter: Counter) -> None:
    seen, etag = shipped_as_seen(counter)
    edit(counter, threshold=90)

    late = save(counter, {**seen, "threshold": 80}, If_Match=etag)
    blind = save(counter, {**seen, "threshold": 80})
    new = save(counter, seen, If_None_Match="*")
    weak = save(counter, seen, If_Match=f"W/{etag}")

    assert error_of(late)[:2] == (412, "precondition_failed")
    assert error_of(blind)[:2] == (428, "precondition_required")
    assert error_of(new)[:2] == (412, "precondition_failed")
    assert error_of(weak)[:2] == (412, "precondition_failed")
    assert counter.get(RULE, 11, "dtu-high")["data"]["rule"]["threshold"] == 90


def test_whoever_saw_a_rule_that_is_gone_does_not_bring_it_back(counter: Counter) -> None:
    etag = save(counter, OWN).headers["ETag"]
    counter.send(REMOVE, 11, "slow", method="DELETE")

    assert error_of(save(counter, OWN, If_Match=etag))[:2] == (412, "precondition_failed")
    assert error_of(save(counter, OWN, If_Match="*"))[:2] == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"treshold": 5}, "threshold"),
        ({"metric": "dtu"}, "dtu"),
        ({"duration": -1}, "duration"),
        ({"severity": "awful"}, "severity"),
        ({"id": "other"}, "address"),
        ({"metric": "dtuUtilization", "threshold": 100}, "the rule could never fire"),
        ({"metric": "availability", "threshold": -1}, "the rule would always be on"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_a_sentence(
    counter: Counter, change: dict[str, Any], word: str
) -> None:
    answer = counter.send(SAVE, 11, "slow", method="PUT", body={**OWN, **change})

    status, code, message = error_of(answer)
    assert (status, code) == (400, "invalid_rule")
    assert word in message


def test_rules_that_would_inhibit_each_other_are_refused(counter: Counter, desk: Desk) -> None:
    desk.shipped(a_rule(inhibited_by=("slow",)))

    answer = save(counter, {**OWN, "inhibitedBy": ["dtu-high"]})

    status, code, message = error_of(answer)
    assert (status, code) == (400, "invalid_rule")
    assert "in a circle: " in message


def test_a_word_of_the_routes_is_no_id(counter: Counter) -> None:
    answer = counter.send(SAVE, 11, "backtest", method="PUT", body={**OWN, "id": "backtest"})

    assert error_of(answer)[:2] == (400, "invalid_rule")


def test_bodies_that_are_no_rule_are_refused(counter: Counter) -> None:
    def put(body: Any, **headers: str) -> tuple[int, str]:
        answer = counter.send(SAVE, 11, "slow", method="PUT", body=body, headers=headers)
        return error_of(answer)[:2]

    assert put(b"{") == (400, "malformed_json")
    assert put([OWN]) == (400, "invalid_body")
    assert put(b" " * (LARGEST_BODY + 1)) == (413, "body_too_large")
    assert put(OWN, **{"Content-Type": "text/plain"}) == (415, "unsupported_media_type")


def test_a_removed_rule_of_ones_own_is_gone_and_its_story_ends(
    counter: Counter, desk: Desk
) -> None:
    desk.shipped()
    save(counter, {**OWN, "id": "dtu-high", "metric": "dtuUtilization", "threshold": 95})
    desk.ticks(11, 20)
    assert desk.alerts()[-1].state == "firing"

    answer = counter.send(REMOVE, 20, "dtu-high", method="DELETE")
    desk.tick(20)

    assert told(answer)["data"] == {"ruleId": "dtu-high", "outcome": "removed"}
    assert counter.get(RULES, 20)["data"] == []
    assert desk.alerts()[-1].reason == "rule_removed"
    assert audit(desk)[0] == ("remove_rule", "dtu-high", "removed")


def test_a_removed_shipped_rule_is_disabled_and_can_be_reset(counter: Counter, desk: Desk) -> None:
    answer = counter.send(REMOVE, 11, "dtu-high", method="DELETE")
    desk.tick(11)

    assert told(answer)["data"]["outcome"] == "disabled"
    assert desk.alert().reason == "rule_removed"
    (known,) = counter.get(RULES, 11)["data"]
    assert (known["rule"]["enabled"], known["source"]) == (False, "edited")

    reset = told(counter.send(RESET, 12, "dtu-high"))["data"]

    assert (reset["rule"]["enabled"], reset["source"]) == (True, "shipped")
    assert [action for action, *_ in audit(desk)] == ["reset_rule", "remove_rule"]


def test_a_rule_removed_by_another_is_not_removed_blindly(counter: Counter) -> None:
    headers = {"If-Match": '"0123456789abcdef"'}

    answer = counter.send(REMOVE, 11, "dtu-high", method="DELETE", headers=headers)

    assert error_of(answer)[:2] == (412, "precondition_failed")


def test_a_reset_of_what_is_not_edited_changes_nothing(counter: Counter, desk: Desk) -> None:
    assert told(counter.send(RESET, 11, "dtu-high"))["data"]["source"] == "shipped"
    assert audit(desk) == []


def test_ones_own_rule_has_no_default(counter: Counter) -> None:
    save(counter, OWN)

    assert error_of(counter.send(RESET, 11, "slow"))[:2] == (400, "invalid_rule")


@pytest.mark.parametrize(("route", "method"), [(RULE, "GET"), (REMOVE, "DELETE"), (RESET, "POST")])
def test_what_does_not_exist_is_not_found(counter: Counter, route: Any, method: str) -> None:
    assert error_of(counter.send(route, 11, "none", method=method))[:2] == (404, "not_found")


@pytest.mark.parametrize("route", [SAVE, REMOVE, RESET])
def test_readers_change_nothing(counter: Counter, route: Any) -> None:
    headers = bearer(crm_token(roles="reader"))

    answer = counter.send(route, 11, "dtu-high", body=OWN, headers=headers)

    assert error_of(answer)[:2] == (403, "forbidden")


def test_readers_see_no_secret_of_an_address(counter: Counter, desk: Desk) -> None:
    desk.shipped(a_rule(actions=(HOOK, MAIL)))
    request = a_request(headers=bearer(crm_token(roles="reader")))

    seen = counter.ask(RULES, 11, request).get_body().decode()

    assert "secret-path" not in seen
    assert "hooks.example.com" in seen
    assert counter.get(RULE, 11, "dtu-high")["data"]["rule"]["actions"][0]["target"] == HOOK.target


def test_a_browser_is_not_made_to_reset_a_rule_by_a_form(counter: Counter) -> None:
    counter.gate = type(counter.gate)(platform_login=True)
    request = a_request("POST", headers=login((OBJECT_ID, "1"), ("roles", "admin")))

    assert error_of(counter.ask(RESET, 11, request))[:2] == (415, "unsupported_media_type")


def test_of_two_editors_the_second_is_told(counter: Counter, desk: Desk) -> None:
    """The other one writes between this one's reading and writing."""
    seen, etag = shipped_as_seen(counter)
    config = desk.house.config
    real = config.commit

    def interfere(partition: str, writes: list[Write]) -> list[str | None]:
        if partition == "rule":
            config.commit = real  # type: ignore[method-assign]
            edit(counter, threshold=90)
        return real(partition, writes)

    config.commit = interfere  # type: ignore[assignment,method-assign]
    answer = save(counter, {**seen, "threshold": 80}, If_Match=etag)

    assert error_of(answer)[:2] == (412, "precondition_failed")
    assert counter.get(RULE, 11, "dtu-high")["data"]["rule"]["threshold"] == 90


def test_a_lost_answer_of_the_store_is_a_success(counter: Counter, desk: Desk) -> None:
    lose_answers(desk.house.config, "rule")

    assert told(edit(counter, threshold=90))["data"]["rule"]["threshold"] == 90
    assert len(audit(desk)) == 1


def test_so_is_that_of_a_removal(counter: Counter, desk: Desk) -> None:
    """Seen by an ETag, too: what is gone by now was there when it was removed."""
    made = told(save(counter, OWN))
    headers = {"If-Match": f'"{made["meta"]["etag"]}"'}
    lose_answers(desk.house.config, "rule")

    answer = counter.send(REMOVE, 11, "slow", method="DELETE", headers=headers)

    assert told(answer)["data"]["outcome"] == "removed"
    assert {action for action, _, _ in audit(desk)} == {"remove_rule", "save_rule"}


def test_and_that_of_the_audits_own_line(counter: Counter, desk: Desk) -> None:
    lose_answers(desk.house.alerts, TARGET)

    assert told(edit(counter, threshold=90))["data"]["rule"]["threshold"] == 90
    assert len(audit(desk)) == 1


def test_when_others_never_stop_the_store_is_busy(counter: Counter, desk: Desk) -> None:
    real = desk.house.config.commit

    def refuse(partition: str, writes: list[Write]) -> list[str | None]:
        if partition == "rule":
            raise Conflict("somebody else")
        return real(partition, writes)

    desk.house.config.commit = refuse  # type: ignore[assignment,method-assign]

    assert error_of(save(counter, OWN))[:2] == (503, "store_busy")


def test_a_rule_of_ones_own_judges_from_its_creation(counter: Counter, desk: Desk) -> None:
    save(
        counter, {**OWN, "id": "again", "metric": "dtuUtilization", "threshold": 95, "duration": 2}
    )
    desk.ticks(11, 15)

    new = next(alert for alert in desk.alerts() if alert.rule_id == "again")
    assert new.active_at == at(11)


def test_every_answer_is_json_in_the_envelope(counter: Counter) -> None:
    for answer in (edit(counter, threshold=90), save(counter, OWN), save(counter, {"id": "no"})):
        assert json.loads(answer.get_body()) == check_answer(answer)
