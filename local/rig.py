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

from azure.identity import ManagedIdentityCredential

from local.cloud import email
from local.cloud.answerers import Desk, Make
from local.cloud.clouds import ALL, Cloud, running_cloud
from local.cloud.loading import load_rows, load_telemetry
from local.desks import VirtualClock
from local.surroundings import surroundings
from local.world.events import World
from shared import bootstrap, settings
from shared.domain.times import each_minute
from shared.furnishing.storage import IDENTITY_PATIENCE
from shared.ports import House
from shared.services import minute as minutes
from shared.services.passes import Pass

TARGET = "pantry-crm"
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
            load_telemetry(cloud, now)
        load_rows(cloud)
        # azure-identity looks there whenever it needs a token, not when it is made.
        stack.enter_context(patch.dict(os.environ, cloud.identity_environment))
        identity = partial(ManagedIdentityCredential, **IDENTITY_PATIENCE)
        house = bootstrap.furnish(settings.load(environment), identity)
        yield Rig(clock, cloud, furnish(replace(house, wall=clock.wall)), environment)


def answerers_by(clock: VirtualClock) -> list[Make]:
    """All answerers; the mail service counts its hours by the virtual clock."""
    mail = partial(email.answerer, mailroom=email.Mailroom(wall=clock.wall))
    return [mail if make is email.answerer else make for make in ALL]
