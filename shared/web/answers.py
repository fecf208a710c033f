"""The CRM's envelope, camelCase JSON, and headers that no answer goes without."""

from collections.abc import Mapping
from typing import Any

import azure.functions as func
import msgspec

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
REQUEST_ID = "X-Request-Id"
LONGEST_MESSAGE = 1000


def success(
    data: Any,
    *,
    request_id: str,
    meta: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """`{"success": true, "data": …, "meta": {"requestId", …}}`."""
    body = {"success": True, "data": data, "meta": {"requestId": request_id, **meta}}
    return _answer(body, 200, request_id, headers or {})


def document(
    body: bytes, media_type: str, *, request_id: str, headers: Mapping[str, str]
) -> func.HttpResponse:
    """A success that is no JSON."""
    return func.HttpResponse(
        body, mimetype=media_type, headers={**HEADERS, **headers, REQUEST_ID: request_id}
    )


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
    error: dict[str, Any] = {"code": code, "message": _encodable(message)}
    if details:
        error["details"] = details
    error["requestId"] = request_id
    return _answer({"success": False, "error": error}, status, request_id, headers or {})


def _encodable(text: str) -> str:
    """A message may quote what a caller sent: cut short, and without half characters."""
    return text[:LONGEST_MESSAGE].encode("utf-8", "replace").decode()


def _answer(
    body: Any, status: int, request_id: str, headers: Mapping[str, str]
) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body),
        status_code=status,
        mimetype="application/json",
        headers={**HEADERS, **headers, REQUEST_ID: request_id},
    )
