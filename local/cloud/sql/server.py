"""Lets clients in: a thread that accepts, and threads for each connection."""

import asyncio
import selectors
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread

from local.cloud.certificates import Certificate
from local.cloud.sql.breaking import Breaking
from local.cloud.sql.connections import Connection
from local.cloud.sql.engine import Engine
from local.cloud.sql.visits import Visits

BACKLOG = 100
GRACE_S = 5.0


@dataclass
class SqlServer:
    """An answerer's service; every connection of it is cut when it stops."""

    engine: Engine
    breaking: Breaking
    certificate: Certificate
    visits: Visits
    _lock: Lock = field(default_factory=Lock)
    _serving: dict[Connection, Thread] = field(default_factory=dict)
    _accepting: Thread | None = None
    _wake: socket.socket | None = None

    async def start(self, bound: socket.socket) -> None:
        """Let clients in on that socket from now on."""
        # Made here once, or the first connections would race for it.
        _ = self.certificate.context
        bound.listen(BACKLOG)
        bound.settimeout(0)
        self._wake, woken = socket.socketpair()
        self._accepting = Thread(
            target=self._accept, args=(bound, woken), name="sql accepting", daemon=True
        )
        self._accepting.start()

    async def stop(self) -> None:
        """Let nobody in, cut every connection, and wait for the threads to end."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if self._wake and self._accepting:
            self._wake.close()
            self._accepting.join()
        with self._lock:
            serving = dict(self._serving)
        for connection, thread in serving.items():
            connection.close()
            # The bound is for an engine that does not hear that it was cancelled.
            thread.join(GRACE_S)

    def _accept(self, bound: socket.socket, woken: socket.socket) -> None:
        """Until the other end of `woken` closes: nothing else ends a wait everywhere."""
        with woken, selectors.DefaultSelector() as selector:
            selector.register(bound, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while woken not in {key.fileobj for key, _ in selector.select()}:
                # A client may be gone again before it is let in.
                with suppress(OSError):
                    self._let_in(bound.accept()[0])

    def _let_in(self, connected: socket.socket) -> None:
        connected.settimeout(None)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        visit = self.visits.enter()
        connection = Connection(
            connected,
            visit,
            engine=self.engine,
            breaking=self.breaking,
            tls=self.certificate.context,
        )

        def serve() -> None:
            try:
                connection.serve()
            finally:
                self.visits.leave(visit)
                with self._lock:
                    del self._serving[connection]

        thread = Thread(target=serve, name="sql connection", daemon=True)
        with self._lock:
            self._serving[connection] = thread
        thread.start()
