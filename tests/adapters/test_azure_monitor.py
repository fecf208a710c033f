"""Platform metrics at the wire: what is asked, and what is understood."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.azure_monitor import open_azure_monitor
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import (
    APP,
    DATABASE,
    NAMESPACES,
    PLAN,
    PLATFORM_METRICS,
    Grain,
    PlatformMetric,
)
from shared.domain.errors import SourceError
from shared.domain.times import iso
from tests.adapters.arm import (
    HOUR,
    IDS,
    MINUTE,
    NOW,
    QUICK,
    SECRET,
    SETTLED,
    SINCE,
    TARGET,
    Answer,
    Arm,
    Asked,
    Credential,
    by_metric,
    opened,
    plan_parameters,
    point,
    read,
    rows,
    running_arm,
)
from tests.adapters.platform import Platform


@pytest.fixture
def arm() -> Iterator[Arm]:
    with running_arm() as arm:
        yield arm


@pytest.fixture
def source(arm: Arm) -> Iterator[Platform]:
    with opened(arm) as one:
        yield one


@rows
def test_a_row_fits_the_catalog(row: PlatformMetric) -> None:
    metric = CATALOG.metric(row.metric)

    assert row.resource in metric.sources
    assert timedelta(minutes=metric.every) == row.grain.length
    assert row.resource in NAMESPACES
    assert row.unit in {"Percent", "Count", "Bytes"}


def test_every_platform_metric_of_the_catalog_has_one_row() -> None:
    wanted = [(m.name, kind) for m in CATALOG.metrics for kind in m.sources if kind in NAMESPACES]

    assert sorted((row.metric, row.resource) for row in PLATFORM_METRICS) == sorted(wanted)


@rows
def test_a_value_becomes_the_catalogs(row: PlatformMetric, source: Platform, arm: Arm) -> None:
    minute = SINCE if row.grain is Grain.MINUTE else datetime(2026, 3, 2, 6, tzinfo=UTC)
    arm.points[row.name] = [point(minute, 8.0, row.aggregation.lower())]

    samples = by_metric(source.read(TARGET, since=SINCE - HOUR, now=NOW))

    assert samples[row.metric] == {minute: 8.0 * row.factor}


@pytest.mark.parametrize(
    ("metric", "raw", "value"),
    [
        ("memoryUsage", 80.0, 1400.0),
        ("storageUsage", 1.5 * 2**30, 1.5),
        ("appDiskUsage", 2.0**31, 2.0),
        ("bytesIn", 1024.0, 1024.0),
        ("dtuPeak", 97.5, 97.5),
    ],
)
def test_units_are_the_catalogs(metric: str, raw: float, value: float) -> None:
    [row] = [row for row in PLATFORM_METRICS if row.metric == metric]

    assert raw * row.factor == value


def test_each_resource_is_asked_once(source: Platform, arm: Arm) -> None:
    source.read(TARGET, since=SINCE, now=NOW)

    assert sorted(one.kind for one in arm.asked) == sorted([APP, DATABASE, PLAN])
    [plan] = [one for one in arm.asked if one.kind == PLAN]
    assert plan.given == {
        "api-version": "2023-10-01",
        "metricnames": "CpuPercentage,MemoryPercentage,HttpQueueLength,SocketOutboundAll,"
        "BytesReceived,BytesSent",
        "metricnamespace": "Microsoft.Web/serverfarms",
        "timespan": "2026-03-02T09:26:00Z/2026-03-02T09:30:00Z",
        "interval": "PT1M",
        "aggregation": "Average,Total",
        "AutoAdjustTimegrain": "false",
        "ValidateDimensions": "false",
    }


def test_two_aggregations_of_a_metric_are_asked_by_one_name(source: Platform, arm: Arm) -> None:
    source.read(TARGET, since=SINCE, now=NOW)

    [database] = [one for one in arm.asked if one.kind == DATABASE]
    assert database.names.count("dtu_consumption_percent") == 1
    assert database.aggregations == ["Average", "Maximum"]


def test_resources_that_are_not_set_are_left_out(arm: Arm) -> None:
    with opened(arm, ids={PLAN: IDS[PLAN]}) as source:
        source.read(TARGET, since=None, now=NOW)

    assert {one.kind for one in arm.asked} == {PLAN}


def test_a_target_without_the_resource_is_an_error(arm: Arm) -> None:
    with (
        opened(arm, ids={PLAN: ""}) as source,
        pytest.raises(SourceError, match="no plan is set"),
    ):
        source.read(TARGET, since=SINCE, now=NOW)


def test_an_unknown_target_is_an_error(source: Platform) -> None:
    with pytest.raises(SourceError, match="someone-else"):
        source.read("someone-else", since=SINCE, now=NOW)


def test_one_token_serves_many_readings(arm: Arm) -> None:
    credential = Credential()
    with opened(arm, ids={PLAN: IDS[PLAN]}, credential=credential) as source:
        for _ in range(3):
            source.read(TARGET, since=SINCE, now=NOW)

    assert credential.scopes == ["https://management.azure.com/.default"]
    assert {one.authorization for one in arm.asked} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("endpoint", "audience", "scope"),
    [
        ("https://arm.invalid/", None, "https://arm.invalid/.default"),
        ("https://arm.invalid", "https://other.invalid", "https://other.invalid/.default"),
        ("http://localhost:1", None, "https://management.azure.com/.default"),
    ],
)
def test_tokens_are_asked_for_the_endpoints_own_cloud(
    endpoint: str, audience: str | None, scope: str
) -> None:
    credential = Credential()
    [source] = open_azure_monitor(
        {PLAN: {TARGET: IDS[PLAN]}},
        endpoint=endpoint,
        audience=audience,
        credential=credential,
        patience=QUICK,
    )
    with pytest.raises(SourceError):
        source.read(TARGET, since=SINCE, now=NOW)
    source.close()

    # A connection is tried twice; a token once.
    assert set(credential.scopes) == {scope}


def test_no_token_leaves_over_plain_http() -> None:
    credential = Credential()
    [source] = open_azure_monitor(
        {PLAN: {TARGET: IDS[PLAN]}},
        endpoint="http://management.invalid",
        credential=credential,
    )
    with pytest.raises(SourceError, match="non-https"):
        source.read(TARGET, since=SINCE, now=NOW)
    source.close()

    assert credential.scopes == []


def test_the_tail_is_read_beyond_what_is_covered(source: Platform, arm: Arm) -> None:
    minutes = [SINCE + i * MINUTE for i in range(-1, 6)]
    arm.points["CpuPercentage"] = [point(minute, 1.0 + i) for i, minute in enumerate(minutes)]

    reading = source.read(TARGET, since=SINCE, now=NOW)

    assert reading.asked_at == NOW
    assert reading.covered_until == SETTLED
    # Neither what came before, nor the running minute.
    assert list(by_metric(reading)["cpuUtilization"]) == minutes[1:5]


def test_a_point_without_a_value_is_a_gap_and_zero_is_a_value(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = [
        point(SINCE, 0.0),
        {"timeStamp": iso(SINCE + MINUTE)},
        point(SINCE + 2 * MINUTE, None),
        point(SINCE + 3 * MINUTE, 5, "total"),
    ]

    assert read(source)["cpuUtilization"] == {SINCE: 0.0}


def test_a_metric_without_any_series_is_a_gap(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = []
    body = json.loads(arm.answer(Asked(IDS[PLAN], plan_parameters(), None)).body)
    body["value"][0]["timeseries"] = []
    arm.wrong[PLAN] = Answer(body=json.dumps(body).encode())

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert "memoryUsage" in samples


def test_times_of_other_zones_are_understood(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = [{"timeStamp": "2026-03-02T10:26:00+01:00", "average": 3}]

    assert read(source)["cpuUtilization"] == {SINCE: 3.0}


def test_the_first_reading_is_of_a_day(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=None, now=NOW)

    assert reading.covered_until == SETTLED
    assert {one.span[0] for one in arm.asked if one.kind != APP} == {SETTLED - 24 * HOUR}


def test_a_gap_of_three_days_is_read_day_by_day(source: Platform, arm: Arm) -> None:
    since = begin = SETTLED - timedelta(days=3)
    covered = []
    for i in range(4):
        since = source.read(TARGET, since=since, now=NOW + i * MINUTE).covered_until
        covered.append(since)

    days = [begin + timedelta(days=i) for i in (1, 2, 3)]
    assert covered == [*days, SETTLED + 3 * MINUTE]
    spans = [one.span for one in arm.asked if one.kind == PLAN]
    assert spans[0] == (begin, days[0])
    assert all(end - start <= 24 * HOUR for start, end in spans)


def test_nothing_is_asked_that_azure_has_forgotten(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=NOW - timedelta(days=400), now=NOW)

    assert min(one.span[0] for one in arm.asked) >= NOW - timedelta(days=93)
    assert reading.covered_until == SETTLED - timedelta(days=91)


def test_a_watermark_ahead_of_the_clock_asks_for_nothing_odd(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=NOW + HOUR, now=NOW)

    assert reading.samples == ()
    assert reading.covered_until == SETTLED
    assert arm.asked == []


def test_the_disk_is_asked_when_an_hour_is_new(source: Platform, arm: Arm) -> None:
    since: datetime | None = SETTLED - 2 * HOUR
    now = NOW - 2 * HOUR
    while now <= NOW:
        since = source.read(TARGET, since=since, now=now).covered_until
        now += MINUTE

    disk = [one for one in arm.asked if one.given["interval"] == "PT6H"]
    assert [one.kind for one in disk] == [APP, APP]
    # In whole grains, and the one before: its value may have come late.
    assert disk[0].span[0] == datetime(2026, 3, 2, 0, tzinfo=UTC)
