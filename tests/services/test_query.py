"""What is known of alerts: those that go on, and one with its story."""

import pytest

from shared.domain.errors import NotFound
from shared.services.query import alert_story, open_alerts
from tests.builders import BAD, OK, TARGET, Desk, a_rule, at
from tests.services.conftest import MakeDesk


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def test_open_alerts_are_those_that_go_on_oldest_first(make_desk: MakeDesk) -> None:
    rules = [a_rule("later", threshold=98.0, duration=4), a_rule("over"), a_rule("first")]
    desk = make_desk([OK, *[BAD] * 20], rules=rules)
    desk.ticks(0, 8)
    over = next(alert.id for alert in desk.alerts() if alert.rule_id == "over")
    desk.act("resolve", over, 8)
    desk.tick(8)

    found = open_alerts(TARGET, house=desk.house, now=at(9))

    assert {alert.rule_id for alert in found} == {"first", "later"}
    assert [alert.id for alert in found] == sorted(alert.id for alert in found)


def test_a_snooze_is_shown_with_the_alert_while_it_lasts(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 20)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)

    (during,) = open_alerts(TARGET, house=desk.house, now=at(14))
    (after,) = open_alerts(TARGET, house=desk.house, now=at(15))

    assert (during.snoozed_until, after.snoozed_until) == (at(15), None)
    assert desk.alert().snoozed_until is None


def test_an_alerts_story_is_its_timeline_from_the_beginning(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 4 + [OK] * 9)
    desk.ticks(0, 4)
    desk.act("acknowledge", desk.alert().id, 4, note="on it")
    desk.ticks(4, 8)

    story = alert_story(TARGET, desk.alert().id, house=desk.house, now=at(9))

    assert story.alert == desk.alert()
    assert [line.kind for line in story.timeline] == ["firing", "acknowledged", "resolved"]
    assert [line.minute for line in story.timeline] == [at(1), at(2), at(4)]
    assert story.timeline[1].note == "on it"


def test_an_alert_that_nobody_knows_has_no_story(desk: Desk) -> None:
    with pytest.raises(NotFound, match="has no alert 'x'"):
        alert_story(TARGET, "x", house=desk.house, now=at(0))
