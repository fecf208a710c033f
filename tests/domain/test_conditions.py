"""The contract of every condition in the registry: a new one is tested the moment it exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.conditions import CONDITIONS, Condition, condition_named
from shared.domain.errors import InvalidRule
from shared.domain.samples import Gap, Outlook
from tests.domain import reference
from tests.domain.drawing import cases

ALL = pytest.mark.parametrize("condition", CONDITIONS.values(), ids=lambda one: one.name)
FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
NEAR = st.integers(-3, 3).map(float)


def test_the_conditions_are_those_of_the_contract() -> None:
    assert set(CONDITIONS) == {
        "greater_than",
        "less_than",
        "equals",
        "not_equals",
        "greater_or_equal",
        "less_or_equal",
        "absent",
        "rate_of_change",
        "forecast",
        "anomaly",
    }


@ALL
def test_a_condition_is_found_by_its_own_name(condition: Condition) -> None:
    assert condition_named(condition.name) is condition


@ALL
def test_a_condition_has_a_sign_for_sentences(condition: Condition) -> None:
    signs = [one.sign for one in CONDITIONS.values()]

    assert condition.sign
    assert signs.count(condition.sign) == 1


@ALL
@given(value=FINITE | NEAR, threshold=FINITE | NEAR)
@cases(100)
def test_a_value_is_bad_exactly_when_its_condition_says_so(
    condition: Condition, value: float, threshold: float
) -> None:
    compare = (reference.COMPARE | reference.MORE).get(condition.name)
    bad = compare is not None and compare(value, threshold)

    assert condition.judge(value, threshold) is bad


@ALL
def test_an_empty_minute_is_never_bad(condition: Condition) -> None:
    assert condition.judge(Gap.EMPTY, 0.0) is not True


@ALL
def test_only_absent_takes_a_missing_minute_for_bad(condition: Condition) -> None:
    judged = condition.judge(Gap.MISSING, 0.0)

    assert judged is (True if condition.name == "absent" else Gap.MISSING)


@ALL
@given(threshold=NEAR, clear=NEAR)
@cases(50)
def test_a_clear_threshold_is_accepted_strictly_on_the_ok_side_only(
    condition: Condition, threshold: float, clear: float
) -> None:
    if condition.takes_clear_threshold:
        is_ok = reference.clears(condition.name, clear, threshold)
        assert condition.clears(clear, threshold) is is_ok
    else:
        assert condition.name in ("equals", "not_equals", "absent", "forecast")


def test_a_slow_rate_can_be_cleared_too() -> None:
    rate = CONDITIONS["rate_of_change"]

    assert rate.clears(0.1, 0.5)
    assert rate.clears(-0.1, -0.5)
    assert not rate.clears(-0.1, 0.5)


@pytest.mark.parametrize(("hours", "bad"), [(3.0, True), (0.0, True), (None, False)])
def test_a_forecast_is_bad_when_it_names_an_hour(hours: float | None, *, bad: bool) -> None:
    assert CONDITIONS["forecast"].judge(Outlook(60.0, hours), 95.0) is bad


def test_other_conditions_hear_of_an_outlook_where_it_stands() -> None:
    assert CONDITIONS["greater_than"].judge(Outlook(96.0, None), 95.0) is True
    assert CONDITIONS["greater_than"].judge(Outlook(94.0, 1.0), 95.0) is False


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("greater_than", "strictly below the threshold 95.5"),
        ("greater_or_equal", "strictly below the threshold 95.5"),
        ("less_than", "strictly above the threshold 95.5"),
        ("less_or_equal", "strictly above the threshold 95.5"),
        ("rate_of_change", "strictly between 0 and the threshold 95.5"),
    ],
)
def test_where_a_clear_threshold_must_lie_is_said_in_words(name: str, words: str) -> None:
    assert CONDITIONS[name].clear_side(95.5) == words


def test_an_unknown_condition_is_answered_with_all_of_them() -> None:
    with pytest.raises(InvalidRule, match=r"'above'; the conditions are greater_than, .*absent"):
        condition_named("above")
