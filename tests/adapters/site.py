"""A small web site with a health page, good or bad at will."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.health_probe import HealthProbe, Patience
from shared.domain.samples import Reading

NOW = datetime(2026, 3, 2, 9, 30, 50, tzinfo=UTC)
MINUTE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
TARGET = "pantry-crm"
PATH = "/api/health?key=nobody-may-see-it"
MB = 2**20
HEALTHY = json.dumps(
    {"status": "ok", "uptime": 12.5, "memory": {"heapUsed": 90 * MB, "rss": 180.5 * MB}}
).encode()
PATIENT = Patience(connect=30, read=30, deadline=60)
QUICK = Patience(connect=1, read=0.5, deadline=1)
"""For what never comes: of an answer that does, no machine must be too slow for it."""


@dataclass
class Page:
    """One answer; `drip` seconds between the bytes of its body, `after` before its first."""

    status: int = 200
    body: bytes = HEALTHY
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    drip: float = 0.0
    length: int | None = None


@dataclass
class Site:
    """The CRM's server; `asked` are the headers of each request, with its path."""

    page: Page = field(default_factory=Page)
    pages: dict[str, Page] = field(default_factory=dict)
    url: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    callers: set[tuple[str, int]] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers)))
            site.callers.add(self.client_address)
            page = site.pages.get(self.path, site.page)
            site.over.wait(page.after)
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            length = len(page.body) if page.length is None else page.length
            if "Transfer-Encoding" not in page.headers:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self._write(page)

        def _write(self, page: Page) -> None:
            for part in [page.body[i : i + 1] for i in range(len(page.body))] if page.drip else []:
                self.wfile.write(part)
                self.wfile.flush()
                site.over.wait(page.drip)
            self.wfile.write(b"" if page.drip else page.body)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """Does not complain of callers who hung up."""

    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


@contextmanager
def running(site: Site, *, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    with QuietServer(("127.0.0.1", 0), handler(site)) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scheme = "https" if tls else "http"
        site.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            site.over.set()
            server.shutdown()
            thread.join()


def ask(site: Site, **more: Any) -> dict[str, float]:
    return values(probe(site.url + PATH, **more).read(TARGET, since=None, now=NOW))


def probe(url: str, **more: Any) -> HealthProbe:
    return HealthProbe({TARGET: url}, **{"patience": PATIENT, **more})


def values(reading: Reading) -> dict[str, float]:
    assert {sample.minute for sample in reading.samples} == {MINUTE}
    return {sample.metric: sample.value for sample in reading.samples}


def wait_for_the_left_behind(before: set[threading.Thread]) -> None:
    """Calls that were cut end by themselves."""
    for thread in set(threading.enumerate()) - before:
        if thread.daemon:
            thread.join(60)
            assert not thread.is_alive()


def unanswered(found: dict[str, float]) -> bool:
    return found == {"availability": 0.0}


@dataclass(frozen=True)
class Authority:
    """A certificate authority made for one test."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def trust(self) -> ssl.SSLContext:
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)
