"""The logs answerer: the Log Analytics query API over the world's telemetry.

A workspace or a resource is asked, or several in a batch; the KQL is executed as it is sent.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import duckdb
import msgspec
from duckdb_kql import KqlError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.cloud.answerers import Answerer, Desk
from local.cloud.log_analytics_answers import bad_query, error_body, table_body
from local.cloud.log_analytics_spans import BadSpan, read_span
from local.cloud.log_analytics_store import LogStore, Span
from local.cloud.resources import WORKSPACE
from local.cloud.tokens import TokenRefused

AUDIENCE = "https://api.loganalytics.io"
USUAL_WAIT = timedelta(minutes=3)
LONGEST_WAIT = timedelta(minutes=10)

_WAIT = re.compile(r"\bwait=(\d+(?:\.\d+)?)")

Body = dict[str, Any]
Work = Callable[[Any, str], Awaitable[Body]]


class Refused(Exception):
    """A request that gets no table but this status and body."""

    def __init__(self, status: int, body: Body) -> None:
        super().__init__(body["error"]["message"])
        self.status = status
        self.body = body


def answerer(desk: Desk) -> Answerer:
    """The answerer `logs`; its workspace is the desk's only one."""
    service = LogService(desk, LogStore(desk.world))
    routes = [
        Route("/v1/workspaces/{workspace}/query", service.workspace, methods=["POST"]),
        Route("/v1/$batch", service.batch, methods=["POST"]),
        Route("/v1/{resource:path}/query", service.resource, methods=["POST"]),
    ]
    return Answerer("logs", Starlette(routes=routes))


@dataclass(frozen=True)
class LogService:
    """The three ways to ask, over one store."""

    desk: Desk
    store: LogStore

    async def workspace(self, request: Request) -> Response:
        """One query of a workspace, named by its id."""
        workspace = request.path_params["workspace"]
        return await self._answered(request, partial(self._query, workspace=workspace))

    async def resource(self, request: Request) -> Response:
        """One query of a resource, named by its path; all of them log to the one workspace."""
        asked = f"/{request.path_params['resource']}".lower()
        known = any(asked == one.lower() for one in self.desk.resource_ids)
        workspace = WORKSPACE if known else asked
        return await self._answered(request, partial(self._query, workspace=workspace))

    async def batch(self, request: Request) -> Response:
        """Several queries at once, told apart by the ids that the client gave them."""
        return await self._answered(request, self._batch)

    async def _answered(self, request: Request, work: Work) -> Response:
        try:
            self._let_in(request)
            body = await work(await _json_of(request), request.headers.get("prefer", ""))
        except Refused as refused:
            return _response(refused.body, refused.status)
        return _response(body)

    def _let_in(self, request: Request) -> None:
        if self.desk.world.is_down("logs", self.desk.clock.now()):
            raise Refused(503, error_body("ServiceUnavailable", "The service is unavailable."))
        try:
            self.desk.keys.check(request.headers.get("authorization"), AUDIENCE)
        except TokenRefused as refused:
            raise Refused(401, error_body(refused.code, str(refused))) from refused

    async def _batch(self, body: Any, _: str) -> Body:
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list) or not requests:
            raise Refused(400, error_body("BadArgumentError", "requests must be a list."))
        return {"responses": [await self._part(one) for one in requests]}

    async def _part(self, one: Any) -> Body:
        if not isinstance(one, dict) or "id" not in one:
            raise Refused(400, error_body("BadArgumentError", "A request must have an id."))
        headers = {str(k).lower(): str(v) for k, v in (one.get("headers") or {}).items()}
        try:
            workspace = str(one.get("workspace"))
            prefer = headers.get("prefer", "")
            status, body = 200, await self._query(one.get("body"), prefer, workspace=workspace)
        except Refused as refused:
            status, body = refused.status, refused.body
        return {"id": one["id"], "status": status, "headers": {}, "body": body}

    async def _query(self, body: Any, prefer: str, *, workspace: str) -> Body:
        kql, span = self._asked(body)
        for name in (workspace, *(body.get("workspaces") or [])):
            if name != WORKSPACE:
                raise Refused(404, error_body("WorkspaceNotFoundError", f"There is no {name}."))
        began = time.perf_counter()
        answered = table_body(await self._execute(kql, span, _wait_s(prefer)))
        if "include-statistics=true" in prefer:
            spent = {"executionTime": time.perf_counter() - began}
            answered["statistics"] = {"query": spent}
        if "include-render=true" in prefer:
            answered["render"] = {"visualization": None}
        return answered

    def _asked(self, body: Any) -> tuple[str, Span]:
        kql = body.get("query") if isinstance(body, dict) else None
        if not isinstance(kql, str) or not kql.strip():
            raise Refused(400, error_body("BadArgumentError", "The query must be a text."))
        try:
            return kql, read_span(body.get("timespan"), self.desk.clock.now())
        except BadSpan as bad:
            raise Refused(400, error_body("BadArgumentError", str(bad))) from bad

    async def _execute(self, kql: str, span: Span, wait_s: float) -> Any:
        working = asyncio.to_thread(self.store.answer, kql, span, self.desk.clock.now())
        try:
            return await asyncio.wait_for(working, wait_s)
        except TimeoutError as late:
            text = "The query did not end within its time."
            raise Refused(504, error_body("GatewayTimeout", text)) from late
        except (KqlError, duckdb.Error) as bad:
            raise Refused(400, bad_query(bad)) from bad


async def _json_of(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, error_body("BadArgumentError", "The body is no JSON.")) from error


def _wait_s(prefer: str) -> float:
    found = _WAIT.search(prefer)
    usual = USUAL_WAIT.total_seconds()
    return min(float(found[1]) if found else usual, LONGEST_WAIT.total_seconds())


def _response(body: Body, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
