"""What a rule's state keeps and what it lets go, field by field, at each of its turns."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.machine import (
    GONE,
    Input,
    NoData,
    NoDataState,
    RuleState,
    State,
    classify,
    hold,
    start_over,
    step,
    treat_as_ok,
)
from shared.domain.members import Member
from shared.domain.reasons import Reason
from shared.domain.rules import Rule
from shared.domain.samples import Gap
from shared.domain.times import Span
from tests.domain.builders import a_rule, at

STORY = Span(at(0), at(1))
FIRED = at(3)


def a_state(**fields: Any) -> RuleState:
    """A told firing with every clock running, folded up to minute 5."""
    state = RuleState(
        last_folded=at(5),
        rule_hash="before",
        state=State.FIRING,
        active_at=at(2),
        missed=1,
        keep_since=at(4),
        keep_missed=1,
        resolved_at=at(1),
        held_until=at(1),
        told=True,
        quiet=Reason.SNOOZED,
        episode="story",
        digest=("untold",),
        digest_count=1,
        fired=FIRED,
        past=(STORY,),
        no_data=NoData(state=NoDataState.NO_DATA, since=at(1), told=True),
    )
    return replace(state, **fields)


def at_rest(**fields: Any) -> RuleState:
    """The same with every clock of its story stopped."""
    stopped = {
        "state": State.INACTIVE,
        "active_at": None,
        "missed": 0,
        "keep_since": None,
        "keep_missed": 0,
        "resolved_at": None,
        "held_until": None,
        "fired": None,
    }
    return a_state(**(stopped | fields))


def a_step(state: RuleState, given: Input, minute: float) -> RuleState:
    return step(state, given, at(minute), duration=2, keep_firing=2)


def test_a_resolve_stops_every_clock_and_remembers_the_span_of_the_firing() -> None:
    resolved = a_step(a_state(keep_since=at(4), keep_missed=0), Input.OK, 6)

    span = Span(FIRED, at(6))
    assert resolved == at_rest(last_folded=at(6), past=(STORY, span))


def test_a_resolve_by_hand_holds_untold_until_the_repeat() -> None:
    held = hold(a_state(), at(5.5), timedelta(minutes=240))

    assert held == at_rest(
        past=(STORY, Span(FIRED, at(6))),
        state=State.HELD,
        resolved_at=at(5.5),
        held_until=at(245.5),
        episode=None,
        told=False,
        quiet=None,
    )


def test_silence_taken_for_ok_leaves_nothing_to_tell_and_nothing_to_fold() -> None:
    treated = treat_as_ok(a_state(), at(9))

    assert treated == at_rest(
        past=(STORY, Span(FIRED, at(6))),
        last_folded=at(9),
        episode=None,
        told=False,
        quiet=None,
    )


def test_silence_taken_for_ok_unfolds_nothing() -> None:
    assert treat_as_ok(a_state(), at(3)).last_folded == at(5)


def test_a_held_rule_that_fires_anew_fires_since_that_minute() -> None:
    held = a_state(state=State.HELD, resolved_at=at(5), held_until=at(7))

    fires = at_rest(past=(STORY,), state=State.FIRING, active_at=at(6), fired=at(6))
    assert a_step(held, Input.BAD, 6) == replace(fires, last_folded=at(6))


def test_a_rule_goes_pending_with_no_minute_missed() -> None:
    pending = a_step(at_rest(missed=3), Input.BAD, 6)

    assert pending == at_rest(state=State.PENDING, active_at=at(6), last_folded=at(6))


def test_a_firing_whose_first_minute_nobody_noted_is_not_remembered() -> None:
    assert hold(a_state(fired=None), at(5), timedelta()).past == (STORY,)


def test_an_edited_rule_starts_over_with_what_is_still_to_tell() -> None:
    assert start_over(a_state(), "after", at(9)) == RuleState(
        last_folded=at(5),
        rule_hash="after",
        digest=("untold",),
        digest_count=1,
        past=(STORY, Span(FIRED, at(6))),
        no_data=NoData(anchor=at(9)),
    )


def test_a_rule_that_comes_back_never_judges_the_time_in_which_it_was_gone() -> None:
    gone = start_over(a_state(), GONE, at(6))

    assert start_over(gone, "again", at(60.5)).last_folded == at(59)
    assert start_over(gone, "again", at(4)).last_folded == at(5)


def test_only_the_last_twelve_firings_are_remembered() -> None:
    spans = tuple(Span(at(n), at(n + 1)) for n in range(12))

    ended = hold(a_state(past=spans), at(5), timedelta())

    assert ended.past == (*spans[1:], Span(FIRED, at(6)))


def test_a_rule_that_did_not_fire_has_no_firing_to_remember() -> None:
    pending = a_state(state=State.PENDING, keep_since=None, fired=None)

    assert a_step(pending, Input.OK, 6).past == (STORY,)


@pytest.mark.parametrize(
    ("minute", "fires"), [(-1, False), (0, True), (1, False), (2, False), (3, True), (5, True)]
)
def test_it_fires_in_the_minutes_of_its_firings(minute: int, fires: bool) -> None:  # noqa: FBT001
    assert a_state().fires_in(at(minute)) is fires


def test_in_a_minute_not_folded_yet_it_does_what_it_did_in_the_last() -> None:
    assert a_state().fires_in(at(60))
    assert not at_rest(past=(STORY,)).fires_in(at(60))


def test_a_firing_of_which_only_the_beginning_is_known_counts_from_there() -> None:
    known = a_state(fired=None)

    assert [known.fires_in(at(minute)) for minute in (1, 2)] == [False, True]
    assert not a_state(fired=None, active_at=None, past=()).fires_in(at(5))


@pytest.mark.parametrize(
    ("state", "given"),
    [
        (a_state(state=State.PENDING, active_at=None), Input.BAD),
        (a_state(state=State.HELD, held_until=None), Input.BAD),
        (a_state(state=State.HELD, resolved_at=None), Input.OK),
    ],
)
def test_a_state_without_the_clock_it_needs_is_damaged(state: RuleState, given: Input) -> None:
    with pytest.raises(ValueError, match=r"^a rule state lacks the clock that its state needs$"):
        a_step(state, given, 6)


def a_composite() -> Rule:
    hot = Member(metric="dtuUtilization", condition="greater_than", threshold=95)
    full = Member(metric="memoryProcess", condition="greater_than", threshold=1400)
    return a_rule(metric="", condition="", threshold=None, all_of=(hot, full))


@pytest.mark.parametrize(("before", "after"), [((), (1, 0)), ((4, 7), (5, 0))])
def test_each_member_counts_its_own_empty_minutes(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    verdict = classify(a_composite(), a_state(empty_runs=before), (Gap.EMPTY, 10.0))

    assert verdict.runs == after
    assert verdict.note(a_state()) == a_state(empty_runs=after)


def test_a_plain_rule_counts_its_empty_minutes() -> None:
    verdict = classify(a_rule(), a_state(empty_run=4), Gap.EMPTY)

    assert verdict.note(a_state()) == a_state(empty_run=5)


@pytest.mark.parametrize("said", [(10.0,), (10.0, 10.0, 10.0)])
def test_a_composite_wants_a_cell_for_each_member(said: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        classify(a_composite(), a_state(), said)
