"""The thread and the event loop in which a host lives; nothing of them is left after its block."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

import uvicorn
from starlette.types import ASGIApp

from local.host.invoking import Invoker
from local.host.queues import QueueListener
from local.host.timers import Timer

LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    """Tells when it listens, instead of having to be asked."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@dataclass(frozen=True)
class _Started:
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event


@dataclass(frozen=True)
class Running:
    """All that one host runs, on one loop: an `async def` that blocks stalls it, as in Azure."""

    front: ASGIApp
    timers: Sequence[Timer]
    listeners: Sequence[QueueListener]
    invoker: Invoker
    grace: timedelta

    @contextmanager
    def on(self, port: int) -> Iterator[int]:
        """Serve on a port of loopback, 0 for any, and tell which; raises whatever ends it early."""
        bound = socket.create_server((LOOPBACK, port))
        started: Future[_Started] = Future()
        ended: Future[None] = Future()
        thread = Thread(target=self._run, args=(bound, started, ended), name="host", daemon=True)
        thread.start()
        try:
            running = started.result()
            try:
                yield bound.getsockname()[1]
            finally:
                _stop(running)
        finally:
            thread.join()
            bound.close()
        ended.result()

    def _run(self, bound: socket.socket, started: Future[_Started], ended: Future[None]) -> None:
        try:
            asyncio.run(self._serve(bound, started))
            ended.set_result(None)
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            (ended if started.done() else started).set_exception(error)
        finally:
            for listener in self.listeners:
                listener.close()

    async def _serve(self, bound: socket.socket, started: Future[_Started]) -> None:
        server = _server(self.front, self.grace)
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[bound]))
            await server.ready.wait()
            for timer in self.timers:
                # From now on, not from the task's own first moment: whoever is told that the host
                # runs may move the clock at once.
                group.create_task(timer.run(stopping, timer.clock.now()))
            for listener in self.listeners:
                group.create_task(listener.listen())
            started.set_result(_Started(asyncio.get_running_loop(), stopping))
            await stopping.wait()
            await self._end(server)

    async def _end(self, server: _Server) -> None:
        server.should_exit = True
        for listener in self.listeners:
            listener.stop()
        await self.invoker.drain(self.grace)


def _server(front: ASGIApp, grace: timedelta) -> _Server:
    return _Server(
        uvicorn.Config(
            front,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(round(grace.total_seconds()), 1),
        )
    )


def _stop(running: _Started) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        running.loop.call_soon_threadsafe(running.stopping.set)
