"""Calm stays calm: no shipped rule and no card's band is touched in a week."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from local.world.truth import METRICS, truth
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.metrics import Better
from shared.domain.times import MINUTE
from tests.local.world.playing import NIGHT, T0, a_world

WEEK = 7 * 24 * 60
EVERY = 7
"""Every seventh minute is looked at: as 7 divides no hour, all minutes of it get their turn."""
ROOM = 0.9
"""A calm value is at most this share of every warning."""

UPWARDS = ("greater_than", "greater_or_equal")


def _some_minutes(seed: int) -> Iterator[datetime]:
    for i in range(seed % EVERY, WEEK, EVERY):
        yield T0 - timedelta(days=7) + i * MINUTE


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4711])
def test_seven_calm_days_stay_clear_of_every_band_and_rule(seed: int) -> None:
    world = a_world(seed=seed)
    warnings = _lowest_warnings()
    for minute in _some_minutes(seed):
        for metric, warning in warnings.items():
            value = truth(world, metric, minute)
            assert value is None or value <= ROOM * warning, (metric, minute)
        assert truth(world, "errorRate", minute) == 0
        assert truth(world, "availability", minute) == 100


def _lowest_warnings() -> dict[str, float]:
    bands = {name: CATALOG.metric(name) for name in sorted(METRICS)}
    warnings = {
        name: metric.warning
        for name, metric in bands.items()
        if metric.warning is not None and metric.better is Better.LOW
    }
    for rule in default_rules():
        for one in rule.members:
            if one.threshold is not None and one.condition in UPWARDS:
                warnings[one.metric] = min(warnings.get(one.metric, one.threshold), one.threshold)
    return warnings


def test_the_bands_that_matter_are_looked_at() -> None:
    assert {
        *("dtuUtilization", "memoryUsage", "responseTime.avg", "storagePercent"),
        *("cpuUtilization", "errorRate", "workersPercent", "sessionsPercent"),
    } <= _lowest_warnings().keys()


def test_rush_hours_are_busier_than_the_night_and_the_weekend() -> None:
    assert _mean_requests(T0) > 45
    assert _mean_requests(NIGHT) < 5
    assert _mean_requests(T0 - timedelta(days=1)) < 0.5 * _mean_requests(T0)


def _mean_requests(start: datetime) -> float:
    world = a_world(start=start)
    return sum(world.minute(start + i * MINUTE).site.requests for i in range(30)) / 30


def test_raw_events_give_every_metric_but_the_monitors_own_and_what_nobody_records() -> None:
    every = {metric.name for metric in CATALOG.metrics}
    assert every - METRICS == {
        *("monitor.cpuMs", "monitor.logicalReads", "appDiskUsage"),
        *("revenueToday", "revenueMonthToDate"),
        *("pipelineValue", "pipelineDeals", "pipelineConversion"),
    }, "what is of a day or a month is no minute's"
    assert every >= METRICS
