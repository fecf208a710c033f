"""POST rules/backtest: what it answers about stored minutes, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.times import iso
from shared.web.backtests import BACKTEST
from shared.web.rules import SAVE
from tests.builders import BAD, OK, TARGET, Desk, a_desk
from tests.web.builders import Counter, bearer, crm_token, error_of, told

DTU: dict[str, Any] = {
    "metric": "dtuUtilization",
    "condition": "greater_than",
    "threshold": 95,
    "duration": 2,
}


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Two storms, of 10 and 5 minutes, and a gap of 3 minutes; 89 minutes are covered."""
    values = [OK] * 5 + [BAD] * 10 + [OK] * 15 + [97.0] * 5 + [OK] * 10 + [None] * 3 + [OK] * 60
    desk = a_desk(values)
    desk.ticks(0, 90)
    return desk


@pytest.fixture(scope="module")
def counter(desk: Desk) -> Counter:
    return Counter(desk)


def ask(counter: Counter, **body: Any) -> Any:
    return counter.post(BACKTEST, 90, body)


def test_it_tells_every_episode_and_what_could_not_be_judged(counter: Counter) -> None:
    body = told(ask(counter, rule=DTU, range="1d"))

    found = body["data"]
    assert [
        (one["from"], one["to"], one["minutes"], one["worst"]) for one in found["episodes"]
    ] == [
        ("2026-01-01T00:05:00Z", "2026-01-01T00:16:00Z", 9, BAD),
        ("2026-01-01T00:30:00Z", "2026-01-01T00:36:00Z", 4, 97.0),
    ]
    assert found["episodes"][0]["firedAt"] == "2026-01-01T00:07:00Z"
    assert (found["count"], found["minutesFiring"]) == (2, 13)
    assert (found["minutesJudged"], found["minutesMissing"]) == (86, 3)
    assert found["minutesUncovered"] == 1440 - 89
    assert found["shareOfTime"] == pytest.approx(13 / 89, abs=1e-6)
    assert body["meta"].items() >= {"target": TARGET, "range": "1d", "atMost": 1.0}.items()


def test_it_says_the_same_as_the_evaluator_did(counter: Counter, desk: Desk) -> None:
    found = told(ask(counter, ruleId="dtu-high"))["data"]["episodes"]

    assert [(one["from"], one["to"]) for one in found] == [
        (iso(one.active_at), iso(one.resolved_at))
        for one in desk.alerts()
        if one.resolved_at is not None
    ]


def test_an_episode_that_goes_on_has_no_end() -> None:
    desk = a_desk([OK] * 5 + [BAD] * 60)
    desk.ticks(0, 30)

    (found,) = told(Counter(desk).post(BACKTEST, 30, {"rule": DTU}))["data"]["episodes"]

    assert (found["to"], found["minutes"]) == (None, 22)


def test_a_threshold_is_suggested_for_a_rate(counter: Counter) -> None:
    def suggested(at_most: float) -> float:
        threshold: float = told(ask(counter, rule=DTU, atMost=at_most))["data"][
            "suggestedThreshold"
        ]
        return threshold

    # An episode in 89 minutes is far more than one a week; no DTU is above 100.
    assert BAD < suggested(1) < 100
    assert 97 < suggested(120) < BAD
    assert suggested(10_000) < 97


def test_it_touches_nothing(counter: Counter, desk: Desk) -> None:
    before = desk.keys(), desk.house.config.keys("rule", "")

    ask(counter, rule={**DTU, "threshold": 1, "duration": 0})

    assert (desk.keys(), desk.house.config.keys("rule", "")) == before


def test_an_edited_rule_is_found_by_its_id(counter: Counter) -> None:
    own = {**DTU, "name": "Own", "severity": "low", "actions": [], "threshold": 98}
    counter.send(SAVE, 90, "own", method="PUT", body=own)

    assert told(ask(counter, ruleId="own"))["data"]["count"] == 1


def test_without_history_there_is_nothing_to_tell() -> None:
    found = told(Counter(a_desk()).post(BACKTEST, 5, {"rule": DTU}))["data"]

    assert (found["count"], found["perWeek"], found["shareOfTime"]) == (0, 0, 0)
    assert found["suggestedThreshold"] is None
    assert found["minutesUncovered"] == 7 * 1440


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_rule"),
        ({"rule": DTU, "ruleId": "dtu-high"}, "invalid_rule"),
        ({"rule": {**DTU, "metric": "none"}}, "invalid_rule"),
        ({"rule": 5}, "invalid_body"),
        ({"ruleId": 5}, "invalid_body"),
        ({"rule": DTU, "range": "91d"}, "invalid_range"),
        ({"rule": DTU, "range": "0d"}, "invalid_range"),
        ({"rule": DTU, "range": "1h"}, "invalid_range"),
        ({"rule": DTU, "range": 7}, "invalid_body"),
        ({"rule": DTU, "atMost": -1}, "invalid_body"),
        ({"rule": DTU, "atMost": "1"}, "invalid_body"),
        ({"rule": DTU, "target": "none"}, "unknown_target"),
        ({"rule": DTU, "days": 7}, "unknown_field"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    counter: Counter, body: dict[str, Any], code: str
) -> None:
    assert error_of(ask(counter, **body))[:2] == (400, code)


def test_a_rule_that_does_not_exist_is_not_found(counter: Counter) -> None:
    assert error_of(ask(counter, ruleId="none"))[:2] == (404, "not_found")


def test_reading_that_takes_too_long_is_given_up(
    counter: Counter, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = desk.house.samples.hours

    def hours(*given: Any, **more: Any) -> Any:
        desk.clock.advance(timedelta(seconds=30))
        return slow(*given, **more)

    monkeypatch.setattr(desk.house.samples, "hours", hours)

    status, code, message = error_of(ask(counter, rule=DTU, range="90d"))

    assert (status, code) == (400, "invalid_input")
    assert "shorter range" in message


def test_readers_do_not_try_rules(counter: Counter) -> None:
    answer = counter.post(BACKTEST, 90, {"rule": DTU}, **bearer(crm_token(roles="reader")))

    assert error_of(answer)[:2] == (403, "forbidden")
