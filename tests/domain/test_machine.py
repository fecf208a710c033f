"""The rule machine, one sentence at a time."""

import pytest

from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.domain.rules import Rule
from tests.domain.builders import Desk, a_rule, at, minute_of, stands

BAD, OK = 99.0, 10.0
MISSING, EMPTY = "missing", "empty"
Said = float | str


def states_of(rule: Rule, *cells: Said) -> str:
    """The states after each minute, by their first letters."""
    desk, letters = Desk(rule), ""
    for cell in cells:
        desk.fold([cell])
        letters += desk.state.state.value[0]
    return letters


def folded(rule: Rule, *cells: Said) -> Desk:
    desk = Desk(rule)
    desk.fold_each(cells)
    return desk


def test_duration_2_fires_at_the_end_of_the_second_bad_minute() -> None:
    desk = folded(a_rule(duration=2), OK, BAD, BAD)

    (alert,) = desk.alerts
    assert alert.active_at == at(1)
    assert alert.fired_at == at(3)


@pytest.mark.parametrize("duration", [0, 1])
def test_durations_0_and_1_fire_at_the_first_bad_minute(duration: int) -> None:
    assert states_of(a_rule(duration=duration), OK, BAD) == "if"


def test_a_threshold_of_0_is_a_threshold() -> None:
    assert states_of(a_rule(threshold=0, duration=1), 0, 0.5) == "if"


def test_an_ok_minute_ends_pending_and_the_next_breach_starts_anew() -> None:
    assert states_of(a_rule(duration=3), BAD, BAD, OK, BAD, BAD, BAD) == "ppippf"


def test_a_missing_minute_does_not_advance_the_duration() -> None:
    assert states_of(a_rule(duration=2), BAD, MISSING, MISSING, BAD) == "pppf"


def test_a_missing_minute_never_resolves() -> None:
    assert states_of(a_rule(duration=1), BAD, *[MISSING] * 30) == "f" * 31


def test_a_missing_minute_never_starts_anything() -> None:
    assert states_of(a_rule(), *[MISSING] * 30) == "i" * 30


def test_one_ok_minute_resolves_a_rule_without_keep_firing() -> None:
    assert states_of(a_rule(duration=1), BAD, OK) == "fi"


def test_keep_firing_3_resolves_at_the_end_of_the_third_ok_minute() -> None:
    assert states_of(a_rule(duration=1, keep_firing=3), BAD, OK, OK, OK) == "fffi"


def test_missing_minutes_stop_the_clock_of_keep_firing() -> None:
    rule = a_rule(duration=1, keep_firing=3)

    assert states_of(rule, BAD, OK, MISSING, MISSING, OK, OK) == "fffffi"


def test_a_breach_inside_keep_firing_is_the_same_episode() -> None:
    desk = folded(a_rule(duration=1, keep_firing=2), BAD, OK, BAD, OK, OK)

    assert [minute_of(alert.active_at) for alert in desk.alerts] == [0]
    assert [minute_of(alert.resolved_at) for alert in desk.alerts] == [5]
    assert desk.alerts[0].count == 2


def test_keep_firing_does_not_protect_pending() -> None:
    assert states_of(a_rule(duration=3, keep_firing=5), BAD, BAD, OK) == "ppi"


def test_a_new_breach_after_the_end_is_a_new_episode() -> None:
    desk = folded(a_rule(duration=1), BAD, OK, BAD)

    assert [minute_of(alert.active_at) for alert in desk.alerts] == [0, 2]


def test_a_firing_rule_clears_only_beyond_its_clear_threshold() -> None:
    rule = a_rule(duration=1, threshold=95, clear_threshold=80)

    assert states_of(rule, 96, 90, 81, 80) == "fffi"


def test_a_clear_threshold_does_not_keep_pending_alive() -> None:
    rule = a_rule(duration=2, threshold=95, clear_threshold=80)

    assert states_of(rule, 96, 90) == "pi"


def test_fifteen_empty_minutes_step_like_missing_and_the_sixteenth_is_ok() -> None:
    assert states_of(a_rule(duration=1), BAD, *[EMPTY] * 16) == "f" * 16 + "i"


def test_no_traffic_is_the_reason_when_empty_minutes_end_a_breach() -> None:
    desk = folded(a_rule(duration=1), BAD, *[EMPTY] * 16)

    assert desk.alerts[0].reason is Reason.NO_TRAFFIC
    assert desk.alerts[0].last_value == BAD


@pytest.mark.parametrize("between", [MISSING, BAD])
def test_anything_else_ends_the_run_of_empty_minutes(between: Said) -> None:
    cells = [BAD, *[EMPTY] * 15, between, *[EMPTY] * 15]

    assert states_of(a_rule(duration=1), *cells) == "f" * 32


def test_empty_minutes_go_on_being_ok_after_the_sixteenth() -> None:
    rule = a_rule(duration=1, keep_firing=3)

    assert states_of(rule, BAD, *[EMPTY] * 18) == "f" * 18 + "i"


def test_absent_makes_a_missing_minute_bad() -> None:
    rule = a_rule(condition="absent", threshold=None, duration=2)

    assert states_of(rule, OK, MISSING, MISSING, OK) == "ipfi"


def test_absent_takes_an_empty_minute_for_ok_at_once() -> None:
    rule = a_rule(condition="absent", threshold=None, duration=2)

    assert states_of(rule, MISSING, EMPTY, MISSING, MISSING, EMPTY) == "pipfi"


def test_an_alert_keeps_the_value_that_fired_and_the_last_one() -> None:
    desk = folded(a_rule(duration=2), 96, 97, 98, 99)

    (alert,) = desk.alerts
    assert (alert.value, alert.last_value, alert.count) == (97, 99, 4)


def test_the_pending_minutes_count_and_the_missing_ones_do_not() -> None:
    desk = folded(a_rule(duration=2), BAD, MISSING, BAD, MISSING, BAD)

    assert desk.alerts[0].count == 3
    assert desk.alerts[0].last_triggered == at(4)


def test_no_alert_exists_before_firing() -> None:
    desk = folded(a_rule(duration=3), BAD, BAD)

    assert desk.state.state is State.PENDING
    assert desk.alerts == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([BAD, OK], Reason.BREACH_ENDED),
        ([BAD, BAD], Reason.BREACH),
        ([BAD, BAD, OK], Reason.RECOVERED),
        ([BAD, BAD, *[EMPTY] * 16], Reason.NO_TRAFFIC),
    ],
)
def test_every_transition_names_its_reason(cells: list[Said], reason: Reason) -> None:
    desk = folded(a_rule(duration=2), *cells)

    assert desk.decisions[-1].transitions[-1].reason is reason


# Resolved by hand: held.


def held(rule: Rule, *, resolved: float = 2) -> Desk:
    desk = folded(rule, BAD, BAD)
    desk.resolve(at(resolved))
    return desk


def test_a_hand_holds_the_rule_until_the_repeat() -> None:
    desk = held(a_rule(repeat_every=5))

    assert desk.state.state is State.HELD
    assert desk.state.resolved_at == at(2)
    assert desk.state.held_until == at(7)


def test_a_held_rule_leaves_at_the_first_ok_minute_that_ends_after_the_hand() -> None:
    desk = held(a_rule(), resolved=3)
    desk.fold([OK])
    assert stands(desk) == ("held", None)
    desk.fold([OK])

    assert stands(desk) == ("inactive", None)


def test_a_held_rule_fires_anew_at_the_first_bad_minute_that_ends_with_its_hold() -> None:
    desk = held(a_rule(duration=2, repeat_every=3))
    desk.fold_each([BAD, BAD])
    assert desk.state.state is State.HELD
    desk.fold([BAD])

    assert [minute_of(alert.active_at) for alert in desk.alerts] == [0, 4]
    assert desk.decisions[-1].transitions[-1].reason is Reason.STILL_BAD
    assert desk.alerts[1].count == 1


def test_missing_minutes_leave_a_held_rule_held() -> None:
    desk = held(a_rule(repeat_every=2))
    desk.fold_each([MISSING] * 10)

    assert desk.state.state is State.HELD


def test_a_held_rule_listens_to_its_clear_threshold() -> None:
    desk = held(a_rule(clear_threshold=80))
    desk.fold([90])
    assert stands(desk) == ("held", None)
    desk.fold([80])

    assert stands(desk) == ("inactive", None)
