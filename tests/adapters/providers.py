"""A provider of messages on a free port of 127.0.0.1, which answers whatever it was told to."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Asked:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Provider:
    """`took` is called with every request before it is answered.

    An answer waits for `delay` seconds, but no longer than the block lasts.
    """

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    asked: list[Asked] = field(default_factory=list)
    took: Callable[[Asked], object] = lambda _: None

    def answers(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Answer every request like this from now on."""
        self.status, self.body, self.headers = status, body, headers or {}


@contextmanager
def running_provider(tls: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """A provider that answers until the block ends; over TLS when it has a certificate."""
    provider = Provider()
    with _Server(("127.0.0.1", 0), _handler(provider)) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield provider
        provider.over.set()
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about clients that hang up, or that trust nobody."""


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            provider.asked.append(asked)
            provider.took(asked)
            provider.over.wait(provider.delay)
            try:
                self._say()
            except OSError:
                return  # whoever asked gave up

        def _say(self) -> None:
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(provider.body)))
            self.end_headers()
            self.wfile.write(provider.body)

        do_GET = do_POST = answer  # noqa: N815 - names of the standard library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler
