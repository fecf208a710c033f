"""A server where a database should be, which says nothing that anybody could use."""

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GARBAGE = b"\x00\xff<<no tds" * 4


@dataclass
class DeafDatabase:
    """On `port` of 127.0.0.1; a client gets `says` after `waits` seconds, then nothing more."""

    port: int = 0
    says: bytes = b""
    waits: float = 0.0
    visits: int = 0


@contextmanager
def running_deaf_database() -> Iterator[DeafDatabase]:
    """One that closes every connection at once, until it is told otherwise."""
    database = DeafDatabase()
    with _Server(("127.0.0.1", 0), _handler(database)) as server:
        database.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield database
        server.shutdown()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


def _handler(database: DeafDatabase) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            database.visits += 1
            says, waits = database.says, database.waits
            time.sleep(waits)
            with contextlib.suppress(OSError):  # whoever asked gave up
                self.request.sendall(says)

    return Handler
