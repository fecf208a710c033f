"""Runs answerers over a desk: each on its own loopback port, all in one background thread."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

from local.cloud import (
    crm,
    email,
    identity,
    inbox_page,
    log_analytics,
    platform_metrics,
    slack,
    sms,
    teams,
    telemetry,
    vault,
    webhooks,
)
from local.cloud.answerers import Answerer, Desk, Make, Service, TcpAnswerer
from local.cloud.breaking import Breaking, Forbidding
from local.cloud.listeners import HOST, HttpService, Listener
from local.cloud.recording import Recording
from local.cloud.resources import TENANT
from local.cloud.sql import answerer as sql

ALL: tuple[Make, ...] = (
    platform_metrics.answerer,
    log_analytics.answerer,
    sql.answerer,
    email.answerer,
    slack.answerer,
    webhooks.answerer,
    teams.answerer,
    sms.answerer,
    crm.answerer,
    identity.answerer,
    vault.answerer,
    telemetry.answerer,
    inbox_page.answerer,
)


@dataclass(frozen=True)
class Cloud:
    """A running cloud: where each answerer listens, and what callers need to be let in."""

    desk: Desk

    @property
    def urls(self) -> dict[str, str]:
        """The base URL of each answerer by its name."""
        return self.desk.urls

    @property
    def issuer(self) -> str:
        return self.desk.keys.issuer

    @property
    def jwks_url(self) -> str:
        return f"{self.urls['identity']}/{TENANT}/discovery/v2.0/keys"

    @property
    def identity_environment(self) -> dict[str, str]:
        """The variables by which azure-identity finds its managed identity, as in App Service."""
        return {
            "IDENTITY_ENDPOINT": f"{self.urls['identity']}/msi/token",
            "IDENTITY_HEADER": self.desk.identity_header,
        }


@contextmanager
def running_cloud(desk: Desk, answerers: Iterable[Make] = ALL) -> Iterator[Cloud]:
    """Serve the desk's answerers until the block ends; nothing of them is left then."""
    made = [make(desk) for make in answerers]
    running = _Running(desk, made)
    running.start()
    try:
        yield Cloud(desk)
    finally:
        running.stop()


class _Running:
    """The background thread, its event loop and the listeners in it."""

    def __init__(self, desk: Desk, answerers: list[Answerer | TcpAnswerer]) -> None:
        self._desk = desk
        self._schemes = {one.name: one.scheme for one in answerers}
        self._listeners = {one.name: Listener(_service(one, desk)) for one in answerers}
        self._thread = Thread(target=self._run, name="cloud", daemon=True)
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()

    def start(self) -> None:
        desk = self._desk
        urls = {
            name: f"{self._schemes[name]}://{HOST}:{one.port}"
            for name, one in self._listeners.items()
        }
        desk.urls.update(urls)
        desk.faults.names = tuple(dict.fromkeys((*desk.faults.names, *urls)))
        if "identity" in urls:
            desk.keys.issuer = f"{urls['identity']}/{TENANT}/v2.0"
        self._thread.start()
        try:
            self._started.result()
        except BaseException as error:
            self._forget()
            raise RuntimeError("the answerers could not start") from error
        desk.faults.doorkeeper = self._keep_door

    def stop(self) -> None:
        self._started.result().call_soon_threadsafe(self._stop.set)
        self._forget()

    def _forget(self) -> None:
        self._desk.faults.doorkeeper = None
        self._desk.urls.clear()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        try:
            for name in self._listeners:
                await self._settle(name)
            self._started.set_result(asyncio.get_running_loop())
            await self._stop.wait()
        finally:
            for listener in self._listeners.values():
                await listener.close()

    def _keep_door(self, name: str) -> None:
        """Called from any thread but the loop's own, which would wait for itself."""
        if name in self._listeners:
            self._do(self._settle(name))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._started.result()).result()

    async def _settle(self, name: str) -> None:
        """Open or refuse, as the faults say by the time it is this change's turn."""
        listener = self._listeners[name]
        async with self._turn:
            refuses = self._desk.faults.refuses(name)
            if refuses and listener.is_open:
                await listener.refuse()
            elif not refuses and not listener.is_open:
                await listener.open()


def _service(answerer: Answerer | TcpAnswerer, desk: Desk) -> Service:
    if isinstance(answerer, TcpAnswerer):
        return answerer.service
    guarded = Forbidding(answerer.app, answerer.name, desk.forbidden)
    broken = Breaking(guarded, answerer.name, desk.faults)
    return HttpService(Recording(broken, answerer.name, desk))
