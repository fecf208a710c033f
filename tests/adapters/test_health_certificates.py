"""The health page's certificate: how long it is good for, and what is wrong with it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.adapters.health_probe import HealthProbe
from tests.adapters.site import (
    DAY,
    NOW,
    QUICK,
    TARGET,
    Authority,
    Page,
    Site,
    probe,
    running,
    unanswered,
    values,
    wait_for_the_left_behind,
)
from tests.stopwatch import seconds_at_most


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as site:
        yield site


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
        found = values(probe(url, patience=QUICK).read(TARGET, since=None, now=NOW))
        assert unanswered(found)
    wait_for_the_left_behind(before)


def test_no_https_page_sends_us_to_plain_http(serve: Serve, authority: Authority) -> None:
    tls = serve(*a_certificate("site", REAL_NOW + 60 * DAY, authority))
    with running(Site()) as plain, running(Site(), tls=tls) as site:
        site.page = Page(302, b"", {"Location": plain.url})
        found = days_left(site, probe(site.url, trust=authority.trust))
        assert plain.asked == []

    assert found["availability"] == 0.0
