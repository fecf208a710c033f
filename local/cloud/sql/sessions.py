"""One login's session: translates its statements and executes them on a connection of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import duckdb

from local.cloud.answerers import Desk
from local.cloud.sql.accounts import Account, Accounts
from local.cloud.sql.batches import Statement, split
from local.cloud.sql.dialect import Translated, heading, translate
from local.cloud.sql.engine import UNKNOWN_OBJECT, Cancelled, Column, Result, SqlError
from local.cloud.sql.errors import sql_error
from local.cloud.sql.functions import Facts
from local.cloud.sql.grants import (
    VIEW_DATABASE_STATE,
    VIEW_DEFINITION,
    VIEW_SERVER_STATE,
    Grants,
)
from local.cloud.sql.kept import KeptRows
from local.cloud.sql.moments import Moment
from local.cloud.sql.remedies import UNDECLARED
from local.cloud.sql.views import (
    BUSINESS_TABLES,
    SYSTEM_VIEWS,
    duckdb_type,
    sql_type,
)

SERVICE_ERROR = 40197
LOCK_TIMEOUT = 1222
_LONGEST_TEXT = 4000
_INTERRUPT_AGAIN_S = 0.005


@dataclass
class Database:
    """What all sessions share: the rows, who is connected, and what may be read."""

    desk: Desk
    duckdb: duckdb.DuckDBPyConnection
    kept: KeptRows
    grants: Grants
    accounts: Accounts = field(default_factory=Accounts)
    dropped: set[str] = field(default_factory=set)
    """Names of tables, in small letters, that this database does not have."""


class DeskSession:
    """See Session; every statement sees the world at the desk's time when it begins."""

    def __init__(self, database: Database, account: Account) -> None:
        self._database = database
        self._account = account
        self._duckdb = database.duckdb.cursor()
        self._filled: set[str] = set()
        self._cancelled = Event()
        self._idle = Event()
        self._idle.set()

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        """See Session; of a batch that can't be cut into statements nothing is executed."""
        statements = split(sql)
        given = {name.lower(): value for name, value in parameters.items()}
        try:
            with self._account.running(sql, self._database.desk.clock.now()):
                for statement in statements:
                    yield self._result(statement, given)
        finally:
            self._cancelled.clear()

    def cancel(self) -> None:
        """Interrupt what runs, or is about to."""
        self._cancelled.set()
        # DuckDB forgets an interruption that comes just before it begins: hence again and again.
        while not self._idle.is_set():
            self._duckdb.interrupt()
            self._idle.wait(_INTERRUPT_AGAIN_S)

    def close(self) -> None:
        """See Session; what runs is interrupted."""
        self.cancel()
        self._duckdb.close()
        self._database.accounts.close(self._account)

    def _result(self, statement: Statement, given: Mapping[str, Any]) -> Result:
        if self._cancelled.is_set():
            raise Cancelled
        self._account.statement = statement
        if statement.is_set:
            self._account.isolation_level = (
                statement.isolation_level or self._account.isolation_level
            )
            return Result(None)
        translated = translate(statement.text)
        values = _values(translated, given)
        self._let_read(translated)
        with self._executing():
            self._prepare(translated)
            found = self._duckdb.execute(translated.sql, values)
            described, rows = found.description or [], found.fetchall()
        self._account.charge(len(rows))
        return _described(translated, described, rows)

    @contextmanager
    def _executing(self) -> Iterator[None]:
        self._idle.clear()
        try:
            yield
        except duckdb.InterruptException as interrupted:
            raise Cancelled from interrupted
        except duckdb.Error as error:
            raise sql_error(error) from error
        finally:
            self._idle.set()

    def _let_read(self, translated: Translated) -> None:
        """Raises what keeps this login from what the statement reads."""
        desk, grants = self._database.desk, self._database.grants
        now = desk.clock.now()
        for table in sorted(translated.tables):
            if table.lower() in self._database.dropped:
                raise SqlError(UNKNOWN_OBJECT, f"Invalid object name '{table}'.")
            grants.check(table, "dbo")
        for view in sorted(translated.views):
            grants.check(view, "sys")
        if translated.views and desk.world.is_down("dmv", now):
            raise SqlError(SERVICE_ERROR, "The service has encountered an error.", severity=17)
        if translated.tables and desk.world.is_down("counts", now):
            raise SqlError(LOCK_TIMEOUT, "Lock request time out period exceeded.")

    def _prepare(self, translated: Translated) -> None:
        """Set the connection's moment, and fill what the statement reads."""
        moment = self._moment()
        facts = Facts(moment.now, self._account, self._database.grants)
        self._duckdb.execute("SET VARIABLE moment = $1", [facts.variable(moment)])
        if translated.tables:
            self._database.kept.load(moment.now)
        for view in translated.views:
            self._fill(view, moment, translated.mentions)

    def _moment(self) -> Moment:
        database = self._database
        return Moment(
            world=database.desk.world,
            now=database.desk.clock.now(),
            asking=self._account,
            accounts=tuple(database.accounts.all()),
            sees_sessions=database.grants.holds(VIEW_DATABASE_STATE),
            sees_requests=database.grants.holds(VIEW_SERVER_STATE),
            sees_definitions=database.grants.holds(VIEW_DEFINITION),
            refused=frozenset(database.grants.refused()),
        )

    def _fill(self, view: str, moment: Moment, mentions: frozenset[str] | None) -> None:
        """A system view is a table of this connection's own; only what is read is filled in."""
        columns = SYSTEM_VIEWS[view]
        if view not in self._filled:
            typed = ", ".join(f'"{name}" {duckdb_type(kind)}' for name, kind in columns.items())
            self._duckdb.execute(f'CREATE TEMP TABLE "{view}" ({typed})')
            self._filled.add(view)
        self._duckdb.execute(f'DELETE FROM "{view}"')  # noqa: S608 - a view of ours
        rows = moment.rows(view)
        # The first column tells how many rows there are, even if none is named.
        read = [
            name for i, name in enumerate(columns) if not i or mentions is None or name in mentions
        ]
        if rows:
            names = ", ".join(f'"{name}"' for name in read)
            unnested = ", ".join(["unnest(?)"] * len(read))
            self._duckdb.execute(
                f'INSERT INTO "{view}" ({names}) SELECT {unnested}',
                [[row.get(name) for row in rows] for name in read],
            )


def _values(translated: Translated, given: Mapping[str, Any]) -> dict[str, Any]:
    """The statement's own parameters: DuckDB takes no others."""
    for name in sorted(translated.parameters):
        if name.lower() not in given:
            raise SqlError(UNDECLARED, f'Must declare the scalar variable "@{name}".', severity=15)
    return {name: given[name.lower()] for name in translated.parameters}


def _described(translated: Translated, described: Any, rows: list[tuple[Any, ...]]) -> Result:
    documented = _documented(translated)
    columns = []
    for i, (name, kind, *_) in enumerate(described):
        values = [row[i] for row in rows]
        columns.append(
            Column(heading(name), _typed(str(kind), documented.get(name.lower()), values))
        )
    return Result(columns, rows, len(rows))


def _documented(translated: Translated) -> dict[str, str]:
    """The types of all columns of what the statement reads, by names in small letters."""
    read = [BUSINESS_TABLES[table] for table in sorted(translated.tables)]
    read += [SYSTEM_VIEWS[view] for view in sorted(translated.views)]
    return {name.lower(): kind for columns in read for name, kind in columns.items()}


def _typed(duckdb: str, documented: str | None, values: list[Any]) -> str:
    """The view's own type where the result's fits it; a long text needs a longer one."""
    fits = documented is not None and sql_type(duckdb_type(documented)) == sql_type(duckdb)
    kind = documented if documented is not None and fits else sql_type(duckdb)
    if kind == "nvarchar" and any(len(value) > _LONGEST_TEXT for value in values if value):
        return "nvarchar(max)"
    return kind
