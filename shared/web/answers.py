"""The CRM's envelope, camelCase JSON, and headers that no answer goes without."""

from typing import Any

import azure.functions as func
import msgspec

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def success(data: Any, status: int = 200) -> func.HttpResponse:
    """`{"success": true, "data": …}`."""
    return _answer({"success": True, "data": data}, status)


def failure(code: str, message: str, status: int) -> func.HttpResponse:
    """`{"success": false, "error": {"code", "message"}}`; the message says what would be right."""
    return _answer({"success": False, "error": {"code": code, "message": message}}, status)


def _answer(body: Any, status: int) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(body),
        status_code=status,
        mimetype="application/json",
        headers=_HEADERS,
    )
