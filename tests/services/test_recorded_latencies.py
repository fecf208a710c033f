"""Recorded durations through hours and days: every percentile beside the exact one."""

import csv
import math
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.histograms import histogram_of
from shared.domain.ranges import Grid, floor_step, grid_between
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import DAY, HOUR, MINUTE
from shared.ports import House
from shared.services.collect import store
from shared.services.history import draw
from shared.services.summarize import roll_up_days
from tests.builders import TARGET, a_desk

ROOT = Path(__file__).parents[2]
TRACES = Path(os.environ.get("PANTRY_TRACES", ROOT.parent / "shared" / "traces"))
GREATEST_ERROR = 0.02
QUANTILES = {CATALOG.metric(f"responseTime.p{percent}"): percent / 100 for percent in (50, 95, 99)}
MEAN = CATALOG.metric("responseTime.avg")

Durations = dict[datetime, list[float]]


def recorded(name: str, scale: float) -> Durations:
    """The durations of a recording in milliseconds, by minute."""
    path = TRACES / name
    if not path.exists():
        pytest.skip("the recorded series are not here")
    found: Durations = defaultdict(list)
    for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
        minute = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC, second=0)
        found[minute].append(float(row["value"]) * scale)
    return found


def a_house(durations: Durations) -> House:
    """One request for each duration, rolled up to the day before the last."""
    house = a_desk().house
    end = max(durations) + MINUTE
    reading = Reading(
        source="logs",
        asked_at=end,
        covered_until=end,
        samples=tuple(
            Sample("throughput", minute, float(len(given))) for minute, given in durations.items()
        ),
        histograms=tuple(
            MinuteHistogram(minute, histogram_of(given)) for minute, given in durations.items()
        ),
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=end)
    roll_up_days(TARGET, house=house, now=end - DAY)
    return house


def exact(durations: Sequence[float], q: float) -> float:
    return sorted(durations)[max(math.ceil(q * len(durations)), 1) - 1]


STEPS = (30 * MINUTE, HOUR, 6 * HOUR, DAY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("realKnownCause/ec2_request_latency_system_failure.csv", 100.0),
        ("realTraffic/TravelTime_387.csv", 1.0),
    ],
)
def test_percentiles_are_within_two_percent_and_means_are_exact(name: str, scale: float) -> None:
    durations = recorded(name, scale)
    house, end = a_house(durations), max(durations) + MINUTE
    for step in STEPS:
        first = max(min(durations), end - 13 * DAY) if step < HOUR else min(durations)
        check(durations, grid_between(first, end, end, step), house, end)


def check(durations: Durations, grid: Grid, house: House, end: datetime) -> None:
    """Every step's figures beside those of its durations."""
    past = draw(TARGET, [*QUANTILES, MEAN], grid, house=house, now=end)
    steps: Durations = defaultdict(list)
    for minute, its in durations.items():
        steps[floor_step(minute, grid.step)] += its

    assert sum(start in steps for start in grid.starts) > 10
    for number, start in enumerate(grid.starts):
        told = {one: past.curves[one.name].values[number] for one in (*QUANTILES, MEAN)}
        here = steps.get(start, [])
        assert all((value is None) is (not here) for value in told.values())
        if here:
            assert told[MEAN] == pytest.approx(sum(here) / len(here))
            for metric, q in QUANTILES.items():
                assert told[metric] == pytest.approx(exact(here, q), rel=GREATEST_ERROR)
