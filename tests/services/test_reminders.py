"""Reminders and escalation: for whom nobody answers to, once each, whatever happens between."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deliveries import Status
from shared.domain.episodes import EventKind
from shared.domain.errors import ChannelError
from shared.domain.reasons import Reason
from shared.domain.records import Insert, alert_key
from shared.domain.rules import Action, ActionType, NoDataPolicy, Rule
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import (
    BAD,
    MAIL,
    OK,
    SLACK,
    TARGET,
    Desk,
    a_desk,
    a_rule,
    an_alert,
    an_event,
    at,
    events_of,
)
from tests.services.conftest import MakeDesk
from tests.services.test_manage import meddled
from tests.services.transcripts import a_window, transcript

BOSS = Action(ActionType.SMS, "+15555550100")
STORM = [OK] * 5 + [BAD] * 50 + [OK] * 60


def a_nagging_rule(**changes: Any) -> Rule:
    return a_rule(**{"repeat_every": 10, "escalate_after": 15, "escalate_to": (BOSS,), **changes})


def test_who_does_not_answer_is_reminded_and_others_are_called_in(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule(actions=(MAIL, SLACK))])

    assert transcript(desk, 0, 60) == [
        "7 tick email firing",
        "7 tick slack firing",
        "17 tick email reminder",
        "17 tick slack reminder",
        "22 tick sms escalation",
        "27 tick email reminder",
        "27 tick slack reminder",
        "27 tick sms reminder",
        "37 tick email reminder",
        "37 tick slack reminder",
        "37 tick sms reminder",
        "47 tick email reminder",
        "47 tick slack reminder",
        "47 tick sms reminder",
        "56 tick email resolved",
        "56 tick slack resolved",
        "56 tick sms resolved",
    ]
    assert "escalation unacknowledged" in desk.timeline()
    assert "nobody acknowledged for 15 min" in desk.messages("sms")[0].text
    assert "Reminder: still firing" in desk.messages()[1].text
    assert not any(event.late for one in desk.messages() for event in events_of(one))


def test_an_acknowledgement_ends_reminders_and_escalation_not_the_resolve(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule()])
    desk.ticks(0, 17)
    desk.act("acknowledge", desk.alert().id, 17)

    assert transcript(desk, 17, 60) == ["56 tick email resolved"]


def test_after_a_long_outage_of_the_monitor_one_reminder_is_due(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 5 + [BAD] * 300, rules=[a_nagging_rule(escalate_after=None)])
    desk.ticks(0, 9)

    assert transcript(desk, 200, 215) == ["200 tick email reminder", "210 tick email reminder"]


def test_a_restart_and_doubled_passes_lose_and_double_no_reminder(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule()])
    desk.ticks(0, 17)
    again = a_desk(STORM, rules=[a_nagging_rule()], storage=desk.storage)
    for minute in (17, 17, 17.2, 18):
        again.tick(minute)

    assert again.told() == ["reminder"]
    transcript(again, 19, 60)
    assert again.told()[-1] == "resolved"


def test_reminders_wait_while_it_is_quiet_and_count_anew_from_its_end(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule(escalate_after=13)])
    a_window(desk, 15, 30)

    assert transcript(desk, 0, 46) == [
        "7 tick email firing",
        "15 tick quiet dtu-high maintenance",
        "30 tick email maintenance_ended",
        "40 tick email reminder",
        "43 tick sms escalation",
    ]


@pytest.mark.parametrize("changes", [{"repeat_every": 0}, {"escalate_to": (), "repeat_every": 99}])
def test_a_rule_can_do_without(make_desk: MakeDesk, changes: dict[str, Any]) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule(**{"escalate_after": None, **changes})])

    assert transcript(desk, 0, 60) == ["7 tick email firing", "56 tick email resolved"]


def test_a_silence_is_reminded_of_too(make_desk: MakeDesk) -> None:
    rule = a_nagging_rule(no_data=NoDataPolicy.ALERT)
    desk = make_desk([OK] * 90, rules=[rule])
    desk.ticks(0, 10)
    desk.house.sources[0].silent = True  # type: ignore[attr-defined]

    assert transcript(desk, 10, 35) == [
        "17 tick email firing",
        "27 tick email reminder",
        "32 tick sms escalation",
    ]
    desk.house.sources[0].silent = False  # type: ignore[attr-defined]
    assert transcript(desk, 35, 37) == ["35 tick email resolved", "35 tick sms resolved"]


# An acknowledgement that comes between the decision and the send.


@pytest.fixture
def waiting(make_desk: MakeDesk) -> Desk:
    """A reminder and an escalation wait, because the channels were busy."""
    desk = make_desk(STORM, rules=[a_nagging_rule(escalate_after=10)])
    desk.ticks(0, 17)
    for name in ("email", "sms"):
        busy = ChannelError("busy", retry_after=timedelta(seconds=30))
        desk.channels[name].failures.append(busy)
    desk.tick(17)
    assert sorted(row.kind for row in desk.deliveries() if not row.is_final) == [
        "escalation",
        "reminder",
    ]
    return desk


def test_what_waits_when_somebody_acknowledges_is_skipped(waiting: Desk) -> None:
    waiting.act("acknowledge", waiting.alert().id, 17.5)
    waiting.watch(17.5)

    assert (waiting.told(), waiting.told("sms")) == (["firing"], [])
    skipped = [row for row in waiting.deliveries() if row.status is Status.SKIPPED]
    assert {(row.kind, row.reason) for row in skipped} == {
        (EventKind.REMINDER, Reason.ACKNOWLEDGED),
        (EventKind.ESCALATION, Reason.ACKNOWLEDGED),
    }
    transcript(waiting, 18, 60)
    assert (waiting.told()[-1], waiting.told("sms")) == ("resolved", ["resolved"])


def test_what_waits_while_nobody_acknowledges_is_sent(waiting: Desk) -> None:
    waiting.watch(17.5)

    assert (waiting.told()[-1], waiting.told("sms")) == ("reminder", ["escalation"])


@pytest.mark.parametrize("call", ["query snooze:", "get alert"])
def test_who_acknowledges_while_the_reminder_is_being_decided_gets_none(
    make_desk: MakeDesk, call: str
) -> None:
    desk = make_desk(STORM, rules=[a_nagging_rule(escalate_after=10)])
    desk.ticks(0, 17)
    episode = desk.alert().id
    worker = meddled(desk, call, lambda: desk.act("acknowledge", episode, 17))
    worker.tick(17)
    desk.ticks(18, 25)

    assert desk.alert().acknowledged_by == "admin"
    assert (desk.told(), desk.told("sms")) == (["firing"], [])


def test_a_reminder_that_shares_a_claim_with_a_firing_is_told_with_it(make_desk: MakeDesk) -> None:
    desk = make_desk()
    event = an_event(1)
    alert = an_alert(event.episode, acknowledged_by="ana", acknowledged_at=at(8))
    desk.house.alerts.commit(TARGET, [Insert(alert_key(event.episode), alert)])
    desk.decide(event)
    dispatch(TARGET, house=desk.house)
    desk.decide(an_event(2, EventKind.REMINDER))
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)

    assert desk.told() == ["firing+reminder"]
