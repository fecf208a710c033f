"""The ways to people: does each provider let us in? Nothing is sent, and nobody hears of it.

A request without any content is refused as a bad one (400) by who would have let it in, and as a
stranger's (401, 403) by who would not.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from shared.adapters.acs import SCOPE, endpoint_and_key, signed_headers
from shared.adapters.bodies import json_object
from shared.adapters.checkups import mends
from shared.adapters.destinations import Destination, destination
from shared.adapters.egress import Answer, Egress, ForbiddenAddress
from shared.adapters.https import outcomes
from shared.adapters.refusals import code_word, error_code
from shared.domain.errors import ChannelError, Unwell

MAIL_PATH = "/emails:send?api-version=2023-03-31"
SMS_PATH = "/sms?api-version=2021-03-07"
SCOPES = ("chat:write",)
"""What Slack's bot needs; chat:write.public too where it was not invited."""
EMPTY = b"{}"

_STRANGERS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_DIAL_S = 8
_HOOK_IS_THERE = frozenset(
    {"no_text", "invalid_payload", "missing_text_or_fallback_or_attachments"}
)
"""Slack's words for a good address and an empty message."""

Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""The headers that let a POST in: by path, host and body."""
Mend = Callable[[], str]
"""What helps, as it is known when something turns out to be wrong."""


def signed_by(connection_string: str) -> tuple[str, Sign]:
    """The endpoint and the signature of Communication Services by connection string."""
    endpoint, key = endpoint_and_key(connection_string, "Communication Services")
    return endpoint, lambda path, host, body: signed_headers(
        key, path, host, body, datetime.now(UTC)
    )


def signed_as(token: Callable[[str], str]) -> Sign:
    """... by the app's identity."""
    return lambda _path, _host, _body: {"Authorization": f"Bearer {token(SCOPE)}"}


def ask_communication(endpoint: str, path: str, sign: Sign, *, who: str, mend: Mend) -> str:
    """Whether Communication Services would take a message of ours."""
    to = destination(endpoint.rstrip("/") + path, who)
    # Signed before, so that who has no token is not said to have reached nobody.
    headers = {"Content-Type": "application/json", **sign(to.path, to.authority, EMPTY)}
    away = mends.look_for_communication(to.host)
    answer = _post(to, headers, who=who, away=away)
    if answer.status in _STRANGERS:
        said = " ".join(filter(None, (f"{who} answered {answer.status}", error_code(answer.body))))
        raise Unwell(said, mend=mend)
    if answer.status != HTTPStatus.BAD_REQUEST:
        said = f"{who} answered {answer.status} to an empty message, not 400"
        raise Unwell(said, mend=mends.NOTHING if _is_ill(answer) else away)
    return "lets us in; whether it likes the sender only a real message tells (--send)"


def ask_slack_bot(endpoint: str, token: str, mend: Mend) -> str:
    """Whether the bot's token is good, and what it may do."""
    to = destination(f"{endpoint.rstrip('/')}/auth.test", "Slack's endpoint")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    answer = _post(to, headers, who="Slack", away=mends.SLACK_AWAY)
    said = json_object(answer.body)
    if said.get("ok") is not True:
        word = code_word(said.get("error"))
        told = f"Slack does not take the bot's token: {word or f'status {answer.status}'}"
        raise Unwell(told, mend=_unless_slack_is_ill(answer, word, mend))
    held = {one.strip() for one in answer.headers.get("X-OAuth-Scopes", "").split(",")}
    missing = [one for one in SCOPES if one not in held]
    if missing:
        raise Unwell(f"the bot lacks the scope {', '.join(missing)}", mend=mend)
    return f"takes the bot's token, with {', '.join(sorted(filter(None, held)))}"


def ask_slack_webhook(name: str, url: str, mend: Mend) -> str:
    """Whether an incoming webhook is still there."""
    to = destination(url, f"the Slack webhook for {name}")
    headers = {"Content-Type": "application/json"}
    who = f"the Slack webhook for {name}"
    answer = _post(to, headers, who=who, away=mends.SLACK_AWAY)
    word = code_word(answer.body.decode("ascii", "replace"))
    if word not in _HOOK_IS_THERE:
        said = f"Slack says {answer.status} {word} of its webhook".strip()
        raise Unwell(said, mend=_unless_slack_is_ill(answer, word, mend))
    return "is there"


def _unless_slack_is_ill(answer: Answer, word: str, mend: Mend) -> str | Mend:
    """A refusal has its word; what Slack can't do just now, no new token mends."""
    said_no = word or answer.status in _STRANGERS
    return mend if said_no and not _is_ill(answer) else mends.SLACK_AWAY


def _is_ill(answer: Answer) -> bool:
    too_many = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return too_many or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def reach(url: str, who: str, listed: Sequence[str], *, allow: Mend, mend: Mend) -> str:
    """Connect to a host, TLS included, and hang up: whoever gets a request there acts on it.

    `listed`: the hosts that may be inside a network; `allow`: what lists one more.
    """
    to = destination(url, who)
    way_out = Egress(listed)

    def dial() -> None:
        way_out.dial(to, way_out.addresses(to)).close()

    [error] = outcomes([dial], within=_DIAL_S)
    if isinstance(error, ForbiddenAddress):
        raise Unwell(f"{who} is inside a network, where nothing is sent unasked", mend=allow)
    if isinstance(error, Exception):
        raise Unwell(f"{who} was not reached: {type(error).__name__}", mend=mend)
    return "takes connections; what it does with a message only a real one tells (--send)"


def _post(to: Destination, headers: Mapping[str, str], *, who: str, away: str) -> Answer:
    try:
        # Chosen by whoever runs the monitor, so it may stand on a private endpoint.
        return Egress([to.with_port]).post(to, EMPTY, lambda: headers, who)
    except ChannelError as error:
        raise Unwell(str(error), mend=away) from error
