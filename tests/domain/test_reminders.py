"""When a reminder and an escalation are due, and what they leave in the story."""

from typing import Any

import pytest

from shared.domain.episodes import EventKind, LineKind, TimelineLine
from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.domain.reminders import is_escalation_due, is_reminder_due
from shared.domain.rules import Action, ActionType
from shared.domain.times import MINUTE
from tests.builders import an_alert
from tests.domain.builders import Desk, a_rule, at, lines_of

BAD = 99.0
SECOND = MINUTE / 60
TEAM = Action(ActionType.EMAIL, "team@example.com")
BOSS = Action(ActionType.SMS, "+15555550100")
CALLED = {"escalate_after": 30, "escalate_to": (BOSS,)}


@pytest.mark.parametrize(
    ("heard", "since"),
    [
        ({}, 7),
        ({"told_at": at(9)}, 9),
        ({"told_at": at(9), "reminded_at": at(40)}, 40),
        ({"told_at": at(50), "reminded_at": at(40)}, 50),
    ],
)
def test_a_reminder_is_due_so_long_after_people_last_heard(
    heard: dict[str, Any], since: int
) -> None:
    rule, alert = a_rule(repeat_every=60), an_alert(fired_at=at(7), **heard)

    assert is_reminder_due(rule, alert, at(since + 60))
    assert not is_reminder_due(rule, alert, at(since + 60) - SECOND)


def test_a_rule_that_repeats_nothing_reminds_nobody() -> None:
    assert not is_reminder_due(a_rule(repeat_every=0), an_alert(fired_at=at(7)), at(9999))
    assert is_reminder_due(a_rule(repeat_every=1), an_alert(fired_at=at(7)), at(9999))


@pytest.mark.parametrize(("told", "since"), [({}, 7), ({"told_at": at(9)}, 9)])
def test_others_are_called_in_so_long_after_it_was_told(told: dict[str, Any], since: int) -> None:
    rule, alert = a_rule(**CALLED), an_alert(fired_at=at(7), **told)

    assert is_escalation_due(rule, alert, at(since + 30))
    assert not is_escalation_due(rule, alert, at(since + 30) - SECOND)


@pytest.mark.parametrize("changes", [{"escalate_after": None}, {"escalate_to": ()}])
def test_where_nobody_is_named_nobody_is_called_in(changes: dict[str, Any]) -> None:
    assert not is_escalation_due(a_rule(**{**CALLED, **changes}), an_alert(), at(9999))


def test_others_are_called_in_once() -> None:
    assert not is_escalation_due(a_rule(**CALLED), an_alert(escalated_at=at(40)), at(9999))


def test_a_story_that_stays_open_reminds_its_people_and_calls_in_others() -> None:
    desk = Desk(a_rule(duration=1, repeat_every=40, actions=(TEAM,), **CALLED))
    desk.fold_each([BAD] * 82)

    told = [(event.kind, event.reason, event.minute, event.routes) for event in desk.told]
    assert told == [
        (EventKind.FIRING, Reason.BREACH, at(0), (TEAM,)),
        (EventKind.ESCALATION, Reason.UNACKNOWLEDGED, at(30), (BOSS,)),
        (EventKind.REMINDER, Reason.REMINDER_DUE, at(40), (TEAM,)),
        (EventKind.REMINDER, Reason.REMINDER_DUE, at(80), (TEAM,)),
    ]
    (alert,) = desk.alerts
    assert (alert.told_at, alert.escalated_at, alert.reminded_at) == (at(1), at(31), at(81))
    assert lines_of(desk)[1:] == [
        TimelineLine(at=at(31), kind=LineKind.ESCALATION, reason=told[1][1], minute=at(30)),
        TimelineLine(at=at(41), kind=LineKind.REMINDER, reason=told[2][1], minute=at(40)),
        TimelineLine(at=at(81), kind=LineKind.REMINDER, reason=told[3][1], minute=at(80)),
    ]


def test_a_reminder_that_comes_long_after_its_minute_is_not_late() -> None:
    desk = Desk(a_rule(duration=1, repeat_every=40))
    desk.fold([BAD])
    desk.fold([], now=at(60))

    assert [(event.kind, event.late) for event in desk.told[1:]] == [("reminder", False)]


def test_what_another_firing_explains_is_not_repeated_before_that_one_is_over() -> None:
    desk = Desk(a_rule(duration=1, repeat_every=5))
    other = Desk(a_rule(duration=1, id="other"))
    desk.inhibitors = [other]
    for cause in [10.0, *[BAD] * 9, 10.0]:
        other.fold([cause])
        desk.fold([BAD])

    assert [(event.kind, event.minute) for event in desk.told] == [
        ("firing", at(0)),
        ("reminder", at(10)),
    ]


def test_who_takes_care_of_it_is_left_alone() -> None:
    desk = Desk(a_rule(duration=1, repeat_every=5, **CALLED))
    desk.fold([BAD])
    desk.acknowledge(at(2))
    desk.fold_each([BAD] * 40)

    assert [event.kind for event in desk.told] == ["firing"]
    assert desk.state.state is State.FIRING
