"""The platform answerer: Azure Monitor metrics, one resource by ARM or up to fifty by batch."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.descriptions import described_by
from local.cloud.metric_answers import answer, batch_answer
from local.cloud.metric_definitions import TYPES, resource_type
from local.cloud.metric_queries import BadQuery, read_query
from local.cloud.resources import SUBSCRIPTION
from local.cloud.tokens import TokenRefused

ARM_AUDIENCE = "https://management.azure.com"
BATCH_AUDIENCE = "https://metrics.monitor.azure.com"
ARM_VERSIONS = (
    *("2018-01-01", "2019-07-01", "2021-05-01", "2023-10-01", "2024-02-01"),
    "2024-04-01",
)
DESCRIBING_VERSIONS = ("2021-04-01", "2022-03-01", "2023-04-01", "2024-04-01")
BATCH_VERSIONS = ("2023-10-01", "2024-02-01")
MOST_RESOURCES = 50

Work = Callable[[Desk, Request, bytes], Response]

# ARM does not mind the case of anything in a path.
_METRICS = re.compile(r"(/.+)/providers/microsoft\.insights/metrics/?", re.IGNORECASE)


def answerer(desk: Desk) -> Answerer:
    async def one(request: Request) -> Response:
        return await _answered(desk, request, ARM_AUDIENCE, _one)

    async def batch(request: Request) -> Response:
        return await _answered(desk, request, BATCH_AUDIENCE, _batch)

    routes = [
        Route("/subscriptions/{subscription}/metrics:getBatch", batch, methods=["POST"]),
        Route("/{path:path}", one),
    ]
    return Answerer("platform", Starlette(routes=routes))


async def _answered(desk: Desk, request: Request, audience: str, work: Work) -> Response:
    """What both ways of asking share: is it up, who asks, and how a bad query is told."""
    if desk.world.is_down("platform", desk.clock.now()):
        return _arm_error(503, "ServiceUnavailable", "The service is unavailable, try again later.")
    try:
        desk.keys.check(request.headers.get("authorization"), audience)
        body = await request.body()
        # A long window takes its time; the other answerers are not to wait for it.
        answered: Response = await asyncio.to_thread(work, desk, request, body)
    except TokenRefused as refused:
        challenge = {"WWW-Authenticate": f'Bearer error="invalid_token", resource="{audience}"'}
        return _arm_error(401, refused.code, str(refused), challenge)
    except BadQuery as bad:
        return JSONResponse({"code": "BadRequest", "message": str(bad)}, 400)
    return answered


def _one(desk: Desk, request: Request, _: bytes) -> Response:
    described = described_by(desk, request.url.path)
    given = _parameters(request, ARM_VERSIONS if described is None else DESCRIBING_VERSIONS)
    if described is not None:
        return JSONResponse(described)
    path = _METRICS.fullmatch(request.url.path)
    resource_id = _known(desk, path.group(1)) if path else None
    if resource_id is None:
        return _not_found(request.url.path)
    now = desk.clock.now()
    query = read_query(_kind(resource_id), given, now)
    return JSONResponse(answer(desk.world, resource_id, query, now))


def _batch(desk: Desk, request: Request, body: bytes) -> Response:
    given = _parameters(request, BATCH_VERSIONS)
    asked = _resource_ids(body)
    if request.path_params["subscription"].lower() != SUBSCRIPTION:
        return _not_found(request.url.path)
    known = {one: _known(desk, one) for one in asked}
    for one, found in known.items():
        if found is None:
            return _not_found(one)
    resource_ids = [found for found in known.values() if found]
    kinds = {_kind(found) for found in resource_ids}
    if len(kinds) > 1:
        raise BadQuery("All resources of a batch must be of the same resource type.")
    now = desk.clock.now()
    query = read_query(kinds.pop(), given, now)
    return JSONResponse(
        {"values": [batch_answer(desk.world, one, query, now) for one in resource_ids]}
    )


def _resource_ids(body: bytes) -> list[str]:
    try:
        ids = json.loads(body)["resourceids"]
    except (ValueError, TypeError, KeyError) as error:
        raise BadQuery("The body must be an object with resourceids.") from error
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise BadQuery("resourceids must be a list of resource ids.")
    if not 1 <= len(ids) <= MOST_RESOURCES:
        raise BadQuery(f"A batch has 1 to {MOST_RESOURCES} resources, not {len(ids)}.")
    return ids


def _parameters(request: Request, versions: tuple[str, ...]) -> Mapping[str, str]:
    given = {name.lower(): value for name, value in request.query_params.items()}
    if given.get("api-version") not in versions:
        raise BadQuery(f"The api-version is missing or unknown; there are {', '.join(versions)}.")
    return given


def _known(desk: Desk, resource_id: str) -> str | None:
    """The id as the desk spells it, if it has that resource."""
    for known in desk.resource_ids:
        if known.lower() == resource_id.lower().rstrip("/"):
            return known
    return None


def _kind(resource_id: str) -> str:
    given = resource_type(resource_id).lower()
    for kind in TYPES:
        if kind.lower() == given:
            return kind
    raise BadQuery(f"Resources of type {given} have no metrics here.")


def _not_found(name: str) -> Response:
    return _arm_error(404, "ResourceNotFound", f"The Resource '{name}' was not found.")


def _arm_error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=headers)
