"""A certificate of the desk's own for 127.0.0.1, for answerers that encrypt."""

import ssl
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.clocks import wall_now

HOST = "127.0.0.1"
HERE = (x509.IPAddress(IPv4Address(HOST)), x509.DNSName("localhost"))
"""python-tds compares a host with the common name, others with the alternative names."""
HOLDS_FOR = timedelta(days=30)


class Certificate:
    """Signed by itself, so that its PEM is the CA file by which a client can verify it."""

    def __init__(self, common: str = HOST, names: Sequence[x509.GeneralName] = HERE) -> None:
        self._common, self._names = common, names

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def pem(self) -> bytes:
        """The certificate without its key."""
        signed = self_signed(self._key, self._common, self._names)
        return signed.public_bytes(serialization.Encoding.PEM)

    def write(self, path: Path) -> Path:
        """Put the PEM into a file; answers the path."""
        path.write_bytes(self.pem)
        return path

    @cached_property
    def context(self) -> ssl.SSLContext:
        """What a server encrypts with: TLS 1.2 and 1.3."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Tickets would follow the handshake, where a database's client expects its answer.
        context.num_tickets = 0
        # The ssl module reads keys from files alone.
        with NamedTemporaryFile() as file:
            file.write(_unprotected(self._key) + self.pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _unprotected(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def self_signed(
    key: ec.EllipticCurvePrivateKey, common: str, names: Sequence[x509.GeneralName]
) -> x509.Certificate:
    """For that common name and those alternative names; without any, it has no such extension."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = wall_now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + HOLDS_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256())
