"""Trials are of the detector that ships, and of views that know as little of the future."""

import math
from datetime import timedelta

import pytest

from local.anomaly import signals as shipped_signals
from local.anomaly_trials import OTHERS, SHIPPED, found, signals, watch
from local.disturbances import Labelled
from shared.domain.anomalies.detectors import SILENT_FOR
from tests.domain.test_detectors import a_week_with_a_storm, days


def test_the_shipped_trial_is_what_the_command_writes() -> None:
    points, _ = a_week_with_a_storm()
    tried = signals(watch(points), SHIPPED)
    assert list(tried) == pytest.approx(list(shipped_signals(points)), abs=1e-6)


def test_every_trial_finds_a_storm_and_knows_nothing_of_later_points() -> None:
    points, storm = a_week_with_a_storm()
    seen = list(watch(points))
    assert list(watch(points[: storm + 1])) == seen[: storm + 1]
    for trial in OTHERS.values():
        tried = list(signals(seen, trial))
        assert tried.index(max(tried)) in range(storm, storm + 4)
        assert max(tried) > 0.3


def test_a_gap_between_all_that_was_seen_is_a_surprise_of_its_own() -> None:
    points = days(7)
    between = (points[-1][0] + timedelta(minutes=5), 40.0)
    *_, usual, last = watch([*points, between])
    assert last.gap > 1.5 > usual.gap
    assert last.value < 1


def test_nothing_is_a_surprise_on_the_first_day() -> None:
    points = days(2)
    first = [
        seen
        for seen, (at, _) in zip(watch(points), points, strict=True)
        if at - points[0][0] < SILENT_FOR
    ]
    assert {max(seen) for seen in first} == {0.0}


def test_a_trial_is_scored_by_the_threshold_of_the_other_series() -> None:
    points, storm = a_week_with_a_storm()
    one = Labelled("one", points, [(storm, storm + 12)])
    seen = list(watch(points))
    both = found([(one, seen), (one._replace(name="two"), seen)], SHIPPED)
    assert both.best > 90
    assert sum(both.held_out) == pytest.approx(both.best)
    assert math.isclose(*both.held_out)
