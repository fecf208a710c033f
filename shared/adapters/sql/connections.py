"""A connection to Azure SQL, whichever driver is there: Microsoft's by pyodbc, else python-tds.

Statements name their parameters `@since`; how a driver wants them is hidden here. A batch may give
several tables; what fails in it is answered beside the tables that came before.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from shared.adapters.sql.failures import SqlFailure

APPLICATION = "pantry-monitor"
"""How our sessions are known, so that they can be left out of what is counted."""
PURE_PYTHON = "python-tds"
SCOPE = "https://database.windows.net/.default"

PRELUDE = """SET NOCOUNT ON;
SET LOCK_TIMEOUT 2000;
SET DEADLOCK_PRIORITY LOW;
SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;
"""
"""The manners of a guest: wait for nobody's lock for long, lose every deadlock, lock nothing."""

Row = Mapping[str, Any]
Table = list[Row]


class Outcome(NamedTuple):
    """The tables of a batch in order, and what ended it early."""

    tables: list[Table]
    failure: SqlFailure | None = None


class Statement(NamedTuple):
    """T-SQL, and a value for each @name in it."""

    text: str
    parameters: Mapping[str, Any] = MappingProxyType({})


class SqlConnection(Protocol):
    """One session on the database."""

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """One round trip."""
        ...

    def close(self) -> None:
        """End the session; never raises."""
        ...


@dataclass(frozen=True)
class SqlAddress:
    """Where a database is and who asks: by `token`, or by user and password."""

    host: str
    port: int
    database: str
    token: Callable[[], str] | None = field(default=None, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, the only one whose certificate nobody needs to vouch for."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


_NAME = re.compile(r"(?<![@\w])@([A-Za-z]\w*)")


def positional(statements: Sequence[Statement], mark: str) -> tuple[str, tuple[Any, ...]]:
    """One batch with `mark` for each @name, and the values in that order.

    Times become UTC without a zone, as the database keeps them. `@@SPID` is no parameter.
    """
    values: list[Any] = []

    def marked(statement: Statement) -> str:
        def put(found: re.Match[str]) -> str:
            values.append(_plain(statement.parameters[found[1]]))
            return mark

        return _NAME.sub(put, statement.text)

    return "\n".join([PRELUDE, *map(marked, statements)]), tuple(values)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def utc(value: datetime) -> datetime:
    """A time that the database gave: what has no zone is UTC there."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def take(cursor: Any, tables: list[Table]) -> None:
    """Add what a cursor still has to `tables`, one by one, so that an error loses none of them."""
    more: bool | None = True
    while more:
        if cursor.description:
            names = [column[0] for column in cursor.description]
            tables.append([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
        more = cursor.nextset()


@dataclass(frozen=True)
class Patience:
    """Whole seconds: to log in, and for a batch, which is cancelled after that."""

    login: int = 4
    batch: int = 5


PATIENCE = Patience()


def connect(
    address: SqlAddress, *, driver: str = "", patience: Patience = PATIENCE
) -> SqlConnection:
    """Log in; raises SqlFailure.

    `driver` is an ODBC driver's name or path, or `python-tds`; by default the best one here.
    """
    from shared.adapters.sql import odbc, tds  # noqa: PLC0415 - both import this module

    chosen = driver or best_driver()
    if chosen == PURE_PYTHON:
        return tds.connect(address, patience=patience)
    return odbc.connect(address, driver=chosen, patience=patience)


def best_driver() -> str:
    """Microsoft's newest ODBC driver that is installed and can be loaded, else python-tds."""
    from shared.adapters.sql.odbc import newest_driver  # noqa: PLC0415 - it imports this module

    return newest_driver() or PURE_PYTHON
