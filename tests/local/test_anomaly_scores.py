"""The benchmark's rules on series small enough to be counted by hand.

With y the place in a window of n points, from -1 at its first to -1/n at its last, a detection
earns (2 / (1 + e^5y) - 1) / (2 / (1 + e^-5) - 1).
"""

import math
from datetime import timedelta

import pytest

from local.anomaly_scores import (
    Profile,
    Scored,
    best,
    held_out,
    probation_of,
    score_at,
    sigmoid,
    spans,
)
from tests.builders import T0

QUIET = [0.0] * 100
WINDOW = (40, 49)


def scored(*hits: int, windows: tuple[tuple[int, int], ...] = (WINDOW,), name: str = "a") -> Scored:
    return Scored(name, [0.9 if place in hits else 0.0 for place in range(100)], list(windows))


def at_half(*series: Scored, profile: Profile | None = None) -> float:
    return score_at(0.5, series, profile or Profile()).score


def test_no_detection_is_0_and_each_windows_first_point_is_100() -> None:
    assert at_half(scored()) == 0
    assert at_half(scored(40)) == pytest.approx(100)
    two = ((40, 49), (80, 89))
    assert at_half(scored(40, windows=two)) == pytest.approx(50)
    assert at_half(scored(40, 80, windows=two)) == pytest.approx(100)


def test_a_window_is_worth_less_the_later_it_is_found_and_only_once() -> None:
    earned = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert at_half(scored(45)) == pytest.approx(100 * (earned + 1) / 2)
    assert at_half(scored(45, 46, 47, 49)) == at_half(scored(45))


def test_a_false_alarm_costs_in_full_before_the_first_window_and_little_close_behind_one() -> None:
    assert at_half(scored(20, 40)) == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    behind = 0.11 * (2 / (1 + math.exp(5 * 3 / 9)) - 1)  # 3 points behind, of a width of 9 steps
    assert at_half(scored(40, 52)) == pytest.approx(100 * (1 + behind + 1) / 2)
    assert at_half(scored(40, 90)) == pytest.approx(100 * (1 - 0.11 + 1) / 2)


def test_profiles_weigh_false_alarms_and_missed_windows_otherwise() -> None:
    assert at_half(scored(20, 40), profile=Profile(false=0.22)) == pytest.approx(89)
    two = ((40, 49), (80, 89))
    low_fn = Profile(missed=2.0)
    assert at_half(scored(40, windows=two), profile=low_fn) == pytest.approx(100 * (-1 + 4) / 6)


def test_probation_counts_for_nothing() -> None:
    assert [probation_of(n) for n in (100, 4032, 5000, 18050)] == [15, 604, 750, 750]
    assert at_half(scored(3, 14, 40)) == at_half(scored(40))
    assert at_half(scored(15, 40)) < at_half(scored(40))


def test_one_threshold_serves_all_series() -> None:
    loud = Scored("loud", [0.6 if place % 2 else 0.0 for place in range(100)], [])
    faint = Scored("faint", [0.5 if place == 40 else 0.0 for place in range(100)], [WINDOW])
    assert best([faint]).threshold == 0.5
    together = best([loud, faint])
    assert together.threshold > 0.6
    assert together.score == 0


def test_the_threshold_is_the_best_of_all_that_make_a_difference() -> None:
    series = Scored(
        "a", [{20: 0.3, 40: 0.7, 60: 0.2}.get(place, 0.0) for place in range(100)], [WINDOW]
    )
    found = best([series])
    assert found.score == pytest.approx(100)
    assert found.threshold == 0.7


def test_windows_of_two_series_are_two_windows() -> None:
    assert at_half(scored(40), scored(name="b")) == pytest.approx(50)


def test_a_window_that_nobody_can_find_any_more_counts_as_missed() -> None:
    early = scored(40, windows=((2, 8), WINDOW))
    assert at_half(early) == pytest.approx(50)


def test_windows_of_time_become_places() -> None:
    times = [T0 + number * timedelta(minutes=5) for number in range(10)]
    windows = [(times[6], times[8]), (times[1], times[3]), (times[9] + timedelta(1), times[9])]
    assert spans(times, windows) == [(1, 3), (6, 8)]


def test_the_sigmoid_is_the_benchmarks() -> None:
    assert sigmoid(0) == 0
    assert sigmoid(-1) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid(3.01) == -1


def test_a_series_that_is_held_out_has_no_say_in_its_threshold() -> None:
    """Each finds its window at its own threshold; at the other's it misses, or cries wolf."""
    loud = Scored("loud", [{20: 0.5, 40: 0.9}.get(place, 0.0) for place in range(100)], [WINDOW])
    faint = Scored("faint", [0.4 if place == 40 else 0.0 for place in range(100)], [WINDOW])
    found_with_a_false_alarm, missed = 50 * (1 - 0.11 + 1) / 2, 0.0
    assert held_out([loud, faint]) == pytest.approx([found_with_a_false_alarm, missed])
    assert best([loud]).score == best([faint]).score == pytest.approx(100)


def test_what_the_series_add_when_held_out_is_the_score_where_all_agree() -> None:
    series = [scored(40), scored(40, name="b"), scored(45, name="c")]
    assert sum(held_out(series)) == pytest.approx(best(series).score)
    assert held_out([]) == []
