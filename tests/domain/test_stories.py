"""Who is told what, and who is not: told, quiet, snooze, catching up, and hands."""

import pytest

from shared.domain.alerts import AlertState
from shared.domain.decisions import abandon
from shared.domain.episodes import EventKind
from shared.domain.errors import InvalidInput
from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType
from shared.domain.telling import MOST_MISSED
from tests.domain.builders import Desk, a_rule, at, heard

BAD, OK, MISSING = 99.0, 10.0, "missing"


def a_desk(**changes: object) -> Desk:
    return Desk(a_rule(**{"duration": 1, **changes}))


def a_firing_desk() -> Desk:
    desk = a_desk()
    desk.fold([BAD])
    return desk


def reasons_untold(desk: Desk) -> list[Reason]:
    return [one.reason for decision in desk.decisions for one in decision.suppressions]


def test_a_firing_and_its_end_are_told_once_each() -> None:
    desk = a_desk()
    desk.fold_each([BAD, BAD, BAD, OK, OK])

    assert heard(desk.told) == [("firing", 0, 0), ("resolved", 3, 0)]
    assert [event.reason for event in desk.told] == [Reason.BREACH, Reason.RECOVERED]


def test_an_event_goes_where_the_rule_says() -> None:
    action = Action(ActionType.EMAIL, "admin@example.com")
    desk = a_desk(actions=(action,))
    desk.fold([BAD])

    assert desk.told[0].routes == (action,)


def test_an_event_keeps_the_values_that_decided_it() -> None:
    desk = a_desk()
    desk.fold_each([97.0, 98.0, 10.0])

    firing, resolved = desk.told
    assert (firing.alert.value, firing.alert.state) == (97.0, AlertState.FIRING)
    assert (resolved.alert.last_value, resolved.alert.state) == (10.0, AlertState.RESOLVED)
    assert resolved.alert.resolved_at == at(3)


@pytest.mark.parametrize(("behind", "late"), [(15, False), (16, True)])
def test_an_event_decided_more_than_fifteen_minutes_late_says_so(
    behind: int, *, late: bool
) -> None:
    desk = a_desk()
    desk.fold([BAD], now=at(1 + behind))

    assert desk.told[0].late is late


def test_the_same_minutes_again_change_nothing() -> None:
    desk = a_firing_desk()
    rows = dict(desk.rows)
    decision = desk.fold([])

    assert not decision.changes_anything
    assert desk.rows == rows


def test_a_firing_whose_alert_is_gone_is_damaged() -> None:
    desk = a_firing_desk()
    del desk.rows[f"alert:{desk.state.episode}"]

    with pytest.raises(ValueError, match=r"^a firing rule has an alert$"):
        desk.fold([BAD])


# Snoozing.


def test_a_snoozed_firing_is_told_when_the_snooze_ends() -> None:
    desk = a_desk()
    desk.snooze(3, at(0))
    desk.fold_each([BAD] * 5)

    assert heard(desk.told) == [("snooze_ended", 2, 0)]
    assert reasons_untold(desk) == [Reason.SNOOZED]


def test_what_ends_within_a_snooze_is_never_told() -> None:
    desk = a_desk()
    desk.snooze(10, at(0))
    desk.fold_each([BAD, OK, BAD, OK])

    assert desk.told == []
    assert [alert.state for alert in desk.alerts] == [AlertState.RESOLVED] * 2


def test_a_snooze_over_a_told_firing_tells_it_again_at_its_end() -> None:
    desk = a_firing_desk()
    desk.snooze(3, at(1))
    desk.fold_each([BAD] * 5)

    assert heard(desk.told) == [("firing", 0, 0), ("snooze_ended", 3, 0)]


def test_the_end_of_a_story_passes_the_snooze_to_those_who_heard_its_beginning() -> None:
    desk = a_firing_desk()
    desk.snooze(30, at(1))
    desk.fold_each([BAD, OK])

    assert heard(desk.told) == [("firing", 0, 0), ("resolved", 2, 0)]


def test_a_snooze_holds_across_episodes() -> None:
    desk = a_firing_desk()
    desk.snooze(5, at(1))
    desk.fold_each([OK, BAD, BAD, BAD])
    assert heard(desk.told) == [("firing", 0, 0), ("resolved", 1, 0)]
    desk.fold_each([BAD, BAD])

    assert heard(desk.told)[2:] == [("snooze_ended", 5, 2)]


def test_unsnooze_ends_the_silence_now() -> None:
    desk = a_firing_desk()
    desk.snooze(600, at(1))
    desk.unsnooze(at(1.5))
    desk.fold([BAD])

    assert heard(desk.told) == [("firing", 0, 0), ("snooze_ended", 1, 0)]


@pytest.mark.parametrize("minutes", [0, -5, 10081])
def test_a_snooze_needs_an_end_within_seven_days(minutes: int) -> None:
    desk = a_firing_desk()

    with pytest.raises(InvalidInput, match=r"1 to 10080 minutes \(7 days\)"):
        desk.snooze(minutes, at(1))


# Hands.


def test_acknowledging_is_remembered_and_does_not_stop_the_resolve() -> None:
    desk = a_firing_desk()
    desk.acknowledge(at(1))
    desk.fold_each([BAD, OK])

    (alert,) = desk.alerts
    assert (alert.acknowledged_by, alert.acknowledged_at) == ("ana", at(1))
    assert heard(desk.told) == [("firing", 0, 0), ("resolved", 2, 0)]


def test_a_new_episode_is_not_acknowledged() -> None:
    desk = a_firing_desk()
    desk.acknowledge(at(1))
    desk.fold_each([OK, BAD])

    assert desk.alerts[1].acknowledged_by is None


@pytest.mark.parametrize("hand", ["acknowledge", "resolve"])
def test_a_hand_on_a_resolved_episode_changes_nothing(hand: str) -> None:
    desk = a_firing_desk()
    desk.fold([OK])
    decision = getattr(desk, hand)(at(5), desk.alerts[0])

    assert not decision.changes_anything
    assert desk.state.state is State.INACTIVE


def test_resolving_by_hand_tells_the_followers_that_the_condition_still_holds() -> None:
    desk = a_firing_desk()
    desk.resolve(at(1.5))

    event = desk.told[-1]
    assert (event.kind, event.reason) == (EventKind.RESOLVED, Reason.RESOLVED_BY_HAND)
    assert (event.by, event.still_bad) == ("ana", True)
    assert desk.alerts[0].resolved_at == at(1.5)


def test_resolving_by_hand_while_it_keeps_firing_does_not_say_that_the_condition_holds() -> None:
    desk = a_desk(keep_firing=5)
    desk.fold_each([BAD, OK])
    desk.resolve(at(2))

    assert not desk.told[-1].still_bad


def test_resolving_what_nobody_heard_of_tells_nobody() -> None:
    desk = a_desk()
    desk.snooze(60, at(0))
    desk.fold([BAD])
    desk.resolve(at(1))

    assert desk.told == []
    assert desk.state.state is State.HELD


def test_what_is_still_bad_after_its_hold_is_told_as_a_new_episode_for_that_reason() -> None:
    desk = a_desk(repeat_every=3)
    desk.fold([BAD])
    desk.resolve(at(1))
    desk.fold_each([BAD] * 3)

    assert heard(desk.told) == [("firing", 0, 0), ("resolved", 0, 0), ("firing", 3, 3)]
    assert desk.told[-1].reason is Reason.STILL_BAD


# Catching up.


def test_what_fires_during_a_catch_up_is_told_when_caught_up() -> None:
    desk = a_desk()
    desk.catch_up([OK, BAD, BAD, BAD, BAD], piece=2)

    assert reasons_untold(desk) == [Reason.CATCHING_UP]
    assert heard(desk.told) == [("firing", 1, 1)]


def test_more_than_ten_episodes_of_a_catch_up_are_told_in_one_digest() -> None:
    desk = a_desk()
    desk.catch_up([BAD, OK] * 13 + [OK])

    digests = [event for event in desk.told if event.missed_count]
    assert [len(decision.transitions) for decision in desk.decisions] == [20, 6]
    assert [event.missed_count for event in digests] == [10]
    assert [one.active_at for one in digests[0].missed] == [at(2 * n) for n in range(10)]
    # The three that the last transaction closed were not catching up any more.
    rest = heard(event for event in desk.told if event not in digests)
    assert rest == [
        ("firing", 20, 20), ("resolved", 21, 20),
        ("firing", 22, 22), ("resolved", 23, 22),
        ("firing", 24, 24), ("resolved", 25, 24),
    ]  # fmt: skip


def test_a_digest_names_the_last_twenty_and_counts_them_all() -> None:
    desk = a_desk()
    desk.catch_up([BAD, OK] * 45)

    (digest,) = [event for event in desk.told if event.missed_count]
    assert digest.missed_count == 40
    assert [one.active_at for one in digest.missed] == [at(2 * n) for n in range(20, 40)]
    assert len(digest.missed) == MOST_MISSED


def test_nobody_hears_of_a_catch_up_while_it_lasts() -> None:
    desk = a_desk()
    desk.fold([BAD, OK] * 25, covered=60, now=at(60))

    assert desk.told == []
    assert desk.folded == 20


# The rule itself changes or goes.


@pytest.mark.parametrize("reason", [Reason.RULE_CHANGED, Reason.RULE_REMOVED])
def test_a_rule_that_changes_or_goes_closes_its_story_and_starts_over(reason: Reason) -> None:
    desk = a_firing_desk()
    desk.commit(abandon(desk.case(), reason, now=at(1.5)))

    assert desk.alerts[0].state is AlertState.RESOLVED
    assert desk.told[-1].reason is reason
    assert desk.state.state is State.INACTIVE
    assert desk.folded == 1


def test_a_changed_rule_that_was_pending_tells_nobody() -> None:
    desk = a_desk(duration=3)
    desk.fold([BAD])
    desk.commit(abandon(desk.case(), Reason.RULE_CHANGED, now=at(1.5)))

    assert desk.told == []
    assert desk.decisions[-1].transitions[-1].before is State.PENDING
