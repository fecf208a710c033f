"""Grids: whole steps, the last full minute, never too many points."""

from datetime import timedelta

import pytest

from shared.domain.errors import InvalidInput
from shared.domain.ranges import (
    MOST_POINTS,
    RANGES,
    Detail,
    check_price,
    floor_step,
    grid_between,
    grid_of,
)
from shared.domain.times import DAY, HOUR, MINUTE
from tests.domain.builders import at


@pytest.mark.parametrize("label", RANGES)
@pytest.mark.parametrize("minute", [0, 0.9, 1, 5, 59, 60, 1439.5, 1440, 1441])
def test_a_grid_ends_with_the_last_full_minute_on_whole_steps(label: str, minute: float) -> None:
    grid = grid_of(RANGES[label], at(minute))

    assert len(grid.starts) == grid.count <= MOST_POINTS
    assert grid.count * grid.step == RANGES[label]
    assert (grid.start - at(0)) % grid.step == timedelta(0)
    assert grid.starts[-1] <= at(int(minute)) - MINUTE < grid.end


@pytest.mark.parametrize(
    ("step", "detail"),
    [
        (MINUTE, Detail.MINUTES),
        (90 * MINUTE, Detail.MINUTES),
        (HOUR, Detail.HOURS),
        (8 * HOUR, Detail.HOURS),
        (6 * HOUR, Detail.QUARTERS),
        (36 * HOUR, Detail.QUARTERS),
        (DAY, Detail.DAYS),
        (7 * DAY, Detail.DAYS),
    ],
)
def test_a_step_is_made_of_the_coarsest_pieces_that_it_does_not_cut(
    step: timedelta, detail: Detail
) -> None:
    assert grid_of(DAY, at(0), step).detail is detail


def test_a_range_between_two_moments_is_widened_to_whole_steps() -> None:
    grid = grid_between(at(7), at(1441), at(9999))

    assert (grid.step, grid.start, grid.end) == (5 * MINUTE, at(5), at(1445))


def test_a_range_ends_with_the_last_full_minute() -> None:
    grid = grid_between(at(0), at(500), at(61.5))

    assert (grid.start, grid.end) == (at(0), at(61))


@pytest.mark.parametrize(("first", "end"), [(5, 5), (6, 5), (100, 200)])
def test_a_range_that_is_empty_or_has_not_begun_is_refused(first: int, end: int) -> None:
    with pytest.raises(InvalidInput, match="start before its end, and before now"):
        grid_between(at(first), at(end), at(100))


def test_too_many_points_are_refused_with_the_step_that_would_do() -> None:
    with pytest.raises(InvalidInput, match=r"at most 2,000 points.* at least 3 minutes"):
        grid_of(3 * DAY, at(0), MINUTE)

    assert grid_of(3 * DAY, at(0), 3 * MINUTE).count == 1440


def test_a_range_that_begins_within_a_step_has_no_point_more() -> None:
    end = at(0.5) + MOST_POINTS * MINUTE

    assert grid_between(at(0), end - MINUTE / 2, at(9999), MINUTE).count == MOST_POINTS
    with pytest.raises(InvalidInput, match=r"at most 2,000 points.* at least 2 minutes"):
        grid_between(at(0.5), end, at(9999), MINUTE)


def test_steps_are_counted_from_1970_so_that_every_answer_cuts_alike() -> None:
    assert floor_step(at(0), 7 * HOUR) == floor_step(at(60), 7 * HOUR)
    assert floor_step(at(0), DAY) == at(0)


def test_a_range_is_as_long_as_days_can_show_it() -> None:
    assert grid_of(MOST_POINTS * DAY, at(0)).step == DAY
    with pytest.raises(InvalidInput, match="at most 2,000 days long"):
        grid_of((MOST_POINTS + 1) * DAY, at(0))


def test_the_longest_range_may_begin_within_a_day() -> None:
    start, later = at(90), at(90) + MOST_POINTS * DAY

    assert grid_between(at(0), at(0) + MOST_POINTS * DAY, later).count == MOST_POINTS
    grid = grid_between(start, later, later)
    assert (grid.step, grid.count) == (2 * DAY, MOST_POINTS / 2 + 1)
    assert grid.start <= start < later <= grid.end


def test_what_is_older_than_minutes_are_kept_is_drawn_by_the_hour() -> None:
    def between(first: float, step: timedelta | None = None) -> timedelta:
        return grid_between(at(first), at(first + 60), at(4000), step, minutes_kept=2 * DAY).step

    assert (between(4000 - 2880), between(1000)) == (MINUTE, HOUR)
    with pytest.raises(InvalidInput, match="minutes are kept for 2 days"):
        between(1000, MINUTE)


@pytest.mark.parametrize(
    ("length", "step", "most"),
    [(3 * DAY, 5 * MINUTE, 83), (14 * DAY, 15 * MINUTE, 17), (100 * DAY, 2 * HOUR, 60)],
)
def test_an_answer_has_a_price(length: timedelta, step: timedelta, most: int) -> None:
    grid = grid_of(length, at(0), step)

    check_price(grid, most)
    with pytest.raises(InvalidInput, match="reads too much at once"):
        check_price(grid, most + 1)
    check_price(grid_of(365 * DAY, at(0)), 999)
