"""The database server on the desk: logins, and the database of the world's rows behind them."""

import secrets
from dataclasses import dataclass, replace
from threading import Lock

import duckdb

from local.cloud.answerers import Desk
from local.cloud.sql.accounts import Account
from local.cloud.sql.engine import LOGIN_FAILED, Login, SqlError
from local.cloud.sql.functions import Facts, define_functions
from local.cloud.sql.grants import DATABASE, Grants
from local.cloud.sql.kept import KeptRows
from local.cloud.sql.sessions import Database, DeskSession
from local.cloud.sql.views import BUSINESS_TABLES
from local.cloud.tokens import TokenRefused

USER = "pantry-monitor"
AUDIENCE = "https://database.windows.net"
NO_DATABASE = 4060
SEVERITIES = {
    NO_DATABASE: 11,
    LOGIN_FAILED: 14,
    40197: 17,
    40501: 20,
    40613: 17,
    10928: 20,
    10929: 20,
}
"""As the documentation of Azure SQL's errors has them; any other one is 16."""
_SETTINGS = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL integer_division = true",
    "SET GLOBAL default_collation = 'nocase'",
)


@dataclass(frozen=True)
class _Refusal:
    error: SqlError
    left: int | None


class DeskEngine:
    """See Engine; `user` and `password` let in, and so does a token for the database."""

    def __init__(self, desk: Desk) -> None:
        self.user = USER
        self.password = secrets.token_urlsafe(18)
        self.grants = Grants()
        self._desk = desk
        self._database = _database(desk, self.grants)
        self._refusal: _Refusal | None = None
        self._lock = Lock()

    def login(self, login: Login) -> DeskSession:
        """See Engine."""
        self._meet_refusal()
        name = self._identified(login)
        if login.database.lower() not in ("", DATABASE):
            raise _refused(
                NO_DATABASE,
                f'Cannot open database "{login.database}" requested by the login. '
                "The login failed.",
            )
        now = self._desk.clock.now()
        return DeskSession(self._database, self._database.accounts.open(login, name, now))

    def refuse_logins(self, number: int, message: str = "", *, times: int | None = None) -> None:
        """Let logins fail with that error from now on, or only so many of them."""
        text = message or f"Database '{DATABASE}' is not currently available (error {number})."
        with self._lock:
            self._refusal = _Refusal(_refused(number, text), times)

    def accept_logins(self) -> None:
        """End that."""
        with self._lock:
            self._refusal = None

    def drop(self, table: str) -> None:
        """From now on the database has no such table; raises ValueError if it never had."""
        names = {name.lower(): name for name in BUSINESS_TABLES}
        if table.lower() not in names:
            raise ValueError(f"a table is one of {', '.join(BUSINESS_TABLES)}, not {table}")
        self._database.dropped.add(table.lower())

    def restore(self, table: str) -> None:
        """The table is back, with its rows."""
        self._database.dropped.discard(table.lower())

    def _meet_refusal(self) -> None:
        with self._lock:
            refusal = self._refusal
            if refusal is None:
                return
            left = None if refusal.left is None else refusal.left - 1
            self._refusal = None if left == 0 else replace(refusal, left=left)
        error = refusal.error
        raise SqlError(error.number, error.message, severity=error.severity)

    def _identified(self, login: Login) -> str:
        """The login's name; raises SqlError 18456."""
        if login.token:
            return self._token_holder(login.token)
        known = login.user.lower() == self.user and secrets.compare_digest(
            login.password.encode(), self.password.encode()
        )
        if not known:
            raise _refused(LOGIN_FAILED, f"Login failed for user '{login.user}'.")
        return self.user

    def _token_holder(self, token: str) -> str:
        try:
            claims = self._desk.keys.check(f"Bearer {token}", AUDIENCE)
        except TokenRefused as refused:
            text = "Login failed for user '<token-identified principal>'."
            raise _refused(LOGIN_FAILED, f"{text} {refused}") from refused
        return str(claims.get("oid") or claims["sub"])


def make_engine(desk: Desk) -> DeskEngine:
    """A database server over the desk's world and clock, empty until it is asked."""
    return DeskEngine(desk)


def _database(desk: Desk, grants: Grants) -> Database:
    # One thread: a desk's machine is busy, and a small application's database is small.
    connection = duckdb.connect(config={"threads": 1})
    for setting in _SETTINGS:
        connection.execute(setting)
    nobody = Account(0, "", Login(), desk.clock.now())
    define_functions(connection, Facts(desk.clock.now(), nobody, grants))
    return Database(desk, connection, KeptRows(desk.world, connection), grants)


def _refused(number: int, message: str) -> SqlError:
    return SqlError(number, message, severity=SEVERITIES.get(number, 16))
