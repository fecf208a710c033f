"""The services of the walk: busy once, deaf once, and each message they took is an arrival."""

import pytest

from local.chaos import story
from local.chaos.lines import Cut
from local.chaos.sinks import (
    arrivals,
    channel_settings,
    real_channels,
    requests_heard,
    running_services,
)
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType, Severity
from tests.builders import an_alert, an_event

ADDRESSES = [action for rule in story.rules() for action in rule.actions]


def a_message(number: int, action: Action) -> Notification:
    alert = an_alert(severity=Severity.CRITICAL)
    return compose(f"{number:032x}", action, [an_event(alert=alert, routes=(action,))])


def test_every_channel_of_the_story_arrives_once_slack_is_not_busy_any_more() -> None:
    with running_services(lambda: story.T0) as desk:
        channels = real_channels(channel_settings(desk))
        with pytest.raises(ChannelError, match="429"):
            channels[ActionType.SLACK].send(a_message(0, Action(ActionType.SLACK, "#alerts")))
        for number, action in enumerate(ADDRESSES, start=1):
            channels[action.type].send(a_message(number, action))

        found = arrivals(desk)

    assert [(one.kind, one.to) for one in found] == [(one.type, one.target) for one in ADDRESSES]
    assert {one.type for one in ADDRESSES} == set(ActionType) - {ActionType.CONSOLE}


def test_of_one_request_the_answer_is_lost_and_what_it_asked_is_done() -> None:
    action = Action(ActionType.WEBHOOK, "ops")
    with running_services(lambda: story.T0, Cut(2)) as desk:
        channel = real_channels(channel_settings(desk))[ActionType.WEBHOOK]
        channel.send(a_message(1, action))
        with pytest.raises(ChannelError, match="was not reached"):
            channel.send(a_message(2, action))
        channel.send(a_message(3, action))

        assert len(arrivals(desk)) == requests_heard(desk) == 3
