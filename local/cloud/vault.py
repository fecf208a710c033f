"""The vault answerer: the names of a key vault's secrets, and what the platform says it followed.

The app on the desk gets its secrets as plain settings; only the doctor asks here.
"""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.tokens import TokenRefused

NAME = "vault"
AUDIENCE = "https://vault.azure.net"
VERSIONS = ("7.4", "7.5", "7.6")
PAGE = 25
FOLLOWED, NOT_FOUND = "Resolved", "SecretNotFound"


def answerer(desk: Desk) -> Answerer:
    async def secrets(request: Request) -> Response:
        return _secrets(desk, request)

    return Answerer(NAME, Starlette(routes=[Route("/secrets", secrets)]))


def _secrets(desk: Desk, request: Request) -> Response:
    try:
        desk.keys.check(request.headers.get("authorization"), AUDIENCE)
    except TokenRefused as refused:
        return _refusal(401, "Unauthorized", str(refused))
    given = request.query_params
    if given.get("api-version") not in VERSIONS:
        return _refusal(400, "BadParameter", f"The api-version is one of {', '.join(VERSIONS)}.")
    size, skipped = int(given.get("maxresults", PAGE)), int(given.get("$skiptoken", 0))
    if not 1 <= size <= PAGE:
        return _refusal(400, "BadParameter", f"maxresults is 1 to {PAGE}.")
    names = sorted(desk.secrets)
    base = f"{desk.urls[NAME]}/secrets"
    following = f"{base}?api-version={given['api-version']}&$skiptoken={skipped + size}"
    found = [
        {"id": f"{base}/{name}", "attributes": {"enabled": True}}
        for name in names[skipped : skipped + size]
    ]
    more = following if skipped + size < len(names) else None
    return JSONResponse({"value": found, "nextLink": more})


def references(desk: Desk) -> Mapping[str, Any]:
    """What the platform lists of the app's settings that refer to the vault, as it followed them.

    What it has read it keeps: a role that is lacking now shows at the vault alone.
    """
    return {"value": [_reference(desk, *one) for one in desk.references.items()]}


def _reference(desk: Desk, setting: str, secret: str) -> Mapping[str, Any]:
    uri = f"{desk.urls[NAME]}/secrets/{secret}"
    said = {
        "reference": f"@Microsoft.KeyVault(SecretUri={uri})",
        "status": FOLLOWED if secret in desk.secrets else NOT_FOUND,
        "vaultName": NAME,
        "secretName": secret,
    }
    return {"name": setting, "properties": said}


def _refusal(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
