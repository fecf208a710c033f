"""The way out: what is connected to, that nobody is asked for a name twice, and when it ends."""

import json
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from cryptography import x509

from local.cloud.certificates import Certificate
from shared.adapters import egress
from shared.adapters.destinations import destination
from shared.adapters.egress import Answer, Egress
from shared.domain.errors import ChannelError, NotAsked
from tests.adapters.addresses import INSIDE, NAME, PUBLIC
from tests.adapters.providers import Provider, running_provider
from tests.stopwatch import seconds_at_most


@dataclass
class Site:
    """A provider behind TLS: the names that clients asked for, and whom they may trust."""

    provider: Provider
    port: int
    trust: ssl.SSLContext
    names: list[str | None]


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """Signed by itself, for NAME alone."""
    return Certificate(NAME, [x509.DNSName(NAME)])


@pytest.fixture
def site(certificate: Certificate) -> Iterator[Site]:
    names: list[str | None] = []
    tls = certificate.context
    tls.sni_callback = lambda _, name, __: names.append(name)
    with running_provider(tls) as provider:
        port = int(provider.url.rpartition(":")[2])
        yield Site(
            provider, port, ssl.create_default_context(cadata=certificate.pem.decode()), names
        )


@dataclass
class Network:
    """What names answer, one answer after the other, and where connections went.

    Every connection ends at `port` of this machine, wherever it was meant to go.
    """

    answers: list[Sequence[str]]
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    dialled: list[tuple[str, int]] = field(default_factory=list)
    unreachable: Sequence[str] = ()

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        self.dialled.append(address)
        if address[0] in self.unreachable:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def way_out(self, listed: Sequence[str] = (), trust: ssl.SSLContext | None = None) -> Egress:
        return Egress(listed, trust=trust, resolve=self.resolve, connect=self.connect)


def post(way_out: Egress, url: str, body: bytes = b"{}") -> Answer:
    return way_out.post(destination(url, "the hook"), body, dict, "the hook")


def refused(way_out: Egress, url: str) -> ChannelError:
    with pytest.raises(ChannelError) as failure:
        post(way_out, url)
    return failure.value


@pytest.mark.parametrize("answer", [[one] for one in INSIDE] + [[PUBLIC, "10.0.0.1"], []])
def test_a_name_with_an_address_inside_is_refused_for_good(answer: Sequence[str]) -> None:
    network = Network([answer])

    error = refused(network.way_out(), f"https://{NAME}/s3cr3t")

    assert isinstance(error, NotAsked)
    assert "s3cr3t" not in str(error)
    assert "WEBHOOK_HOSTS" in str(error)
    assert network.dialled == []


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://LocalHost/"]
)
def test_this_machine_is_refused_under_each_of_its_names(url: str) -> None:
    assert refused(Egress(), url).permanent


def test_plain_http_to_this_machine_needs_to_be_listed_with_its_port() -> None:
    with running_provider() as provider:
        provider.answers(204)
        host_and_port = provider.url.removeprefix("http://")

        assert refused(Egress(["127.0.0.1:1"]), provider.url).permanent
        assert post(Egress([host_and_port]), f"{provider.url}/x").status == 204
    assert [one.path for one in provider.asked] == ["/x"]


@pytest.mark.parametrize("listed", [NAME, NAME.upper(), f"{NAME}:443"])
def test_a_listed_host_may_stand_on_a_private_network_but_is_no_way_to_metadata(
    listed: str,
) -> None:
    private = Network([["10.1.2.3"]], unreachable=["10.1.2.3"])
    metadata = Network([["169.254.169.254"]])

    assert not refused(private.way_out([listed]), f"https://{NAME}/").permanent
    assert private.dialled == [("10.1.2.3", 443)]
    assert refused(metadata.way_out([listed]), f"https://{NAME}/").permanent
    assert metadata.dialled == []


def test_a_name_that_is_not_found_is_tried_again_later() -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, f"{host} s3cr3t")

    error = refused(Egress(resolve=resolve), f"https://{NAME}/s3cr3t")

    assert not error.permanent
    assert "s3cr3t" not in "".join(traceback.format_exception(error))


def test_the_connection_goes_to_the_checked_address_under_the_hosts_name(site: Site) -> None:
    network = Network([[PUBLIC]], site.port)

    answer = post(network.way_out(trust=site.trust), f"https://{NAME}:8443/a?b=c", b'{"a":1}')

    assert answer.status == 200
    assert network.dialled == [(PUBLIC, 8443)]
    assert site.names == [NAME]
    (asked,) = site.provider.asked
    assert (asked.path, asked.body) == ("/a?b=c", b'{"a":1}')
    assert asked.headers["host"] == f"{NAME}:8443"
    assert asked.headers["user-agent"] == "pantry-monitor"


def test_a_name_that_answers_something_else_the_second_time_is_asked_only_once(site: Site) -> None:
    network = Network([[PUBLIC], ["127.0.0.1"]], site.port)

    post(network.way_out(trust=site.trust), f"https://{NAME}/")

    assert network.asked == [(NAME, 443)]
    assert network.dialled == [(PUBLIC, 443)]


def test_the_next_address_is_tried_when_one_takes_no_connection(site: Site) -> None:
    network = Network([["2606:4700::1", PUBLIC]], site.port, unreachable=["2606:4700::1"])

    assert post(network.way_out(trust=site.trust), f"https://{NAME}/").is_good
    assert [address for address, _ in network.dialled] == ["2606:4700::1", PUBLIC]


@pytest.mark.parametrize("case", ["another name", "the public roots"])
def test_a_certificate_that_does_not_vouch_for_the_host_gets_no_message(
    site: Site, case: str
) -> None:
    network = Network([[PUBLIC]], site.port)
    host = NAME if case == "the public roots" else "other.pantry.example"
    trust = site.trust if case == "another name" else None

    error = refused(network.way_out(trust=trust), f"https://{host}/s3cr3t")

    assert str(error) == "the hook was not reached: SSLCertVerificationError"
    assert not error.permanent
    assert site.provider.asked == []


def test_no_proxy_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    network = Network([[PUBLIC]], site.port)

    assert post(network.way_out(trust=site.trust), f"https://{NAME}/").is_good


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with running_provider() as provider:
        provider.answers(307, b"", {"Location": "http://169.254.169.254/"})

        answer = post(Egress([provider.url.removeprefix("http://")]), provider.url)

    assert (answer.status, answer.is_good, len(provider.asked)) == (307, False, 1)


def test_of_a_long_answer_only_a_part_is_read() -> None:
    with running_provider() as provider:
        provider.answers(200, b"x" * 3 * egress.MOST_BYTES)

        answer = post(Egress([provider.url.removeprefix("http://")]), provider.url)

    assert len(answer.body) == egress.MOST_BYTES


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running_provider() as provider:
        provider.answers(200, b"", {"Bad Header": "x"})
        post(Egress([provider.url.removeprefix("http://")]), f"{provider.url}/s3cr3t")

    assert caplog.text == ""


Speech = Callable[[socket.socket, threading.Event], None]


@contextmanager
def server_that(speak: Speech) -> Iterator[tuple[str, threading.Event]]:
    """A server of one connection: host:port, and an event that says the client hung up."""
    gone = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            try:
                speak(connection, gone)
            except OSError:
                gone.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", gone
        thread.join(5)


def repeat(piece: bytes) -> Speech:
    def speak(connection: socket.socket, gone: threading.Event) -> None:
        while not gone.wait(0.001):
            connection.sendall(piece)

    return speak


@pytest.mark.parametrize(
    "piece",
    [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: "],
    ids=["a status that drips", "continue for ever", "a header that drips"],
)
def test_an_answer_without_end_is_cut_at_the_deadline(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "DEADLINE", 0.3)
    with server_that(repeat(piece)) as (place, gone):
        with seconds_at_most(2):
            error = refused(Egress([place]), f"http://{place}/")

        assert not error.permanent
        assert gone.wait(60), "the connection was cut, not only forgotten"


def test_headers_without_end_are_no_answer() -> None:
    many = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"
    with server_that(lambda connection, _: connection.sendall(many)) as (place, _):
        assert "HTTPException" in str(refused(Egress([place]), f"http://{place}/"))


def test_what_is_no_http_is_not_repeated() -> None:
    with server_that(lambda one, _: one.sendall(b"s3cr3t s3cr3t\r\n\r\n")) as (place, _):
        error = refused(Egress([place]), f"http://{place}/")

    assert "s3cr3t" not in "".join(traceback.format_exception(error))


def test_a_name_that_is_found_too_late_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "DEADLINE", 0.05)
    late, hung_up = threading.Event(), threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        late.wait(5)
        return ["127.0.0.1"]

    class Watched(socket.socket):
        def close(self) -> None:
            super().close()
            hung_up.set()

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        watched = Watched()
        watched.connect(address)
        return watched

    with running_provider() as provider:
        place = provider.url.removeprefix("http://")
        error = refused(Egress([place], resolve=resolve, connect=connect), provider.url)
        late.set()
        assert hung_up.wait(60)

    assert str(error) == "the hook was not reached: TimeoutError"
    assert provider.asked == []


def test_headers_are_made_only_for_a_host_that_may_be_reached() -> None:
    made: list[str] = []

    def headers() -> dict[str, str]:
        made.append("made")
        return {"Authorization": json.dumps(made)}

    with pytest.raises(ChannelError):
        Egress(resolve=lambda *_: ["10.0.0.1"]).post(
            destination(f"https://{NAME}/", "it"), b"", headers, "it"
        )

    assert made == []
