"""The SMS answerer: Azure Communication Services' SMS REST, which says 202 and then to whom not."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.email import ACCESS_KEY, Refused, check_caller, json_body, refusal
from local.cloud.inbox import Record
from local.cloud.quotas import Quota, Rate

NAME = "sms"
SENDER = "+18005550100"
ADMIN = "+15555550123"
MOST_RECIPIENTS = 100
LONGEST = 2048
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def connection_string(desk: Desk) -> str:
    """What the app's SMS_CONNECTION_STRING has to be on this desk."""
    return f"endpoint={desk.urls[NAME]}/;accesskey={ACCESS_KEY}"


@dataclass
class Exchange:
    """The resource: its number, the numbers that opted out, its limit (a toll-free number's)."""

    sender: str = SENDER
    opted_out: tuple[str, ...] = ()
    sends: tuple[Rate, ...] = ((200, timedelta(minutes=1)),)
    wall: Callable[[], datetime] = wall_now
    _sent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._quota = Quota(self.sends, self.wall)

    def send(self, body: Any) -> list[dict[str, Any]]:
        """What became of each recipient; raises Refused when the request itself is wrong."""
        given = body if isinstance(body, dict) else {}
        recipients, message = given.get("smsRecipients"), given.get("message")
        if not isinstance(recipients, list) or not 1 <= len(recipients) <= MOST_RECIPIENTS:
            raise Refused(400, "BadRequest", "smsRecipients needs 1 to 100 recipients.")
        if not isinstance(message, str) or not 0 < len(message) <= LONGEST:
            raise Refused(400, "BadRequest", "message needs 1 to 2048 characters.")
        if given.get("from") != self.sender:
            raise Refused(401, "Unauthorized", "from is not a number of this resource.")
        return [self._one(one if isinstance(one, dict) else {}) for one in recipients]

    def _one(self, recipient: Mapping[str, Any]) -> dict[str, Any]:
        to = str(recipient.get("to", ""))
        status, error = self._problem(to, recipient)
        if error:
            return {"to": to, "httpStatusCode": status, "errorMessage": error, "successful": False}
        request = str(recipient.get("repeatabilityRequestId") or uuid4())
        sent = self._sent.setdefault(request, f"Outgoing_{uuid4()}")
        result = {"to": to, "messageId": sent, "httpStatusCode": 202, "successful": True}
        repeatable = "repeatabilityRequestId" in recipient
        return {**result, "repeatabilityResult": "accepted"} if repeatable else result

    def _problem(self, to: str, recipient: Mapping[str, Any]) -> tuple[int, str]:
        if not _PHONE.fullmatch(to):
            return 400, "Invalid To phone number format."
        if not _is_repeatable(recipient):
            return 400, "Invalid Repeatability request."
        if to in self.opted_out:
            return 400, "The recipient has opted out."
        if recipient.get("repeatabilityRequestId") not in self._sent and self._quota.ask():
            return 429, "The rate limit is exceeded."
        return 202, ""


def _is_repeatable(recipient: Mapping[str, Any]) -> bool:
    """Whether it has both of the id (a GUID) and the time of the first try, or neither."""
    request, first = (recipient.get(f"repeatability{one}") for one in ("RequestId", "FirstSent"))
    if request is None and first is None:
        return True
    try:
        return bool(first) and bool(UUID(str(request)))
    except ValueError:
        return False


def answerer(desk: Desk, exchange: Exchange | None = None) -> Answerer:
    switch = exchange or Exchange()

    async def send(request: Request) -> Response:
        body = await request.body()
        await check_caller(desk, request)
        return JSONResponse({"value": switch.send(json_body(body))}, 202)

    routes = [Route("/sms", send, methods=["POST"])]
    return Answerer(NAME, Starlette(routes=routes, exception_handlers={Refused: refusal}))


@dataclass(frozen=True)
class Text:
    """An SMS that was taken, and the raw request that it came with."""

    to: str
    message: str
    raw: Record


def texts(desk: Desk) -> list[Text]:
    """The SMS that were taken, oldest first; a repeated request is one SMS."""
    taken: dict[str, Text] = {}
    for record in desk.inbox.records(NAME):
        if record.status == 202:
            said = json.loads(record.body)["message"]
            for result in json.loads(record.answer)["value"]:
                if result["successful"]:
                    taken.setdefault(result["messageId"], Text(result["to"], said, record))
    return list(taken.values())
