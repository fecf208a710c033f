"""The grid of a range, and the values on it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.samples import Reading, Sample
from shared.domain.times import HOUR, MINUTE
from shared.ports import House
from shared.services.collect import store
from shared.services.query import STEP
from shared.services.survey import RANGES, grid_of, on_grid, survey
from tests.builders import OK, TARGET, a_desk, at


def keep(house: House, metric: str, source: str, values: dict[int, float]) -> None:
    reading = Reading(
        source=source,
        asked_at=at(99999),
        covered_until=at(99999),
        samples=tuple(Sample(metric, at(minute), value) for minute, value in values.items()),
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=at(99999))


def shown(house: House, metric: str, length: timedelta, minute: float) -> dict[int, float]:
    """The values on the grid by the minute of their steps."""
    grid = grid_of(length, at(minute))
    found = on_grid(TARGET, [CATALOG.metric(metric)], grid, house=house, now=at(minute))
    return {
        (start - at(0)) // MINUTE: value
        for start, value in zip(grid.starts, found[metric], strict=True)
        if value is not None
    }


@pytest.fixture
def house() -> House:
    return a_desk().house


@pytest.mark.parametrize("label", RANGES)
@pytest.mark.parametrize("minute", [0, 0.9, 1, 5, 59, 60, 1439.5, 1440, 1441])
def test_a_grid_ends_with_the_last_full_minute_on_whole_steps(label: str, minute: float) -> None:
    grid = grid_of(RANGES[label], at(minute))
    midnight = at(0)

    assert len(grid.starts) * grid.step == RANGES[label]
    assert (grid.starts[0] - midnight) % grid.step == timedelta(0)
    assert grid.starts[-1] <= at(int(minute)) - MINUTE < grid.end


def test_a_minute_drawn_is_a_minute_that_is_over(house: House) -> None:
    keep(house, "dtuUtilization", "dmv", {8: 1, 9: 2, 10: 3})

    assert shown(house, "dtuUtilization", HOUR, 10.9) == {8: 1, 9: 2}


def test_a_sample_holds_as_long_as_its_metric_says(house: House) -> None:
    keep(house, "activeUsers", "users", {0: 7, 10: 8})

    assert shown(house, "activeUsers", HOUR, 12) == {**dict.fromkeys(range(5), 7), 10: 8, 11: 8}


def test_a_sample_from_before_the_range_holds_into_it(house: House) -> None:
    keep(house, "appDiskUsage", "app", {30: 4})

    assert shown(house, "appDiskUsage", HOUR, 400) == dict.fromkeys(range(340, 390), 4)
    assert len(shown(house, "appDiskUsage", timedelta(hours=12), 720)) == 72
    assert len(shown(house, "appDiskUsage", timedelta(days=7), 1440)) == 6


@pytest.mark.parametrize("measured", [True, False])
def test_a_source_that_was_taken_away_is_not_missed(*, measured: bool) -> None:
    desk = a_desk([OK] * 5)
    desk.ticks(0, 6)
    house = replace(desk.house, measured={TARGET: frozenset({"dmv"} if measured else ())})

    found = survey(TARGET, length=HOUR, metrics=[], house=house, now=at(60))

    assert found.insights == (("Nothing new from dmv for 55 min.",) if measured else ())


def test_steps_take_their_minutes_together(house: House) -> None:
    keep(house, "dtuUtilization", "dmv", {0: 10, 4: 30, 5: 7, 6: 9})

    assert shown(house, "dtuUtilization", timedelta(hours=12), 7) == {0: 20, 5: 8}
    assert shown(house, "dtuUtilization", timedelta(hours=12), 6) == {0: 20, 5: 7}
    assert shown(house, "dtuUtilization", timedelta(days=7), 60) == {0: 14}
    assert grid_of(timedelta(hours=12), at(7)).step == STEP


def test_insights_look_at_the_last_hour_whatever_the_range(house: House) -> None:
    keep(house, "dtuUtilization", "dmv", {**dict.fromkeys(range(600), 20.0), 598: 99, 599: 99})

    for length in RANGES.values():
        found = survey(TARGET, length=length, metrics=[], house=house, now=at(600))
        assert found.insights[0].startswith("DTU 99 % for 2 min;")
        assert found.past == {}
