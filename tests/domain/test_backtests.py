"""Episodes of the past are the machine's own, and a suggested threshold keeps what it promises."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.backtest import FIRST, backtest
from shared.domain.backtests import Firing, firings, states, suggest
from shared.domain.machine import State
from shared.domain.members import Member
from shared.domain.rules import Rule
from shared.domain.samples import Cell, Gap
from shared.domain.times import MINUTE, iso
from tests.domain.builders import a_rule
from tests.domain.drawing import Pair, cases, rules

DAY = 1440

Series = list[float | None]
SERIES = st.lists(st.none() | st.integers(0, 6).map(float), max_size=60)


def cells(series: Series) -> list[tuple[Any, Cell]]:
    return [
        (FIRST + number * MINUTE, Gap.MISSING if value is None else value)
        for number, value in enumerate(series)
    ]


def by_the_machine(rule: Rule, series: Series) -> list[tuple[str, int, bool]]:
    """Each episode's activeAt, its firing minutes, and whether it is over, from all states."""
    found: list[tuple[str, int, bool]] = []
    before = State.INACTIVE
    for state, active_at in backtest(rule, series):
        if state is State.FIRING and before is not State.FIRING:
            found.append((str(active_at), 0, False))
        elif before is State.FIRING:
            active, minutes, _ = found[-1]
            found[-1] = (active, minutes + 1, state is not State.FIRING)
        before = state
    return found


def shown(found: list[Firing]) -> list[tuple[str, int, bool]]:
    return [(iso(one.active_at), one.minutes, one.ended_at is not None) for one in found]


@cases(150)
@given(pair=rules(), series=SERIES)
def test_episodes_are_those_of_local_backtest(pair: Pair, series: Series) -> None:
    assert shown(firings(pair.ours, cells(series))) == by_the_machine(pair.ours, series)


def test_a_metric_that_was_empty_long_before_keeps_no_episode_of_a_composite_open() -> None:
    rule = a_rule(
        metric="",
        condition="",
        threshold=None,
        duration=1,
        any_of=(
            Member(metric="dtuUtilization", condition="greater_than", threshold=95),
            Member(metric="responseTime.avg", condition="greater_than", threshold=2000),
        ),
    )
    said: list[tuple[Cell, ...]] = [(99.0 if n in (20, 21) else 40.0, Gap.EMPTY) for n in range(40)]
    minutes = [(FIRST + n * MINUTE, one) for n, one in enumerate(said)]

    (found,) = firings(rule, minutes)

    by_machine = [state.state is State.FIRING for state in states(rule, minutes)]
    assert (found.minutes, by_machine.count(True)) == (2, 2)
    assert found.ended_at == FIRST + 23 * MINUTE


def test_minutes_that_are_empty_end_an_episode_after_the_sixteenth() -> None:
    minutes = [(FIRST + n * MINUTE, 99.0 if n < 2 else Gap.EMPTY) for n in range(30)]

    (found,) = firings(a_rule(duration=2), minutes)

    assert (found.minutes, found.ended_at) == (16, FIRST + 18 * MINUTE)


def test_an_episode_has_its_times_and_its_worst_value() -> None:
    (found,) = firings(a_rule(duration=2), cells([1, 96, 99, None, 97, 1, 1]))

    assert found == Firing(
        active_at=FIRST + MINUTE,
        fired_at=FIRST + 3 * MINUTE,
        ended_at=FIRST + 6 * MINUTE,
        minutes=3,
        worst=99,
    )


@pytest.mark.parametrize(
    ("condition", "threshold", "worst"),
    [("less_than", 5, 1), ("not_equals", 5, 1), ("equals", 3, 3), ("greater_or_equal", 3, 3)],
)
def test_the_worst_value_is_the_farthest_on_the_bad_side(
    condition: str, threshold: float, worst: float
) -> None:
    rule = a_rule(condition=condition, threshold=threshold, duration=1)

    assert firings(rule, cells([3, 1, 3, 2]))[0].worst in (
        worst,
        3 if condition == "equals" else worst,
    )


def test_absence_has_no_worst_value() -> None:
    rule = a_rule(condition="absent", threshold=None, duration=1)

    assert [one.worst for one in firings(rule, cells([1, None, None, 1]))] == [None]


def spikes(count: int, *, days: int = 7) -> Series:
    """A calm series with so many spikes of three minutes, each higher than the one before."""
    series: Series = [40.0 + number % 7 for number in range(days * DAY)]
    for number in range(count):
        place = (number + 1) * len(series) // (count + 1)
        series[place : place + 3] = [60.0 + number] * 3
    return series


@pytest.mark.parametrize("a_week", [0, 1, 3, 5])
def test_a_suggestion_lets_through_as_many_episodes_as_asked_for(a_week: int) -> None:
    minutes = cells(spikes(9))

    threshold = suggest(a_rule(duration=3), minutes, a_week=a_week)

    assert threshold is not None
    assert len(firings(a_rule(duration=3, threshold=threshold), minutes)) == a_week


def test_a_suggestion_for_low_values_looks_below() -> None:
    minutes = cells([None if value is None else -value for value in spikes(9)])
    rule = a_rule(duration=3, condition="less_than", threshold=-65.0)

    threshold = suggest(rule, minutes, a_week=2)

    assert threshold == -66.1
    assert (
        len(firings(a_rule(duration=3, condition="less_than", threshold=threshold), minutes)) == 2
    )


def test_what_is_always_so_is_never_suggested() -> None:
    """One endless episode would be fewer than asked for."""
    threshold = suggest(a_rule(duration=1), cells([50.0, 51.0] * 500), a_week=100)

    assert threshold is not None
    assert threshold >= 51


@pytest.mark.parametrize("condition", ["equals", "not_equals", "absent"])
def test_a_condition_without_a_bad_side_gets_no_suggestion(condition: str) -> None:
    assert suggest(a_rule(condition=condition), cells([1, 2, 3]), a_week=1) is None


def a_pace(threshold: float) -> Rule:
    return a_rule(condition="rate_of_change", threshold=threshold, duration=1)


@pytest.mark.parametrize("way", [1, -1])
def test_a_pace_keeps_its_way(way: int) -> None:
    slopes = cells([way * one for one in [0.0] * 20 + [3.0] + [-9.0] * 3 + [0.0] * 20 + [5.0, 0.0]])

    assert [one.worst for one in firings(a_pace(way), slopes)] == [way * 3.0, way * 5.0]
    calm = suggest(a_pace(way), slopes, a_week=1.5 * 7 * DAY / len(slopes))
    assert calm is not None
    assert 3 < way * calm < 5
    most = suggest(a_pace(way), slopes, a_week=10_000)
    assert most is not None
    assert 0 < way * most < 3


def test_no_threshold_is_suggested_that_no_value_can_pass() -> None:
    near, full = ([50.0] * 20 + [peak] * 3 + [60.0] * 20 for peak in (99.0, 100.0))

    def suggested(values: list[float], a_week: float) -> float | None:
        given = cells([*values])
        return suggest(a_rule(duration=1), given, a_week=a_week, limits=(0.0, 100.0))

    calmest = suggested(near, 0)
    assert calmest is not None
    assert 99 < calmest < 100
    assert suggested(full, 0) is None
    once = suggested(full, 10_000)
    assert once is not None
    assert once < 100


def test_without_values_there_is_nothing_to_suggest() -> None:
    assert suggest(a_rule(), cells([None] * 5), a_week=1) is None


def test_a_suggestion_does_not_contradict_the_clear_threshold() -> None:
    minutes = cells(spikes(3))

    assert suggest(a_rule(clear_threshold=90.0), minutes, a_week=3) == 91
    found = suggest(a_rule(clear_threshold=61.5), minutes, a_week=3)
    assert found is not None
    assert 61.5 < found < 62


def test_a_search_that_is_stopped_answers_what_it_has() -> None:
    assert suggest(a_rule(), cells(spikes(3)), a_week=3, keep_going=lambda: False) is None


@cases(100)
@given(pair=rules(), series=SERIES, a_week=st.integers(0, 600))
def test_a_suggestion_keeps_its_promise(pair: Pair, series: Series, a_week: int) -> None:
    minutes = cells(series)

    threshold = suggest(pair.ours, minutes, a_week=a_week)

    if threshold is not None:
        assert math.isfinite(threshold)
        tried = a_rule(
            condition=pair.ours.condition,
            threshold=threshold,
            duration=pair.ours.duration,
            keep_firing=pair.ours.keep_firing,
            clear_threshold=pair.ours.clear_threshold,
        )
        most = a_week * (len(series) * MINUTE / timedelta(days=7))
        assert len(firings(tried, minutes)) <= most
