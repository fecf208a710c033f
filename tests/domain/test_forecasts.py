"""Forecasts: the day on which something runs out, and between which days."""

from datetime import datetime, timedelta
from random import Random

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.trends.forecasts import forecasts
from tests.domain.lines import END, day_of, lines_of_days


def test_steady_growth_reaches_its_limit_when_arithmetic_says() -> None:
    lines = lines_of_days(28, storagePercent=lambda at: 60 + 2 * day_of(at))

    (found,) = forecasts(lines, CATALOG)

    # The newest day's mean lies half a day back.
    assert found.reaches_at is not None
    assert (found.reaches_at - END) / timedelta(days=1) == pytest.approx(20.5, abs=0.1)
    assert found.earliest == found.latest == found.reaches_at
    assert found.sentence.startswith("Database storage: 59 % now, 2 % more each day: 100 % in")


def test_the_interval_widens_with_what_days_differ_by() -> None:
    dice = Random(5)
    lines = lines_of_days(28, storagePercent=lambda at: 60 + day_of(at) + dice.gauss(0, 8))

    (found,) = forecasts(lines, CATALOG)

    assert found.earliest is not None
    assert found.reaches_at is not None
    assert END < found.earliest < found.reaches_at
    assert found.latest is None or found.latest > found.reaches_at


def test_what_waves_with_visitors_is_judged_by_its_busiest_hours() -> None:
    def sessions(at: datetime) -> float:
        return (70.0 if at.hour == 10 else 5.0) + day_of(at)

    (found,) = forecasts(lines_of_days(28, sessionsPercent=sessions), CATALOG)

    assert found.level == pytest.approx(69.2, abs=0.1)
    assert found.reaches_at is not None
    assert (found.reaches_at - END) / timedelta(days=1) == pytest.approx(30.8, abs=0.2)


def test_what_does_not_rise_never_gets_there() -> None:
    lines = lines_of_days(28, memoryUsage=lambda at: 900 - day_of(at), storagePercent=lambda _: 40)

    for found in forecasts(lines, CATALOG):
        assert (found.reaches_at, found.earliest, found.latest) == (None, None, None)
        assert "no trend towards" in found.sentence


@pytest.mark.parametrize(("silent_days", "count"), [(1, 1), (2, 0)])
def test_nothing_is_foreseen_of_what_fell_silent(silent_days: int, count: int) -> None:
    """It would be told as of now, and its day as so many days later."""
    lines = lines_of_days(
        28, storagePercent=lambda at: 60 + day_of(at) if day_of(at) < -silent_days else None
    )

    assert len(forecasts(lines, CATALOG)) == count


def test_two_years_ahead_nothing_is_foreseen() -> None:
    lines = lines_of_days(28, storagePercent=lambda at: 10 + 0.1 * day_of(at))

    (found,) = forecasts(lines, CATALOG)

    assert found.reaches_at is None
    assert found.per_day == pytest.approx(0.1)


def test_a_limit_that_is_reached_is_reached_now() -> None:
    lines = lines_of_days(28, memoryUsage=lambda at: 1790 + 3 * day_of(at))

    (found,) = forecasts(lines, CATALOG)

    assert found.reaches_at == END
    assert "is reached" in found.sentence


def test_what_stays_at_its_limit_is_there_without_a_trend() -> None:
    (found,) = forecasts(lines_of_days(28, storagePercent=lambda _: 100), CATALOG)

    assert (found.reaches_at, found.earliest, found.latest) == (END, END, END)
    assert found.sentence == "Database storage: 100 % now; the limit of 100 % is reached."


def test_ten_days_are_too_few_and_what_nobody_measures_is_left_out() -> None:
    (found,) = forecasts(lines_of_days(10, storagePercent=lambda _: 40), CATALOG)

    assert found.reaches_at is None
    assert "a forecast takes two weeks" in found.sentence
