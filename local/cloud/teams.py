"""The Teams answerer: a workflow's webhook per channel, and what a card may be."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.inbox import Record
from local.cloud.quotas import Quota

NAME = "teams"
CHANNELS = ("operations", "management")
SIGNATURE = "s3cr3tOfTheWorkflow"
MOST_BYTES = 28 * 1024
CARD = "application/vnd.microsoft.card.adaptive"
SECOND = timedelta(seconds=1)
_ELEMENTS = {
    "Container": "items",
    "ColumnSet": "columns",
    "FactSet": "facts",
    "RichTextBlock": "inlines",
    "TextBlock": "text",
}
"""What a card's body may hold, and what each of them has to have."""


class Refused(Exception):
    """The workflow does not take a message."""

    def __init__(self, status: int, code: str, wait: timedelta | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.wait = wait


@dataclass
class Workflows:
    """The channels' workflows. `limited`: they take no more than four messages a second."""

    channels: tuple[str, ...] = CHANNELS
    limited: bool = False
    wall: Callable[[], datetime] = wall_now
    _quota: Quota = field(init=False)

    def __post_init__(self) -> None:
        self._quota = Quota([(4, SECOND)], self.wall)

    def run(self, channel: str, signature: str, body: bytes) -> None:
        """Take a message; raises Refused."""
        if channel not in self.channels:
            raise Refused(404, "WorkflowNotFound")
        if signature != SIGNATURE:
            raise Refused(401, "DirectApiAuthorizationRequired")
        if len(body) > MOST_BYTES:
            raise Refused(413, "RequestEntityTooLarge")
        _check_card(body)
        wait = self._quota.ask() if self.limited else None
        if wait is not None:
            raise Refused(429, "WorkflowTriggerIsThrottled", wait)


def webhooks(desk: Desk, *channels: str) -> dict[str, str]:
    """What the app's TEAMS_WEBHOOKS has to be on this desk, as a mapping."""
    query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"
    base = f"{desk.urls[NAME]}/workflows"
    return {
        one: f"{base}/{one}/triggers/manual/paths/invoke?{query}" for one in channels or CHANNELS
    }


def answerer(desk: Desk, workflows: Workflows | None = None) -> Answerer:  # noqa: ARG001 - a Make
    known = workflows or Workflows()

    async def invoke(request: Request) -> Response:
        signature = request.query_params.get("sig", "")
        try:
            known.run(request.path_params["channel"], signature, await request.body())
        except Refused as refused:
            return _refusal(refused)
        return Response(status_code=202)

    path = "/workflows/{channel}/triggers/manual/paths/invoke"
    return Answerer(NAME, Starlette(routes=[Route(path, invoke, methods=["POST"])]))


def _refusal(refused: Refused) -> Response:
    said = {"error": {"code": refused.code, "message": "The workflow was not run."}}
    wait = refused.wait
    headers = {"Retry-After": str(math.ceil(wait.total_seconds()))} if wait else {}
    return JSONResponse(said, refused.status, headers)


def _check_card(body: bytes) -> None:
    try:
        card = _card(json.loads(body))
    except ValueError:
        card = {}
    elements = card.get("body")
    is_card = card.get("type") == "AdaptiveCard" and card.get("version") in {"1.2", "1.3", "1.4"}
    if not is_card or not isinstance(elements, list) or not all(map(_is_element, elements)):
        raise Refused(400, "InvalidTemplate")


def _card(message: Any) -> Mapping[str, Any]:
    match message:
        case {
            "type": "message",
            "attachments": [{"contentType": str(kind), "content": dict(card)}],
        }:
            return card if kind == CARD else {}
        case _:
            return {}


def _is_element(element: Any) -> bool:
    if not isinstance(element, dict) or element.get("type") not in _ELEMENTS:
        return False
    inside = element.get(_ELEMENTS[element["type"]])
    if element["type"] in {"Container", "ColumnSet"}:
        return isinstance(inside, list) and all(map(_is_element, inside))
    return bool(inside)


@dataclass(frozen=True)
class Card:
    """A card that was taken: its texts in reading order, and the raw request it came with."""

    channel: str
    texts: tuple[str, ...]
    raw: Record


def cards(desk: Desk) -> list[Card]:
    """The cards that were taken, oldest first."""
    return [_taken(one) for one in desk.inbox.records(NAME) if one.status == 202]


def _taken(record: Record) -> Card:
    body = _card(json.loads(record.body))["body"]
    return Card(record.path.split("/")[2], tuple(_texts(body)), record)


def _texts(part: Any) -> Iterator[str]:
    """What a reader sees of a card."""
    match part:
        case list():
            for one in part:
                yield from _texts(one)
        case {"title": str(title), "value": str(value)}:
            yield f"{title}: {value}"
        case {"text": str(text)}:
            yield text
        case dict():
            for one in part.values():
                yield from _texts(one)
