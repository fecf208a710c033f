"""One caller's pace: a minute's worth at once, then evenly."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.paces import BURST, INTERVAL, PER_MINUTE, Pace, TooFast, keep_pace
from tests.builders import at

SECOND = timedelta(seconds=1)


def test_a_minutes_worth_may_come_at_once_and_then_one_by_one() -> None:
    pace: Pace | None = None
    for _ in range(PER_MINUTE):
        found = keep_pace(pace, at(0))
        assert isinstance(found, Pace)
        pace = found

    assert keep_pace(pace, at(0)) == TooFast(INTERVAL)
    later = keep_pace(pace, at(0) + INTERVAL)
    assert isinstance(later, Pace)
    assert isinstance(keep_pace(later, at(0) + INTERVAL), TooFast)


def test_who_waited_has_all_of_it_again() -> None:
    assert keep_pace(Pace(at(0) + BURST), at(2)) == Pace(at(2) + INTERVAL)


def test_a_clock_that_ran_ahead_locks_nobody_out() -> None:
    assert keep_pace(Pace(at(10_000)), at(0)) == Pace(at(0) + INTERVAL)
    assert isinstance(keep_pace(Pace(at(1.5)), at(0)), TooFast)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=200))
def test_no_minute_sees_more_than_two_minutes_worth(waits: list[int]) -> None:
    """The burst that was saved up, and what comes evenly meanwhile."""
    pace, now, written = None, at(0), []
    for wait in waits:
        now += timedelta(milliseconds=wait)
        found = keep_pace(pace, now)
        if isinstance(found, Pace):
            pace = found
            written.append(now)

    for first in written:
        assert sum(first <= one < first + timedelta(minutes=1) for one in written) <= 2 * PER_MINUTE


@given(st.integers(0, 59))
def test_who_waits_as_long_as_told_may_write(ahead: int) -> None:
    pace = Pace(at(0) + BURST - ahead * SECOND / 60)
    found = keep_pace(pace, at(0))

    assert isinstance(found, TooFast)
    assert isinstance(keep_pace(pace, at(0) + found.wait), Pace)
    assert isinstance(keep_pace(pace, at(0) + found.wait - timedelta(microseconds=1)), TooFast)
