"""What Slack is asked for: by webhook where there is one, else by the bot."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from shared.adapters.channels import slack
from shared.adapters.channels.slack import SlackChannel
from shared.adapters.rendering import slack_message
from shared.domain.errors import ChannelError
from shared.domain.notifications import compose
from shared.domain.rules import Action, ActionType
from tests.adapters.builders import an_event
from tests.adapters.providers import Asked, Provider, running_provider
from tests.local.cloud.handmade import wait_until
from tests.stopwatch import seconds_at_most

ALERTS = compose("m1", Action(ActionType.SLACK, "#alerts"), [an_event()])
OTHERS = compose("m2", Action(ActionType.SLACK, "#others"), [an_event()])
TOKEN = "xoxb-1"  # noqa: S105 - opens nothing
OK = b'{"ok": true, "ts": "1767225600.000100", "channel": "C1"}'


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.answers(200, b"ok")
        yield running


def webhooks(provider: Provider) -> dict[str, str]:
    return {"#alerts": f"{provider.url}/services/T/B/s3cr3t"}


def test_a_webhook_gets_text_and_blocks_and_gives_no_id(provider: Provider) -> None:
    assert SlackChannel(webhooks(provider)).send(ALERTS) is None

    (asked,) = provider.asked
    assert asked.path == "/services/T/B/s3cr3t"
    assert asked.headers["content-type"] == "application/json"
    assert "authorization" not in asked.headers
    assert json.loads(asked.body) == slack_message(ALERTS)


def test_a_channel_without_a_webhook_is_told_by_the_bot(provider: Provider) -> None:
    provider.answers(200, OK)
    channel = SlackChannel(webhooks(provider), token=TOKEN, endpoint=f"{provider.url}/api/")

    assert channel.send(OTHERS) == "C1/1767225600.000100"
    (asked,) = provider.asked
    assert asked.path == "/api/chat.postMessage"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    body = json.loads(asked.body)
    assert body["channel"] == "#others"
    assert {"text", "blocks"} <= body.keys()


def test_a_webhook_goes_before_the_bot(provider: Provider) -> None:
    SlackChannel(webhooks(provider), token=TOKEN, endpoint=provider.url).send(ALERTS)

    assert provider.asked[0].path.startswith("/services/")


def test_a_channel_with_neither_is_refused_with_the_settings_to_fill(provider: Provider) -> None:
    channel = SlackChannel(webhooks(provider))

    with pytest.raises(ChannelError, match="#others") as failure:
        channel.send(OTHERS)

    assert failure.value.permanent
    assert "SLACK_WEBHOOKS" in str(failure.value)
    assert "SLACK_BOT_TOKEN" in str(failure.value)
    assert provider.asked == []


def test_its_problems_are_known_before_anything_is_sent(provider: Provider) -> None:
    assert SlackChannel(webhooks(provider)).problem("#alerts") == ""
    assert "no Slack webhook for #others" in SlackChannel(webhooks(provider)).problem("#others")
    assert SlackChannel({}, token=TOKEN).problem("#others") == ""


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_webhook_named_in_place_of_a_channel_is_not_repeated(token: str) -> None:
    problem = SlackChannel({}, token=token).problem("https://hooks.slack.com/services/T/B/s3cr3t")

    assert "SLACK_WEBHOOKS" in problem
    assert "s3cr3t" not in problem


def test_a_bot_that_is_too_fast_is_told_how_long_to_wait(provider: Provider) -> None:
    channel = SlackChannel({}, token=TOKEN, endpoint=provider.url)
    said = b'{"ok": false, "error": "ratelimited"}'
    for status in (200, 429):
        provider.answers(status, said, {"Retry-After": "30"})

        with pytest.raises(ChannelError, match="ratelimited") as failure:
            channel.send(ALERTS)

        assert not failure.value.permanent
        assert failure.value.retry_after == timedelta(seconds=30)


def test_slacks_word_is_shown(provider: Provider) -> None:
    provider.answers(404, b"no_service\n")

    with pytest.raises(ChannelError) as failure:
        SlackChannel(webhooks(provider)).send(ALERTS)

    assert str(failure.value) == "Slack answered 404 no_service"


def test_a_webhook_that_is_no_url_names_its_channel_only() -> None:
    with pytest.raises(ValueError, match="#alerts") as refusal:
        SlackChannel({"#alerts": "http://hooks.example/s3cr3t"})

    assert "s3cr3t" not in str(refusal.value)


def test_a_netrc_does_not_replace_the_token(
    provider: Provider, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123 - one line of a test
        file.write("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", netrc)
    provider.answers(200, OK)

    SlackChannel({}, token=TOKEN, endpoint=provider.url).send(ALERTS)

    assert provider.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_only_its_own_requests_are_left_out_of_the_log(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    SlackChannel(webhooks(provider)).send(ALERTS)
    requests.get(f"{provider.url}/somebody-elses", timeout=60)

    assert "s3cr3t" not in caplog.text
    assert "/somebody-elses" in caplog.text


# One message per episode, kept up to date.

EARLIER = "C1/1767225600.000100"
NEWS = replace(compose("m3", Action(ActionType.SLACK, "#alerts"), [an_event()]), earlier=EARLIER)


def said(provider: Provider) -> list[tuple[str, dict[str, Any]]]:
    return [(asked.path.rpartition("/")[2], json.loads(asked.body)) for asked in provider.asked]


def in_turn(provider: Provider, *answers: bytes) -> None:
    """Answer the first request with the first of these, and so on."""
    waiting = list(answers)
    provider.took = lambda _: provider.answers(200, waiting.pop(0))


def test_news_change_the_earlier_message_and_are_said_in_its_thread(provider: Provider) -> None:
    provider.answers(200, OK)

    assert SlackChannel({}, token=TOKEN, endpoint=provider.url).send(NEWS) == EARLIER

    (method, changed), (then, reply) = said(provider)
    assert (method, then) == ("chat.update", "chat.postMessage")
    assert (changed["channel"], changed["ts"]) == ("C1", "1767225600.000100")
    assert changed["blocks"] == slack_message(NEWS)["blocks"]
    assert (reply["channel"], reply["thread_ts"]) == ("C1", "1767225600.000100")
    assert reply["reply_broadcast"] is True
    assert reply["text"] == NEWS.subject


@pytest.mark.parametrize(
    "error",
    [b"message_not_found", b"cant_update_message", b"edit_window_closed", b"channel_not_found"],
)
def test_a_message_that_cannot_be_changed_any_more_is_followed_by_a_new_one(
    provider: Provider, error: bytes
) -> None:
    new = b'{"ok": true, "channel": "C1", "ts": "1767229200.000200"}'
    in_turn(provider, b'{"ok": false, "error": "%s"}' % error, new)

    told = SlackChannel({}, token=TOKEN, endpoint=provider.url).send(NEWS)

    assert told == "C1/1767229200.000200"
    (_, _), (method, posted) = said(provider)
    assert (method, posted["channel"]) == ("chat.postMessage", "#alerts")
    assert "thread_ts" not in posted


def test_a_change_that_slack_refuses_for_now_is_tried_again_and_not_posted(
    provider: Provider,
) -> None:
    in_turn(provider, b'{"ok": false, "error": "internal_error"}')

    with pytest.raises(ChannelError, match="internal_error") as failure:
        SlackChannel({}, token=TOKEN, endpoint=provider.url).send(NEWS)

    assert not failure.value.permanent
    assert len(provider.asked) == 1


def test_an_answer_that_fails_leaves_the_change_to_be_made_again(provider: Provider) -> None:
    in_turn(provider, OK, b'{"ok": false, "error": "ratelimited"}')

    with pytest.raises(ChannelError, match="ratelimited") as failure:
        SlackChannel({}, token=TOKEN, endpoint=provider.url).send(NEWS)

    assert not failure.value.permanent


@pytest.mark.parametrize("earlier", [None, "", "1767225600.000100", "mail-1"])
def test_an_id_that_names_no_channel_cannot_be_changed(
    provider: Provider, earlier: str | None
) -> None:
    provider.answers(200, OK)

    SlackChannel({}, token=TOKEN, endpoint=provider.url).send(replace(NEWS, earlier=earlier))

    assert [method for method, _ in said(provider)] == ["chat.postMessage"]


def test_a_webhook_posts_news_as_it_cannot_change_anything(provider: Provider) -> None:
    SlackChannel(webhooks(provider)).send(NEWS)

    assert [method for method, _ in said(provider)] == ["s3cr3t"]


def test_both_requests_share_one_deadline(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone_by = 0.0

    def monotonic() -> float:
        return time.monotonic() + gone_by

    def took(_: Asked) -> None:
        nonlocal gone_by
        if len(provider.asked) == 1:
            gone_by = slack.DEADLINE
        else:
            provider.over.wait(60)

    monkeypatch.setattr(slack, "time", SimpleNamespace(monotonic=monotonic))
    provider.answers(200, OK)
    provider.took = took

    with seconds_at_most(slack.DEADLINE / 2), pytest.raises(ChannelError, match="TimeoutError"):
        SlackChannel({}, token=TOKEN, endpoint=provider.url).send(NEWS)

    wait_until(lambda: len(provider.asked) == 2)
