"""The telemetry answerer: Application Insights, for those with a token and the role."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.tokens import TokenRefused

NAME = "telemetry"
AUDIENCE = "https://monitor.azure.com"
KEY = "3f0d5a9e-2a51-4b6e-9a0c-1d7f7d1d8f52"
RESOURCE = "b81f6c7a-40c3-4b58-8f6b-7c0e2f6f9e11"
"""Its ApplicationId."""


def environment(desk: Desk) -> dict[str, str]:
    """The Functions host's settings that lead here."""
    parts = (f"InstrumentationKey={KEY}", f"IngestionEndpoint={desk.urls[NAME]}/")
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": ";".join((*parts, f"ApplicationId={RESOURCE}")),
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
    }


def answerer(desk: Desk) -> Answerer:
    async def track(request: Request) -> Response:
        return await _track(desk, request)

    return Answerer(NAME, Starlette(routes=[Route("/v2.1/track", track, methods=["POST"])]))


async def _track(desk: Desk, request: Request) -> Response:
    try:
        lines = json.loads(await request.body())
    except ValueError:
        lines = None
    if not isinstance(lines, list) or not lines:
        return _answer(400, 0, 0, [(0, 400, "Invalid JSON")])
    try:
        # The resource is known by its key in the lines, and it takes nothing from strangers.
        desk.keys.check(request.headers.get("authorization"), AUDIENCE)
    except TokenRefused as refused:
        return _answer(401, len(lines), 0, [(0, 401, str(refused))])
    wrong = [at for at, one in enumerate(lines) if not _is_line(one)]
    errors = [(at, 400, "Invalid instrumentation key or data") for at in wrong]
    status = 200 if not wrong else 206 if len(wrong) < len(lines) else 400
    return _answer(status, len(lines), len(lines) - len(wrong), errors)


def _is_line(given: Any) -> bool:
    if not isinstance(given, dict) or given.get("iKey") != KEY:
        return False
    data = given.get("data")
    return bool(given.get("name") and given.get("time") and data and data.get("baseData"))


def _answer(status: int, given: int, taken: int, errors: list[tuple[int, int, str]]) -> Response:
    told = [{"index": at, "statusCode": code, "message": said} for at, code, said in errors]
    return JSONResponse({"itemsReceived": given, "itemsAccepted": taken, "errors": told}, status)
