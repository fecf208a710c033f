"""Azure SQL by python-tds, which is pure Python: for machines without ODBC's libraries."""

import codecs
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from shared.adapters.sql.connections import (
    APPLICATION,
    Outcome,
    Patience,
    SqlAddress,
    SqlConnection,
    Statement,
    Table,
    positional,
    take,
)
from shared.adapters.sql.failures import SqlFailure


def connect(address: SqlAddress, *, patience: Patience, roots: str = "") -> SqlConnection:
    """Log in; raises SqlFailure.

    `roots` is a file of the certificates that vouch for the server; by default those that everybody
    trusts, and none on this machine, which alone may be spoken to in the clear.
    """
    import pytds  # noqa: PLC0415 - slow to import, and seldom needed
    import pytds.tls  # noqa: PLC0415 - as above
    from pytds import tds_types  # noqa: PLC0415 - as above

    tds_types.ucs2_codec = _codec_of_texts()
    # python-tds 1.17.1 asks pyOpenSSL for what it no longer has when a certificate's common name
    # is not the host's, as Azure's never is.
    pytds.tls.validate_host = is_certificate_of
    who: dict[str, Any] = (
        {"user": address.user, "password": address.password}
        if address.token is None
        else {"access_token_callable": address.token}
    )
    try:
        connection = pytds.connect(
            address.host,
            address.database,
            port=address.port,
            appname=APPLICATION,
            autocommit=True,
            login_timeout=patience.login,
            timeout=patience.batch,
            cafile=roots or (None if address.is_here else _trusted_roots()),
            disable_connect_retry=True,
            **who,
        )
    except _errors() as error:
        raise _failure(error) from error
    return TdsConnection(connection)


@cache
def _codec_of_texts() -> codecs.CodecInfo:
    """Texts as the database keeps them, maybe cut amid a character, for which this would raise."""
    strict = codecs.lookup("utf-16-le")
    incremental = codecs.getincrementaldecoder("utf-16-le")
    return codecs.CodecInfo(
        strict.encode,
        lambda raw, _="": strict.decode(raw, "replace"),
        incrementaldecoder=lambda _="": incremental("replace"),
    )


def _errors() -> tuple[type[Exception], ...]:
    """Whatever the library lets through when the server or the way there fails."""
    import pytds  # noqa: PLC0415 - as above
    from OpenSSL.SSL import Error  # noqa: PLC0415 - as above

    return (pytds.Error, Error, OSError, ValueError)


def is_certificate_of(*, cert: Any, name: bytes) -> bool:
    """Whether a verified certificate names the host, perhaps by a wildcard in its first label."""
    from cryptography.x509 import (  # noqa: PLC0415 - as above
        DNSName,
        ExtensionNotFound,
        IPAddress,
        SubjectAlternativeName,
    )

    try:
        names = cert.to_cryptography().extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return False
    host = name.decode("ascii").lower()
    if host in map(str, names.value.get_values_for_type(IPAddress)):
        return True
    rest = host.partition(".")[2]
    known = {one.lower() for one in names.value.get_values_for_type(DNSName)}
    return host in known or bool(rest and f"*.{rest}" in known)


def _trusted_roots() -> str:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - as above

    return str(DEFAULT_CA_BUNDLE_PATH)


class TdsConnection:
    """See SqlConnection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run."""
        # The library puts names into the text by %; without values it leaves the text alone.
        has_values = any(statement.parameters for statement in statements)
        escaped = [s._replace(text=s.text.replace("%", "%%")) for s in statements]
        batch, values = positional(escaped if has_values else statements, "%s")
        tables: list[Table] = []
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(batch, values or None)
                take(cursor, tables)
        except _errors() as error:
            return Outcome(tables, _failure(error))
        return Outcome(tables)

    def close(self) -> None:
        """See SqlConnection.close."""
        with suppress(*_errors()):
            self._connection.close()


def _failure(error: Exception) -> SqlFailure:
    """The library's error; its own retries hide the server's number in the cause of a time-out."""
    number = getattr(error, "number", 0) or getattr(error.__cause__, "number", 0)
    return SqlFailure(f"{type(error).__name__}: {error}", number or None)
