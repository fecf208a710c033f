"""The rows of a firing story in full, from its first minute to whatever ends it."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.alerts import (
    Alert,
    AlertKind,
    AlertState,
    episode_id,
)
from shared.domain.culprits import COUNTS_FOR, Culprit
from shared.domain.decisions import Decision, Suppression, Transition, abandon
from shared.domain.episodes import Event, EventKind, LineKind, Missed, TimelineLine
from shared.domain.machine import GONE, State, start_over
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType, Severity
from shared.domain.times import MINUTE
from tests.domain.builders import TARGET, Desk, a_rule, at, lines_of

BAD, OK = 99.0, 10.0
MAIL = Action(ActionType.EMAIL, "admin@example.com")
STORY = episode_id(TARGET, "dtu-critical", at(1), AlertKind.THRESHOLD)
LOOKED = Culprit(statement="SELECT a", session=51)


def a_desk(**changes: Any) -> Desk:
    """A rule with one minute folded that was well."""
    desk = Desk(a_rule(**{"actions": (MAIL,), "runbook": "Look at it.", **changes}))
    desk.fold([OK])
    return desk


def a_story(**changes: Any) -> Alert:
    """The alert as it fires at the end of minute 2, told."""
    given: dict[str, Any] = {
        "id": STORY,
        "rule_id": "dtu-critical",
        "rule_name": "DTU Usage Critical",
        "target": TARGET,
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "kind": AlertKind.THRESHOLD,
        "state": AlertState.FIRING,
        "severity": Severity.CRITICAL,
        "value": 98.0,
        "last_value": 98.0,
        "threshold": 95,
        "unit": "%",
        "active_at": at(1),
        "fired_at": at(3),
        "last_triggered": at(2),
        "count": 2,
        "reason": Reason.BREACH,
        "told_at": at(3),
        "seq": 1,
        "lines": 1,
    }
    return Alert(**{**given, **changes})


def an_event(kind: EventKind, reason: Reason, minute: float, alert: Alert, **more: Any) -> Event:
    given: dict[str, Any] = {
        "id": f"{alert.id}-{alert.seq}",
        "target": TARGET,
        "episode": alert.id,
        "seq": alert.seq,
        "kind": kind,
        "reason": reason,
        "minute": at(minute),
        "decided_at": at(minute + 1),
        "alert": alert,
        "metric_label": "DTU",
        "duration": 2,
        "routes": (MAIL,),
        "runbook": "Look at it.",
    }
    return Event(**{**given, **more})


def a_transition(
    before: State, after: State, reason: Reason, minute: float, episode: str | None = STORY
) -> Transition:
    return Transition(
        rule="dtu-critical",
        minute=at(minute),
        before=before,
        after=after,
        reason=reason,
        episode=episode,
    )


def a_line(kind: LineKind, reason: Reason, minute: float, **more: Any) -> TimelineLine:
    given = {"at": at(minute + 1), "kind": kind, "reason": reason, "minute": at(minute)}
    return TimelineLine(**{**given, **more})


def fired(**changes: Any) -> Desk:
    """Pending in minute 1, told at the end of minute 2."""
    desk = a_desk(**changes)
    desk.fold_each([97.0, 98.0])
    return desk


def ended(**changes: Any) -> Alert:
    return a_story(**{"state": AlertState.RESOLVED, "seq": 2, "lines": 2, **changes})


def test_a_firing_is_told_with_all_that_decided_it() -> None:
    desk = fired()

    assert desk.alerts == [a_story()]
    assert desk.told == [an_event(EventKind.FIRING, Reason.BREACH, 2, a_story())]
    assert lines_of(desk) == [a_line(LineKind.FIRING, Reason.BREACH, 2, value=98.0)]
    assert [one.transitions for one in desk.decisions] == [
        [],
        [a_transition(State.INACTIVE, State.PENDING, Reason.BREACH, 1, None)],
        [a_transition(State.PENDING, State.FIRING, Reason.BREACH, 2)],
    ]
    assert (desk.state.episode, desk.state.told, desk.state.quiet) == (STORY, True, None)


def test_an_open_story_keeps_its_last_value_and_counts_its_bad_minutes() -> None:
    desk = fired(keep_firing=9)
    desk.fold_each([99.0, OK, "missing"])

    assert desk.alerts == [a_story(last_value=OK, last_triggered=at(3), count=3)]
    assert len(desk.told) == 1


def test_its_end_is_told_with_the_minute_that_ended_it() -> None:
    desk = fired()
    desk.fold([OK])

    over = ended(last_value=OK, reason=Reason.RECOVERED, resolved_at=at(4))
    assert desk.alerts == [over]
    assert desk.told[1:] == [an_event(EventKind.RESOLVED, Reason.RECOVERED, 3, over)]
    assert lines_of(desk)[1:] == [a_line(LineKind.RESOLVED, Reason.RECOVERED, 3, value=OK)]
    assert desk.decisions[-1].transitions == [
        a_transition(State.FIRING, State.INACTIVE, Reason.RECOVERED, 3)
    ]
    assert (desk.state.episode, desk.state.told, desk.state.quiet) == (None, False, None)


def test_a_breach_that_ends_before_it_fires_is_a_line_of_the_log() -> None:
    desk = a_desk()
    desk.fold_each([BAD, OK])

    assert desk.decisions[-1].transitions == [
        a_transition(State.PENDING, State.INACTIVE, Reason.BREACH_ENDED, 2, None)
    ]
    assert (desk.alerts, desk.told, lines_of(desk)) == ([], [], [])


def test_what_is_snoozed_is_noted_once_and_told_at_the_end_of_it() -> None:
    desk = a_desk()
    desk.snooze(4, at(1))
    desk.fold_each([97.0, 98.0, 99.0])

    quiet = Suppression(rule="dtu-critical", minute=at(2), reason=Reason.SNOOZED, episode=STORY)
    assert [one.suppressions for one in desk.decisions[2:]] == [[], [quiet], []]
    assert lines_of(desk)[1:] == [a_line(LineKind.SUPPRESSED, Reason.SNOOZED, 2)]
    assert (desk.state.told, desk.state.quiet) == (False, Reason.SNOOZED)
    desk.fold([99.0])

    kind, reason = EventKind.SNOOZE_ENDED, Reason.SNOOZE_ENDED
    story = a_story(last_value=99.0, last_triggered=at(4), count=4, told_at=at(5), lines=3)
    assert desk.told == [an_event(kind, reason, 4, story)]
    assert lines_of(desk)[2:] == [a_line(LineKind.SNOOZE_ENDED, reason, 4)]
    assert (desk.state.told, desk.state.quiet) == (True, None)


def test_an_event_is_late_more_than_a_quarter_of_an_hour_after_its_minute() -> None:
    desk = a_desk()
    desk.fold([97.0])
    desk.fold([98.0], now=at(18) + MINUTE / 60)

    assert desk.told[0].late
    assert desk.told[0].decided_at == at(18) + MINUTE / 60


def test_a_digest_tells_the_last_story_and_names_them_all() -> None:
    desk = Desk(a_rule(duration=1, actions=(MAIL,)))
    desk.catch_up([BAD, OK] * 11)

    (digest,) = [event for event in desk.told if event.missed]
    last = desk.alerts[9]
    assert (digest.kind, digest.reason) == (EventKind.RESOLVED, Reason.CATCHING_UP)
    assert (digest.episode, digest.alert, digest.minute) == (last.id, last, last.last_triggered)
    assert (digest.decided_at, digest.missed_count) == (at(22), 10)
    assert digest.missed == tuple(
        Missed(at(2 * n), resolved_at=at(2 * n + 2), value=BAD) for n in range(10)
    )
    assert (desk.state.digest, desk.state.digest_count) == ((), 0)


def test_what_fired_while_catching_up_and_is_over_before_anybody_heard_is_told_in_full() -> None:
    desk = a_desk()
    desk.fold([97.0, 98.0], covered=60, now=at(60))
    assert (desk.told, desk.state.quiet) == ([], Reason.CATCHING_UP)
    desk.fold([OK], now=at(60))

    firing = a_story(told_at=at(60), lines=2)
    over = replace(
        firing,
        state=AlertState.RESOLVED,
        reason=Reason.RECOVERED,
        last_value=OK,
        resolved_at=at(4),
        seq=2,
        lines=3,
    )
    late: dict[str, Any] = {"decided_at": at(60), "late": True}
    assert desk.told == [
        an_event(EventKind.FIRING, Reason.BREACH, 2, firing, **late),
        an_event(EventKind.RESOLVED, Reason.RECOVERED, 3, over, **late),
    ]


# What ran when it began.


def explained(desk: Desk, cell: float, *, now: float) -> Decision:
    """Fold a minute, and look at the database in the same decision."""
    decision = desk.decide([cell], now=at(now))
    decision.explain((LOOKED,))
    return desk.commit(decision)


def test_who_looks_when_it_goes_pending_tells_it_when_it_fires() -> None:
    desk = a_desk()
    explained(desk, 97.0, now=2)
    assert (desk.state.culprits, desk.state.looked_at) == ((LOOKED,), at(2))
    desk.fold([98.0])

    assert desk.alerts == [a_story(culprits=(LOOKED,))]
    assert desk.told[0].alert.culprits == (LOOKED,)


def test_who_looks_when_it_fires_explains_the_event_of_the_same_decision() -> None:
    desk = a_desk(duration=1)
    explained(desk, 98.0, now=2)

    assert desk.alerts[0].culprits == (LOOKED,)
    assert [event.alert for event in desk.told] == desk.alerts


def test_who_looks_while_nothing_is_open_explains_nothing() -> None:
    desk = a_desk()
    explained(desk, OK, now=2)

    assert (desk.alerts, desk.state.culprits) == ([], (LOOKED,))


@pytest.mark.parametrize(("too_late", "named"), [(0, (LOOKED,)), (1, ())])
def test_an_older_look_says_nothing_about_a_beginning(
    too_late: int, named: tuple[Culprit, ...]
) -> None:
    desk = a_desk()
    last_look = at(5) - COUNTS_FOR - too_late * MINUTE / 60
    explained(desk, OK, now=(last_look - at(0)) / MINUTE)
    desk.fold_each([OK, OK, OK, 97.0, 98.0])

    assert desk.alerts[0].active_at == at(5)
    assert desk.alerts[0].culprits == named


@pytest.mark.parametrize(("minutes", "so"), [(10, True), (10.01, False)])
def test_a_look_counts_for_ten_minutes(minutes: float, *, so: bool) -> None:
    desk = a_desk()
    explained(desk, 97.0, now=2)

    assert desk.decide([98.0], now=at(2 + minutes)).is_explained is so


def test_only_a_new_beginning_wants_a_look() -> None:
    desk = a_desk()
    begins = []
    for cell in (OK, 97.0, 98.0, 99.0, OK):
        begins.append(desk.decide([cell], now=at(desk.folded + 1)).begins)
        desk.fold([cell])

    assert begins == [False, True, False, False, False]


# The rule itself changes or goes.


def abandoned(desk: Desk, reason: Reason = Reason.RULE_CHANGED, *, now: float = 5.5) -> Decision:
    return desk.commit(abandon(desk.case(), reason, now=at(now)))


@pytest.mark.parametrize("reason", [Reason.RULE_CHANGED, Reason.RULE_REMOVED])
def test_a_story_whose_rule_changes_is_closed_and_told(reason: Reason) -> None:
    desk = fired()
    before, rule_hash = desk.state, desk.rule.fingerprint

    decision = abandoned(desk, reason)

    over = ended(reason=reason, resolved_at=at(5.5))
    line = a_line(LineKind.RESOLVED, reason, 2, at=at(5.5))
    assert desk.alerts == [over]
    assert desk.told[1:] == [an_event(EventKind.RESOLVED, reason, 2, over, decided_at=at(5.5))]
    assert lines_of(desk)[1:] == [line]
    assert decision.transitions == [a_transition(State.FIRING, State.INACTIVE, reason, 2)]
    gone = reason is Reason.RULE_REMOVED
    assert desk.state == start_over(before, GONE if gone else rule_hash, at(5.5))


def test_a_rule_at_rest_changes_without_a_word() -> None:
    desk = a_desk()

    decision = abandoned(desk)

    assert decision.transitions == []
    assert (desk.alerts, desk.told, lines_of(desk)) == ([], [], [])


def test_a_story_that_nobody_heard_of_is_closed_untold() -> None:
    desk = a_desk()
    desk.snooze(60, at(1))
    desk.fold_each([97.0, 98.0])

    abandoned(desk)

    assert (desk.alerts[0].state, desk.told) == (AlertState.RESOLVED, [])
