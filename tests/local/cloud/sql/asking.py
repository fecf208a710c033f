"""A database server over a world, and the project's own statements as its driver sends them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.cloud.answerers import Desk
from local.cloud.sql.database import DeskEngine, make_engine
from local.cloud.sql.engine import Login, Result, Session, SqlError
from local.cloud.sql.kept import naive
from local.cloud.tokens import Keys
from local.world.events import World
from shared.catalog.sql_queries import NAME_SETS
from tests.local.cloud.handmade import StillClock

QUERIES = Path(__file__).parents[4] / "shared" / "catalog" / "queries"
MONITOR = "pantry-monitor"
PREFIX = (
    "SET NOCOUNT ON; SET LOCK_TIMEOUT 2000; SET DEADLOCK_PRIORITY LOW; "
    "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;\n"
)


class Database:
    """An engine whose clock is moved by hand, and one session of the monitor's on it."""

    def __init__(self, world: World, at: datetime, keys: Keys | None = None) -> None:
        self.clock = StillClock(at)
        self.desk = Desk(world=world, clock=self.clock, keys=keys or Keys())
        self.engine: DeskEngine = make_engine(self.desk)
        self.session = self.connect()

    def connect(self, program: str = MONITOR) -> Session:
        engine = self.engine
        return engine.login(Login(engine.user, engine.password, program=program, host="desk"))

    def results(self, sql: str, **given: Any) -> list[Result]:
        return list(self.session.run(sql, given))

    def ask(self, sql: str, **given: Any) -> list[tuple[Any, ...]]:
        """The rows of the only statement."""
        (result,) = self.results(sql, **given)
        return list(result.rows)

    def value(self, sql: str, **given: Any) -> Any:
        """The only value."""
        ((value,),) = self.ask(sql, **given)
        return value

    def catalog(self, query: str, *, names: str = "crm", **given: Any) -> list[dict[str, Any]]:
        """The rows of a query of the catalog, sent as the monitor sends it."""
        results = self.results(PREFIX + query_text(query, names), **given)
        assert [result.columns is None for result in results] == [True] * 4 + [False]
        columns = [column.name for column in results[-1].columns or ()]
        return [dict(zip(columns, row, strict=True)) for row in results[-1].rows]

    def moved_to(self, at: datetime) -> "Database":
        self.clock.at = at
        return self


def query_text(query: str, names: str = "crm") -> str:
    """A query of the catalog with the real names of one vocabulary."""
    text = (QUERIES / f"{query}.sql").read_text("utf-8")
    for logical, real in NAME_SETS[names].items():
        text = text.replace(f"[{logical}]", f"[{real}]")
    return text


def window(end: datetime, minutes: int = 5) -> dict[str, datetime]:
    """The parameters of a count up to a moment, as a driver hands them over."""
    return {"since": naive(end - timedelta(minutes=minutes)), "until": naive(end)}


def failure(act: Callable[[], object]) -> SqlError:
    """The error with which it fails."""
    with pytest.raises(SqlError) as failed:
        act()
    return failed.value
