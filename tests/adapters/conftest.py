"""The stores under test: every contract runs over memory and over Azurite, behind the guard."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.azurite import Account
from shared.adapters.guard import GuardedRows
from shared.adapters.memory import MemoryRows
from shared.adapters.rows import Rows
from shared.adapters.tables import TableRows, open_table


@pytest.fixture
def table(storage: Account) -> Iterator[TableRows]:
    """An Azurite table that nobody has written to, without the guard."""
    rows = open_table("Rows", connection_string=storage.connection_string)
    yield rows
    rows.close()


@pytest.fixture(params=["memory", "azurite"])
def rows(request: pytest.FixtureRequest) -> Rows:
    """An empty table behind the guard, of either kind."""
    if request.param == "memory":
        return GuardedRows(MemoryRows())
    return GuardedRows(request.getfixturevalue("table"))


@dataclass
class Answerer:
    """A tiny HTTP server that gives every request the same answer, as a sick service does.

    It answers after `delay` seconds, or when the test is over.
    """

    url: str = ""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"<Error><Code>Sick</Code><Message>Sick.</Message></Error>"
    delay: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    @property
    def connection_string(self) -> str:
        """A storage account whose every service lives here."""
        return connection_string(self.url)


def connection_string(url: str) -> str:
    """An account that lives at `url`; its key opens nothing."""
    account = "DefaultEndpointsProtocol=http;AccountName=sick;AccountKey=c2ljaw=="
    return f"{account};TableEndpoint={url};QueueEndpoint={url};BlobEndpoint={url};"


@pytest.fixture
def answerer() -> Iterator[Answerer]:
    """The sick service, on a free port of 127.0.0.1."""
    answerer = Answerer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(answerer)) as server:
        answerer.url = f"http://127.0.0.1:{server.server_address[1]}/sick"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield answerer
        answerer.over.set()
        server.shutdown()
        thread.join()


def _handler(answerer: Answerer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            answerer.asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answerer.over.wait(answerer.delay)
            with suppress(OSError):  # whoever asked gave up
                self._say()

        def _say(self) -> None:
            self.send_response(answerer.status)
            for name, value in answerer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answerer.body)))
            self.end_headers()
            self.wfile.write(answerer.body)

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - names of the standard library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler


@pytest.fixture
def nobody() -> str:
    """The connection string of an account at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return connection_string(f"http://127.0.0.1:{port}/nobody")
