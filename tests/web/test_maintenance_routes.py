"""The maintenance routes: who may do what, what is answered, and what is written down."""

from typing import Any

import pytest

from shared.domain.handling import AuditEntry
from shared.services.maintain import MOST_WINDOWS
from shared.web.maintenance import ADD, END, WINDOWS
from tests.builders import BAD, OK, Desk, a_desk
from tests.web.builders import (
    Counter,
    a_request,
    bearer,
    crm_token,
    error_of,
    lose_answers,
    told,
)

HOURS = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}


@pytest.fixture
def desk() -> Desk:
    desk = a_desk([OK] * 5 + [BAD] * 600)
    desk.ticks(0, 8)
    return desk


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def add(counter: Counter, minute: float, **body: Any) -> dict[str, Any]:
    window: dict[str, Any] = told(counter.post(ADD, minute, body))["data"]
    return window


def end(counter: Counter, minute: float, window_id: str, **claims: Any) -> Any:
    headers = bearer(crm_token(**claims))
    return counter.ask(END, minute, a_request("DELETE", headers=headers, alert_id=window_id))


def audit(desk: Desk) -> list[tuple[str, str, str]]:
    return [(one.by, one.action, one.subject) for one in desk.rows("audit:", AuditEntry)]


def test_quiet_for_an_hour_silences_everything_and_ends_by_itself(
    counter: Counter, desk: Desk
) -> None:
    window = add(counter, 10, minutes=60, note=" deploy\x00 ")

    assert (
        window.items()
        >= {
            "from": "2026-01-01T00:10:00Z",
            "until": "2026-01-01T01:10:00Z",
            "holds": True,
            "holdsUntil": "2026-01-01T01:10:00Z",
            "note": "deploy",
            "by": "Desk admin",
        }.items()
    )
    desk.ticks(10, 70)
    assert desk.told() == ["firing"]
    desk.ticks(70, 72)
    assert desk.told() == ["firing", "maintenance_ended"]
    assert counter.get(WINDOWS, 71)["data"] == []
    assert audit(desk) == [("Desk admin", "maintenance_added", window["id"])]


def test_a_window_is_ended_once_and_what_still_fires_is_told(counter: Counter, desk: Desk) -> None:
    window = add(counter, 10, minutes=600)
    desk.ticks(10, 20)

    first = told(end(counter, 20, window["id"]))["data"]
    again = told(end(counter, 25, window["id"]))["data"]

    assert (first["endedAt"], first["endedBy"], first["holds"]) == (
        "2026-01-01T00:20:00Z",
        "Desk admin",
        False,
    )
    assert again == first
    desk.tick(20)
    assert desk.told() == ["firing", "maintenance_ended"]
    assert [action for _, action, _ in audit(desk)] == ["maintenance_ended", "maintenance_added"]


def test_a_lost_answer_of_the_store_is_a_success(counter: Counter, desk: Desk) -> None:
    lose_answers(desk.house.config, "maintenance")

    window = add(counter, 10, minutes=60)

    assert [one["id"] for one in counter.get(WINDOWS, 11)["data"]] == [window["id"]]
    assert audit(desk) == [("Desk admin", "maintenance_added", window["id"])]


def test_windows_are_listed_with_what_they_are_about(counter: Counter) -> None:
    add(counter, 10, recurring=HOURS, severities=["low", "medium"])
    add(counter, 11, until="2026-01-01T01:00:00Z", rules=["dtu-high"], targets=["pantry-crm"])

    hours, once = counter.get(WINDOWS, 12)["data"]
    assert hours["recurring"] == HOURS
    assert (hours["severities"], hours["holds"]) == (["low", "medium"], True)
    assert hours["holdsUntil"] == "2026-01-01T06:00:00Z"
    assert (once["rules"], once["targets"]) == (["dtu-high"], ["pantry-crm"])


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "invalid_input", "a window needs an end"),
        ({"minutes": 99999}, "invalid_input", "7 days"),
        ({"minute": 5}, "unknown_field", "did you mean minutes?"),
        ({"minutes": 5, "rules": ["dtu-hihg"]}, "invalid_input", "known are dtu-high"),
    ],
)
def test_what_makes_no_sense_is_refused(
    counter: Counter, body: dict[str, Any], code: str, said: str
) -> None:
    status, found, message = error_of(counter.post(ADD, 10, body))

    assert (status, found) == (400, code)
    assert said in message


def test_readers_may_look_and_not_touch(counter: Counter) -> None:
    headers = bearer(crm_token(roles="reader"))
    window = add(counter, 10, minutes=5)

    assert told(counter.ask(WINDOWS, 10, a_request(headers=headers)))["data"] != []
    assert error_of(counter.post(ADD, 10, {"minutes": 5}, **headers))[0] == 403
    assert error_of(end(counter, 10, window["id"], roles="reader"))[0] == 403


@pytest.mark.parametrize("window_id", ["", "w", "20260101t0005z-00000000", "a/b", "x" * 2000])
def test_an_unknown_window_is_not_found(counter: Counter, window_id: str) -> None:
    assert error_of(end(counter, 10, window_id))[:2] == (404, "not_found")


def test_there_is_an_end_to_windows_and_those_that_are_over_do_not_count(counter: Counter) -> None:
    for _ in range(MOST_WINDOWS):
        add(counter, 10, minutes=5)

    assert "50 maintenance windows already" in error_of(counter.post(ADD, 14, {"minutes": 5}))[2]
    add(counter, 15, minutes=5)
    add(counter, 60 * 24 * 31, minutes=5)
    assert len(counter.desk.house.config.keys("maintenance", "")) == 1
