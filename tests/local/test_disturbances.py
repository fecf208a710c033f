"""A disturbed copy of a series is the same story: its windows stay where their points are."""

from datetime import timedelta

import pytest

from local.disturbances import DISTURBANCES, Labelled
from tests.builders import T0

GRAIN = timedelta(minutes=5)
WINDOWS = [(5, 8), (60, 79)]


def a_series() -> Labelled:
    """Two hundred points of 1 to 7, and 100 in the second window."""
    values = [100.0 if 60 <= place <= 79 else 1.0 + place % 7 for place in range(200)]
    points = [(T0 + place * GRAIN, value) for place, value in enumerate(values)]
    return Labelled("folder/file.csv", points, WINDOWS)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_what_was_striking_stays_in_its_window(name: str) -> None:
    given = a_series()
    copy = DISTURBANCES[name](given)
    first, last = copy.windows[-1]
    values = [value for _, value in copy.points]
    inside, outside = values[first : last + 1], values[:first] + values[last + 1 :]
    assert inside
    assert min(inside) > max(outside)
    assert copy.name == given.name
    assert [at for at, _ in copy.points] == sorted(at for at, _ in copy.points)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_copy_differs_and_is_the_same_each_time(name: str) -> None:
    given = a_series()
    copy = DISTURBANCES[name](given)
    assert copy.points != given.points
    assert copy == DISTURBANCES[name](given)


def test_a_window_before_a_later_beginning_is_no_more() -> None:
    assert DISTURBANCES["begun later"](a_series()).windows == [(48, 67)]


def test_every_other_point_halves_a_window() -> None:
    assert DISTURBANCES["every other point"](a_series()).windows == [(3, 4), (30, 39)]
