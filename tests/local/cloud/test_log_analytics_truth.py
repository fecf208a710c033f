"""The logs source over the answerer gives what really happened in a world."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from local.cloud import log_analytics
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.faults import Fault
from local.cloud.resources import WORKSPACE
from local.cloud.tokens import Keys
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import DtuStorm, ErrorBurst, Outage, SourceDown
from local.world.truth import truth
from shared.adapters.logs import workspaces
from shared.adapters.logs.log_analytics import LogAnalytics
from shared.adapters.logs.workspaces import open_workspaces
from shared.adapters.windows import Patience
from shared.catalog.log_queries import LOG_QUERIES
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import columns_of
from shared.domain.errors import SourceError
from shared.domain.samples import Reading
from shared.domain.times import each_minute
from tests.local.cloud.handmade import StillClock
from tests.local.cloud.test_log_analytics import Caller

SEEDS = (1, 2)
BEGINS = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURS = timedelta(hours=3)
SETTLE = CATALOG.source("logs").settle
COUNTS = [metric for query in LOG_QUERIES for metric in query.counts.values()]
DURATIONS = [metric for query in LOG_QUERIES for metric in query.distributions]
PERCENTILES = [name for name in DURATIONS if CATALOG.metric(name).statistic != "mean"]


def an_eventful_world(seed: int) -> ScriptedWorld:
    """From the quiet of the night, with hardly a visitor, into a bad morning."""
    scenes = (
        ErrorBurst(BEGINS + 50 * MINUTE, 6),
        DtuStorm(BEGINS + 80 * MINUTE, 10),
        Outage(BEGINS + 120 * MINUTE, 5),
        SourceDown(BEGINS + HOURS + SETTLE + 5 * MINUTE, 3, source="logs"),
    )
    return ScriptedWorld(Script("eventful", BEGINS, scenes), seed=seed)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> ScriptedWorld:
    return an_eventful_world(getattr(request, "param", 1))


@pytest.fixture
def clock() -> StillClock:
    return StillClock(BEGINS + HOURS + SETTLE + timedelta(seconds=20))


@pytest.fixture(autouse=True)
def time_for_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question of a process is seconds of work for the desk's parser."""
    monkeypatch.setattr(workspaces, "SERVER_TIMEOUT", 60)


@pytest.fixture
def cloud(world: ScriptedWorld, clock: StillClock, keys: Keys) -> Iterator[Cloud]:
    with running_cloud(Desk(world=world, clock=clock, keys=keys), [log_analytics.answerer]) as it:
        yield it


@pytest.fixture
def source(cloud: Cloud) -> Iterator[LogAnalytics]:
    with a_source(cloud) as source:
        yield source


@contextmanager
def a_source(cloud: Cloud, **options: object) -> Iterator[LogAnalytics]:
    patient = Patience(connect=30, read=90, deadline=100)
    given = {"credential": Caller(cloud.desk.keys), "patience": patient, **options}
    source = LogAnalytics(open_workspaces({"crm": WORKSPACE}, endpoint=cloud.urls["logs"], **given))  # type: ignore[arg-type]
    yield source
    source.close()


def cells(reading: Reading, metric: str) -> dict[datetime, float]:
    """What would be stored of a metric, by minute."""
    return columns_of(reading, CATALOG).get(CATALOG.metric(metric).column, {})


def facts(world: ScriptedWorld, metric: str) -> dict[datetime, float]:
    """The truth of every minute that has one."""
    every = {m: truth(world, metric, m) for m in each_minute(BEGINS, BEGINS + HOURS)}
    return {minute: value for minute, value in every.items() if value is not None}


@pytest.mark.parametrize("world", SEEDS, indirect=True)
def test_every_metric_is_what_happened(
    world: ScriptedWorld, source: LogAnalytics, clock: StillClock
) -> None:
    reading = source.read("crm", since=BEGINS, now=clock.at)

    assert reading.covered_until == BEGINS + HOURS
    for metric in (*COUNTS, *DURATIONS):
        tolerance = 0.02 if metric in PERCENTILES else 1e-9
        told = cells(reading, metric).items()
        covered = {minute: value for minute, value in told if BEGINS <= minute < BEGINS + HOURS}
        assert covered == pytest.approx(facts(world, metric), rel=tolerance), metric


@pytest.mark.parametrize("world", SEEDS, indirect=True)
def test_the_story_has_empty_and_bad_minutes(world: ScriptedWorld) -> None:
    """Without them the comparison above would prove little."""
    throughput = facts(world, "throughput")

    assert 0 in throughput.values()
    assert max(facts(world, "errorRate").values()) >= 5
    assert max(facts(world, "clientErrorRate").values()) >= 1
    assert len(facts(world, "responseTime.p99")) < len(throughput)


def test_minute_by_minute_it_comes_to_the_same(
    world: ScriptedWorld, source: LogAnalytics, clock: StillClock
) -> None:
    since, seen = BEGINS + 45 * MINUTE, {}
    for minute in range(15):
        clock.at = since + SETTLE + MINUTE + timedelta(seconds=20)
        reading = source.read("crm", since=since, now=clock.at)
        covered = {m: v for m, v in cells(reading, "errorRate").items() if m >= since}
        seen.update({m: v for m, v in covered.items() if m < reading.covered_until})
        since = reading.covered_until
        assert since == BEGINS + (46 + minute) * MINUTE

    errors = facts(world, "errorRate")
    assert seen == {minute: errors[minute] for minute in seen}
    assert len(seen) == 15


def test_the_tail_is_seen_before_it_is_covered(source: LogAnalytics, clock: StillClock) -> None:
    reading = source.read("crm", since=BEGINS, now=clock.at)

    tail = [minute for minute in cells(reading, "throughput") if minute >= BEGINS + HOURS]
    assert tail
    assert max(tail) <= clock.at - MINUTE


def test_while_the_source_is_down_there_is_no_reading(
    source: LogAnalytics, clock: StillClock
) -> None:
    clock.at += 5 * MINUTE

    with pytest.raises(SourceError, match="503"):
        source.read("crm", since=BEGINS, now=clock.at)


def test_a_wrong_audience_is_refused(cloud: Cloud, clock: StillClock) -> None:
    stranger = Caller(cloud.desk.keys, "https://management.azure.com")

    with (
        a_source(cloud, credential=stranger) as source,
        pytest.raises(SourceError, match=r"401.*audience"),
    ):
        source.read("crm", since=BEGINS, now=clock.at)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("throttle", retry_after=60),
        Fault("error", status=500),
        Fault("hang"),
        Fault("refuse"),
        Fault("garbage"),
        Fault("wrong_shape"),
        Fault("drop"),
        Fault("slow", seconds=3),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_sick_service_gives_no_reading_and_the_next_one_is_whole(
    fault: Fault, cloud: Cloud, clock: StillClock
) -> None:
    with a_source(cloud, patience=Patience(connect=1, read=1, deadline=1.5)) as source:
        cloud.desk.faults.set("logs", fault)

        with pytest.raises(SourceError):
            source.read("crm", since=BEGINS, now=clock.at)

    cloud.desk.faults.clear()
    with a_source(cloud) as source:
        assert source.read("crm", since=BEGINS, now=clock.at).covered_until == BEGINS + HOURS
