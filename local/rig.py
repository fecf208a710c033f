"""The whole monitor over the whole cloud on a virtual clock: no waiting, real SDKs.

Tests and benches move the clock; the cloud's world follows it, and so do leases, deliveries and
budgets. Only tokens live in real time.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from unittest.mock import patch

import requests
from azure.identity import ManagedIdentityCredential

from local.cloud import email, log_analytics, resources
from local.cloud.answerers import Desk, Make
from local.cloud.clouds import ALL, Cloud, running_cloud
from local.cloud.sql.engine import Login
from local.desks import VirtualClock
from local.surroundings import surroundings
from local.world.events import World
from shared import bootstrap, settings
from shared.catalog.log_queries import LOG_QUERIES, SECURITY, USAGE
from shared.domain.times import each_minute, iso
from shared.furnishing.storage import IDENTITY_PATIENCE
from shared.ports import House
from shared.services import minute as minutes
from shared.services.passes import Pass

TARGET = "pantry-crm"
DAY = timedelta(days=1)
EARLIER = timedelta(hours=7, minutes=10)
"""Before the first day that is asked for lie the hours in which logins are compared."""
LOADED_WITHIN_S = 60
SHORTLY = timedelta(hours=2, minutes=10)
"""How far back the pages are asked for that browsers showed."""
TICK = timedelta(seconds=20)
WATCH = timedelta(seconds=50)


@dataclass(frozen=True)
class CloudTime:
    """The virtual clock as the cloud asks for it: world and wall are the same here."""

    clock: VirtualClock

    def now(self) -> datetime:
        """World time now."""
        return self.clock.now


@dataclass
class Rig:
    """A monitor, its cloud, and the hand that moves the clock."""

    clock: VirtualClock
    cloud: Cloud
    house: House
    environment: Mapping[str, str]

    @property
    def desk(self) -> Desk:
        """What the answerers share: world, faults, inbox."""
        return self.cloud.desk

    def tick(self, at: datetime) -> Pass:
        """The timer at :20 of the minute `at`."""
        self.clock.now = at + TICK
        return minutes.tick(TARGET, house=self.house, now=self.clock.now)

    def watch(self, at: datetime) -> Pass:
        """The timer at :50 of the minute `at`."""
        self.clock.now = at + WATCH
        return minutes.watch(TARGET, house=self.house, now=self.clock.now)

    def play(self, start: datetime, end: datetime) -> list[Pass]:
        """Both timers in every minute of [start, end)."""
        passes: list[Pass] = []
        for minute in each_minute(start, end):
            passes += [self.tick(minute), self.watch(minute)]
        return passes


@contextmanager
def running_rig(
    world: World,
    *,
    storage: str,
    now: datetime,
    changes: Mapping[str, str] | None = None,
    furnish: Callable[[House], House] = lambda house: house,
) -> Iterator[Rig]:
    """A rig at `now` over the storage account of that connection string.

    `changes` are settings; `furnish` may replace what else the house has, such as its rules.
    """
    clock = VirtualClock(now)
    desk = Desk(world=world, clock=CloudTime(clock), simulate_latency=False)
    with ExitStack() as stack:
        cloud = stack.enter_context(running_cloud(desk, answerers_by(clock)))
        environment = surroundings(cloud, storage=storage, changes=changes)
        if environment["LOG_ANALYTICS_WORKSPACE_ID"]:
            _load_telemetry(cloud, now)
        _load_rows(cloud)
        # azure-identity looks there whenever it needs a token, not when it is made.
        stack.enter_context(patch.dict(os.environ, cloud.identity_environment))
        identity = partial(ManagedIdentityCredential, **IDENTITY_PATIENCE)
        house = bootstrap.furnish(settings.load(environment), identity)
        yield Rig(clock, cloud, furnish(replace(house, wall=clock.wall)), environment)


def _load_telemetry(cloud: Cloud, now: datetime) -> None:
    """Have the logs answerer play and load the day that a first tick asks for.

    A real workspace has its telemetry already; here that is seconds of work, which on a busy
    machine would not fit into a source's deadline.
    """
    texts = [SECURITY.text, *(query.text for query in LOG_QUERIES)]
    texts += [query.text for query in USAGE]
    _ask_logs(cloud, "union AppRequests, AppEvents, AppTraces | count", now - DAY - EARLIER, now)
    for text in texts:  # what a first question costs is its translation
        _ask_logs(cloud, text, now - SHORTLY, now)
    cloud.desk.inbox.clear()


def _ask_logs(cloud: Cloud, kql: str, start: datetime, end: datetime) -> None:
    requests.post(
        f"{cloud.urls['logs']}/v1/workspaces/{resources.WORKSPACE}/query",
        json={"query": kql, "timespan": f"{iso(start)}/{iso(end)}"},
        headers={"Authorization": f"Bearer {cloud.desk.keys.token(log_analytics.AUDIENCE)}"},
        timeout=LOADED_WITHIN_S,
    )


def _load_rows(cloud: Cloud) -> None:
    """Have the database play and load the CRM's rows of the last day, for the same reason."""
    engine = cloud.desk.database
    session = engine.login(Login(user=engine.user, password=engine.password))
    list(session.run("SELECT COUNT_BIG(*) AS held FROM [Interaction];", {}))
    session.close()


def answerers_by(clock: VirtualClock) -> list[Make]:
    """All answerers; the mail service counts its hours by the virtual clock."""
    mail = partial(email.answerer, mailroom=email.Mailroom(wall=clock.wall))
    return [mail if make is email.answerer else make for make in ALL]
