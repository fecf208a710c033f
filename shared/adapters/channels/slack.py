"""Slack, by an incoming webhook per channel, or by a bot's token where there is none.

A webhook's URL is a secret as a whole: it is named in no error and in no log.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import partial
from typing import Any

import requests

from shared.adapters.https import outcomes
from shared.adapters.refusals import check_encrypted, code_word, patience, refusal
from shared.adapters.rendering import slack_message
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import Severity

CONNECT_TIMEOUT = 4
READ_TIMEOUT = 10
DEADLINE = 15
"""Seconds for all of it, finding the host included."""
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
        """See Channel.send; a webhook gives no id."""
        problem = self.problem(notification.to)
        if problem:
            raise ChannelError(problem, permanent=True)
        message = slack_message(notification)
        webhook = self._webhooks.get(notification.to)
        if webhook is not None:
            _post_to_webhook(webhook, message)
            return None
        return self._post_as_bot({"channel": notification.to, **message})

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

    def _post_as_bot(self, message: Mapping[str, Any]) -> str | None:
        answer = _post(
            f"{self._endpoint}/chat.postMessage",
            {**message, "unfurl_links": False, "unfurl_media": False},
            auth=_Bearer(self._token),
        )
        body = _json(answer)
        if answer.status_code != requests.codes.ok:
            raise refusal("Slack", answer.status_code, body.get("error"), answer.headers)
        if body.get("ok") is not True:
            raise _bot_refusal(code_word(body.get("error")), answer)
        return str(body["ts"]) if body.get("ts") else None


class _Bearer(requests.auth.AuthBase):
    """The token; as an `auth` it is not replaced by what a .netrc says about the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _post_to_webhook(url: str, message: Mapping[str, Any]) -> None:
    answer = _post(url, message)
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
    url: str, message: Mapping[str, Any], auth: requests.auth.AuthBase | None = None
) -> requests.Response:
    [answer] = outcomes([partial(_ask, url, message, auth)], within=DEADLINE)
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


def _json(answer: requests.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


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
