"""CORS as the platform does it in front of the app: the functions see no preflight."""

from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY = "*"
MAX_AGE_S = 86_400


@dataclass(frozen=True)
class Cors:
    """Which origins may call, letter by letter; `*` means all, but never with credentials."""

    origins: Collection[str]
    credentials: bool = False

    def __post_init__(self) -> None:
        if ANY in self.origins and self.credentials:
            raise ValueError("CORS for * with credentials is refused by browsers and by Azure")

    def headers(self, origin: str) -> dict[str, str]:
        """What an answer to that origin carries; nothing for one that is not allowed."""
        if ANY in self.origins:
            return {"access-control-allow-origin": ANY}
        if origin not in self.origins:
            return {}
        allowed = {"access-control-allow-origin": origin, "vary": "Origin"}
        return allowed | ({"access-control-allow-credentials": "true"} if self.credentials else {})


class CorsFront:
    """Answers preflights itself and marks the other answers."""

    def __init__(self, app: ASGIApp, cors: Cors) -> None:
        self._app = app
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(headers, origin)(scope, receive, send)
        else:
            await self._app(scope, receive, _marking(send, self._cors.headers(origin)))

    def _preflight(self, asked: Headers, origin: str) -> Response:
        allowed = self._cors.headers(origin)
        if allowed:
            allowed["access-control-allow-methods"] = asked["access-control-request-method"]
            allowed["access-control-max-age"] = str(MAX_AGE_S)
            if "access-control-request-headers" in asked:
                wanted = asked["access-control-request-headers"]
                allowed["access-control-allow-headers"] = wanted
        return Response(status_code=204, headers=allowed)


def _marking(send: Send, marks: dict[str, str]) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in marks.items():
                headers.add_vary_header(value) if name == "vary" else headers.update({name: value})
        await send(message)

    return marked
