"""Whose certificate python-tds takes for the host's: the library's own check breaks on Azure's."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL.crypto import X509

from local.clocks import wall_now
from local.cloud.certificates import Certificate, self_signed
from shared.adapters.sql.connections import PATIENCE, SqlAddress, Statement
from shared.adapters.sql.failures import SqlFailure
from shared.adapters.sql.tds import connect, is_certificate_of
from tests.adapters.sql_desk import SqlDesk, a_busy_world, running_sql_desk

AZURE = "pantry.database.windows.net"
DAY = timedelta(days=1)


def a_certificate(
    *names: str, common: str = "somebody.example", key: ec.EllipticCurvePrivateKey | None = None
) -> x509.Certificate:
    """Signed by itself, for those alternative names; without any, it has no such extension."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    return self_signed(key, common, [x509.DNSName(name) for name in names])


@pytest.mark.parametrize(
    ("host", "names", "is_its"),
    [
        (AZURE, (AZURE,), True),
        (AZURE, ("*.database.windows.net",), True),
        (AZURE, ("tr1.northeurope1-a.worker.example", "*.database.windows.net"), True),
        (AZURE.upper(), ("*.Database.Windows.Net",), True),
        (AZURE, ("*.windows.net",), False),
        (AZURE, ("database.windows.net",), False),
        (AZURE, ("*.pantry.database.windows.net",), False),
        (AZURE, ("p*.database.windows.net",), False),
        (AZURE, ("*",), False),
        ("database.windows.net", ("*.database.windows.net",), False),
        ("localhost", ("*",), False),
        ("localhost", ("*.",), False),
        (AZURE, ("evil-pantry.database.windows.net",), False),
        (AZURE, ("pantry.database.windows.net.evil.example",), False),
        (AZURE, (), False),
    ],
)
def test_a_certificate_is_the_hosts_if_it_names_it(
    host: str, names: tuple[str, ...], *, is_its: bool
) -> None:
    certificate = X509.from_cryptography(a_certificate(*names))

    assert is_certificate_of(cert=certificate, name=host.encode()) is is_its


def test_the_common_name_counts_for_nothing() -> None:
    certificate = X509.from_cryptography(a_certificate("other.example", common=AZURE))

    assert not is_certificate_of(cert=certificate, name=AZURE.encode())


def test_a_server_may_be_named_by_its_address() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    subject = x509.Name([])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, wall_now(), wall_now() + DAY)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )

    certificate = X509.from_cryptography(made)
    assert is_certificate_of(cert=certificate, name=b"127.0.0.1")
    assert not is_certificate_of(cert=certificate, name=b"127.0.0.2")


class OfAnother(Certificate):
    """What a server shows that is not who it is taken for."""

    @cached_property
    def pem(self) -> bytes:
        made = a_certificate("*.example.com", "other.example", key=self._key)
        return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def honest() -> Iterator[SqlDesk]:
    with running_sql_desk(a_busy_world(1)) as desk:
        yield desk


@pytest.fixture(scope="module")
def impostor() -> Iterator[SqlDesk]:
    with running_sql_desk(a_busy_world(1), certificate=OfAnother()) as desk:
        yield desk


def by_name(desk: SqlDesk) -> SqlAddress:
    return replace(desk.address(), host="localhost")


def test_the_right_host_is_spoken_to_and_all_of_it_is_encrypted(
    honest: SqlDesk, tmp_path: Path
) -> None:
    roots = honest.desk.certificate.write(tmp_path / "roots.pem")

    with closing(connect(by_name(honest), patience=PATIENCE, roots=str(roots))) as connection:
        outcome = connection.run([Statement("SELECT 1 AS one")])

    assert outcome.tables == [[{"one": 1}]]
    assert honest.desk.visits.all()[-1].tls == "TLSv1.2"


def test_a_server_with_anothers_certificate_hears_no_login(
    impostor: SqlDesk, tmp_path: Path
) -> None:
    roots = impostor.desk.certificate.write(tmp_path / "roots.pem")

    with pytest.raises(SqlFailure, match="does not match host name"):
        connect(by_name(impostor), patience=PATIENCE, roots=str(roots))

    assert {visit.program for visit in impostor.desk.visits.all()} == {""}


def test_a_server_for_which_nobody_vouches_hears_no_login(honest: SqlDesk, tmp_path: Path) -> None:
    honest.desk.visits.clear()
    roots = OfAnother().write(tmp_path / "roots.pem")

    with pytest.raises(SqlFailure, match="certificate verify failed"):
        connect(by_name(honest), patience=PATIENCE, roots=str(roots))

    assert {visit.program for visit in honest.desk.visits.all()} == {""}
