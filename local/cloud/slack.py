"""The Slack answerer: incoming webhooks by channel; of the Web API what the monitor uses."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.inbox import Record
from local.cloud.quotas import Quota

NAME = "slack"
TEAM = "TDESK0001"
BOT_TOKEN = "xoxb-desk"  # noqa: S105 - opens this desk alone
SECRET = "s3cr3t0fTheDesk"  # noqa: S105 - as above
MOST_BLOCKS, LONGEST_HEADER, LONGEST_SECTION = 50, 150, 3000
SECOND = timedelta(seconds=1)
_STATUS = {
    "channel_is_archived": 410,
    "invalid_token": 403,
    "action_prohibited": 403,
    "no_service": 404,
    "no_team": 404,
    "channel_not_found": 404,
}
"""How a webhook says it; any other word comes with 400."""


class Refused(Exception):
    """Slack's word for why it does not take a message."""

    def __init__(self, code: str, wait: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.wait = wait


@dataclass
class Workspace:
    """Its channels, those that are archived, and those that the bot was invited to.

    `sent`: the channel of each of the bot's messages by its ts; one that is taken out was deleted.
    `limited`: no channel takes more than one message a second (wall time).
    """

    channels: tuple[str, ...] = ("#alerts", "#performance")
    archived: tuple[str, ...] = ()
    joined: tuple[str, ...] = ("#alerts", "#performance")
    limited: bool = False
    scopes: tuple[str, ...] = ("chat:write", "chat:write.public")
    wall: Callable[[], datetime] = wall_now
    sent: dict[str, str] = field(default_factory=dict)
    _quotas: dict[str, Quota] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def post(self, channel: str, message: Any) -> str:
        """Take a message; answers its ts."""
        self._check_channel(channel)
        _check_message(message)
        self._check_rate(channel)
        return f"{int(self.wall().timestamp())}.{next(self._numbers):06d}"

    def post_as_bot(self, channel: str, message: Any) -> str:
        """Take a message of the bot's, perhaps as an answer in a thread; answers its ts."""
        ts = self.post(channel, message)
        thread = message.get("thread_ts")
        if thread is not None and self.sent.get(thread) != channel:
            raise Refused("thread_not_found")
        self.sent[ts] = channel
        return ts

    def update(self, channel: str, message: Any) -> str:
        """Change a message of the bot's; answers its ts."""
        self._check_channel(channel)
        _check_message(message)
        if self.sent.get(str(message.get("ts"))) != channel:
            raise Refused("message_not_found")
        return str(message["ts"])

    def _check_channel(self, channel: str) -> None:
        if channel not in self.channels:
            raise Refused("channel_not_found")
        if channel in self.archived:
            raise Refused("is_archived")

    def _check_rate(self, channel: str) -> None:
        quota = self._quotas.setdefault(channel, Quota([(1, SECOND)], self.wall))
        wait = quota.ask() if self.limited else None
        if wait is not None:
            raise Refused("ratelimited", wait)


def hook(channel: str) -> str:
    """The part of a webhook's path that stands for its channel."""
    return "B" + re.sub(r"[^A-Z0-9]", "", channel.upper())


def channel_id(channel: str) -> str:
    """What the Web API calls a channel; to change a message takes it, a name will not do."""
    return "C" + hook(channel)[1:]


_CHANNELS = {hook(one): one for one in Workspace.channels}


def webhooks(desk: Desk, *channels: str) -> dict[str, str]:
    """What the app's SLACK_WEBHOOKS has to be on this desk, as a mapping."""
    base = f"{desk.urls[NAME]}/services/{TEAM}"
    return {one: f"{base}/{hook(one)}/{SECRET}" for one in channels or Workspace.channels}


def endpoint(desk: Desk) -> str:
    """What the app's SLACK_ENDPOINT has to be on this desk."""
    return f"{desk.urls[NAME]}/api"


def answerer(desk: Desk, workspace: Workspace | None = None) -> Answerer:  # noqa: ARG001 - a Make
    space = workspace or Workspace()

    async def webhook(request: Request) -> Response:
        try:
            channel = _channel_of(request.path_params, space)
            space.post(channel, _payload(await request.body()))
        except Refused as refused:
            return _webhook_refusal(refused)
        return PlainTextResponse("ok")

    async def message(request: Request) -> Response:
        try:
            return JSONResponse(_posted(request, await request.body(), space))
        except Refused as refused:
            return _bot_refusal(refused)

    async def update(request: Request) -> Response:
        try:
            return JSONResponse(_updated(request, await request.body(), space))
        except Refused as refused:
            return _bot_refusal(refused)

    async def who_am_i(request: Request) -> Response:
        try:
            _of_bot(request, await request.body())
        except Refused as refused:
            return _bot_refusal(refused)
        held = {"X-OAuth-Scopes": ",".join(space.scopes)}
        return JSONResponse({"ok": True, "user": "pantry-monitor"}, headers=held)

    routes = [
        Route("/services/{team}/{hook}/{secret}", webhook, methods=["POST"]),
        Route("/api/auth.test", who_am_i, methods=["POST"]),
        Route("/api/chat.postMessage", message, methods=["POST"]),
        Route("/api/chat.update", update, methods=["POST"]),
    ]
    return Answerer(NAME, Starlette(routes=routes))


def _channel_of(path: Mapping[str, str], space: Workspace) -> str:
    known = {hook(channel): channel for channel in space.channels}
    if path["team"] != TEAM:
        raise Refused("no_team")
    if path["hook"] not in known:
        raise Refused("no_service")
    if path["secret"] != SECRET:
        raise Refused("invalid_token")
    return known[path["hook"]]


def _payload(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Refused("invalid_payload") from None


def _posted(request: Request, body: bytes, space: Workspace) -> dict[str, Any]:
    given = _of_bot(request, body)
    ids = {channel_id(one): one for one in space.channels}
    channel = str(given.get("channel"))
    channel = ids.get(channel, channel)
    if channel in space.channels and channel not in space.joined:
        raise Refused("not_in_channel")
    ts = space.post_as_bot(channel, given)
    return {"ok": True, "channel": channel_id(channel), "ts": ts}


def _updated(request: Request, body: bytes, space: Workspace) -> dict[str, Any]:
    given = _of_bot(request, body)
    ids = {channel_id(one): one for one in space.channels}
    channel = ids.get(str(given.get("channel")))
    if channel is None:
        raise Refused("channel_not_found")
    return {"ok": True, "channel": given["channel"], "ts": space.update(channel, given)}


def _of_bot(request: Request, body: bytes) -> dict[str, Any]:
    """What the bot asks, if it is the bot."""
    authorization = request.headers.get("authorization")
    if not authorization:
        raise Refused("not_authed")
    if authorization != f"Bearer {BOT_TOKEN}":
        raise Refused("invalid_auth")
    given = _payload(body)
    if not isinstance(given, dict):
        raise Refused("channel_not_found")
    return given


def _webhook_refusal(refused: Refused) -> Response:
    if refused.wait is not None:
        return PlainTextResponse("rate_limited", 429, _retry_after(refused.wait))
    code = "channel_is_archived" if refused.code == "is_archived" else refused.code
    return PlainTextResponse(code, _STATUS.get(code, 400))


def _bot_refusal(refused: Refused) -> Response:
    body = {"ok": False, "error": refused.code}
    if refused.wait is not None:
        return JSONResponse(body, 429, _retry_after(refused.wait))
    return JSONResponse(body)


def _retry_after(wait: timedelta) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(wait.total_seconds()))}


def _check_message(message: Any) -> None:
    if not isinstance(message, dict):
        raise Refused("invalid_payload")
    blocks = message.get("blocks", [])
    if not message.get("text") and not blocks:
        raise Refused("no_text")
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        raise Refused("invalid_blocks")
    if not all(map(_is_block, blocks)):
        raise Refused("invalid_blocks")


def _is_block(block: Any) -> bool:
    match block:
        case {"type": "header", "text": {"type": "plain_text", "text": str(text)}}:
            return 0 < len(text) <= LONGEST_HEADER
        case {"type": "section", "text": {"type": "mrkdwn" | "plain_text", "text": str(text)}}:
            return 0 < len(text) <= LONGEST_SECTION
        case {"type": "context", "elements": [_, *_]} | {"type": "divider"}:
            return True
        case _:
            return False


@dataclass(frozen=True)
class SlackMessage:
    """A message that was taken, and the raw request that it came with."""

    channel: str
    text: str
    blocks: Sequence[Mapping[str, Any]]
    raw: Record

    @property
    def is_update(self) -> bool:
        """Whether it took the place of an earlier one."""
        return self.raw.path.endswith("/chat.update")


def slack_messages(desk: Desk) -> list[SlackMessage]:
    """The messages that Slack took, oldest first; a webhook's channel is known by its path."""
    return [_message(one) for one in desk.inbox.records(NAME) if _is_taken(one)]


def _is_taken(record: Record) -> bool:
    if record.status != 200:
        return False
    if record.path.startswith("/services/"):
        return record.answer == b"ok"
    try:
        return json.loads(record.answer).get("ok") is True
    except (ValueError, AttributeError):
        return False


def _message(record: Record) -> SlackMessage:
    body = json.loads(record.body)
    channel = body.get("channel") or _CHANNELS.get(record.path.split("/")[3], record.path)
    channel = {channel_id(one): one for one in Workspace.channels}.get(channel, channel)
    return SlackMessage(channel, body.get("text", ""), body.get("blocks", []), record)
