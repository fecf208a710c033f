"""The catalog against the documents: every name, unit, band and source that they write down."""

import re
from collections import Counter
from datetime import timedelta

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.errors import InvalidInput
from shared.domain.metrics import Better, Kind, Metric, Source, Within

METRICS = pytest.mark.parametrize("metric", CATALOG.metrics, ids=lambda one: one.name)
SOURCES = pytest.mark.parametrize("source", CATALOG.sources, ids=lambda one: one.name)

# The brief's SystemMetrics, and the table "catalog beyond the brief". Units are those that the
# documents name; None where they only say "counts" or nothing.
UNITS: dict[str, str | None] = {
    "dtuUtilization": "%",
    "memoryUsage": "MB",
    "cpuUtilization": "%",
    "storageUsage": "GB",
    "connectionCount": None,
    "responseTime.avg": "ms",
    "responseTime.p95": "ms",
    "responseTime.p99": "ms",
    "errorRate": None,
    "throughput": None,
    "activeUsers": None,
    "interactionsLogged": None,
    "reportsGenerated": None,
    "offlineSync.pending": None,
    "offlineSync.failed": None,
    "dtuPeak": "%",
    "dtuCpu": "%",
    "dtuDataIo": "%",
    "dtuLogWrite": "%",
    "workersPercent": "%",
    "sessionsPercent": "%",
    "storagePercent": "%",
    "availability": "%",
    "memoryProcess": "MB",
    "memoryHeap": "MB",
    "appDiskUsage": "GB",
    "responseTime.p50": "ms",
    "probeLatency": "ms",
    "clientErrorRate": None,
    "blockedSessions": None,
    "httpQueueLength": None,
    "outboundSockets": None,
    "bytesIn": None,
    "bytesOut": None,
    "monitor.cpuMs": None,
    "monitor.logicalReads": None,
    "certificateDaysLeft": "days",
}

# (within, kind) as the table "within / kind / every" has them.
MERGED = {
    "dtuUtilization dtuCpu dtuDataIo dtuLogWrite": ("mean", "gauge"),
    "dtuPeak workersPercent sessionsPercent": ("max", "gauge"),
    "memoryUsage memoryProcess memoryHeap": ("max", "gauge"),
    "storageUsage storagePercent connectionCount activeUsers": ("last", "gauge"),
    "offlineSync.pending": ("last", "gauge"),
    "availability": ("min", "ratio"),
    "throughput errorRate clientErrorRate bytesIn bytesOut": ("sum", "count"),
    "interactionsLogged reportsGenerated offlineSync.failed": ("sum", "count"),
    "monitor.cpuMs monitor.logicalReads": ("sum", "count"),
    "probeLatency": ("max", "gauge"),
}

EVERY = {
    "activeUsers": 5,
    "interactionsLogged": 5,
    "reportsGenerated": 5,
    "offlineSync.pending": 5,
    "offlineSync.failed": 5,
    "appDiskUsage": 360,
}

BANDS = {
    "dtuUtilization": (80, 95),
    "memoryUsage": (1400, 1600),
    "responseTime.avg": (2000, 5000),
    "cpuUtilization": (80, 95),
    "storagePercent": (85, 95),
    "availability": (99, 95),
    "errorRate": (1, 5),
    "workersPercent": (70, 90),
    "sessionsPercent": (70, 90),
}

SETTLE = {
    **dict.fromkeys(("probe", "sessions", "size", "blocking", "self"), 0),
    **dict.fromkeys(("users", "interactions", "reports", "syncs"), 0),
    "dmv": 1,
    **dict.fromkeys(("plan", "app", "database"), 3),
    "logs": 5,
}

A_SENTENCE = re.compile(r"[A-Z0-9][^\n]*[^.\n]\.")


def is_one_sentence(text: str) -> bool:
    return bool(A_SENTENCE.fullmatch(text)) and not re.search(r"[a-z]{2}\. [A-Z]", text)


def test_the_catalog_has_every_metric_of_the_documents() -> None:
    assert UNITS.keys() <= {metric.name for metric in CATALOG.metrics}


def test_no_two_metrics_share_a_name_a_column_or_a_label() -> None:
    for field in ("name", "column", "label"):
        counted = Counter(getattr(metric, field) for metric in CATALOG.metrics)
        assert counted.most_common(1)[0][1] == 1, field


@pytest.mark.parametrize(("name", "unit"), UNITS.items())
def test_a_metric_has_the_unit_of_the_documents(name: str, unit: str | None) -> None:
    metric = CATALOG.metric(name)

    assert metric.unit == unit if unit else metric.unit not in ("", "%", "MB", "GB", "days")


@pytest.mark.parametrize(
    ("name", "merged"),
    [(name, merged) for names, merged in MERGED.items() for name in names.split()],
)
def test_samples_of_a_minute_merge_as_the_table_says(name: str, merged: tuple[str, str]) -> None:
    metric = CATALOG.metric(name)

    assert (metric.within, metric.kind) == merged


@pytest.mark.parametrize("name", UNITS)
def test_a_sample_holds_as_long_as_the_table_says(name: str) -> None:
    assert CATALOG.metric(name).every == EVERY.get(name, 1)


@pytest.mark.parametrize("name", UNITS)
def test_the_bands_are_those_of_the_cards_and_the_rest_has_none(name: str) -> None:
    metric = CATALOG.metric(name)

    assert (metric.warning, metric.critical) == BANDS.get(name, (None, None))


@pytest.mark.parametrize("name", ["responseTime.avg", "responseTime.p50", "responseTime.p95"])
def test_response_times_are_a_distribution_of_throughput(name: str) -> None:
    metric = CATALOG.metric(name)

    assert metric.kind is Kind.DISTRIBUTION
    assert metric.of == "throughput"


@pytest.mark.parametrize(
    ("name", "statistic"),
    [("avg", "mean"), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99)],
)
def test_a_response_time_is_the_statistic_of_its_name(name: str, statistic: float | str) -> None:
    assert CATALOG.metric(f"responseTime.{name}").statistic == statistic


def test_the_limits_are_those_of_the_tier() -> None:
    limits = {metric.name: metric.limit for metric in CATALOG.metrics}

    assert (limits["memoryUsage"], limits["storageUsage"], limits["appDiskUsage"]) == (1750, 2, 10)


def test_low_availability_is_bad() -> None:
    assert CATALOG.metric("availability").better is Better.HIGH


@METRICS
def test_a_column_is_the_name_and_an_identifier(metric: Metric) -> None:
    assert metric.column == metric.name.replace(".", "_")
    assert metric.column.isidentifier()
    assert metric.column.isascii()


@METRICS
def test_a_description_is_one_sentence(metric: Metric) -> None:
    assert is_one_sentence(metric.description)


@METRICS
def test_a_metric_says_all_that_a_card_needs(metric: Metric) -> None:
    assert metric.label
    assert metric.unit
    assert metric.group
    assert metric.every >= 1


@METRICS
def test_the_sources_of_a_metric_exist_and_differ(metric: Metric) -> None:
    names = {source.name for source in CATALOG.sources}

    assert metric.sources
    assert set(metric.sources) <= names
    assert len(set(metric.sources)) == len(metric.sources)


@METRICS
def test_a_distribution_is_of_a_count_from_the_same_source(metric: Metric) -> None:
    assert (metric.of is not None) is (metric.kind is Kind.DISTRIBUTION)
    assert (metric.statistic is not None) is (metric.kind is Kind.DISTRIBUTION)
    if metric.of is not None:
        of = CATALOG.metric(metric.of)
        assert of.kind is Kind.COUNT
        assert of.sources == metric.sources
        assert of.every == metric.every == 1


@METRICS
def test_counts_are_summed_and_nothing_else_is(metric: Metric) -> None:
    assert (metric.within is Within.SUM) is (metric.kind is Kind.COUNT)


@METRICS
def test_the_probe_takes_the_worse_of_two_samples(metric: Metric) -> None:
    if "probe" in metric.sources:
        assert metric.within in (Within.MAX, Within.MIN)


@METRICS
def test_bands_lie_on_the_bad_side_in_order_and_within_the_limit(metric: Metric) -> None:
    assert (metric.warning is None) is (metric.critical is None)
    if metric.warning is not None and metric.critical is not None:
        rises = metric.critical > metric.warning
        assert rises is (metric.better is not Better.HIGH)
        assert metric.limit is None or max(metric.warning, metric.critical) <= metric.limit


@pytest.mark.parametrize(("name", "minutes"), SETTLE.items())
def test_a_source_settles_as_the_table_says(name: str, minutes: int) -> None:
    assert CATALOG.source(name).settle == timedelta(minutes=minutes)


@SOURCES
def test_a_source_is_described_in_one_sentence_and_measures_something(source: Source) -> None:
    assert is_one_sentence(source.description)
    by_name_alone = {"kinds"}
    measures = any(source.name in metric.sources for metric in CATALOG.metrics)
    assert measures != (source.name in by_name_alone)


def test_while_the_dmv_is_silent_the_platform_measures_dtu() -> None:
    assert CATALOG.metric("dtuUtilization").sources == ("dmv", "database")


def test_an_unknown_metric_is_answered_kindly() -> None:
    with pytest.raises(InvalidInput, match=r"no metric 'memory'; did you mean memory\w+"):
        CATALOG.metric("memory")
