"""The CRM's envelope, camelCase JSON, and headers that no answer goes without."""

from collections.abc import Mapping
from typing import Any, Literal

import azure.functions as func
import msgspec
from msgspec import Struct

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
REQUEST_ID = "X-Request-Id"
JSON = "application/json"
LONGEST_MESSAGE = 1000


class ErrorJson(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is wrong: `code` is for programs and stays, `message` says what would be right."""

    code: str
    message: str
    details: dict[str, Any] | None = None
    request_id: str


class Failure(Struct, frozen=True):
    """Every answer that is not a success."""

    success: Literal[False]
    error: ErrorJson


def success(
    data: Any,
    *,
    request_id: str,
    meta: Struct,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """`{"success": true, "data": …, "meta": {"requestId", …}}`."""
    beside = {"requestId": request_id, **msgspec.to_builtins(meta)}
    body = {"success": True, "data": data, "meta": beside}
    return _answer(body, 200, request_id, headers or {})


def document(
    body: bytes, media_type: str, *, request_id: str, headers: Mapping[str, str]
) -> func.HttpResponse:
    """A success that is no JSON.

    The header as well: of a text's `mimetype` alone the platform's worker makes one with a charset
    of its own behind it, a second one.
    """
    said = {**HEADERS, **headers, "Content-Type": media_type, REQUEST_ID: request_id}
    return func.HttpResponse(body, mimetype=media_type, headers=said)


def failure(
    status: int,
    code: str,
    message: str,
    *,
    request_id: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """`{"success": false, "error": {"code", "message", "details"?, "requestId"}}`."""
    error = ErrorJson(
        code=code,
        message=_encodable(message),
        details=dict(details) if details else None,
        request_id=request_id,
    )
    return _answer(Failure(success=False, error=error), status, request_id, headers or {})


def _encodable(text: str) -> str:
    """A message may quote what a caller sent: cut short, and without half characters."""
    return text[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()


def _answer(
    body: Any, status: int, request_id: str, headers: Mapping[str, str]
) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body),
        status_code=status,
        mimetype=JSON,
        headers={**HEADERS, **headers, REQUEST_ID: request_id},
    )
