"""The mail answerer: Azure Communication Services' e-mail REST, its signatures and its limits."""

import hashlib
import hmac
import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID, uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.inbox import Record
from local.cloud.quotas import Quota, Rate
from local.cloud.tokens import TokenRefused

NAME = "email"
AUDIENCE = "https://communication.azure.com"
ACCESS_KEY = b64encode(b"a key that opens this desk alone").decode()
DOMAIN = "mail.example.com"
SENDER = f"DoNotReply@{DOMAIN}"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SKEW = timedelta(minutes=5)
SIGNED = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
ASK_AGAIN_S = 20


def connection_string(desk: Desk) -> str:
    """What the app's ACS_CONNECTION_STRING has to be on this desk."""
    return f"endpoint={desk.urls[NAME]}/;accesskey={ACCESS_KEY}"


class Refused(Exception):
    """The service does not do what was asked."""

    def __init__(
        self, status: int, code: str, message: str, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


@dataclass
class Mailroom:
    """The resource: its linked domains, its limits (those of an Azure-managed domain), its mails.

    An operation is Running when it is first asked for, and Succeeded from then on.
    """

    domains: tuple[str, ...] = (DOMAIN,)
    sends: tuple[Rate, ...] = ((5, MINUTE), (10, HOUR))
    asks: tuple[Rate, ...] = ((10, MINUTE), (20, HOUR))
    wall: Callable[[], datetime] = wall_now
    _operations: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sends = Quota(self.sends, self.wall)
        self._asks = Quota(self.asks, self.wall)

    def send(self, body: Any, operation: str | None) -> str:
        """Take a mail; answers its operation's id. An operation that is known is the same mail."""
        _check_message(body, self.domains)
        operation = _operation_id(operation)
        if operation not in self._operations:
            _check_quota(self._sends)
            self._operations[operation] = "Running"
        return operation

    def status(self, operation: str) -> str:
        """How far a mail has come."""
        _check_quota(self._asks)
        status = self._operations.get(operation.lower())
        if status is None:
            raise Refused(404, "NotFound", "The operation does not exist.")
        self._operations[operation.lower()] = "Succeeded"
        return status


def _check_quota(quota: Quota) -> None:
    wait = quota.ask()
    if wait is not None:
        raise Refused(429, "TooManyRequests", "The rate limit is exceeded.", wait)


def _operation_id(given: str | None) -> str:
    try:
        return str(UUID(given)) if given else str(uuid4())
    except ValueError:
        raise Refused(400, "BadRequest", "Operation-Id must be a GUID.") from None


def _check_message(body: Any, domains: tuple[str, ...]) -> None:
    message = _object(body, "The message")
    content = _object(message.get("content"), "content")
    recipients = _object(message.get("recipients"), "recipients")
    _check_addresses(recipients.get("to"))
    if not _text(content.get("subject")):
        raise Refused(400, "BadRequest", "content.subject is required.")
    if not _text(content.get("plainText")) and not _text(content.get("html")):
        raise Refused(400, "BadRequest", "content.plainText or content.html is required.")
    _check_attachments(message.get("attachments") or [])
    sender = _text(message.get("senderAddress"))
    if "@" not in sender:
        raise Refused(400, "BadRequest", "senderAddress is required.")
    if sender.rpartition("@")[2] not in domains:
        raise Refused(404, "DomainNotLinked", "The specified sender domain has not been linked.")


def _check_addresses(given: Any) -> None:
    if not isinstance(given, list) or not 1 <= len(given) <= 50:
        raise Refused(400, "BadRequest", "recipients.to needs 1 to 50 addresses.")
    for one in given:
        local, _, domain = _text(_object(one, "recipients.to[]").get("address")).partition("@")
        if not local or "." not in domain:
            raise Refused(400, "BadRequest", "recipients.to[].address is no e-mail address.")


def _check_attachments(given: Any) -> None:
    """Each has a name, a type and its bytes; `contentId` is what a page shows it by."""
    if not isinstance(given, list):
        raise Refused(400, "BadRequest", "attachments must be a list.")
    for one in given:
        attachment = _object(one, "attachments[]")
        if not all(_text(attachment.get(name)) for name in ("name", "contentType")):
            raise Refused(400, "BadRequest", "attachments[] need a name and a contentType.")
        if not _is_base64(_text(attachment.get("contentInBase64"))):
            raise Refused(400, "BadRequest", "attachments[].contentInBase64 is no base64.")


def _is_base64(given: str) -> bool:
    try:
        return bool(b64decode(given, validate=True))
    except ValueError:
        return False


def _object(given: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise Refused(400, "BadRequest", f"{name} must be an object.")
    return given


def _text(given: Any) -> str:
    return given.strip() if isinstance(given, str) else ""


def answerer(desk: Desk, mailroom: Mailroom | None = None) -> Answerer:
    room = mailroom or Mailroom()

    async def send(request: Request) -> Response:
        body = await request.body()
        await check_caller(desk, request)
        operation = room.send(json_body(body), request.headers.get("operation-id"))
        version = request.query_params["api-version"]
        place = f"{desk.urls[NAME]}/emails/operations/{operation}?api-version={version}"
        headers = {"Operation-Location": place, "retry-after": str(ASK_AGAIN_S)}
        return JSONResponse({"id": operation, "status": "Running"}, 202, headers)

    async def status(request: Request) -> Response:
        await check_caller(desk, request)
        operation = request.path_params["operation"]
        found = room.status(operation)
        headers = {"retry-after": "100"} if found == "Running" else {}
        return JSONResponse({"id": operation, "status": found}, headers=headers)

    routes = [
        Route("/emails:send", send, methods=["POST"]),
        Route("/emails/operations/{operation}", status),
    ]
    return Answerer(NAME, Starlette(routes=routes, exception_handlers={Refused: refusal}))


async def refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    wait = error.retry_after
    headers = {"Retry-After": str(math.ceil(wait.total_seconds()))} if wait else {}
    said = {"error": {"code": error.code, "message": str(error)}}
    return JSONResponse(said, error.status, headers)


def json_body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Refused(400, "BadRequest", "The body is no JSON.") from None


async def check_caller(desk: Desk, request: Request) -> None:
    """A signature with the resource's key, or a token for the service; then the version."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        try:
            desk.keys.check(authorization, AUDIENCE)
        except TokenRefused as error:
            raise Refused(401, "Denied", str(error)) from error
    else:
        _check_signature(request, await request.body())
    if "api-version" not in request.query_params:
        raise Refused(400, "InvalidApiVersionParameter", "api-version is required.")


def _check_signature(request: Request, body: bytes) -> None:
    headers = request.headers
    date, content_hash = headers.get("x-ms-date", ""), headers.get("x-ms-content-sha256", "")
    if content_hash != b64encode(hashlib.sha256(body).digest()).decode():
        raise Refused(401, "Denied", "x-ms-content-sha256 is not the body's hash.")
    if not _is_recent(date):
        raise Refused(401, "Denied", "x-ms-date is missing, or more than 5 minutes off.")
    query = request.url.query
    path = request.scope.get("raw_path", b"").decode("latin-1") + (f"?{query}" if query else "")
    signed = f"{request.method}\n{path}\n{date};{headers.get('host', '')};{content_hash}"
    digest = hmac.new(b64decode(ACCESS_KEY), signed.encode(), hashlib.sha256).digest()
    wanted = SIGNED + b64encode(digest).decode()
    if not hmac.compare_digest(headers.get("authorization", "").encode(), wanted.encode()):
        raise Refused(401, "Denied", "The signature is wrong.")


def _is_recent(date: str) -> bool:
    try:
        return abs(wall_now() - parsedate_to_datetime(date)) <= SKEW
    except (ValueError, TypeError):
        return False


@dataclass(frozen=True)
class Mail:
    """A mail that was taken, and the raw request that it came with."""

    to: tuple[str, ...]
    subject: str
    plain_text: str
    html: str
    operation: str
    raw: Record


def mails(desk: Desk) -> list[Mail]:
    """The mails that the service took, oldest first; a repeated operation is one mail."""
    sent: dict[str, Mail] = {}
    for record in desk.inbox.records(NAME):
        if record.method == "POST" and record.status == 202:
            mail = _mail(record)
            sent.setdefault(mail.operation, mail)
    return list(sent.values())


def _mail(record: Record) -> Mail:
    body = json.loads(record.body)
    content = body["content"]
    return Mail(
        to=tuple(one["address"] for one in body["recipients"]["to"]),
        subject=content["subject"],
        plain_text=content.get("plainText", ""),
        html=content.get("html", ""),
        operation=record.headers.get("operation-id", "").lower() or f"at {record.wall_at}",
        raw=record,
    )
