"""What one look finds: sentences about the present, and where the past is not final."""

from dataclasses import replace
from datetime import datetime

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.ranges import RANGES, Grid, grid_between, grid_of
from shared.domain.samples import Reading, Sample
from shared.domain.times import HOUR, Span
from shared.ports import House
from shared.services.collect import store
from shared.services.summarize import change_damaged
from shared.services.survey import survey
from tests.builders import OK, TARGET, a_desk, a_reading, at


def keep(house: House, metric: str, source: str, values: dict[int, float]) -> None:
    reading = Reading(
        source=source,
        asked_at=at(99999),
        covered_until=at(99999),
        samples=tuple(Sample(metric, at(minute), value) for minute, value in values.items()),
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=at(99999))


@pytest.fixture
def house() -> House:
    return a_desk().house


@pytest.mark.parametrize("measured", [True, False])
def test_a_source_that_was_taken_away_is_not_missed(*, measured: bool) -> None:
    desk = a_desk([OK] * 5)
    desk.ticks(0, 6)
    house = replace(desk.house, measured={TARGET: frozenset({"dmv"} if measured else ())})

    found = survey(TARGET, grid=grid_of(HOUR, at(60)), metrics=[], house=house, now=at(60))

    assert found.insights == (("Nothing new from dmv for 55 min.",) if measured else ())


def test_insights_look_at_the_last_hour_whatever_the_range(house: House) -> None:
    keep(house, "dtuUtilization", "dmv", {**dict.fromkeys(range(600), 20.0), 598: 99, 599: 99})

    for length in RANGES.values():
        grid = grid_of(length, at(600))
        found = survey(TARGET, grid=grid, metrics=[], house=house, now=at(600))
        assert found.insights[0].startswith("DTU 99 % for 2 min;")
        assert found.past == {}


def test_a_range_of_long_ago_leaves_the_insights_to_the_last_hour(house: House) -> None:
    keep(house, "dtuUtilization", "dmv", {**dict.fromkeys(range(600), 20.0), 598: 99, 599: 99})

    grid = grid_between(at(0), at(60), at(600))
    found = survey(TARGET, grid=grid, metrics=[], house=house, now=at(600))

    assert found.insights[0].startswith("DTU 99 % for 2 min;")


def provisional(house: House, metric: str, grid: Grid, now: float) -> datetime | None:
    metrics = [CATALOG.metric(metric)]
    return survey(TARGET, grid=grid, metrics=metrics, house=house, now=at(now)).provisional_from


def test_the_tail_begins_with_the_first_step_that_is_not_covered(house: House) -> None:
    reading = a_reading(
        dict.fromkeys(range(12), 5.0), covered=9, metric="memoryUsage", source="plan"
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=at(12))

    assert provisional(house, "memoryUsage", grid_of(HOUR, at(12)), 12) == at(9)
    assert provisional(house, "memoryUsage", grid_of(12 * HOUR, at(12)), 12) == at(5)
    assert provisional(house, "memoryUsage", grid_between(at(0), at(9), at(12)), 12) is None
    assert provisional(house, "dtuUtilization", grid_of(HOUR, at(12)), 12) is None


def test_what_a_source_that_fell_silent_has_covered_is_final(house: House) -> None:
    keep(house, "memoryUsage", "plan", {3: 5.0})

    assert provisional(house, "memoryUsage", grid_of(HOUR, at(12)), 12) is None


def test_hours_that_wait_to_be_read_again_are_told(house: House) -> None:
    keep(house, "memoryUsage", "plan", {3: 5.0})
    change_damaged(TARGET, lambda known: {*known, at(0), at(60), at(300)}, house)

    grid = grid_between(at(60), at(240), at(400))
    found = survey(TARGET, grid=grid, metrics=[], house=house, now=at(400))

    assert found.damaged == (Span(at(60), at(120)),)
