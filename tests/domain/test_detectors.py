"""A detector learns what is usual, is surprised by what is not, and never looks ahead."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

import pytest

from shared.domain.anomalies.detectors import SILENT_FOR, Detector, Judged, step
from shared.domain.anomalies.ranks import FEWEST, LENGTH, History, history_of, numbers, single
from tests.builders import T0

GRAIN = timedelta(minutes=5)
Points = list[tuple[datetime, float]]


def judged(points: Iterable[tuple[datetime, float]]) -> list[Judged]:
    detector: Detector | None = None
    found = []
    for at, value in points:
        detector, one = step(detector, at, value)
        found.append(one)
    return found


def days(count: int, *, every: timedelta = GRAIN, seed: int = 1) -> Points:
    """Rush hours from 8 to 18 on every day, with some noise."""
    random = Random(seed)
    times = [T0 + number * every for number in range(int(count * timedelta(days=1) / every))]
    return [(at, round((60 if 8 <= at.hour < 18 else 20) + random.gauss(0, 2), 3)) for at in times]


def a_week_with_a_storm() -> tuple[Points, int]:
    """Seven days, and where at its end an hour of a much too high value begins."""
    points = days(7)
    storm = len(points) - 60
    for place in range(storm, storm + 12):
        points[place] = (points[place][0], 120.0)
    return points, storm


def test_a_storm_stands_out_at_its_first_points() -> None:
    points, storm = a_week_with_a_storm()
    found = judged(points)
    before = [one.score for one in found[len(found) // 2 : storm]]
    assert max(one.score for one in found[storm : storm + 3]) > max(before)
    assert found[storm].signal > 0.3
    assert sum(one.signal > 0.3 for one in found[storm:]) <= 4, (
        "a record is one, what lasts is none"
    )


def test_what_is_usual_by_day_is_not_usual_by_night() -> None:
    points = days(7)
    night = len(points) - 24 * 12 // 8  # 21:00
    assert points[night][0].hour == 21
    points[night:] = [(at, 60.0) for at, _ in points[night:]]
    usual = judged(days(7))
    found = judged(points)
    assert found[night + 5].score > 1.5 * max(one.score for one in usual[night - 24 : night + 6])
    assert not found[night].low <= 60 <= found[night].high


def test_the_band_holds_what_is_usual() -> None:
    points = days(14)
    found = judged(points)
    held = [one.low <= value <= one.high for (_, value), one in zip(points, found, strict=True)]
    assert sum(held[-2000:]) / 2000 > 0.97
    assert max(one.high - one.low for one in found[-2000:]) < 40


def test_nothing_is_unusual_on_the_first_day() -> None:
    points = days(2)
    points[100] = (points[100][0], 1e6)
    found = judged(points)
    assert all(
        one.score == one.signal == 0
        for (at, _), one in zip(points, found, strict=True)
        if at - T0 < SILENT_FOR
    )


def test_a_score_knows_nothing_of_later_points() -> None:
    points, storm = a_week_with_a_storm()
    assert judged(points[: storm + 1]) == judged(points)[: storm + 1]


def test_a_flat_series_is_never_unusual_until_it_moves() -> None:
    points = [(at, 0.1) for at, _ in days(3)]
    assert max(one.score for one in judged(points)) == 0
    assert judged([*points, (points[-1][0] + GRAIN, 0.2)])[-1].score > 0.4


@pytest.mark.parametrize("every", [timedelta(minutes=1), GRAIN, timedelta(hours=1)])
def test_minutes_quarters_and_hours_are_judged_by_one_configuration(every: timedelta) -> None:
    count = 25 if every == timedelta(hours=1) else 3
    points = days(count, every=every)
    points.append((points[-1][0] + every, 200.0))
    found = judged(points)
    assert found[-1].score == max(one.score for one in found)
    assert found[-1].score > 0.5


def test_gaps_and_doubled_times_are_taken_as_they_come() -> None:
    points = [one for one in days(6) if one[0].day not in (3, 4)]
    doubled = [twin for one in points for twin in (one, one)]
    assert max(one.score for one in judged(points)[-100:]) < 0.6
    assert max(one.score for one in judged(doubled)[-100:]) < 0.6


def test_numbers_of_any_size_are_judged() -> None:
    for huge in (1e300, -1e300, 5e-324):
        points = [(at, huge) for at, _ in days(2)]
        assert all(0 <= one.score < 1 for one in judged([*points, (points[-1][0] + GRAIN, 0.0)]))


def test_a_history_knows_what_is_rare() -> None:
    history = history_of(numbers(range(1, 100)))
    assert history.surprise(50.0) == pytest.approx(0, abs=0.01)
    assert history.surprise(1.0) == history.surprise(99.0) > 1
    assert history.surprise(99.0) < history.surprise(100.0) < history.surprise(1000.0)
    assert history.surprise(0.0) == history.surprise(100.0)


def test_a_history_is_silent_while_it_is_short_and_forgets_the_oldest() -> None:
    assert history_of(numbers([1.0] * (FEWEST - 1))).surprise(9.0) == 0
    history = History()
    for number in range(LENGTH + 5):
        history = history.with_one(float(number % 7))
    assert len(history.newest) == LENGTH
    assert history.newest[0] == 5.0
    assert list(history.ordered) == sorted(history.newest)


def test_numbers_are_kept_in_single_precision() -> None:
    assert single(0.1) != 0.1
    assert single(single(0.1)) == single(0.1)
    assert abs(single(1e300)) < 3.1e38
