"""Azure SQL by pyodbc and Microsoft's driver; imported late, because its libraries may lack."""

import re
import struct
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
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

ACCESS_TOKEN = 1256
"""SQL_COPT_SS_ACCESS_TOKEN: how the driver takes an Entra token."""
DATETIMEOFFSET = -155

# What pyodbc makes of a value that broke off with the connection.
_NONSENSE = (ArithmeticError, ValueError)
_DRIVER = re.compile(r"ODBC Driver (\d+) for SQL Server")
_NUMBER = re.compile(r"\((\d+)\) \(SQL")
_PREFIX = re.compile(r"\[[^\]]*\]")


@cache
def newest_driver() -> str:
    """The name of Microsoft's newest driver here; empty where ODBC can't be used."""
    try:
        import pyodbc  # noqa: PLC0415 - see above
    except ImportError:
        return ""
    found = [known for name in pyodbc.drivers() if (known := _DRIVER.fullmatch(name))]
    return max(found, key=lambda known: int(known[1]))[0] if found else ""


def connect(address: SqlAddress, *, driver: str, patience: Patience) -> SqlConnection:
    """Log in; raises SqlFailure."""
    import pyodbc  # noqa: PLC0415 - see above

    # An idle session in a pool would be one of the database's few.
    pyodbc.pooling = False
    before = {} if address.token is None else {ACCESS_TOKEN: _blob(address.token())}
    try:
        connection = pyodbc.connect(
            _connection_string(address, driver),
            timeout=patience.login,
            autocommit=True,
            attrs_before=before,
        )
    except pyodbc.Error as error:
        raise _failure(error) from error
    connection.timeout = patience.batch
    connection.add_output_converter(DATETIMEOFFSET, _moment)
    for wide in (pyodbc.SQL_WCHAR, pyodbc.SQL_WVARCHAR, pyodbc.SQL_WLONGVARCHAR):
        connection.add_output_converter(wide, _text)
    return OdbcConnection(connection)


def _connection_string(address: SqlAddress, driver: str) -> str:
    given = {
        "DRIVER": driver.strip("{}"),
        "SERVER": f"tcp:{address.host},{address.port}",
        "DATABASE": address.database,
        "APP": APPLICATION,
        "Encrypt": "yes",
        "TrustServerCertificate": "yes" if address.is_here else "no",
        "ConnectRetryCount": "0",
    }
    if address.token is None:
        given |= {"UID": address.user, "PWD": address.password}
    return ";".join(f"{name}={_braced(value)}" for name, value in given.items())


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _blob(token: str) -> bytes:
    text = token.encode("utf-16-le")
    return struct.pack(f"<I{len(text)}s", len(text), text)


def _moment(raw: bytes) -> datetime:
    """A datetimeoffset as the driver hands it on: SQL_SS_TIMESTAMPOFFSET_STRUCT."""
    year, month, day, hour, minute, second, nanoseconds, off_hours, off_minutes = struct.unpack(
        "<6hI2h", raw
    )
    local = datetime(year, month, day, hour, minute, second, nanoseconds // 1000, tzinfo=UTC)
    return local - timedelta(hours=off_hours, minutes=off_minutes)


def _text(raw: bytes) -> str:
    """As the database keeps it, maybe cut amid a character, for which pyodbc would raise."""
    return raw.decode("utf-16-le", "replace")


class OdbcConnection:
    """See SqlConnection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run."""
        import pyodbc  # noqa: PLC0415 - see above

        batch, values = positional(statements, "?")
        tables: list[Table] = []
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(batch, *values)
                take(cursor, tables)
        except pyodbc.Error as error:
            return Outcome(tables, _failure(error))
        except _NONSENSE:
            return Outcome(tables, SqlFailure("the connection broke off in the middle of a row"))
        return Outcome(tables)

    def close(self) -> None:
        """See SqlConnection.close."""
        import pyodbc  # noqa: PLC0415 - see above

        with suppress(pyodbc.Error):
            self._connection.close()


def _failure(error: Exception) -> SqlFailure:
    """The driver's error: its text carries the server's number, if the server spoke at all.

    The driver says its state first, pyodbc itself last; both are shorter than any sentence.
    """
    text = max(map(str, error.args), key=len, default="")
    found = _NUMBER.search(text)
    number = int(found[1]) if found else 0
    said = _PREFIX.sub("", text[: found.start()] if found else text).partition(" (SQL")[0]
    return SqlFailure(said or type(error).__name__, number or None)
