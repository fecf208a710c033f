"""Trends of weeks: which way, how much a day, and when nothing can be said."""

from datetime import datetime, timedelta

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.times import DAY, Span
from shared.domain.trends.tendencies import (
    Direction,
    named_tendencies,
    tendencies,
    tendency,
    tendency_span,
)
from tests.domain.lines import END, day_of, lines_of_days

USERS = CATALOG.metric("activeUsers")
DTU = CATALOG.metric("dtuUtilization")
RESPONSE = CATALOG.metric("responseTime.avg")


def weekly(at: datetime) -> float:
    """Few users at weekends, more by day than by night."""
    return (3.0 if at.weekday() >= 5 else 20.0) + at.hour % 12


def test_a_week_that_ends_with_a_weekend_is_no_fall() -> None:
    found = tendency(USERS, lines_of_days(14, activeUsers=weekly), CATALOG)

    assert found.direction is Direction.STEADY
    assert found.sentence == "Active users: no clear trend over 14 days."


def test_a_growth_is_told_with_its_size_and_how_sure() -> None:
    lines = lines_of_days(
        28, responseTime_avg=lambda at: weekly(at) * 20 + 12 * day_of(at), throughput=lambda _: 60
    )

    found = tendency(RESPONSE, lines, CATALOG)

    assert found.direction is Direction.RISING
    assert found.per_day == pytest.approx(12)
    assert found.confidence is not None
    assert found.confidence > 0.999
    assert found.sentence == (
        "Response time: rising by about 12 ms a day over 28 days, weekdays compared with "
        "themselves (more than 99.9 % sure), which is the wrong way."
    )


def test_more_users_are_no_wrong_way() -> None:
    found = tendency(USERS, lines_of_days(28, activeUsers=lambda at: 40 + day_of(at)), CATALOG)

    assert found.direction is Direction.RISING
    assert "wrong way" not in found.sentence


def test_two_weeks_are_the_least_and_a_week_says_so() -> None:
    found = tendency(DTU, lines_of_days(7, dtuUtilization=weekly), CATALOG)

    assert (found.direction, found.per_day, found.confidence) == (Direction.UNKNOWN, None, None)
    assert "it takes two weeks" in found.sentence
    assert "of 7 days 7 are known" in found.sentence


def test_what_was_never_measured_is_unknown() -> None:
    found = named_tendencies(lines_of_days(14), CATALOG)

    assert list(found) == ["performance", "resource", "usage"]
    assert {one.direction for one in found.values()} == {Direction.UNKNOWN}
    assert {one.coverage for one in found.values()} == {0}


def test_days_without_half_of_their_hours_are_left_out_and_counted() -> None:
    lines = lines_of_days(28, dtuUtilization=lambda at: None if day_of(at) < -20 else weekly(at))

    found = tendency(DTU, lines, CATALOG)

    assert found.coverage == pytest.approx(20 / 28)
    assert "over 28 days (20 of them known)" in found.sentence


def test_a_change_too_small_to_matter_is_steady() -> None:
    lines = lines_of_days(28, dtuUtilization=lambda at: 40 + 0.01 * day_of(at))

    assert tendency(DTU, lines, CATALOG).direction is Direction.STEADY


def test_a_short_range_is_judged_with_the_time_before_it() -> None:
    week = Span(END - timedelta(days=7), END)
    month = Span(END - timedelta(days=30), END)

    assert tendency_span(week) == Span(END - 14 * DAY, END)
    assert tendency_span(month) == month


def test_nights_without_requests_are_known_and_weigh_nothing() -> None:
    open_hours = lines_of_days(
        28,
        responseTime_avg=lambda at: 300 + 2 * day_of(at) if 9 <= at.hour < 15 else None,
        throughput=lambda at: 60.0 if 9 <= at.hour < 15 else 0.0,
    )

    found = tendency(RESPONSE, open_hours, CATALOG)

    assert (found.direction, found.coverage) == (Direction.RISING, 1.0)
    assert found.per_day == pytest.approx(2)


def test_all_that_is_measured_is_judged_and_what_is_not_is_left_out() -> None:
    lines = lines_of_days(28, memoryUsage=lambda at: 900 + day_of(at), errorRate=lambda _: 0)

    found = {one.metric: one for one in tendencies(lines, CATALOG)}

    assert {name: one.direction for name, one in found.items()} == {
        "errorRate": Direction.STEADY,
        "memoryUsage": Direction.RISING,
    }
