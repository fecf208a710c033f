"""Seasonal trends: by hand, and blind to what comes back every period."""

from math import sqrt

import pytest

from shared.domain.trends.seasons import seasonal


def test_only_points_a_whole_period_apart_are_compared() -> None:
    weeks = [(day, 10.0 * (day % 7)) for day in range(28)]

    found = seasonal(weeks, 7)

    assert found is not None
    assert (found.slope, found.score) == (0.0, 0.0)
    assert found.confidence == pytest.approx(0)


def test_a_growth_under_a_wave_is_found_with_its_size() -> None:
    weeks = [(day, 10.0 * (day % 7) + 0.5 * day) for day in range(28)]

    found = seasonal(weeks, 7)

    assert found is not None
    assert found.slope == found.low == found.high == pytest.approx(0.5)
    # Seven seasons of four rising points: S = 7 x 6, V = 7 x 4 x 3 x 13 / 18.
    assert found.score == pytest.approx((42 - 1) / sqrt(7 * 4 * 3 * 13 / 18))
    assert found.confidence > 0.9999


def test_equal_values_make_it_less_sure() -> None:
    # S = 5 of 6 pairs; V = (4 x 3 x 13 - 2 x 1 x 9) / 18.
    found = seasonal([(0, 1.0), (7, 1.0), (14, 2.0), (21, 3.0)], 7)

    assert found is not None
    assert found.score == pytest.approx((5 - 1) / sqrt((4 * 3 * 13 - 2 * 1 * 9) / 18))


def test_the_interval_holds_the_slope_and_is_wider_for_who_wants_to_be_surer() -> None:
    bumps = [0, 3, -2, 4, 1, -3, 2, 0]
    points = [(7.0 * n, 2.0 * n + bump) for n, bump in enumerate(bumps)]

    usual, surer = seasonal(points, 7), seasonal(points, 7, confidence=0.99)

    assert usual is not None
    assert surer is not None
    assert surer.low <= usual.low < usual.slope < usual.high <= surer.high


def test_without_two_points_of_a_season_nothing_is_said() -> None:
    assert seasonal([], 7) is None
    assert seasonal([(day, 1.0) for day in range(7)], 7) is None
