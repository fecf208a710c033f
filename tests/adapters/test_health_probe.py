"""The probe at the wire: what counts as available, what is read of the page, what never hangs."""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters.health_probe import HealthProbe, Patience
from shared.catalog.metrics import CATALOG
from shared.domain.errors import SourceError
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
QUICK = Patience(connect=1, read=0.5, deadline=1)


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


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as site:
        yield site


def ask(site: Site, **more: Any) -> dict[str, float]:
    return values(probe(site.url + PATH, **more).read(TARGET, since=None, now=NOW))


def probe(url: str, **more: Any) -> HealthProbe:
    return HealthProbe({TARGET: url}, **{"patience": QUICK, **more})


def values(reading: Reading) -> dict[str, float]:
    assert {sample.minute for sample in reading.samples} == {MINUTE}
    return {sample.metric: sample.value for sample in reading.samples}


@contextmanager
def seconds_at_most(limit: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < limit


def test_a_healthy_page_gives_everything(site: Site) -> None:
    reading = probe(site.url + PATH).read(TARGET, since=None, now=NOW)

    assert (reading.source, reading.asked_at, reading.covered_until) == ("probe", NOW, MINUTE)
    found = values(reading)
    assert 0 < found.pop("probeLatency") < 1000
    assert found == {"availability": 100.0, "memoryHeap": 90.0, "memoryProcess": 180.5}


def test_every_metric_of_the_probe_is_given() -> None:
    given = {"availability", "probeLatency", "memoryHeap", "memoryProcess", "certificateDaysLeft"}

    assert {metric.name for metric in CATALOG.metrics if "probe" in metric.sources} == given


def test_the_page_is_asked_by_name_and_over_a_new_connection(site: Site) -> None:
    source = probe(site.url + PATH)
    for _ in range(2):
        source.read(TARGET, since=None, now=NOW)

    assert [path for path, _ in site.asked] == [PATH, PATH]
    assert {headers["User-Agent"] for _, headers in site.asked} == {"pantry-monitor"}
    assert len(site.callers) == 2


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_good_status_is_available(site: Site, status: int) -> None:
    site.page = Page(status, b"")

    assert ask(site)["availability"] == 100.0


@pytest.mark.parametrize("status", [302, 304, 400, 401, 404, 429, 500, 503])
def test_any_other_status_is_not(site: Site, status: int) -> None:
    site.page = Page(status, b"")

    found = ask(site)

    assert found["availability"] == 0.0
    assert found["probeLatency"] > 0


def test_a_sick_page_still_tells_its_memory(site: Site) -> None:
    site.page = Page(503)

    found = ask(site)

    assert found["availability"] == 0.0
    assert found["memoryProcess"] == 180.5


@pytest.mark.parametrize(
    ("body", "figures"),
    [
        (b"", {}),
        (b"OK", {}),
        (b"\xff", {}),
        (b'{"said": "\xe9", "memory": {"rss": 1048576}}', {}),
        (b"[]", {}),
        (b"7", {}),
        (b"[" * 60_000, {}),
        (b'{"memory": 5}', {}),
        (b'{"memory": {"rss": "many", "heapUsed": true}}', {}),
        (b'{"memory": {"rss": -1, "heapUsed": null}}', {}),
        (b'{"memory": {"rss": 1e300, "heapUsed": 1%s}}' % (b"0" * 400), {}),
        (b'{"memory": {"rss": 1048576, "heapUsed": []}}', {"memoryProcess": 1.0}),
        (b'{"memory": {"heapUsed": 0}}', {"memoryHeap": 0.0}),
        (b" " * 65_536 + HEALTHY, {}),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_odd_figures_are_left_out(site: Site, body: bytes, figures: dict[str, float]) -> None:
    site.page = Page(body=body)

    found = ask(site)

    del found["probeLatency"]
    assert found == {"availability": 100.0, **figures}


def test_a_chunked_page_is_read(site: Site) -> None:
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HEALTHY), HEALTHY)
    site.page = Page(body=chunks, headers={"Transfer-Encoding": "chunked"})

    assert ask(site)["memoryHeap"] == 90.0


def test_redirects_on_the_same_host_are_followed_twice(site: Site) -> None:
    site.pages = {
        PATH: Page(307, b"", {"Location": "/b"}),
        "/b": Page(301, b"", {"Location": f"{site.url}/c"}),
    }

    assert ask(site)["availability"] == 100.0
    assert [path for path, _ in site.asked] == [PATH, "/b", "/c"]


def test_redirects_are_not_followed_for_ever(site: Site) -> None:
    site.page = Page(302, b"", {"Location": "/again"})

    assert ask(site)["availability"] == 0.0
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    "onward", ["http://localhost:{port}/", "https://login.invalid/", "ftp://127.0.0.1/", "http://["]
)
def test_redirects_to_somewhere_else_are_not_followed(site: Site, onward: str) -> None:
    port = site.url.rpartition(":")[2]
    site.page = Page(302, b"", {"Location": onward.format(port=port)})

    assert ask(site)["availability"] == 0.0
    assert len(site.asked) == 1


def wait_for_the_left_behind(before: set[threading.Thread]) -> None:
    """Calls that were cut end by themselves."""
    for thread in set(threading.enumerate()) - before:
        if thread.daemon:
            thread.join(5)
            assert not thread.is_alive()


def unanswered(found: dict[str, float]) -> bool:
    return found == {"availability": 0.0}


def test_a_page_that_does_not_come_is_not_available(site: Site) -> None:
    site.page = Page(after=10)

    with seconds_at_most(5):
        assert unanswered(ask(site))


def test_a_page_that_drips_is_cut_at_the_deadline(site: Site) -> None:
    site.page = Page(body=HEALTHY * 4, drip=0.05)
    before = set(threading.enumerate())

    with seconds_at_most(5):
        assert unanswered(ask(site))

    wait_for_the_left_behind(before)


def test_a_page_that_breaks_off_is_not_available(site: Site) -> None:
    site.page = Page(length=5000)

    assert unanswered(ask(site))


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

    with seconds_at_most(5):
        assert unanswered(values(probe(url).read(TARGET, since=None, now=NOW)))


def test_a_name_that_nobody_knows() -> None:
    url = "http://no-such-host.invalid/"
    patience = Patience(connect=1, read=0.5, deadline=8)

    assert unanswered(values(probe(url, patience=patience).read(TARGET, since=None, now=NOW)))


@pytest.mark.parametrize("nonsense", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_something_else_than_http_is_not_available(nonsense: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(nonsense)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        found = values(probe(url).read(TARGET, since=None, now=NOW))
        thread.join()

    assert unanswered(found)


def test_why_a_probe_failed_is_logged_without_the_url(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared.adapters.health_probe")
    site.page = Page(length=5000)
    ask(site)
    site.page = Page(503)
    ask(site)
    site.page = Page(after=10)
    ask(site)

    assert len(caplog.messages) == 3
    assert all(TARGET in said for said in caplog.messages)
    assert "nobody-may-see-it" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crm.example.com",
        "ftp://crm.example.com/",
        "https://",
        "http://[::",
        "http://a:0/",
        "http://a:b/",
        "http://.example.com/",
        "http://*/",
    ],
)
def test_a_url_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(SourceError, match=TARGET):
        probe(url).read(TARGET, since=None, now=NOW)


def test_an_unknown_target_is_an_error() -> None:
    with pytest.raises(SourceError, match="someone-else"):
        probe("http://127.0.0.1/").read("someone-else", since=None, now=NOW)


@dataclass(frozen=True)
class Authority:
    """A certificate authority made for one test."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def trust(self) -> ssl.SSLContext:
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def a_certificate(
    name: str, ends: datetime, issuer: Authority | None = None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A certificate for 127.0.0.1, of that authority or signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        # From Python 3.13 on an authority must say that it may sign.
        .add_extension(_usage(signs=issuer is None), critical=True)
    )
    if issuer:
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    return key, builder.sign(issuer.key if issuer else key, hashes.SHA256())


REAL_NOW = datetime.now(UTC).replace(microsecond=0)
"""TLS knows only real time."""


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(*a_certificate("authority", REAL_NOW + 3650 * DAY))


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., ssl.SSLContext]:
    """A server's side of TLS with that key and certificate."""

    def make(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
        file = tmp_path / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    return make


Serve = Callable[..., ssl.SSLContext]


def days_left(site: Site, source: HealthProbe, now: datetime = REAL_NOW) -> dict[str, float]:
    reading = source.read(TARGET, since=None, now=now)
    found = {sample.metric: sample.value for sample in reading.samples}
    return {name: found[name] for name in ("availability", "certificateDaysLeft") if name in found}


@pytest.mark.parametrize("days", [60, 0.5])
def test_a_good_certificate_has_days_left(serve: Serve, authority: Authority, days: float) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + days * DAY, authority))
    with running(Site(), tls=tls) as site:
        found = days_left(site, probe(site.url, trust=authority.trust))

    assert found == {"availability": 100.0, "certificateDaysLeft": days}


def test_an_expired_certificate_is_down_and_says_since_when(
    serve: Serve, authority: Authority
) -> None:
    tls = serve(*a_certificate("site", REAL_NOW - 3 * DAY, authority))
    with running(Site(), tls=tls) as site:
        found = days_left(site, probe(site.url, trust=authority.trust))
        assert site.asked == []

    assert found == {"availability": 0.0, "certificateDaysLeft": -3.0}


def test_a_certificate_that_nobody_vouches_for_is_down(serve: Serve) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY))
    with running(Site(), tls=tls) as site:
        found = days_left(site, probe(site.url))
        assert site.asked == []

    assert found == {"availability": 0.0, "certificateDaysLeft": 60.0}


def test_a_certificate_for_another_name_is_down(serve: Serve, authority: Authority) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY, authority))
    with running(Site(), tls=tls) as site:
        url = site.url.replace("127.0.0.1", "localhost")
        found = days_left(site, probe(url, trust=authority.trust))

    assert found == {"availability": 0.0, "certificateDaysLeft": 60.0}


def test_the_certificate_is_read_once_an_hour(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY, authority))
    with running(Site(), tls=tls) as site:
        source = probe(site.url, trust=authority.trust)
        days_left(site, source)
        known = source._certificates[TARGET]
        later = days_left(site, source, REAL_NOW + timedelta(minutes=59))
        assert source._certificates[TARGET] is known
        days_left(site, source, REAL_NOW + timedelta(minutes=60))
        assert source._certificates[TARGET].read_at == REAL_NOW + timedelta(minutes=60)

    assert later["certificateDaysLeft"] == pytest.approx(60 - 59 / 1440)


def test_the_days_are_still_known_while_nobody_listens(serve: Serve, authority: Authority) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY, authority))
    with running(Site(), tls=tls) as site:
        source = probe(site.url, trust=authority.trust)
        days_left(site, source)

    assert days_left(site, source, REAL_NOW + DAY) == {
        "availability": 0.0,
        "certificateDaysLeft": 59.0,
    }


def test_a_handshake_that_hangs_is_a_failed_probe() -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as server, seconds_at_most(5):
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        found = values(probe(url).read(TARGET, since=None, now=NOW))
        assert unanswered(found)
    wait_for_the_left_behind(before)


def test_no_https_page_sends_us_to_plain_http(serve: Serve, authority: Authority) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY, authority))
    with running(Site()) as plain, running(Site(), tls=tls) as site:
        site.page = Page(302, b"", {"Location": plain.url})
        found = days_left(site, probe(site.url, trust=authority.trust))
        assert plain.asked == []

    assert found["availability"] == 0.0
