"""Slack, by an incoming webhook per channel, or by a bot's token where there is none.

The bot keeps one message per episode up to date, and answers it in its thread and in the channel
whenever there is news: a message that only changes is seen by nobody. A webhook can only post. A
webhook's URL is a secret as a whole: it is named in no error and in no log.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any

import requests

from shared.adapters.bodies import json_object
from shared.adapters.https import outcomes
from shared.adapters.refusals import check_encrypted, code_word, patience, refusal
from shared.adapters.rendering import slack_message, slack_reply
from shared.domain.errors import ChannelError, NotAsked
from shared.domain.notifications import Notification
from shared.domain.rules import Severity

CONNECT_TIMEOUT = 4
READ_TIMEOUT = 10
DEADLINE = 15
"""Seconds for all of it, finding the host and every request included."""
_PERMANENT = frozenset(
    {
        "account_inactive",
        "channel_is_archived",
        "channel_not_found",
        "invalid_arguments",
        "invalid_auth",
        "invalid_blocks",
        "is_archived",
        "missing_scope",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_permission",
        "no_text",
        "not_authed",
        "not_in_channel",
        "restricted_action",
        "token_expired",
        "token_revoked",
    }
)
"""Slack's words for what only a person can mend; with any other word it is worth another try."""

_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
    }
)
"""Slack's words for a message that can't be brought up to date any more: a new one tells it."""

_is_sending: ContextVar[bool] = ContextVar("_is_sending", default=False)


class SlackChannel:
    """See ports.Channel; `webhooks` are URLs by channel name (`#alerts`)."""

    type = "slack"
    timeout = timedelta(seconds=DEADLINE)
    least = Severity.LOW

    def __init__(
        self,
        webhooks: Mapping[str, str],
        *,
        token: str = "",
        endpoint: str = "https://slack.com/api",
    ) -> None:
        for name, url in webhooks.items():
            check_encrypted(url, f"the Slack webhook for {name}")
        check_encrypted(endpoint, "Slack's endpoint")
        self._webhooks = webhooks
        self._token = token
        self._endpoint = endpoint.rstrip("/")

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; the id is `channel/ts`, and a webhook gives none."""
        problem = self.problem(notification.to)
        if problem:
            raise NotAsked(problem)
        webhook = self._webhooks.get(notification.to)
        if webhook is not None:
            _post_to_webhook(webhook, slack_message(notification))
            return None
        return _Bot(self._token, self._endpoint).tell(notification)

    def problem(self, target: str) -> str:
        """See Channel.problem; an URL in the wrong place is a secret as well."""
        if "://" in target:
            return (
                "a Slack action takes a channel's name; its webhook's URL goes into SLACK_WEBHOOKS"
            )
        if self._token or target in self._webhooks:
            return ""
        return (
            f"there is no Slack webhook for {target} and no bot token: "
            "add it to SLACK_WEBHOOKS, or set SLACK_BOT_TOKEN"
        )


class _Refused(Exception):
    """Slack's word for why it did not do something, and the error that this becomes."""

    def __init__(self, code: str, error: ChannelError) -> None:
        super().__init__(code)
        self.code = code
        self.error = error


class _Bot:
    """One notification told over the Web API, all within one deadline."""

    def __init__(self, token: str, endpoint: str) -> None:
        self._auth = _Bearer(token)
        self._endpoint = endpoint
        self._end = time.monotonic() + DEADLINE

    def tell(self, notification: Notification) -> str | None:
        """Bring the episode's message up to date, or post one; answers its id."""
        try:
            return notification.earlier if self._update(notification) else self._post(notification)
        except _Refused as refused:
            raise refused.error from None

    def _update(self, notification: Notification) -> bool:
        """Change the earlier message and say in its thread what is new; False when it is gone.

        The change comes first: made again after a lost answer, it is the same change.
        """
        channel, _, ts = (notification.earlier or "").partition("/")
        if not ts:
            return False
        try:
            self._ask("chat.update", {"channel": channel, "ts": ts, **slack_message(notification)})
            self._ask(
                "chat.postMessage",
                {
                    "channel": channel,
                    "thread_ts": ts,
                    "reply_broadcast": True,
                    **slack_reply(notification),
                },
            )
        except _Refused as refused:
            if refused.code not in _GONE:
                raise
            return False
        return True

    def _post(self, notification: Notification) -> str | None:
        body = self._ask(
            "chat.postMessage", {"channel": notification.to, **slack_message(notification)}
        )
        channel, ts = body.get("channel"), body.get("ts")
        return f"{channel}/{ts}" if channel and ts else None

    def _ask(self, method: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = _post(
            f"{self._endpoint}/{method}",
            {**message, "unfurl_links": False, "unfurl_media": False},
            auth=self._auth,
            within=self._end - time.monotonic(),
        )
        body = json_object(answer.content)
        if answer.status_code != requests.codes.ok:
            raise refusal("Slack", answer.status_code, body.get("error"), answer.headers)
        if body.get("ok") is not True:
            code = code_word(body.get("error"))
            raise _Refused(code, _bot_refusal(code, answer))
        return body


class _Bearer(requests.auth.AuthBase):
    """The token; as an `auth` it is not replaced by what a .netrc says about the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _post_to_webhook(url: str, message: Mapping[str, Any]) -> None:
    answer = _post(url, message, within=DEADLINE)
    if answer.status_code != requests.codes.ok:
        raise refusal("Slack", answer.status_code, answer.text, answer.headers)
    if answer.text.strip() != "ok":
        raise ChannelError("Slack's webhook answered 200 without its ok")


def _bot_refusal(code: str, answer: requests.Response) -> ChannelError:
    said = f"Slack said {code or 'nothing that can be read'}"
    if code in _PERMANENT:
        return ChannelError(said, permanent=True)
    return ChannelError(said, retry_after=patience(answer.headers))


def _post(
    url: str,
    message: Mapping[str, Any],
    *,
    within: float,
    auth: requests.auth.AuthBase | None = None,
) -> requests.Response:
    [answer] = outcomes([partial(_ask, url, message, auth)], within=max(within, 0))
    if isinstance(answer, Exception):
        # Both the error's text and the errors behind it name the URL.
        raise ChannelError(f"Slack was not reached: {type(answer).__name__}")
    return answer


def _ask(
    url: str, message: Mapping[str, Any], auth: requests.auth.AuthBase | None
) -> requests.Response:
    with _discreetly():
        return requests.post(
            url,
            json=message,
            auth=auth,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            allow_redirects=False,
        )


@contextmanager
def _discreetly() -> Iterator[None]:
    """While this thread sends, what the HTTP library would log is left out: it names paths."""
    mark = _is_sending.set(True)
    try:
        yield
    finally:
        _is_sending.reset(mark)


def _is_discreet(_: logging.LogRecord) -> bool:
    return not _is_sending.get()


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_is_discreet)
