"""Azure SQL by python-tds, which is pure Python: for machines without ODBC's libraries."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from shared.adapters.sql_connections import (
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
from shared.adapters.sql_failures import SqlFailure


def connect(address: SqlAddress, *, patience: Patience) -> SqlConnection:
    """Log in; raises SqlFailure."""
    import pytds  # noqa: PLC0415 - slow to import, and seldom needed

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
            # Only this machine may be spoken to in the clear.
            cafile=None if address.is_here else _trusted_roots(),
            disable_connect_retry=True,
            **who,
        )
    except (pytds.Error, OSError) as error:
        raise _failure(error) from error
    return TdsConnection(connection)


def _trusted_roots() -> str:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - as above

    return str(DEFAULT_CA_BUNDLE_PATH)


class TdsConnection:
    """See SqlConnection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run."""
        import pytds  # noqa: PLC0415 - as above

        # The library puts names into the text by %; without values it leaves the text alone.
        has_values = any(statement.parameters for statement in statements)
        escaped = [s._replace(text=s.text.replace("%", "%%")) for s in statements]
        batch, values = positional(escaped if has_values else statements, "%s")
        tables: list[Table] = []
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(batch, values or None)
                take(cursor, tables)
        except (pytds.Error, OSError) as error:
            return Outcome(tables, _failure(error))
        return Outcome(tables)

    def close(self) -> None:
        """See SqlConnection.close."""
        import pytds  # noqa: PLC0415 - as above

        with suppress(pytds.Error, OSError):
            self._connection.close()


def _failure(error: Exception) -> SqlFailure:
    number = getattr(error, "number", 0) or getattr(error, "msg_no", 0)
    return SqlFailure(f"{type(error).__name__}: {error}", number or None)
