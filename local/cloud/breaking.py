"""Applies the faults that are set: ASGI middleware around every answerer."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.cloud.asgi import disconnected, replay
from local.cloud.faults import Fault, Faults

LOOK_AGAIN_S = 0.02


class Dropped(Response):
    """No answer at all: the connection closes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        scope["state"]["abort"]()
        await disconnected(receive)


@dataclass(frozen=True)
class Breaking:
    """Answers wrongly in the app's place, or lets a request through late or never."""

    app: ASGIApp
    name: str
    faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._met(scope) if scope["type"] == "http" else None
        if fault is None:
            await self.app(scope, receive, send)
        elif fault.kind in {"slow", "hang"}:
            await self._delay(fault, scope, receive, send)
        else:
            await wrong_answer(fault)(scope, receive, send)

    def _met(self, scope: Scope) -> Fault | None:
        return self.faults.take(self.name, path=scope["path"])

    async def _delay(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """As with a real slow service, work begun for a client that gave up is still done."""
        body = await Request(scope, receive).body()
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            if fault.kind == "slow":
                await asyncio.wait([gone], timeout=fault.seconds)
            elif not await self._released(fault, gone):
                return
            await self.app(scope, replay(body, receive), send)
        finally:
            gone.cancel()

    async def _released(self, fault: Fault, gone: asyncio.Future[None]) -> bool:
        """Hang until the fault is cleared (True) or the client or the server went away."""
        while self.faults.holds(self.name, fault):
            await asyncio.wait([gone], timeout=LOOK_AGAIN_S)
            if gone.done():
                return False
        return True


def wrong_answer(fault: Fault) -> Response:
    """What a broken service says instead of its answer."""
    match fault.kind:
        case "throttle":
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return JSONResponse(_error("TooManyRequests", "Slow down."), 429, headers=wait)
        case "error":
            return JSONResponse(_error("InternalServerError", "Out of order."), fault.status)
        case "garbage":
            return Response(b"\x00\xff<<not json", media_type="application/json")
        case "wrong_shape":
            return JSONResponse({"unexpected": []})
        case _:
            return Dropped()


def _error(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message}}


@dataclass(frozen=True)
class Forbidding:
    """Answers 403 in the app's place while the caller lacks its role there."""

    app: ASGIApp
    name: str
    forbidden: Collection[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.name in self.forbidden:
            said = _error("AuthorizationFailed", "The client does not have authorization.")
            await JSONResponse(said, 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
