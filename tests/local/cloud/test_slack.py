"""The Slack answerer as the app's channel meets it, and what it refuses."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from local.cloud import slack
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.slack import (
    BOT_TOKEN,
    SECRET,
    TEAM,
    Workspace,
    channel_id,
    endpoint,
    hook,
    slack_messages,
    webhooks,
)
from shared.adapters.channels.slack import SlackChannel
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from tests.builders import an_event
from tests.local.cloud.handmade import T0


def a_message(to: str = "#alerts") -> Notification:
    return compose("m1", Action(ActionType.SLACK, to), [an_event()])


@pytest.fixture
def space() -> Workspace:
    return Workspace(channels=("#alerts", "#performance", "#old"), archived=("#old",))


@pytest.fixture
def running(desk: Desk, space: Workspace) -> Iterator[Desk]:
    with running_cloud(desk, [partial(slack.answerer, workspace=space)]):
        yield desk


def post(desk: Desk, path: str, body: Any) -> requests.Response:
    return requests.post(f"{desk.urls['slack']}{path}", json=body, timeout=60)


def ask(
    desk: Desk, body: Any, token: str | None = BOT_TOKEN, method: str = "chat.postMessage"
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{endpoint(desk)}/{method}"
    answer = requests.post(url, json=body, headers=headers, timeout=60)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_apps_own_message_arrives_by_webhook_with_its_raw_request(running: Desk) -> None:
    SlackChannel(webhooks(running)).send(a_message())

    (message,) = slack_messages(running)
    assert message.channel == "#alerts"
    assert a_message().subject in message.text
    assert message.blocks[0]["type"] == "header"
    assert message.raw.path == f"/services/{TEAM}/{hook('#alerts')}/{SECRET}"


def test_the_apps_own_message_arrives_by_bot(running: Desk) -> None:
    channel = SlackChannel({}, token=BOT_TOKEN, endpoint=endpoint(running))

    ids = [channel.send(a_message("#performance")) for _ in range(2)]

    assert len(set(ids)) == 2
    assert [one.channel for one in slack_messages(running)] == ["#performance"] * 2


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (f"/services/{TEAM}/BALERTS/{SECRET}", {"text": "Hello"}, 200, "ok"),
        (f"/services/{TEAM}/BALERTS/wrong", {"text": "Hello"}, 403, "invalid_token"),
        (f"/services/{TEAM}/BGONE/{SECRET}", {"text": "Hello"}, 404, "no_service"),
        (f"/services/TOTHER/BALERTS/{SECRET}", {"text": "Hello"}, 404, "no_team"),
        (f"/services/{TEAM}/BOLD/{SECRET}", {"text": "Hello"}, 410, "channel_is_archived"),
        (f"/services/{TEAM}/BALERTS/{SECRET}", {}, 400, "no_text"),
        (f"/services/{TEAM}/BALERTS/{SECRET}", [], 400, "invalid_payload"),
        (f"/services/{TEAM}/BALERTS/{SECRET}", {"blocks": [{}]}, 400, "invalid_blocks"),
    ],
)
def test_a_webhook_says_what_slack_says(
    running: Desk, path: str, body: Any, status: int, said: str
) -> None:
    answer = post(running, path, body)

    assert (answer.status_code, answer.text) == (status, said)
    assert len(slack_messages(running)) == (status == 200)


@pytest.mark.parametrize(
    ("channel", "token", "error"),
    [
        ("#alerts", None, "not_authed"),
        ("#alerts", "xoxb-other", "invalid_auth"),
        ("#nowhere", BOT_TOKEN, "channel_not_found"),
        ("#old", BOT_TOKEN, "not_in_channel"),
    ],
)
def test_the_bot_is_refused_with_status_200(
    running: Desk, channel: str, token: str | None, error: str
) -> None:
    body = {"channel": channel, "text": "Hello"}

    assert ask(running, body, token) == {"ok": False, "error": error}
    assert slack_messages(running) == []


def test_the_apps_news_take_the_place_of_its_earlier_message(
    running: Desk, space: Workspace
) -> None:
    channel = SlackChannel({}, token=BOT_TOKEN, endpoint=endpoint(running))
    first = channel.send(a_message())

    again = channel.send(replace(a_message(), earlier=first))

    assert again == first
    shown = [(one.channel, one.is_update) for one in slack_messages(running)]
    assert shown == [("#alerts", False), ("#alerts", True), ("#alerts", False)]

    space.sent.clear()
    assert channel.send(replace(a_message(), earlier=first)) not in (None, first)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"channel": "#alerts"}, "channel_not_found"),
        ({"ts": "1.0"}, "message_not_found"),
        ({"channel": "CPERFORMANCE"}, "message_not_found"),
        ({"text": "", "blocks": []}, "no_text"),
    ],
)
def test_a_change_takes_the_channels_id_and_a_message_that_is_there(
    running: Desk, change: dict[str, Any], error: str
) -> None:
    sent = ask(running, {"channel": "#alerts", "text": "Hello"})
    body = {"channel": sent["channel"], "ts": sent["ts"], "text": "Bye"}

    assert ask(running, body, method="chat.update")["ok"] is True
    assert ask(running, {**body, **change}, method="chat.update")["error"] == error


def test_an_answer_in_a_thread_takes_a_message_that_is_there(running: Desk) -> None:
    body = {"channel": channel_id("#alerts"), "text": "Hello", "thread_ts": "1.0"}

    assert ask(running, body) == {"ok": False, "error": "thread_not_found"}


def test_the_app_gives_up_what_slack_refuses_for_good(running: Desk) -> None:
    for to in ("#old", "#nowhere"):
        channel = SlackChannel({}, token=BOT_TOKEN, endpoint=endpoint(running))
        with pytest.raises(ChannelError) as failure:
            channel.send(a_message(to))
        assert failure.value.permanent


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "marquee"}],
        "x",
    ],
)
def test_blocks_beyond_slacks_limits_are_refused(running: Desk, blocks: Any) -> None:
    said = ask(running, {"channel": "#alerts", "text": "Hello", "blocks": blocks})

    assert said == {"ok": False, "error": "invalid_blocks"}


def test_one_message_a_second_and_channel_when_it_is_limited(
    running: Desk, space: Workspace
) -> None:
    space.limited, space.wall = True, lambda: T0
    by_hook = SlackChannel(webhooks(running))
    by_bot = SlackChannel({}, token=BOT_TOKEN, endpoint=endpoint(running))

    by_hook.send(a_message("#alerts"))
    by_bot.send(a_message("#performance"))

    for channel in (by_hook, by_bot):
        with pytest.raises(ChannelError) as failure:
            channel.send(a_message("#alerts"))
        assert failure.value.retry_after == timedelta(seconds=1)
    assert len(slack_messages(running)) == 2
