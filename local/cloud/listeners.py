"""One answerer's port: opens, refuses and opens again, always the same number."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from local.cloud.answerers import Service

HOST = "127.0.0.1"
GRACE_S = 5.0
DATE_HOLDS_S = 1.0
LOOK_AGAIN_S = 0.002


class AbortableProtocol(H11Protocol):
    """Gives each request, as scope["state"]["abort"], the way to cut its own connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state: dict[str, Any] = {**self.app_state, "abort": transport.abort}


KEEPS_IDLE_S = 240
"""As long as Azure's load balancers: soon after a client was idle, a reset would be ours alone."""


class AbruptServer(uvicorn.Server):
    """Cuts its connections when it ends; the graceful way takes its time and waits for clients."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http=AbortableProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEPS_IDLE_S,
        )
        super().__init__(config)
        self.listening = asyncio.Event()
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        self.should_exit = True
        self._leaving.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn, but an app that can't start is an error, not the end of the process."""
        try:
            await super().serve(sockets)
        except SystemExit as error:
            raise RuntimeError("an answerer could not start") from error

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        # Each tick renews the Date header; nothing else needs one.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), DATE_HOLDS_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        for server in self.servers:
            server.close()
        state = self.server_state
        gives_up = asyncio.get_running_loop().time() + GRACE_S
        while state.connections or state.tasks:
            for connection in list(state.connections):
                connection.transport.abort()
            if asyncio.get_running_loop().time() > gives_up:
                for task in state.tasks:
                    task.cancel()
            await asyncio.sleep(LOOK_AGAIN_S)
        await self.lifespan.shutdown()


class HttpService:
    """An ASGI app, anew each time it starts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._server: AbruptServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, bound: socket.socket) -> None:
        """Answer from now on; raises what the app raises when it can't start."""
        server = AbruptServer(self._app)
        serving = asyncio.create_task(server.serve([bound]))
        listening = asyncio.create_task(server.listening.wait())
        await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if serving.done():
            await serving
        self._server, self._serving = server, serving

    async def stop(self) -> None:
        """Cut every connection."""
        if self._server and self._serving:
            self._server.leave()
            await self._serving
        self._server = self._serving = None


class Listener:
    """Holds a port from birth to `close`; only while it is open does anybody answer there."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self.is_open = False

    async def open(self) -> None:
        """Answer from now on."""
        await self._service.start(self._socket)
        self.is_open = True

    async def refuse(self) -> None:
        """Cut every connection and let nobody in; the port stays ours, bound but not listening."""
        await self.close()
        self._socket = _bound(self.port)

    async def close(self) -> None:
        """Cut every connection and give the port up."""
        if self.is_open:
            await self._service.stop()
        self.is_open = False
        self._socket.close()


def _bound(port: int) -> socket.socket:
    # Named as TCP: asyncio sends small answers at once only on a socket that says so.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((HOST, port))
    return bound
