"""The Teams answerer as the app's channel meets it, and what it refuses."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests

from local.cloud import teams
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.messages import messages
from local.cloud.teams import MOST_BYTES, Workflows, cards, webhooks
from shared.adapters.cards import teams_message
from shared.adapters.channels.teams import TeamsChannel
from shared.adapters.egress import Egress
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from tests.builders import an_event
from tests.local.cloud.handmade import T0


@pytest.fixture
def workflows() -> Workflows:
    return Workflows(wall=lambda: T0)


@pytest.fixture
def running(desk: Desk, workflows: Workflows) -> Iterator[Desk]:
    with running_cloud(desk, [partial(teams.answerer, workflows=workflows)]):
        yield desk


def a_message(to: str = "operations") -> Notification:
    return compose("m1", Action(ActionType.TEAMS, to), [an_event()])


def a_channel(desk: Desk) -> TeamsChannel:
    place = desk.urls["teams"].removeprefix("http://")
    return TeamsChannel(webhooks(desk), way_out=Egress([place]))


def post(desk: Desk, body: Any, url: str = "") -> requests.Response:
    return requests.post(url or webhooks(desk)["operations"], json=body, timeout=60)


def with_body(*elements: Any) -> dict[str, Any]:
    message = json.loads(json.dumps(teams_message(a_message())))
    message["attachments"][0]["content"]["body"] = list(elements)
    return dict(message)


def test_the_apps_own_card_arrives_and_is_shown(running: Desk) -> None:
    a_channel(running).send(a_message())

    (card,) = cards(running)
    assert card.channel == "operations"
    (message,) = messages(running)
    assert (message.via, message.to) == ("teams", "operations")
    assert message.subject == a_message().subject
    assert a_message().text in message.text
    assert "Threshold: greater than 95 %" in message.text


def test_who_does_not_know_the_url_is_refused(running: Desk) -> None:
    url = webhooks(running)["operations"]
    body = teams_message(a_message())

    assert post(running, body, url.replace("sig=", "sig=x")).status_code == 401
    assert post(running, body, url.replace("operations", "gone")).status_code == 404
    assert cards(running) == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"text": "Hello"},
        {"type": "message", "attachments": []},
        {"type": "message", "attachments": [{"contentType": "text/html", "content": {}}]},
        with_body({"type": "Marquee"}),
        with_body({"type": "Container", "items": [{"type": "Marquee"}]}),
        with_body({"type": "TextBlock"}),
        with_body("text"),
    ],
)
def test_what_is_no_card_is_refused(running: Desk, body: Any) -> None:
    answer = post(running, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidTemplate")


def test_a_card_beyond_28_kb_is_refused(running: Desk) -> None:
    body = with_body({"type": "TextBlock", "text": "x" * MOST_BYTES})

    assert post(running, body).status_code == 413


def test_too_many_a_second_are_told_to_wait_when_it_is_limited(
    running: Desk, workflows: Workflows
) -> None:
    workflows.limited = True
    channel = a_channel(running)
    for _ in range(4):
        channel.send(a_message())

    with pytest.raises(ChannelError, match="WorkflowTriggerIsThrottled") as failure:
        channel.send(a_message())

    assert failure.value.retry_after == timedelta(seconds=1)
    assert len(cards(running)) == 4
