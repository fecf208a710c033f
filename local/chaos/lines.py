"""The lines to the services, one of which is cut between what a request does and its answer."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.cloud.answerers import Answerer, Desk, Make, TcpAnswerer
from local.cloud.asgi import disconnected


@dataclass(frozen=True)
class Cut:
    """At which request (0: at none), and which process is killed by it, if one is."""

    at: int = 0
    victim: Callable[[], int] | None = None

    def happen(self, scope: Scope) -> None:
        """Cut the line of that request."""
        if self.victim is None:
            scope["state"]["abort"]()
        else:
            os.kill(self.victim(), signal.SIGKILL)


class Lines:
    """Counts the requests to all services, and cuts the line of one."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._requests = count(1)

    def to(self, make: Make) -> Make:
        """The same service at the end of such a line."""
        return lambda desk: self._made(make, desk)

    def _made(self, make: Make, desk: Desk) -> Answerer | TcpAnswerer:
        answerer = make(desk)
        if isinstance(answerer, TcpAnswerer):
            return answerer

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and next(self._requests) == self._cut.at:
                await _unheard(answerer.app, self._cut, scope, receive, send)
            else:
                await answerer.app(scope, receive, send)

        return Answerer(answerer.name, app)


async def _unheard(app: ASGIApp, cut: Cut, scope: Scope, receive: Receive, send: Send) -> None:
    """What is said after the line was cut is noted in the inbox, and heard by nobody."""
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    await app(scope, receive, keep)
    cut.happen(scope)
    await disconnected(receive)
    for message in said:
        await send(message)
