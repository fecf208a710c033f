"""What lies between the wire and the database behind it: logins, statements, results, errors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

UNKNOWN_COLUMN = 207
UNKNOWN_OBJECT = 208
SYNTAX = 102
DENIED = 229
LOGIN_FAILED = 18456


class SqlError(Exception):
    """An error as the server spells it: by number; `severity` 20 and more ends the session."""

    def __init__(self, number: int, message: str, *, severity: int = 16, state: int = 1) -> None:
        super().__init__(message)
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state


class Cancelled(Exception):
    """The statement was interrupted by the client's attention."""


@dataclass(frozen=True)
class Login:
    """Who wants in: a user with a password, or an Entra token; `program` is the application."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    program: str = ""
    host: str = ""
    database: str = ""


@dataclass(frozen=True)
class Column:
    """A result's column: its name and its T-SQL type, such as int, decimal(5,2) or nvarchar."""

    name: str
    type: str


@dataclass(frozen=True)
class Result:
    """What one statement gave; None as `columns`: it gives no rows (a SET, an UPDATE)."""

    columns: Sequence[Column] | None
    rows: Sequence[tuple[Any, ...]] = ()
    count: int | None = None


class Session(Protocol):
    """One login's statements, one at a time; `cancel` may come from another thread."""

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Result]:
        """The results of a batch, statement by statement; parameters by name without the @.

        Raises SqlError where a statement fails: what came before stays said, as with a server.
        Raises Cancelled after `cancel`.
        """
        ...

    def cancel(self) -> None:
        """Interrupt what runs."""
        ...

    def close(self) -> None:
        """The client went away."""
        ...


class Engine(Protocol):
    """The database server behind the wire."""

    def login(self, login: Login) -> Session:
        """A session; raises SqlError for a login that is refused."""
        ...
