"""The desk's database for the adapter's tests: its address, its clock, and the ways in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest

from local.cloud.answerers import Desk
from local.cloud.certificates import Certificate
from local.cloud.clouds import running_cloud
from local.cloud.sql import answerer as sql
from local.cloud.sql.database import AUDIENCE, DeskEngine
from local.cloud.sql.engine import Login
from local.cloud.sql.grants import DATABASE
from local.odbc import NoOdbc, driver
from local.world.engine import Script, ScriptedWorld
from local.world.events import World
from local.world.scenes import Blocking, DtuStorm
from shared.adapters.sql.azure_sql import AzureSql, Connect, Database
from shared.adapters.sql.connections import (
    PATIENCE,
    PURE_PYTHON,
    Patience,
    SqlAddress,
    connect,
)
from shared.adapters.sql.witness import AzureSqlWitness
from shared.catalog.sql_queries import NAME_SETS
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import StillClock

TARGET = "pantry-crm"
RUSH_HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
STORM, CHAIN = RUSH_HOUR + 30 * MINUTE, RUSH_HOUR + 50 * MINUTE
ODBC = "odbc"
PATIENT = Patience(login=60, batch=60)
A_SLOW_MACHINES = 120.0
"""Seconds for a visit: no machine must be too slow for what is not about time."""


def a_busy_world(seed: int) -> ScriptedWorld:
    """A morning with a storm of ten minutes, and later as long a chain of who waits for whom."""
    scenes = (DtuStorm(STORM), Blocking(CHAIN))
    return ScriptedWorld(Script("busy", RUSH_HOUR, scenes), seed=seed)


def driver_named(name: str) -> str:
    """What the setting SQL_DRIVER would be; a visible skip where Microsoft's can't be loaded."""
    if name != ODBC:
        return PURE_PYTHON
    try:
        return driver()
    except NoOdbc as missing:
        pytest.skip(f"ODBC: {missing}")


@dataclass
class SqlDesk:
    """A database on the desk at a time that is moved by hand."""

    desk: Desk
    clock: StillClock

    @property
    def world(self) -> World:
        return self.desk.world

    @property
    def engine(self) -> DeskEngine:
        return self.desk.database

    @property
    def url(self) -> str:
        return self.desk.urls[sql.NAME]

    def token(self) -> str:
        return self.desk.keys.token(AUDIENCE)

    def address(self, *, by: str = "token", database: str = DATABASE) -> SqlAddress:
        """Where it is; who asks shows a token or is a user with a password."""
        host, _, port = self.url.removeprefix("tcp://").partition(":")
        if by == "token":
            return SqlAddress(host, int(port), database, token=self.token)
        engine = self.engine
        return SqlAddress(host, int(port), database, user=engine.user, password=engine.password)

    def door(self, driver: str, *, by: str = "token", patience: Patience = PATIENT) -> Connect:
        return partial(connect, self.address(by=by), driver=driver, patience=patience)

    def source(
        self,
        driver: str,
        names: Mapping[str, str] = NAME_SETS["crm"],
        *,
        by: str = "token",
        deadline: float = A_SLOW_MACHINES,
    ) -> AzureSql:
        return AzureSql({TARGET: Database(self.door(driver, by=by), names)}, deadline=deadline)

    def hurried(self, driver: str) -> AzureSql:
        """As impatient as in production: for what hangs, or is repeated until time is over."""
        door = self.door(driver, patience=PATIENCE)
        return AzureSql({TARGET: Database(door, NAME_SETS["crm"])})

    def witness(self, driver: str) -> AzureSqlWitness:
        """It looks as long as it takes, however short the product would be."""
        door = self.door(driver)
        return AzureSqlWitness({TARGET: Database(lambda **_: door())})

    def moved_to(self, at: datetime) -> None:
        """The CRM's rows are loaded, which takes longer than a visit may on a busy machine."""
        self.clock.at = at
        session = self.engine.login(Login(user=self.engine.user, password=self.engine.password))
        list(session.run("SELECT COUNT_BIG(*) AS held FROM [Interaction];", {}))
        session.close()


@contextmanager
def running_sql_desk(
    world: World, at: datetime = RUSH_HOUR, *, certificate: Certificate | None = None
) -> Iterator[SqlDesk]:
    clock = StillClock(at)
    desk = Desk(world=world, clock=clock, certificate=certificate or Certificate())
    with running_cloud(desk, [sql.answerer]):
        yield SqlDesk(desk, clock)
