"""The real pipeline against the Azure on the desk: every platform metric is the world's truth."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from local.cloud import platform_metrics
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.faults import Fault
from local.cloud.metric_definitions import app_disk_bytes
from local.cloud.resources import APP, DATABASE, PLAN
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from local.world.truth import truth
from shared.adapters.azure_monitor import open_azure_monitor
from shared.adapters.windows import Patience
from shared.catalog.platform_metrics import PLATFORM_METRICS, Grain
from shared.domain.errors import SourceError
from shared.domain.samples import Reading
from shared.domain.times import each_minute
from tests.adapters.platform import Platform

BEGINS = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = BEGINS + timedelta(minutes=63, seconds=20)
MINUTE = timedelta(minutes=1)
TARGET = "pantry-crm"
IDS = {"plan": PLAN, "app": APP, "database": DATABASE}


@dataclass
class Clock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Credential:
    desk: Desk

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        audience = scopes[0].removesuffix("/.default")
        return AccessToken(self.desk.keys.token(audience), int(time.time()) + 3600)


PATIENT = Patience(connect=30, read=30, deadline=60)


@contextmanager
def opened(cloud: Cloud, patience: Patience = PATIENT) -> Iterator[Platform]:
    source = Platform(
        open_azure_monitor(
            {kind: {TARGET: one} for kind, one in IDS.items()},
            endpoint=cloud.urls["platform"],
            credential=Credential(cloud.desk),
            patience=patience,
        )
    )
    with closing(source):
        yield source


@contextmanager
def reading_of_an_hour(seed: int) -> Iterator[tuple[ScriptedWorld, Reading]]:
    world = ScriptedWorld(script_named("default", BEGINS), seed=seed)
    with (
        running_cloud(Desk(world, Clock()), [platform_metrics.answerer]) as cloud,
        opened(cloud) as source,
    ):
        yield world, source.read(TARGET, since=BEGINS, now=NOW)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_minute_of_every_metric_is_true(seed: int) -> None:
    with reading_of_an_hour(seed) as (world, reading):
        found = {(one.metric, one.minute): one.value for one in reading.samples}

    assert reading.covered_until == BEGINS + timedelta(minutes=60)
    for row in PLATFORM_METRICS:
        if row.grain is Grain.MINUTE:
            minutes = list(each_minute(BEGINS, reading.covered_until))
            measured = [found[row.metric, minute] for minute in minutes]
            real = [truth(world, row.metric, minute) for minute in minutes]
            assert measured == pytest.approx(real, rel=1e-12), row.metric


def test_the_disk_is_that_of_its_six_hours() -> None:
    with reading_of_an_hour(1) as (_, reading):
        found = {one.minute: one.value for one in reading.samples if one.metric == "appDiskUsage"}

    midnight = BEGINS.replace(hour=0)
    assert found == {midnight: app_disk_bytes(midnight) / 2**30}


def test_what_is_not_published_yet_is_a_gap() -> None:
    with reading_of_an_hour(1) as (_, reading):
        newest = max(one.minute for one in reading.samples)

    assert newest == NOW.replace(second=0) - 2 * MINUTE


@pytest.mark.parametrize(
    "fault",
    [
        Fault("throttle", retry_after=60),
        Fault("error", status=500),
        Fault("hang"),
        Fault("garbage"),
        Fault("wrong_shape"),
        Fault("drop"),
        Fault("refuse"),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_sick_platform_is_a_source_error_and_then_forgotten(fault: Fault) -> None:
    world = ScriptedWorld(script_named("calm", BEGINS), seed=1)
    since = NOW - timedelta(minutes=5)
    with (
        running_cloud(Desk(world, Clock()), [platform_metrics.answerer]) as cloud,
        opened(cloud) as source,
        opened(cloud, Patience(connect=2, read=2, deadline=5)) as hasty,
    ):
        cloud.desk.faults.set("platform", fault)
        with pytest.raises(SourceError):
            hasty.read(TARGET, since=since, now=NOW)
        cloud.desk.faults.clear("platform")
        assert source.read(TARGET, since=since, now=NOW).samples
