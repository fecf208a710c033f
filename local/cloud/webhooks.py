"""A careful receiver of webhooks: verifies signatures, and knows a message that comes again."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.inbox import Record

NAME = "webhooks"
HOOKS = ("ops", "tickets")
KEY = "a key of at least 32 bytes that opens this desk alone"
SECRET = "s3cr3tOfTheReceiver"  # noqa: S105 - opens this desk alone
FRESH = timedelta(minutes=5)
SCHEMA = "azureMonitorCommonAlertSchema"
WANTED: dict[str, Any] = {
    "alertId": str,
    "alertRule": str,
    "severity": ("Sev0", "Sev1", "Sev2", "Sev3", "Sev4"),
    "signalType": ("Metric",),
    "monitorCondition": ("Fired", "Resolved"),
    "monitoringService": str,
    "alertTargetIDs": list,
    "configurationItems": list,
    "originAlertId": str,
    "firedDateTime": str,
    "description": str,
    "essentialsVersion": ("1.0",),
    "alertContextVersion": ("1.0",),
}
"""What the essentials have to have: a type, or one of a few words."""


def webhooks(desk: Desk, *names: str) -> dict[str, dict[str, str]]:
    """What the app's WEBHOOKS has to be on this desk, as a mapping."""
    base = f"{desk.urls[NAME]}/hooks"
    return {one: {"url": f"{base}/{one}/{SECRET}", "key": KEY} for one in names or HOOKS}


class Refused(Exception):
    """The receiver does not take a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answerer(desk: Desk) -> Answerer:  # noqa: ARG001 - a Make
    async def hook(request: Request) -> Response:
        try:
            _check_place(request.path_params["hook"], request.path_params["secret"])
            body = await request.body()
            _check_signature(request.headers, body)
            _check_alert(body)
        except Refused as refused:
            return PlainTextResponse(str(refused), refused.status)
        return PlainTextResponse("thanks")

    routes = [Route("/hooks/{hook}/{secret}", hook, methods=["POST"])]
    return Answerer(NAME, Starlette(routes=routes))


def _check_place(hook: str, secret: str) -> None:
    if hook not in HOOKS:
        raise Refused(404, "There is no such hook.")
    if secret != SECRET:
        raise Refused(403, "The URL is not one of ours.")


def _check_signature(headers: Headers, body: bytes) -> None:
    timestamp = headers.get("x-pantry-timestamp", "")
    signed = timestamp.encode() + b"." + body
    wanted = "v1=" + hmac.new(KEY.encode(), signed, hashlib.sha256).hexdigest()
    given = headers.get("x-pantry-signature", "")
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Refused(401, "The signature is wrong.")
    if not _is_fresh(timestamp):
        raise Refused(401, "The timestamp is more than 5 minutes off.")
    if not headers.get("idempotency-key"):
        raise Refused(400, "Idempotency-Key is missing.")


def _is_fresh(timestamp: str) -> bool:
    if not timestamp.isdecimal():
        return False
    return abs(wall_now() - datetime.fromtimestamp(int(timestamp), UTC)) <= FRESH


def _check_alert(body: bytes) -> None:
    try:
        given = json.loads(body)
        data = given["data"]
        essentials, context = data["essentials"], data["alertContext"]
        is_alert = given["schemaId"] == SCHEMA and bool(context["stories"])
    except (ValueError, KeyError, TypeError):
        is_alert, essentials = False, {}
    if not is_alert or not all(_fits(essentials.get(name), is_) for name, is_ in WANTED.items()):
        raise Refused(400, "The body is not in the common alert schema.")


def _fits(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else isinstance(value, wanted)


@dataclass(frozen=True)
class Posted:
    """A message that was taken, and the raw request that it came with."""

    hook: str
    essentials: dict[str, Any]
    context: dict[str, Any]
    raw: Record


def posted(desk: Desk) -> list[Posted]:
    """The messages that the receiver took, oldest first; one that came again is one message."""
    taken: dict[tuple[str, str], Posted] = {}
    for record in desk.inbox.records(NAME):
        if record.status == 200 and record.answer == b"thanks":
            found = _posted(record)
            taken.setdefault((found.hook, record.headers["idempotency-key"]), found)
    return list(taken.values())


def _posted(record: Record) -> Posted:
    data = json.loads(record.body)["data"]
    return Posted(record.path.split("/")[2], data["essentials"], data["alertContext"], record)
