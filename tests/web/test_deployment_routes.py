"""The routes for deploy markers: who may set one, what is refused, what is answered."""

from typing import Any

import pytest

from shared.web.alerts import ALERT
from shared.web.deployments import DEPLOYMENTS, MARK
from tests.builders import BAD, OK, TARGET, a_desk
from tests.web.builders import Counter, a_request, bearer, crm_token, error_of, told


@pytest.fixture
def counter() -> Counter:
    return Counter(a_desk([OK] * 20 + [BAD] * 600), targets=(TARGET, "other"))


def mark(counter: Counter, minute: float, **body: Any) -> dict[str, Any]:
    marker: dict[str, Any] = told(counter.post(MARK, minute, body))["data"]
    return marker


def listed(counter: Counter, minute: float, **params: str) -> list[str]:
    data = counter.get(DEPLOYMENTS, minute, **params)["data"]
    return [one["version"] for one in data["deployments"]]


def test_a_marker_is_answered_as_it_is_kept(counter: Counter) -> None:
    marker = mark(counter, 10, version=" 1.8.2\x00 ", commit="0a1b2c3", note=" ", target="other")

    assert marker == {
        "id": marker["id"],
        "target": "other",
        "at": "2026-01-01T00:10:00Z",
        "version": "1.8.2",
        "commit": "0a1b2c3",
        "note": None,
        "by": "Desk admin",
    }
    assert counter.get(DEPLOYMENTS, 11)["data"] == {"deployments": [marker]}


def test_markers_are_listed_newest_first_between_two_moments(counter: Counter) -> None:
    for minute in (10, 20, 30):
        mark(counter, minute, version=f"v{minute}", target="other" if minute == 20 else TARGET)

    assert listed(counter, 31) == ["v30", "v20", "v10"]
    assert listed(counter, 31, target="other") == ["v20"]
    assert listed(counter, 31, to="2026-01-01T01:20:00+01:00") == ["v20", "v10"]
    assert listed(counter, 31, **{"from": "2026-01-01T00:15:00Z"}) == ["v30", "v20"]
    only = "2026-01-01T00:20:00Z"
    assert listed(counter, 31, **{"from": only, "to": only}) == ["v20"]
    assert listed(counter, 31 + 8 * 24 * 60) == []
    assert counter.get(DEPLOYMENTS, 31, limit="2")["meta"]["more"] is True


def test_an_alert_names_the_deploy_before_it(counter: Counter) -> None:
    mark(counter, 6, version="1.8.2")
    counter.desk.ticks(0, 24)

    alert = counter.get(ALERT, 24, counter.desk.alert().id)["data"]

    deploy = {"version": "1.8.2", "at": "2026-01-01T00:06:00Z", "minutesBefore": 14}
    assert alert["deploy"] == deploy


def test_a_deployer_may_mark_and_nothing_else(counter: Counter) -> None:
    deployer = bearer(crm_token(roles="deployer"))
    reader = bearer(crm_token(roles="reader"))

    assert counter.post(MARK, 1, {"version": "1"}, **deployer).status_code == 200
    assert counter.post(MARK, 1, {"version": "1"}, **reader).status_code == 403
    assert counter.ask(DEPLOYMENTS, 1, a_request(headers=deployer)).status_code == 403
    assert counter.ask(DEPLOYMENTS, 1, a_request(headers=reader)).status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "invalid_body", "version must be text"),
        ({"version": ""}, "invalid_body", "version must be text"),
        ({"version": "\x00"}, "invalid_body", "version must be text"),
        ({"version": "x" * 101}, "invalid_body", "1 to 100 characters"),
        ({"version": "1", "commit": "main"}, "invalid_body", "7 to 64 digits"),
        ({"version": "1", "at": "2026-01-01T00:00:00"}, "invalid_body", "with its zone"),
        ({"version": "1", "at": "0001-01-01T00:00:00Z"}, "invalid_input", "not ahead"),
        ({"version": "1", "at": "2026-01-02T00:00:00Z"}, "invalid_input", "not ahead"),
        ({"version": "1", "note": "x" * 1001}, "invalid_body", "1,000 characters"),
        ({"version": "1", "target": "crm"}, "unknown_target", "known are pantry-crm, other"),
        ({"version": "1", "sha": "0a1b2c3"}, "unknown_field", "there is no field 'sha'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    counter: Counter, body: dict[str, Any], code: str, said: str
) -> None:
    status, found, message = error_of(counter.post(MARK, 1, body))

    assert (status, found) == (400, code)
    assert said in message


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "yesterday"}, "invalid_from"),
        ({"to": "2026-01-01"}, "invalid_to"),
        ({"from": "2026-02-01T00:00:00Z"}, "invalid_from"),
        ({"from": "2020-01-01T00:00:00Z"}, "invalid_from"),
        ({"from": "0001-01-01T00:00:00+09:00"}, "invalid_from"),
        ({"limit": "501"}, "invalid_limit"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    counter: Counter, params: dict[str, str], code: str
) -> None:
    assert counter.refused(DEPLOYMENTS, 1, **params)[:2] == (400, code)
