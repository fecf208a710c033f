"""The past on a grid: by minute, step and hour; spikes, gaps, holds, quantiles and means."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from local.desks import Storage, memory_storage
from shared.adapters.rows import ReplaceRow
from shared.catalog.metrics import CATALOG
from shared.domain.curves import Curve
from shared.domain.histograms import histogram_of, merge, quantile
from shared.domain.ranges import Grid, grid_between, grid_of
from shared.domain.retention import KEPT
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import DAY, HOUR, MINUTE, Span
from shared.ports import House
from shared.services.collect import store
from shared.services.history import draw
from shared.services.summarize import roll_up_days
from tests.builders import TARGET, a_desk, at

AVG, P95, DTU = "responseTime.avg", "responseTime.p95", "dtuUtilization"
LATER = 99999


@pytest.fixture
def house() -> House:
    return a_desk().house


def keep(house: House, metric: str, source: str, values: dict[int, float]) -> None:
    samples = tuple(Sample(metric, at(minute), value) for minute, value in values.items())
    _store(house, source, samples)


def keep_requests(house: House, durations: dict[int, Sequence[float]]) -> None:
    """Requests by minute, counted and measured."""
    _store(
        house,
        "logs",
        tuple(Sample("throughput", at(m), float(len(given))) for m, given in durations.items()),
        tuple(MinuteHistogram(at(m), histogram_of(given)) for m, given in durations.items()),
    )


def _store(
    house: House,
    source: str,
    samples: tuple[Sample, ...],
    histograms: tuple[MinuteHistogram, ...] = (),
) -> None:
    reading = Reading(
        source=source,
        asked_at=at(LATER),
        covered_until=at(LATER),
        samples=samples,
        histograms=histograms,
    )
    store([reading], TARGET, catalog=CATALOG, samples=house.samples, now=at(LATER))


def drawn(house: House, metric: str, grid: Grid, now: float = LATER) -> Curve:
    past = draw(TARGET, [CATALOG.metric(metric)], grid, house=house, now=at(now))
    return past.curves[metric]


def between(first: float, end: float, step: timedelta | None = None) -> Grid:
    return grid_between(at(first), at(end), at(LATER), step)


def shown(house: House, metric: str, grid: Grid, now: float = LATER) -> dict[int, float]:
    """The values that are there, by the minute in which their steps begin."""
    values = drawn(house, metric, grid, now).values
    return {
        (start - at(0)) // MINUTE: value
        for start, value in zip(grid.starts, values, strict=True)
        if value is not None
    }


def test_an_hour_is_shown_by_the_minute_and_gaps_stay_gaps(house: House) -> None:
    keep(house, DTU, "dmv", {0: 1, 1: 2, 59: 4, 60: 5})

    assert shown(house, DTU, between(0, 60)) == {0: 1, 1: 2, 59: 4}


def test_a_range_begins_with_its_start_and_ends_before_its_end(house: House) -> None:
    keep(house, DTU, "dmv", {n: float(n) for n in range(180)})

    assert shown(house, DTU, between(55, 65)) == {n: float(n) for n in range(55, 65)}


def test_a_minute_drawn_is_a_minute_that_is_over(house: House) -> None:
    keep(house, DTU, "dmv", {8: 1, 9: 2, 10: 3})

    assert shown(house, DTU, grid_of(HOUR, at(10.9)), 10.9) == {8: 1, 9: 2}


def test_a_day_is_shown_in_steps_of_five_minutes_that_keep_the_spikes(house: House) -> None:
    keep(house, DTU, "dmv", {0: 10, 1: 20, 4: 90, 7: 5, 1439: 1})

    grid = between(0, 1440)
    found = drawn(house, DTU, grid)

    assert shown(house, DTU, grid) == {0: 40, 5: 5, 1435: 1}
    assert (found.lows[0], found.highs[0]) == (10, 90)


def test_a_step_takes_nothing_from_beyond_the_last_full_minute(house: House) -> None:
    keep(house, DTU, "dmv", {0: 10, 500: 30, 502: 40, 503: 99})

    assert shown(house, DTU, grid_between(at(0), at(503.5), at(503.5)), 503.5)[500] == 35


@pytest.mark.parametrize("days", [7, 14])
def test_a_week_and_two_are_shown_by_the_hour(house: House, days: int) -> None:
    keep(house, DTU, "dmv", {0: 10, 59: 30, 60: 7, 60 * 24 * 6: 1})

    grid = between(0, 60 * 24 * days)
    found = drawn(house, DTU, grid)

    assert shown(house, DTU, grid) == {0: 20, 60: 7, 60 * 24 * 6: 1}
    assert (found.lows[0], found.highs[0]) == (10, 30)


def test_a_step_of_ones_own_takes_whole_minutes_or_hours(house: House) -> None:
    keep(house, DTU, "dmv", {0: 10, 14: 30, 15: 7, 130: 5})

    assert shown(house, DTU, between(0, 180, 15 * MINUTE)) == {0: 20, 15: 7, 120: 5}
    assert shown(house, DTU, between(0, 180, 2 * HOUR)) == {0: 47 / 3, 120: 5}
    assert shown(house, DTU, between(0, 180, DAY)) == {0: 13}


@pytest.mark.parametrize("days", [1, 7])
def test_quantiles_of_a_step_come_from_merged_histograms(house: House, days: int) -> None:
    """The mean of the two minutes' p95 would be about 500."""
    fast, slow = [10.0] * 1000, [1000.0] * 10
    keep_requests(house, {0: fast, 1: slow})

    values = shown(house, P95, between(0, 1440 * days))

    assert values == {0: quantile(merge([histogram_of(fast), histogram_of(slow)]), 0.95)}


@pytest.mark.parametrize("days", [1, 7])
def test_the_mean_of_a_step_is_that_of_its_requests(house: House, days: int) -> None:
    """The mean of the two minutes' means would be 505."""
    keep_requests(house, {0: [10.0] * 990, 1: [1000.0] * 10})

    assert shown(house, AVG, between(0, 1440 * days)) == {0: pytest.approx(19.9)}


def test_a_mean_of_unknown_weight_counts_once(house: House) -> None:
    keep(house, AVG, "logs", {0: 100, 1: 300})

    assert shown(house, AVG, between(0, 1440)) == {0: 200}
    assert shown(house, AVG, between(0, 1440 * 7)) == {0: 200}


def test_a_quantile_that_came_without_a_histogram_keeps_its_mean(house: House) -> None:
    keep(house, P95, "logs", {0: 100, 1: 300})

    assert shown(house, P95, between(0, 1440)) == {0: 200}


def test_a_sample_holds_as_long_as_its_metric_says(house: House) -> None:
    keep(house, "activeUsers", "users", {0: 7, 10: 8})

    held = {**dict.fromkeys(range(5), 7), 10: 8, 11: 8}
    assert shown(house, "activeUsers", grid_of(HOUR, at(12)), 12) == held


def test_a_sample_from_before_the_range_holds_into_it(house: House) -> None:
    keep(house, "appDiskUsage", "app", {30: 4})

    hour, half, week = (grid_of(one, at(400)) for one in (HOUR, 12 * HOUR, 7 * DAY))
    assert shown(house, "appDiskUsage", hour, 400) == dict.fromkeys(range(340, 390), 4)
    assert len(shown(house, "appDiskUsage", half, 400)) == 72
    assert len(shown(house, "appDiskUsage", week, 400)) == 6


def test_steps_take_their_minutes_together(house: House) -> None:
    keep(house, DTU, "dmv", {0: 10, 4: 30, 5: 7, 6: 9})

    def steps(length: timedelta, now: float) -> dict[int, float]:
        return shown(house, DTU, grid_of(length, at(now)), now)

    assert steps(12 * HOUR, 7) == {0: 20, 5: 8}
    assert steps(12 * HOUR, 6) == {0: 20, 5: 7}
    assert steps(7 * DAY, 60) == {0: 14}


def test_several_metrics_are_read_at_once_and_one_never_seen_is_empty(house: House) -> None:
    keep(house, DTU, "dmv", {0: 10})
    metrics = [CATALOG.metric(name) for name in (P95, DTU)]

    past = draw(TARGET, metrics, between(0, 60), house=house, now=at(LATER))

    assert list(past.curves) == [P95, DTU]
    assert set(past.curves[P95].values) == {None}
    assert past.curves[DTU].values[0] == 10


@pytest.fixture
def rolled(house: House) -> House:
    """Forty days, each with its number in its first and second hour, rolled up to the last two."""
    for n in range(40):
        keep(house, DTU, "dmv", {n * 1440: float(n), n * 1440 + 60: n + 1.0})
    keep_requests(house, {0: [10.0] * 900, 61: [1000.0] * 100})
    roll_up_days(TARGET, house=house, now=at(38 * 1440))
    return house


def without_hours(house: House, until: int) -> House:
    """The minutes before that day are gone."""
    for day in range(until):
        hours = house.samples.versions(TARGET, at(day * 1440), at(day * 1440 + 1439))
        house.samples.drop_hours(TARGET, hours)
    return house


def test_a_month_is_shown_by_the_hour_from_days_and_from_hours(rolled: House) -> None:
    grid = between(0, 40 * 1440)
    whole = shown(rolled, DTU, grid)

    assert grid.step == HOUR
    assert whole == {n * 1440: n for n in range(40)} | {n * 1440 + 60: n + 1 for n in range(40)}
    assert shown(without_hours(rolled, 38), DTU, grid) == whole


def test_steps_of_several_hours_keep_the_spikes_and_the_gaps(rolled: House) -> None:
    curve = drawn(rolled, DTU, between(0, 40 * 1440, 2 * HOUR), 40 * 1440)

    assert [(curve.values[n], curve.lows[n], curve.highs[n]) for n in (0, 1, 12)] == [
        (0.5, 0, 1),
        (None, None, None),
        (1.5, 1, 2),
    ]


def test_a_year_is_shown_by_the_day(rolled: House) -> None:
    now = 40 * 1440.0
    grid = grid_of(365 * DAY, at(now))

    values = shown(without_hours(rolled, 38), DTU, grid, now)

    assert grid.step == DAY
    assert values == {n * 1440: n + 0.5 for n in range(40)}


@pytest.mark.parametrize("step", [HOUR, 2 * HOUR, DAY])
def test_means_and_quantiles_of_days_are_those_of_their_requests(
    rolled: House, step: timedelta
) -> None:
    grid = between(0, 40 * 1440, step)
    before = [shown(rolled, metric, grid) for metric in (AVG, P95)]
    if step > HOUR:
        assert before[0][0] == pytest.approx(109)
        assert before[1][0] == pytest.approx(1000, rel=0.02)

    without_hours(rolled, 38)
    assert [shown(rolled, metric, grid) for metric in (AVG, P95)] == before


def test_a_week_of_long_ago_is_told_by_its_days(rolled: House) -> None:
    without_hours(rolled, 38)
    now = 100 * 1440.0
    grid = grid_between(at(1440), at(8 * 1440), at(now), minutes_kept=KEPT.hours)

    assert grid.step == HOUR
    assert len(shown(rolled, DTU, grid, now)) == 14


@pytest.fixture
def storage() -> Storage:
    return memory_storage()


def spoil(storage: Storage, key: str, **nonsense: str) -> None:
    row = storage.samples.get(TARGET, key)
    assert row is not None
    changed = ReplaceRow(key, {**row.properties, **nonsense}, row.etag)
    storage.samples.transact(TARGET, [changed])


def test_a_damaged_hour_is_left_out_and_told(storage: Storage) -> None:
    house = a_desk(storage=storage).house
    keep(house, DTU, "dmv", {0: 1, 60: 2, 120: 3, 180: 4})
    keep(house, "memoryUsage", "plan", {60: 5})
    for key in ("h:2026010101", "h:2026010102"):
        spoil(storage, key, dtuUtilization="[", summary="{")

    for grid in (between(0, 240), between(0, 7 * 1440), between(0, 1440, DAY)):
        past = draw(TARGET, [CATALOG.metric(DTU)], grid, house=house, now=at(LATER))
        assert past.damaged == (Span(at(60), at(180)),)
        assert 2 not in past.curves[DTU].highs
        assert 4 in past.curves[DTU].highs
    other = draw(TARGET, [CATALOG.metric("memoryUsage")], between(0, 240), house=house, now=at(999))
    assert other.damaged == ()


def test_a_damaged_day_is_told_by_its_hours_or_else_left_out(storage: Storage) -> None:
    house = a_desk(storage=storage).house
    keep(house, DTU, "dmv", {0: 1, 1440: 2})
    keep_requests(house, {0: [100.0]})
    roll_up_days(TARGET, house=house, now=at(2 * 1440))
    spoil(storage, "d:20260101", metrics="[", responseTime_hist="text")
    grid = between(0, 40 * 1440)

    assert shown(house, DTU, grid) == {0: 1, 1440: 2}

    without_hours(house, 1)
    past = draw(TARGET, [CATALOG.metric(DTU)], grid, house=house, now=at(LATER))
    assert past.damaged == (Span(at(0), at(1440)),)
    assert shown(house, DTU, grid) == {1440: 2}
    assert shown(house, DTU, between(0, 40 * 1440, DAY)) == {0: 1, 1440: 2}


def test_what_of_a_damaged_day_can_be_read_is_told(storage: Storage) -> None:
    house = a_desk(storage=storage).house
    keep_requests(house, {0: [100.0]})
    roll_up_days(TARGET, house=house, now=at(1440))
    without_hours(house, 1)
    spoil(storage, "d:20260101", responseTime_hist="text")
    metrics = [CATALOG.metric("throughput"), CATALOG.metric(P95)]

    past = draw(TARGET, metrics, between(0, 40 * 1440), house=house, now=at(LATER))

    assert past.damaged == (Span(at(0), at(1440)),)
    assert past.curves["throughput"].values[0] == 1
