"""Keeps each request in the inbox before anything else happens to it."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.clocks import wall_now
from local.cloud.answerers import Desk
from local.cloud.asgi import replay
from local.cloud.inbox import Record


@dataclass(frozen=True)
class Recording:
    """ASGI middleware: the outermost one of an answerer."""

    app: ASGIApp
    name: str
    desk: Desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        record = self._record(scope, body)
        self.desk.inbox.add(record)
        try:
            await self.app(scope, replay(body, receive), _note_answer(record, send))
        finally:
            record.is_over = True

    def _record(self, scope: Scope, body: bytes) -> Record:
        return Record(
            answerer=self.name,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={
                name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
            },
            body=body,
            world_at=self.desk.clock.now(),
            wall_at=wall_now(),
        )


def _note_answer(record: Record, send: Send) -> Send:
    """The answer is in the record before the client can have seen it."""

    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
        else:
            record.answer += message.get("body", b"")
        await send(message)

    return noted
