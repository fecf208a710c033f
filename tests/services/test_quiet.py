"""Transcripts: who is left in peace, and what is told when the quiet ends."""

from datetime import date

import pytest

from shared.domain.alerts import AlertState
from shared.domain.maintenance import Recurring
from shared.domain.rules import NoDataPolicy, Rule, Severity
from shared.domain.times import Span
from tests.builders import BAD, OK, SLACK, Desk, ScriptedSource, a_desk, a_rule, at
from tests.services.conftest import MakeDesk
from tests.services.transcripts import a_window, transcript


def test_a_window_over_a_firing_tells_it_again_when_it_ends(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 5 + [BAD] * 25 + [OK] * 9)
    a_window(desk, 10, 20)

    assert transcript(desk, 0, 35) == [
        "7 tick email firing",
        "10 tick quiet dtu-high maintenance",
        "20 tick email maintenance_ended",
        "31 tick email resolved",
    ]
    assert "The maintenance is over, and it still fires" in desk.messages()[1].text


def test_a_window_that_ends_while_all_is_well_ends_silently(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 5 + [BAD] * 10 + [OK] * 20)
    a_window(desk, 3, 30)

    assert transcript(desk, 0, 35) == ["7 tick quiet dtu-high maintenance"]
    assert desk.alert().state is AlertState.RESOLVED
    assert desk.timeline() == ["firing breach", "suppressed maintenance", "resolved recovered"]


def test_the_end_of_a_story_passes_the_window(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 5 + [BAD] * 10 + [OK] * 20)
    a_window(desk, 9, 30)

    assert transcript(desk, 0, 35) == [
        "7 tick email firing",
        "9 tick quiet dtu-high maintenance",
        "16 tick email resolved",
    ]


def test_watch_notices_the_end_of_a_window_although_no_minute_is_new(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 2 + [BAD] * 40)
    a_window(desk, 3, 12.6)
    desk.ticks(0, 9)
    desk.house.sources[0].silent = True  # type: ignore[attr-defined]

    assert transcript(desk, 9, 15) == ["12 watch email maintenance_ended"]
    assert desk.state().last_folded == at(7)


def test_a_snooze_across_the_end_of_an_episode_holds_for_the_next(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 2 + [BAD] * 5 + [OK] * 3 + [BAD] * 20 + [OK] * 9)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)

    assert transcript(desk, 5, 34) == [
        "8 tick email resolved",
        "12 tick quiet dtu-high snoozed",
        "15 tick email snooze_ended",
        "31 tick email resolved",
    ]


def test_the_last_quiet_reason_that_ends_names_the_message(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 2 + [BAD] * 40)
    a_window(desk, 10, 20)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)

    assert transcript(desk, 5, 25) == [
        "15 tick quiet dtu-high maintenance",
        "20 tick email maintenance_ended",
    ]


def test_a_story_within_a_window_stays_untold_when_it_is_folded_after_it(
    make_desk: MakeDesk,
) -> None:
    """The monitor was away for the whole window; the split of the minutes must not matter."""
    desk = make_desk([OK] * 12 + [BAD] * 5 + [OK] * 30 + [BAD] * 9)
    a_window(desk, 10, 20)
    desk.tick(5)

    assert transcript(desk, 40, 50) == [
        "40 tick quiet dtu-high maintenance",
        "49 tick email firing",
    ]


def test_quiet_hours_leave_the_critical_ones_loud(make_desk: MakeDesk) -> None:
    """Midnight in Berlin, where nobody wants to hear of what is not grave before seven."""
    rules = [a_rule(), a_rule("dtu-medium", severity=Severity.MEDIUM, actions=(SLACK,))]
    desk = make_desk([OK] * 2 + [BAD] * 500, rules=rules)
    hours = Recurring(start="22:00", end="07:00", zone="Europe/Berlin")
    a_window(desk, 0, 0, once=None, recurring=hours, severities=(Severity.LOW, Severity.MEDIUM))

    assert transcript(desk, 0, 5) == [
        "4 tick quiet dtu-medium maintenance",
        "4 tick email firing",
    ]
    assert transcript(desk, 350, 365, every=5) == [
        "350 tick email reminder",
        "360 tick slack maintenance_ended",
    ]


NIGHTS = [
    # The night, minutes from midnight UTC, and the first tick that tells.
    (date(2026, 3, 28), "150 tick email maintenance_ended"),  # 02:30-03:30 CET
    (date(2026, 3, 29), "150 tick email maintenance_ended"),  # put forward: 03:30-04:30 CEST
    (date(2026, 10, 24), "90 tick email maintenance_ended"),  # 02:30-03:30 CEST
    (date(2026, 10, 25), "90 tick email maintenance_ended"),  # put back: the first 02:30, 60 min
]


@pytest.mark.parametrize(("night", "ended"), NIGHTS)
def test_a_window_at_half_past_two_on_the_nights_when_clocks_change(
    night: date, ended: str
) -> None:
    """The window's first and last day are that night's; T0 is moved there by the window."""
    rule = Recurring(start="02:30", minutes=60, zone="Europe/Berlin", first=night, last=night)
    span = rule.occurrence(night)
    shift = span.start.replace(hour=0, minute=0) - at(0)
    desk = a_desk([BAD] * 200)
    a_window(desk, 0, 0, once=Span(span.start - shift, span.end - shift))

    lines = transcript(desk, 0, 160)
    assert lines[0] == "2 tick email firing"
    assert lines[1].endswith("tick quiet dtu-high maintenance")
    assert int(lines[2].split()[0]) - int(lines[1].split()[0]) == 60
    assert lines[2:] == [ended]


# No data.


def test_a_silence_is_kept_quiet_by_a_window_and_told_after_it(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 60, rules=[a_rule(no_data=NoDataPolicy.ALERT)])
    a_window(desk, 20, 30)
    desk.ticks(0, 10)
    desk.house.sources[0].silent = True  # type: ignore[attr-defined]

    assert transcript(desk, 10, 35) == [
        "17 tick email firing",
        "20 tick quiet dtu-high maintenance",
        "30 tick email maintenance_ended",
    ]
    desk.house.sources[0].silent = False  # type: ignore[attr-defined]
    assert transcript(desk, 35, 37) == ["35 tick email resolved"]


# Inhibition.


def down_and_slow(down: list[float], slow: list[float], make_desk: MakeDesk) -> Desk:
    """DTU stands for the response time: while it is bad, slowness is no news."""
    sources = [
        ScriptedSource(down),
        ScriptedSource(slow, metric="memoryUsage", name="plan"),
    ]
    inhibited = a_rule(
        "slow",
        metric="memoryUsage",
        inhibited_by=("dtu-high", "gone"),
        actions=(SLACK,),
        duration=1,
    )
    return make_desk(sources=sources, rules=[inhibited, a_rule(duration=1)])


def test_what_another_alert_explains_is_told_when_that_one_is_over(make_desk: MakeDesk) -> None:
    desk = down_and_slow(
        [OK] * 5 + [BAD] * 5 + [OK] * 20, [OK] * 5 + [BAD] * 15 + [OK] * 9, make_desk
    )

    assert transcript(desk, 0, 25) == [
        "6 tick quiet slow inhibited",
        "6 tick email firing",
        "11 tick email resolved",
        "11 tick slack inhibition_ended",
        "21 tick slack resolved",
    ]


def test_what_another_alert_explains_and_is_over_first_is_never_told(make_desk: MakeDesk) -> None:
    desk = down_and_slow(
        [OK] * 5 + [BAD] * 9 + [OK] * 20, [OK] * 5 + [BAD] * 5 + [OK] * 19, make_desk
    )

    assert transcript(desk, 0, 25) == [
        "6 tick quiet slow inhibited",
        "6 tick email firing",
        "15 tick email resolved",
    ]


def test_what_was_told_before_is_not_told_again_after_an_inhibition(make_desk: MakeDesk) -> None:
    desk = down_and_slow(
        [OK] * 9 + [BAD] * 5 + [OK] * 20, [OK] * 5 + [BAD] * 15 + [OK] * 9, make_desk
    )

    assert transcript(desk, 0, 25) == [
        "6 tick slack firing",
        "10 tick email firing",
        "15 tick email resolved",
        "21 tick slack resolved",
    ]


@pytest.mark.parametrize("step", [3, 12, 30])
def test_the_source_is_judged_first_however_much_is_folded_at_once(
    make_desk: MakeDesk, step: int
) -> None:
    """Both stories lie in one fold; each minute is judged as the inhibiting rule stood in it."""
    desk = down_and_slow(
        [OK] * 5 + [BAD] * 5 + [OK] * 50, [OK] * 5 + [BAD] * 15 + [OK] * 40, make_desk
    )
    desk.tick(0)
    for minute in range(step, 31, step):
        desk.tick(minute)

    told = "+".join(desk.told("slack")).split("+")
    assert told == ["inhibition_ended", "resolved"]


def test_resolving_the_inhibiting_alert_by_hand_ends_the_inhibition(make_desk: MakeDesk) -> None:
    desk = down_and_slow([OK] * 5 + [BAD] * 50, [OK] * 5 + [BAD] * 50, make_desk)
    desk.ticks(0, 10)
    inhibiting = next(one for one in desk.alerts() if one.rule_id == "dtu-high")
    desk.act("resolve", inhibiting.id, 10)

    assert transcript(desk, 10, 12) == [
        "10 tick email resolved",
        "10 tick slack inhibition_ended",
    ]


def test_rules_that_inhibit_each_other_are_judged_nevertheless(make_desk: MakeDesk) -> None:
    circle: list[Rule] = [
        a_rule("one", inhibited_by=("two",)),
        a_rule("two", inhibited_by=("one",), actions=(SLACK,)),
    ]
    desk = make_desk([OK] * 5 + [BAD] * 9 + [OK] * 9, rules=circle)

    lines = transcript(desk, 0, 20)
    assert [line for line in lines if "quiet" not in line] == [
        "7 tick email firing",
        "7 tick slack firing",
        "15 tick email resolved",
        "15 tick slack resolved",
    ]
