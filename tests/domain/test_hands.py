"""What a hand leaves behind in full: acknowledge, resolve, snooze and unsnooze."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.alerts import AlertState
from shared.domain.decisions import Decision, Snooze, Transition
from shared.domain.episodes import Event, EventKind, LineKind, TimelineLine
from shared.domain.errors import InvalidInput
from shared.domain.handling import acknowledge, resolve, snooze, unsnooze
from shared.domain.machine import NoData, NoDataState, State, hold
from shared.domain.nodata import Silence
from shared.domain.reasons import Reason
from shared.domain.records import Kept
from shared.domain.rules import NoDataPolicy
from shared.domain.times import MINUTE
from tests.domain.builders import Desk, at, keeping, lines_of

BAD, OK = 99.0, 10.0
WEEK = 7 * 24 * 60
NOW = at(5.5)
HAND: dict[str, Any] = {"by": "ana", "note": "on it", "now": NOW}


def a_desk(**changes: Any) -> Desk:
    return Desk(keeping(NoDataPolicy.ALERT, **{"duration": 1, **changes}))


def a_firing_desk(**changes: Any) -> Desk:
    """Told at the end of minute 0."""
    desk = a_desk(**changes)
    desk.fold([BAD])
    return desk


def a_silent_desk() -> Desk:
    """Minute 0 was well; silent since then, told in minute 5."""
    desk = a_desk()
    desk.fold([OK])
    desk.judge(Silence(5 * MINUTE, at(0)), at(5))
    return desk


def story_of(desk: Desk) -> Kept[Any]:
    case = desk.case()
    kept = case.alert or case.no_data_alert
    assert kept is not None
    return kept


def a_line(kind: LineKind, reason: Reason | None = None) -> TimelineLine:
    """What somebody called Ana did just now."""
    return TimelineLine(at=NOW, kind=kind, reason=reason, minute=at(0), by="ana", note="on it")


# Acknowledge.


def test_an_acknowledgement_is_in_the_alert_and_in_its_story() -> None:
    desk = a_firing_desk()
    before, state = desk.alerts[0], desk.state

    decision = desk.commit(acknowledge(desk.case(), story_of(desk), **HAND))

    taken = replace(before, acknowledged_by="ana", acknowledged_at=NOW, note="on it", lines=2)
    assert desk.alerts == [taken]
    assert lines_of(desk)[1:] == [a_line(LineKind.ACKNOWLEDGED)]
    assert (desk.state, len(desk.told), decision.transitions) == (state, 1, [])


def test_who_acknowledges_second_changes_nothing() -> None:
    desk = a_firing_desk()
    desk.acknowledge(at(2))

    assert not acknowledge(desk.case(), story_of(desk), **HAND).changes_anything


# Resolve.


def the_event(desk: Desk, *, still_bad: bool) -> Event:
    (alert,) = desk.alerts
    return Event(
        id=f"{alert.id}-2",
        target=alert.target,
        episode=alert.id,
        seq=2,
        kind=EventKind.RESOLVED,
        reason=Reason.RESOLVED_BY_HAND,
        minute=at(0),
        decided_at=NOW,
        alert=alert,
        metric_label="DTU",
        duration=1,
        still_bad=still_bad,
        by="ana",
    )


def test_a_resolve_by_hand_closes_the_story_and_holds_the_rule() -> None:
    desk = a_firing_desk(repeat_every=30)
    before, state = desk.alerts[0], desk.state

    decision = desk.commit(resolve(desk.case(), story_of(desk), **HAND))

    closed = replace(
        before,
        state=AlertState.RESOLVED,
        resolved_at=NOW,
        resolved_by="ana",
        reason=Reason.RESOLVED_BY_HAND,
        note="on it",
        seq=2,
        lines=2,
    )
    assert desk.alerts == [closed]
    assert desk.told[1:] == [the_event(desk, still_bad=True)]
    assert lines_of(desk)[1:] == [a_line(LineKind.RESOLVED, Reason.RESOLVED_BY_HAND)]
    assert desk.state == hold(state, NOW, 30 * MINUTE)
    assert decision.transitions == [
        Transition(
            rule="dtu-critical",
            minute=at(0),
            before=State.FIRING,
            after=State.HELD,
            reason=Reason.RESOLVED_BY_HAND,
            episode=before.id,
        )
    ]


def test_a_silence_resolved_by_hand_holds_its_own_clock_only() -> None:
    desk = a_silent_desk()
    before = desk.state

    decision = desk.commit(resolve(desk.case(), story_of(desk), **HAND))

    clock = NoData(state=NoDataState.HELD, since=at(0), anchor=at(0))
    assert desk.state == replace(before, no_data=clock)
    assert desk.told[1:] == [the_event(desk, still_bad=True)]
    assert decision.transitions == []


def test_a_silence_that_was_kept_quiet_is_held_without_the_reason() -> None:
    desk = a_desk()
    desk.snooze(60, at(0))
    desk.judge(Silence(5 * MINUTE, at(0)), at(5))

    desk.commit(resolve(desk.case(), story_of(desk), **HAND))

    assert desk.state.no_data == NoData(state=NoDataState.HELD, since=at(0), anchor=at(0))


def test_a_resolve_without_a_note_keeps_that_of_the_acknowledgement() -> None:
    desk = a_firing_desk()
    desk.commit(acknowledge(desk.case(), story_of(desk), **HAND))

    desk.resolve(at(6))

    assert desk.alerts[0].note == "on it"


def test_a_rule_that_keeps_firing_after_an_ok_minute_is_not_said_to_be_bad() -> None:
    desk = a_firing_desk(keep_firing=5)
    desk.fold([OK])

    desk.commit(resolve(desk.case(), story_of(desk), **HAND))

    assert not desk.told[-1].still_bad


def test_what_nobody_heard_of_is_resolved_untold() -> None:
    desk = a_desk()
    desk.snooze(60, at(0))
    desk.fold([BAD])

    desk.commit(resolve(desk.case(), story_of(desk), **HAND))

    assert desk.told == []


def test_a_story_that_is_over_is_not_resolved_again() -> None:
    desk = a_firing_desk()
    kept = story_of(desk)
    desk.fold([OK])

    over = replace(kept, value=desk.alerts[0])
    assert not resolve(desk.case(), over, **HAND).changes_anything


# Snooze and unsnooze.


def snoozed(desk: Desk, minutes: int = 60) -> tuple[Decision, Snooze]:
    decision, silence = snooze(desk.case(), minutes=minutes, **HAND)
    return desk.commit(decision), silence


def test_a_snooze_untells_what_is_firing_and_is_in_its_story() -> None:
    desk = a_firing_desk()
    state, alert = desk.state, desk.alerts[0]

    _, silence = snoozed(desk)

    assert silence == Snooze(until=at(65.5), by="ana", at=NOW, note="on it")
    assert desk.state == replace(state, told=False, quiet=Reason.SNOOZED)
    assert desk.alerts == [replace(alert, lines=2)]
    assert lines_of(desk)[1:] == [a_line(LineKind.SNOOZED, Reason.SNOOZED)]
    assert len(desk.told) == 1


def test_a_snooze_untells_a_silence_and_is_in_its_story() -> None:
    desk = a_silent_desk()
    state = desk.state

    snoozed(desk)

    clock = replace(state.no_data, told=False, quiet=Reason.SNOOZED)
    assert desk.state == replace(state, no_data=clock)
    assert lines_of(desk)[1:] == [a_line(LineKind.SNOOZED, Reason.SNOOZED)]


@pytest.mark.parametrize("cells", [[OK], [BAD]])
def test_where_nothing_is_open_a_snooze_writes_no_story(cells: list[float]) -> None:
    desk = a_desk(duration=2)
    desk.fold(cells)
    state = desk.state

    snoozed(desk)

    assert (desk.state, lines_of(desk)) == (state, [])


@pytest.mark.parametrize("minutes", [1, WEEK])
def test_a_snooze_lasts_from_a_minute_to_a_week(minutes: int) -> None:
    assert snoozed(a_firing_desk(), minutes)[1].until == NOW + minutes * MINUTE


@pytest.mark.parametrize("minutes", [0, WEEK + 1])
def test_no_other_snooze_is_taken_and_the_refusal_says_so(minutes: int) -> None:
    words = (
        rf"^a snooze lasts 1 to 10080 minutes \(7 days\), not {minutes}; give duration in minutes$"
    )

    with pytest.raises(InvalidInput, match=words):
        snoozed(a_firing_desk(), minutes)


@pytest.mark.parametrize("make", [a_firing_desk, a_silent_desk])
def test_the_end_of_a_snooze_is_in_the_story_and_leaves_the_telling_to_the_next_pass(
    make: Any,
) -> None:
    desk = make()
    desk.snooze(600, at(5))
    state, lines = desk.state, len(lines_of(desk))

    decision, silence = unsnooze(desk.case(), **HAND)
    desk.commit(decision)

    assert silence == Snooze(until=NOW, by="ana", at=NOW, note="on it")
    assert lines_of(desk)[lines:] == [a_line(LineKind.UNSNOOZED, Reason.SNOOZE_ENDED)]
    assert (desk.state, len(desk.told)) == (state, 1)
