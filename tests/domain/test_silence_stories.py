"""A silence and its policy in full: every row that is written and every line of the log."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert, AlertKind, AlertState, episode_id
from shared.domain.chunks import Asked, Latest
from shared.domain.decisions import Decision, Suppression, Transition
from shared.domain.episodes import Event, EventKind, LineKind, TimelineLine
from shared.domain.machine import NoData, NoDataState, State
from shared.domain.maintenance import Window
from shared.domain.nodata import Silence, judge_silence, silence, wants_judging
from shared.domain.reasons import Reason
from shared.domain.rules import NoDataPolicy, Severity
from shared.domain.times import MINUTE, Span
from tests.domain.builders import TARGET, Desk, at, keeping, lines_of

SILENT, HELD = NoDataState.NO_DATA, NoDataState.HELD
BAD = 99.0
STORY = episode_id(TARGET, "dtu-critical", at(1), AlertKind.NO_DATA)
CLOCK = NoData(state=SILENT, since=at(1), anchor=at(0))


def a_desk(policy: NoDataPolicy = NoDataPolicy.ALERT, **changes: Any) -> Desk:
    return Desk(keeping(policy, **{"duration": 1, **changes}))


def silent(desk: Desk, now: float, *, heard: datetime | None = None) -> Decision:
    """Judge, half a minute into a minute, a silence that began half a minute into minute 1."""
    found = Silence(at(now + 0.5) - at(1.5), at(1.5), heard)
    decision = desk.judge(found, at(now + 0.5))
    assert decision is not None
    return decision


def unchanged(desk: Desk, now: float) -> bool:
    found = Silence(at(now + 0.5) - at(1.5), at(1.5))
    return desk.judge(found, at(now + 0.5)) is None


def a_story(**changes: Any) -> Alert:
    """The alert of the silence, told in minute 6."""
    given: dict[str, Any] = {
        "id": STORY,
        "rule_id": "dtu-critical",
        "rule_name": "DTU Usage Critical",
        "target": TARGET,
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "kind": AlertKind.NO_DATA,
        "state": AlertState.FIRING,
        "severity": Severity.CRITICAL,
        "value": None,
        "last_value": None,
        "threshold": 95,
        "unit": "%",
        "active_at": at(1),
        "fired_at": at(6),
        "last_triggered": at(6),
        "count": 0,
        "reason": Reason.NO_DATA,
        "told_at": at(6.5),
        "seq": 1,
        "lines": 1,
    }
    return Alert(**{**given, **changes})


def an_event(kind: EventKind, reason: Reason, minute: float, alert: Alert) -> Event:
    return Event(
        id=f"{alert.id}-{alert.seq}",
        target=TARGET,
        episode=alert.id,
        seq=alert.seq,
        kind=kind,
        reason=reason,
        minute=at(minute),
        decided_at=at(minute + 0.5),
        alert=alert,
        metric_label="DTU",
        duration=1,
    )


def a_line(kind: LineKind, reason: Reason, minute: float) -> TimelineLine:
    return TimelineLine(at=at(minute + 0.5), kind=kind, reason=reason, minute=at(minute))


def logged(decision: Decision) -> list[Transition | Suppression]:
    return [*decision.transitions, *decision.suppressions]


def a_window(desk: Desk, start: float, end: float) -> None:
    made = Window(id="w", by="ana", at=at(start), once=Span(at(start), at(end)))
    desk.windows.append(made)


# The policy `alert`.


def test_a_silence_is_a_story_from_its_first_minute_on() -> None:
    desk = a_desk()

    decision = silent(desk, 6)

    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, told=True)
    assert desk.alerts == [a_story()]
    assert desk.told == [an_event(EventKind.FIRING, Reason.NO_DATA, 6, a_story())]
    assert lines_of(desk) == [a_line(LineKind.FIRING, Reason.NO_DATA, 6)]
    assert logged(decision) == []


def test_five_minutes_are_silence_and_a_second_less_is_not() -> None:
    desk, age = a_desk(), 5 * MINUTE

    assert desk.judge(Silence(age - MINUTE / 60, at(1)), at(6)) is None
    assert desk.judge(Silence(age, at(1)), at(6)) is not None


def test_the_end_of_a_silence_is_told_to_those_who_heard_of_it() -> None:
    desk = a_desk()
    silent(desk, 6)

    decision = silent(desk, 9, heard=at(9))

    ended = a_story(
        state=AlertState.RESOLVED, reason=Reason.DATA_BACK, resolved_at=at(9.5), seq=2, lines=2
    )
    assert desk.state.no_data == NoData(anchor=at(0))
    assert desk.alerts == [ended]
    assert desk.told[1:] == [an_event(EventKind.RESOLVED, Reason.DATA_BACK, 9, ended)]
    assert lines_of(desk)[1:] == [a_line(LineKind.RESOLVED, Reason.DATA_BACK, 9)]
    assert logged(decision) == []


def test_what_was_heard_before_the_silence_does_not_end_it() -> None:
    desk = a_desk()
    silent(desk, 6)

    assert desk.judge(Silence(9 * MINUTE, at(1.5), at(1)), at(10.5)) is None
    assert desk.judge(Silence(9 * MINUTE, at(1.5), at(1.1)), at(10.5)) is not None


def test_a_silence_that_goes_on_writes_nothing() -> None:
    desk = a_desk()
    silent(desk, 6)

    assert unchanged(desk, 7)


def test_over_an_open_story_it_is_a_line_in_that_one() -> None:
    desk = a_desk()
    desk.fold([BAD])
    story, told = desk.alerts[0], list(desk.told)

    decision = silent(desk, 6)

    assert desk.state.no_data == CLOCK
    assert [one.id for one in desk.alerts] == [story.id]
    assert lines_of(desk)[1:] == [a_line(LineKind.NO_DATA, Reason.NO_DATA, 6)]
    assert desk.told == told
    assert logged(decision) == []
    assert unchanged(desk, 7)


def test_when_that_story_is_over_the_silence_is_one_of_its_own() -> None:
    desk = a_desk()
    desk.fold([BAD])
    silent(desk, 6)
    desk.resolve(at(8))

    silent(desk, 9)

    own = a_story(fired_at=at(9), last_triggered=at(9), told_at=at(9.5))
    assert desk.alerts[-1] == own
    assert desk.told[-1] == an_event(EventKind.FIRING, Reason.NO_DATA, 9, own)
    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, told=True)


def test_its_own_story_begins_with_the_silence_however_that_is_measured_by_then() -> None:
    desk = a_desk()
    desk.fold([BAD])
    silent(desk, 6)
    desk.resolve(at(8))

    desk.judge(Silence(5 * MINUTE, at(4)), at(9.5))

    assert desk.alerts[-1].active_at == at(1)


def test_within_a_window_its_own_story_is_opened_untold() -> None:
    desk = a_desk()
    desk.fold([BAD])
    silent(desk, 6)
    desk.resolve(at(8))
    a_window(desk, 9, 60)

    silent(desk, 9)

    assert (desk.alerts[-1].kind, desk.alerts[-1].told_at) == (AlertKind.NO_DATA, None)
    assert desk.state.no_data.quiet is Reason.MAINTENANCE


def test_a_silence_whose_beginning_nobody_noted_begins_as_it_is_measured() -> None:
    desk = a_desk()
    case = desk.case()
    clock = replace(case.state.no_data, state=SILENT, since=None)
    case = replace(case, state=replace(case.state, no_data=clock))

    decision = judge_silence(case, Silence(5 * MINUTE, at(1.5)), quiet=None, now=at(6.5))

    assert decision is not None
    desk.commit(decision)
    assert desk.alerts[-1].active_at == at(1)


def test_a_silence_resolved_by_hand_is_left_alone() -> None:
    desk = a_desk()
    silent(desk, 6)
    desk.resolve(at(8), desk.alerts[0])

    assert desk.state.no_data.state is HELD
    assert unchanged(desk, 9)


# A look before rows are read.


@pytest.mark.parametrize(
    ("policy", "clock", "age", "heard", "wanted"),
    [
        (NoDataPolicy.ALERT, NoData(), 5, None, True),
        (NoDataPolicy.ALERT, NoData(), 4.9, None, False),
        (NoDataPolicy.ALERT, CLOCK, 9, None, True),
        (NoDataPolicy.KEEP, CLOCK, 9, None, False),
        (NoDataPolicy.KEEP, CLOCK, 9, at(2), True),
        (NoDataPolicy.KEEP, CLOCK, 9, at(1), False),
        (NoDataPolicy.ALERT, NoData(HELD, at(1)), 9, None, False),
        (NoDataPolicy.ALERT, NoData(HELD, at(1)), 9, at(1), False),
        (NoDataPolicy.ALERT, NoData(HELD, at(1)), 9, at(2), True),
    ],
)
def test_only_what_may_change_something_is_judged(
    policy: NoDataPolicy,
    clock: NoData,
    age: float,
    heard: datetime | None,
    *,
    wanted: bool,
) -> None:
    desk = a_desk(policy)
    state, found = replace(desk.state, no_data=clock), Silence(age * MINUTE, at(1), heard)

    assert wants_judging(desk.rule, desk.metric, state, found) is wanted


# Of several sources.


@pytest.mark.parametrize("first", [0, 1])
def test_the_source_that_was_asked_last_says_how_long_it_has_been_silent(first: int) -> None:
    metric = CATALOG.metric("dtuUtilization")
    early, late = metric.sources[first], metric.sources[1 - first]
    settle = max(source.settle for source in CATALOG.sources_of(metric))
    latest = Latest(asked={early: Asked(at(20), since=at(9)), late: Asked(at(30), since=at(4))})

    found = silence(metric, latest, CATALOG, anchor=None)

    assert found == Silence(at(30) - at(4) - settle, at(4))


def test_where_nothing_is_known_silence_begins_with_the_asking() -> None:
    metric = CATALOG.metric("memoryProcess")
    latest = Latest(asked={metric.sources[0]: Asked(at(20))})

    found = silence(metric, latest, CATALOG, anchor=None)

    settle = max(source.settle for source in CATALOG.sources_of(metric))
    assert found == Silence(-settle, at(20))


# Quiet.


def test_within_a_window_it_is_noted_once_and_told_at_the_end_of_it() -> None:
    desk = a_desk()
    a_window(desk, 0, 10)

    decision = silent(desk, 6)

    suppressed = a_line(LineKind.SUPPRESSED, Reason.MAINTENANCE, 6)
    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, quiet=Reason.MAINTENANCE)
    assert desk.alerts == [a_story(told_at=None, seq=0, lines=2)]
    assert lines_of(desk) == [a_line(LineKind.FIRING, Reason.NO_DATA, 6), suppressed]
    assert logged(decision) == [
        Suppression(rule="dtu-critical", minute=at(6), reason=Reason.MAINTENANCE, episode=STORY)
    ]
    assert unchanged(desk, 7)

    decision = silent(desk, 10)

    kind, reason = EventKind.MAINTENANCE_ENDED, Reason.MAINTENANCE_ENDED
    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, told=True)
    assert desk.told == [an_event(kind, reason, 10, a_story(told_at=at(10.5), lines=3))]
    assert lines_of(desk)[2:] == [a_line(LineKind.MAINTENANCE_ENDED, reason, 10)]
    assert logged(decision) == []


def test_a_window_over_a_story_that_was_told_untells_it() -> None:
    desk = a_desk()
    silent(desk, 6)
    a_window(desk, 7, 10)

    silent(desk, 7)

    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, quiet=Reason.MAINTENANCE)
    assert lines_of(desk)[1:] == [a_line(LineKind.SUPPRESSED, Reason.MAINTENANCE, 7)]


def test_a_snooze_has_noted_itself_so_nothing_is_left_to_write() -> None:
    desk = a_desk()
    silent(desk, 6)
    desk.snooze(60, at(7))

    assert unchanged(desk, 8)
    assert desk.state.no_data == NoData(SILENT, at(1), at(0), STORY, quiet=Reason.SNOOZED)


def test_another_rules_firing_does_not_untell_it() -> None:
    desk, other = a_desk(), a_desk(id="other")
    silent(desk, 6)
    other.fold([BAD])
    desk.inhibitors = [other]

    assert unchanged(desk, 8)
    assert desk.state.no_data.told


def test_what_nobody_heard_of_ends_untold() -> None:
    desk = a_desk()
    a_window(desk, 0, 60)
    silent(desk, 6)

    silent(desk, 9, heard=at(9))

    assert desk.told == []
    assert lines_of(desk)[-1] == a_line(LineKind.RESOLVED, Reason.DATA_BACK, 9)


def test_a_long_silence_is_reminded_of() -> None:
    desk = a_desk(repeat_every=60)
    silent(desk, 6)

    silent(desk, 66)

    again = a_story(reminded_at=at(66.5), seq=2, lines=2)
    assert desk.told[1:] == [an_event(EventKind.REMINDER, Reason.REMINDER_DUE, 66, again)]


# The policy `keep`.


@pytest.mark.parametrize("cells", [[], [BAD]])
def test_keep_is_a_line_of_the_log_and_no_more(cells: list[float]) -> None:
    desk = a_desk(NoDataPolicy.KEEP)
    desk.fold(cells)
    alerts, lines = desk.alerts, lines_of(desk)

    decision = silent(desk, 6)

    episode = alerts[0].id if alerts else None
    assert logged(decision) == [
        Suppression(rule="dtu-critical", minute=at(6), reason=Reason.POLICY_KEEP, episode=episode)
    ]
    assert desk.state.no_data == CLOCK
    assert (desk.alerts, lines_of(desk)) == (alerts, lines)
    assert unchanged(desk, 7)


def test_keep_ends_without_a_word() -> None:
    desk = a_desk(NoDataPolicy.KEEP)
    silent(desk, 6)

    decision = silent(desk, 9, heard=at(9))

    assert desk.state.no_data == NoData(anchor=at(0))
    assert (desk.alerts, lines_of(desk), logged(decision)) == ([], [], [])


# The policy `ok`.


def a_transition(before: State, episode: str | None) -> Transition:
    return Transition(
        rule="dtu-critical",
        minute=at(6),
        before=before,
        after=State.INACTIVE,
        reason=Reason.NO_DATA_TREATED_AS_OK,
        episode=episode,
    )


def test_ok_ends_the_story_and_says_so_everywhere() -> None:
    desk = a_desk(NoDataPolicy.OK)
    desk.fold([BAD])
    told = desk.alerts[0]

    decision = silent(desk, 6)

    reason = Reason.NO_DATA_TREATED_AS_OK
    (ended,) = desk.alerts
    assert (ended.state, ended.reason) == (AlertState.RESOLVED, reason)
    assert (ended.resolved_at, ended.seq, ended.lines) == (at(6.5), 2, 2)
    assert desk.told[1:] == [an_event(EventKind.RESOLVED, reason, 6, ended)]
    assert lines_of(desk)[1:] == [a_line(LineKind.RESOLVED, reason, 6)]
    assert logged(decision) == [a_transition(State.FIRING, told.id)]
    assert (desk.state.state, desk.state.last_folded) == (State.INACTIVE, at(5))
    assert desk.state.no_data == CLOCK


def test_ok_ends_what_was_only_pending() -> None:
    desk = a_desk(NoDataPolicy.OK, duration=2)
    desk.fold([BAD])

    assert logged(silent(desk, 6)) == [a_transition(State.PENDING, None)]
    assert desk.alerts == []


def test_ok_has_nothing_to_end_when_all_is_well() -> None:
    desk = a_desk(NoDataPolicy.OK)
    desk.fold([10.0])

    assert logged(silent(desk, 6)) == []
    assert desk.state.last_folded == at(5)
    assert unchanged(desk, 7)
