"""The identity answerer: App Service's managed identity, and an issuer like Entra ID's."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.clocks import wall_now
from local.cloud.answerers import Answerer, Desk
from local.cloud.resources import MONITOR, TENANT
from local.cloud.tokens import ALGORITHM, HOUR

API_VERSION = "2019-08-01"
LIFETIME = 24 * HOUR
PRINCIPAL = "7c1a4f60-93a5-4a43-8a53-2f1de0a0c3b7"
"""The object id of the monitor's identity."""
CLIENT = "1f0c9d5e-5b7a-4f0e-9c1b-3a2d4e6f8091"
"""Its client id."""


def answerer(desk: Desk) -> Answerer:
    async def token(request: Request) -> Response:
        return _managed_identity_token(desk, request)

    async def configuration(request: Request) -> Response:
        if request.path_params["tenant"] != TENANT:
            return JSONResponse({"error": "invalid_tenant"}, 400)
        return JSONResponse(_configuration(desk))

    async def keys(_: Request) -> Response:
        return JSONResponse(desk.keys.jwks())

    routes = [
        Route("/msi/token", token),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", configuration),
        Route("/{tenant}/discovery/v2.0/keys", keys),
    ]
    return Answerer("identity", Starlette(routes=routes))


def _managed_identity_token(desk: Desk, request: Request) -> Response:
    resource = request.query_params.get("resource")
    if request.headers.get("x-identity-header") != desk.identity_header:
        return _refusal(401, "The X-IDENTITY-HEADER is missing or wrong.")
    if request.query_params.get("api-version") != API_VERSION:
        return _refusal(400, f"The api-version is {API_VERSION}.")
    if not resource:
        return _refusal(400, "The resource is missing.")
    expires_on = int((wall_now() + LIFETIME).timestamp())
    answer = {
        "access_token": desk.keys.token(
            resource,
            lifetime=LIFETIME,
            oid=PRINCIPAL,
            xms_mirid=MONITOR,
            idtyp="app",
            appid=CLIENT,
        ),
        "expires_on": str(expires_on),
        "resource": resource,
        "token_type": "Bearer",
    }
    return JSONResponse(answer)


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"statusCode": status, "message": message}, status)


def _configuration(desk: Desk) -> dict[str, object]:
    base = f"{desk.urls['identity']}/{TENANT}"
    return {
        "issuer": desk.keys.issuer,
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
