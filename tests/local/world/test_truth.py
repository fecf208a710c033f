"""The world's own arithmetic, against minutes small enough to reckon by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.world.events import (
    BusinessMinute,
    BusinessRows,
    Health,
    PlanMinute,
    Request,
    ResourceRow,
    RunningRequest,
    SiteMinute,
    World,
    WorldMinute,
)
from local.world.inside import Inside
from local.world.traffic import MONITOR
from local.world.truth import truth, weighted_quantile
from local.world.workloads import Workload
from shared.domain.times import MINUTE
from tests.local.world.playing import T0

WELL = Health(
    status=200,
    latency_ms=30,
    heap_bytes=100 * 2**20,
    resident_bytes=300 * 2**20,
    certificate_ends=T0 + timedelta(days=60),
)


def a_request(duration_ms: float, **changes: Any) -> Request:
    given = {"at": T0, "operation_id": "1", "name": "GET /", "url": "/", "status": 200}
    return Request(**{**given, "duration_ms": duration_ms, **changes})


def a_row(cpu: float, io: float, log: float, workers: float = 10) -> ResourceRow:
    return ResourceRow(T0, cpu, io, log, workers, workers / 10)


def a_minute(start: datetime = T0, **changes: Any) -> WorldMinute:
    minute = WorldMinute(
        start=start,
        requests=(),
        exceptions=(),
        events=(),
        page_views=(),
        plan=PlanMinute(12.5, 80.0, 1_000, 9_000, 2.5, 31),
        site=SiteMinute(0, 0, 0, None, 300 * 2**20, 1.5),
        resources=(a_row(10, 20, 30, 40), a_row(90, 50, 10, 60)),
        storage_bytes=2**30,
        sessions=9,
        business=BusinessMinute(("s-1",), 2, 1, 0, 4),
    )
    return replace(minute, **changes)


@dataclass(frozen=True)
class SmallWorld:
    """Minutes and health answers made by hand."""

    minutes: Mapping[datetime, WorldMinute] = field(default_factory=dict)
    answers: Mapping[int, Health] = field(default_factory=dict)
    running: Mapping[int, tuple[RunningRequest, ...]] = field(default_factory=dict)
    storage_limit_bytes: int = 2 * 2**30

    def minute(self, start: datetime) -> WorldMinute:
        return self.minutes.get(start, a_minute(start))

    def health(self, at: datetime) -> Health:
        return self.answers.get(at.second, WELL)

    def business_rows(self, start: datetime) -> BusinessRows:  # noqa: ARG002 - none
        return BusinessRows()

    def requests_running(self, at: datetime) -> tuple[RunningRequest, ...]:
        return self.running.get(at.second, ())

    def inside(self, at: datetime) -> Inside:
        return Inside(at, T0, lambda _: Workload())

    def is_down(self, source: str, at: datetime) -> bool:  # noqa: ARG002 - never
        return False

    def telemetry_late(self, at: datetime) -> timedelta:  # noqa: ARG002 - never
        return timedelta(0)


def of(metric: str, **changes: Any) -> float | None:
    world: World = SmallWorld({T0: a_minute(**changes)})
    return truth(world, metric, T0)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("dtuUtilization", 60),  # (30 + 90) / 2, not max(50, 35, 20)
        ("dtuPeak", 90),
        ("dtuCpu", 50),
        ("dtuDataIo", 35),
        ("dtuLogWrite", 20),
        ("workersPercent", 60),
        ("sessionsPercent", 6),
        ("storageUsage", 1),
        ("storagePercent", 50),
        ("connectionCount", 9),
        ("memoryUsage", 1400),
        ("cpuUtilization", 12.5),
        ("httpQueueLength", 2.5),
        ("outboundSockets", 31),
        ("bytesIn", 1_000),
        ("bytesOut", 9_000),
    ],
)
def test_counters_of_a_minute(metric: str, value: float) -> None:
    assert of(metric) == value


def test_requests_weigh_what_they_stand_for_and_the_monitors_own_weigh_nothing() -> None:
    requests = (
        a_request(100, item_count=2),
        a_request(400, item_count=1, status=500),
        a_request(200, item_count=2, status=404),
        a_request(9_000, status=503, user_agent=MONITOR),
        a_request(9_000, status=429, synthetic_source=MONITOR),
    )
    found = {
        metric: of(metric, requests=requests)
        for metric in ("throughput", "errorRate", "clientErrorRate", "responseTime.avg")
    }
    assert found == {
        "throughput": 5,
        "errorRate": 1,
        "clientErrorRate": 2,
        "responseTime.avg": (200 + 400 + 400) / 5,
    }


def test_a_minute_with_the_monitors_requests_only_is_empty() -> None:
    requests = (a_request(30, user_agent=MONITOR),)
    assert of("throughput", requests=requests) == 0
    assert of("errorRate", requests=requests) == 0
    for metric in ("responseTime.avg", "responseTime.p50", "responseTime.p99"):
        assert of(metric, requests=requests) is None


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 10), (50, 10), (51, 20), (95, 20), (96, 30), (100, 30)]
)
def test_a_quantile_is_the_nearest_rank_by_weight(percent: int, value: float) -> None:
    requests = [a_request(30, item_count=1), a_request(10, item_count=10)]
    requests += [a_request(20, item_count=9)]
    assert weighted_quantile(requests, percent) == value


def test_the_percentiles_of_a_hundred_durations_are_its_members() -> None:
    requests = tuple(a_request(float(i)) for i in range(100, 0, -1))
    names = ("responseTime.p50", "responseTime.p95", "responseTime.p99")
    assert [of(name, requests=requests) for name in names] == [50, 95, 99]


def test_a_minute_without_rows_has_no_dtu() -> None:
    assert of("dtuUtilization", resources=()) is None


def test_the_worse_of_two_probes_counts() -> None:
    world = SmallWorld(
        answers={50: replace(WELL, latency_ms=80, resident_bytes=310 * 2**20, heap_bytes=2**20)}
    )
    assert truth(world, "availability", T0) == 100
    assert truth(world, "probeLatency", T0) == 80
    assert truth(world, "memoryProcess", T0) == 310
    assert truth(world, "memoryHeap", T0) == 100
    assert truth(world, "certificateDaysLeft", T0) == pytest.approx(60 - 50 / 86_400)


@pytest.mark.parametrize("bad", [replace(WELL, status=503), replace(WELL, refuses=True)])
def test_one_failed_probe_makes_the_minute_unavailable(bad: Health) -> None:
    world = SmallWorld(answers={50: bad})
    assert truth(world, "availability", T0) == 0
    assert truth(world, "probeLatency", T0) == 30
    assert truth(world, "availability", T0, probes=(20,)) == 100


def test_where_everybody_refuses_nothing_but_the_failure_is_measured() -> None:
    refusal = replace(WELL, refuses=True)
    world = SmallWorld(answers={20: refusal, 50: refusal})
    assert truth(world, "availability", T0) == 0
    for metric in ("probeLatency", "memoryProcess", "memoryHeap", "certificateDaysLeft"):
        assert truth(world, metric, T0) is None


def test_a_minute_that_nobody_probed_has_no_availability() -> None:
    assert truth(SmallWorld(), "availability", T0, probes=()) is None


def test_counts_are_of_the_five_minutes_that_begin_then() -> None:
    last = BusinessMinute(("s-1", "s-2"), 10, 0, 3, 7)
    world = SmallWorld({T0 + 4 * MINUTE: a_minute(business=last)})
    assert truth(world, "activeUsers", T0) == 2
    assert truth(world, "interactionsLogged", T0) == 4 * 2 + 10
    assert truth(world, "reportsGenerated", T0) == 4
    assert truth(world, "offlineSync.failed", T0) == 3
    assert truth(world, "offlineSync.pending", T0) == 7
    assert truth(world, "activeUsers", T0 - MINUTE) == 1


def test_blocked_sessions_are_the_most_that_waited_at_a_moment_of_asking() -> None:
    free = RunningRequest(51, T0, "SELECT", "SELECT 1", 1, 1, 1, "node-mssql", "crm")
    waiting = replace(free, session_id=52, blocked_by=51)
    world = SmallWorld(running={20: (free, waiting), 50: (free,)})
    assert truth(world, "blockedSessions", T0) == 1
    assert truth(world, "blockedSessions", T0, probes=(50,)) == 0
    assert truth(world, "blockedSessions", T0, probes=()) is None


def test_a_metric_that_events_cannot_give_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        truth(SmallWorld(), "monitor.cpuMs", T0)
