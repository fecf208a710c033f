"""Covered minutes become states, stories and events: once, in order, whoever interrupts."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from shared.adapters.rows import Op
from shared.domain.alerts import Alert
from shared.domain.machine import GONE, State
from shared.domain.records import MOST_WRITES, Insert
from shared.domain.rules import KeptRule, Severity
from shared.ports import House
from tests.builders import (
    BAD,
    LOG,
    OK,
    SLACK,
    Desk,
    ScriptedSource,
    Values,
    a_rule,
    at,
    events_of,
)
from tests.services.conftest import MakeDesk

STORM: Values = [OK] * 5 + [BAD] * 5 + [OK] * 50


def flapping(episodes: int) -> list[float]:
    """Episodes of three bad minutes, three ok ones apart."""
    return ([BAD] * 3 + [OK] * 3) * episodes


def late_by(desk: Desk, minutes: int) -> None:
    """Activate the target at T0, then come back after a long outage."""
    desk.tick(0)
    desk.tick(minutes)


def test_a_storm_is_told_when_it_begins_and_when_it_ends(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 20)

    alert = desk.alert()
    assert desk.told() == ["firing", "resolved"]
    assert (alert.active_at, alert.fired_at, alert.resolved_at) == (at(5), at(7), at(11))
    assert (alert.count, alert.last_triggered, alert.value) == (5, at(9), BAD)


def test_evaluating_twice_changes_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    before = desk.keys(), desk.state()
    desk.tick(7)

    assert (desk.keys(), desk.state()) == before
    assert desk.told() == ["firing"]


def test_a_first_start_with_a_day_of_history_says_nothing_about_it(make_desk: MakeDesk) -> None:
    day = [*flapping(240), *[BAD] * 2, *[OK] * 30]
    source = ScriptedSource(day, first=at(-1440))
    desk = make_desk(sources=[source])
    desk.ticks(0, 6)

    assert desk.house.samples.hours("pantry-crm", at(-1440), at(0))[0].cells != {}
    assert desk.told() == ["firing", "resolved"]
    assert desk.alert().active_at == at(0)


def test_a_breach_that_began_before_the_start_counts_from_the_start(make_desk: MakeDesk) -> None:
    source = ScriptedSource([BAD] * 100, first=at(-60))
    desk = make_desk(sources=[source], rules=[a_rule(duration=5)])
    desk.ticks(0, 5)
    assert desk.told() == []

    desk.tick(5)
    assert desk.told() == ["firing"]
    desk.left_open = False


def test_a_rule_made_later_begins_with_its_creation(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 60, rules=[])
    desk.ticks(0, 30)
    desk.edit(a_rule(), created=at(30))
    desk.ticks(30, 34)

    assert desk.alert().active_at == at(30)


def test_an_upgrade_that_ships_a_new_rule_does_not_judge_the_past(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 200, rules=[])
    desk.ticks(0, 90)
    desk.shipped(a_rule())
    desk.ticks(90, 94)

    assert desk.alert().active_at == at(90)


@pytest.mark.parametrize("change", [{"threshold": 97}, {"duration": 4}, {"condition": "less_than"}])
def test_editing_what_a_rule_measures_closes_its_episode_and_tells_its_followers(
    make_desk: MakeDesk, change: dict[str, Any]
) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    desk.edit(a_rule(actions=(SLACK,), **change), created=at(0))
    desk.tick(8)

    old = desk.alerts()[0]
    assert (old.reason, old.resolved_at) == ("rule_changed", at(8) + timedelta(seconds=20))
    assert (desk.told("email")[:2], desk.told("slack")) == (["firing", "resolved"], [])
    assert "the rule was changed" in desk.messages()[1].text


def test_an_edited_rule_starts_from_inactive_and_fires_anew(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 30)
    desk.ticks(0, 8)
    desk.edit(a_rule(threshold=97), created=at(0))
    desk.ticks(8, 14)

    assert [alert.active_at for alert in desk.alerts()] == [at(0), at(7)]
    assert desk.told() == ["firing", "resolved", "firing"]


def test_editing_anything_else_applies_in_place(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    desk.edit(a_rule(name="Renamed", actions=(SLACK,), keep_firing=3), created=at(0))
    desk.ticks(8, 20)

    assert (desk.told("email"), desk.told("slack")) == (["firing", "resolved"], [])
    assert desk.alert().resolved_at == at(13)


@pytest.mark.parametrize(
    ("before", "after"),
    [(Severity.MEDIUM, Severity.CRITICAL), (Severity.CRITICAL, Severity.LOW)],
)
def test_an_open_story_rises_with_its_rule_and_never_sinks(
    make_desk: MakeDesk, before: Severity, after: Severity
) -> None:
    desk = make_desk([BAD] * 30, rules=[a_rule(severity=before, repeat_every=10)])
    desk.ticks(0, 5)
    desk.edit(a_rule(severity=after, repeat_every=10), created=at(0))
    desk.ticks(5, 20)

    first, reminder = (message.subject for message in desk.messages())
    assert first.startswith(f"[{before.upper()}]")
    assert reminder.startswith("[CRITICAL] Reminder")
    assert desk.alert().severity is Severity.CRITICAL


@pytest.mark.parametrize("gone", [[], [a_rule(enabled=False)], [a_rule(targets=("other",))]])
def test_a_rule_that_is_gone_closes_its_story_and_is_not_judged(
    make_desk: MakeDesk, gone: list[object]
) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    desk.shipped(*gone)  # type: ignore[arg-type]
    desk.ticks(8, 12)

    assert (desk.alert().reason, desk.alert().state) == ("rule_removed", "resolved")
    assert desk.told() == ["firing", "resolved"]
    assert (desk.state().state, desk.state().rule_hash) == (State.INACTIVE, GONE)
    assert desk.state().last_folded == at(6)


def test_a_rule_that_was_off_for_a_while_works_again(make_desk: MakeDesk) -> None:
    """Its stored edit keeps the day of its creation, and the story of that day is stored, too."""
    desk = make_desk([OK, *[BAD] * 8, *[OK] * 40, *[BAD] * 10, *[OK] * 20], rules=[])
    desk.edit(a_rule(), created=at(0))
    desk.ticks(0, 15)
    desk.edit(a_rule(enabled=False), created=at(0))
    desk.ticks(15, 40)
    desk.edit(a_rule(), created=at(0))
    desk.ticks(40, 70)

    assert desk.told() == ["firing", "resolved"] * 2
    assert desk.state().last_folded == at(68)


def test_a_shipped_rule_that_was_off_for_minutes_works_again(make_desk: MakeDesk) -> None:
    desk = make_desk([OK, *[BAD] * 8, *[OK] * 20, *[BAD] * 10, *[OK] * 20])
    desk.ticks(0, 15)
    desk.shipped(a_rule(enabled=False))
    desk.ticks(15, 20)
    desk.shipped(a_rule())
    desk.ticks(20, 50)

    assert desk.told() == ["firing", "resolved"] * 2


def test_a_rule_that_cannot_be_evaluated_does_not_stop_the_others(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_rule("broken", condition="resembles"), a_rule()])
    passes = desk.ticks(0, 20)

    assert desk.told() == ["firing", "resolved"]
    assert {tuple(one.evaluation.broken) for one in passes[1:]} == {("broken",)}


def test_a_rule_whose_metric_is_gone_does_not_stop_the_others(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_rule("old", metric="floppyDrives"), a_rule()])
    desk.ticks(0, 20)

    assert desk.told() == ["firing", "resolved"]


def test_a_rule_that_the_store_refuses_does_not_stop_the_others(make_desk: MakeDesk) -> None:
    endless = a_rule("endless", name="x" * 40_000)
    desk = make_desk(STORM, rules=[endless, a_rule()])
    desk.ticks(0, 20)

    assert desk.told() == ["firing", "resolved"]


def test_a_hundred_rules_share_their_transactions(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM, rules=[a_rule(f"rule-{n:03d}", threshold=97) for n in range(100)])
    sizes = transaction_sizes(desk)
    desk.ticks(0, 4)

    by_pass = [size for size in sizes if size > 1]
    assert max(by_pass) <= MOST_WRITES
    assert len(by_pass) <= 4 * 3
    desk.ticks(4, 14)
    assert max(sizes) <= MOST_WRITES
    told = [event.alert.rule_id for one in desk.messages() for event in events_of(one)]
    assert len(told) == 200
    assert set(told[:100]) == set(told[100:])


def transaction_sizes(desk: Desk) -> list[int]:
    """Filled with the number of rows of every transaction from now on."""
    sizes: list[int] = []
    table = desk.storage.alerts
    real = table.transact

    def counted(partition: str, ops: Sequence[Op]) -> list[str | None]:
        sizes.append(len(ops))
        return real(partition, ops)

    table.transact = counted  # type: ignore[method-assign]
    return sizes


def test_a_snoozed_rule_is_silent_and_tells_at_the_end_that_it_still_fires(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([BAD] * 60)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)
    desk.ticks(5, 15)
    assert desk.told() == ["firing"]

    desk.ticks(15, 20)
    assert desk.told() == ["firing", "snooze_ended"]


def test_the_end_of_a_snooze_is_told_though_the_source_is_down(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 60)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=3)
    desk.house.sources[0].silent = True  # type: ignore[attr-defined]
    desk.ticks(5, 10)

    assert desk.told() == ["firing", "snooze_ended"]


def test_the_end_of_a_snooze_is_silent_when_all_is_well(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    desk.act("snooze", desk.alert().id, 8, minutes=10)
    desk.ticks(8, 30)

    assert desk.told() == ["firing", "resolved"]


def test_a_story_that_begins_and_ends_under_a_snooze_is_never_told(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 3 + [OK] * 3 + [BAD] * 5 + [OK] * 40)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=30)
    desk.ticks(5, 50)

    assert len(desk.alerts()) == 2
    assert desk.told() == ["firing", "resolved"]
    assert "suppressed snoozed" in desk.timeline()


def test_a_resolve_passes_a_snooze_when_its_firing_was_sent(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.ticks(0, 8)
    desk.act("snooze", desk.alert().id, 8, minutes=600)
    desk.ticks(8, 13)

    assert desk.told() == ["firing", "resolved"]


def test_a_snooze_that_is_over_before_a_late_tick_does_not_hide_the_rest(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([BAD] * 60)
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)
    desk.tick(45)

    assert desk.told() == ["firing", "snooze_ended"]


def test_more_than_ten_episodes_of_a_gap_are_told_in_one_digest(make_desk: MakeDesk) -> None:
    desk = make_desk([*flapping(25), *[OK] * 60], rules=[a_rule(actions=(LOG, SLACK))])
    late_by(desk, 160)
    desk.ticks(161, 164)

    told = [event for one in desk.messages("slack") for event in events_of(one)]
    (digest,) = [event for event in told if event.missed_count]
    singles = {event.episode for event in told} - {digest.episode}
    assert digest.missed_count + len(singles) == len(desk.alerts()) == 25
    assert desk.told("slack") == desk.told("console")
    assert "opened and closed while the monitor caught up" in desk.messages("slack")[0].text
    assert "suppressed catching_up" in desk.timeline()


def test_an_episode_that_goes_on_after_a_gap_is_told_once_late(make_desk: MakeDesk) -> None:
    desk = make_desk([*flapping(15), *[BAD] * 60])
    late_by(desk, 120)
    desk.ticks(121, 125)

    open_ones = [event for one in desk.messages() for event in events_of(one) if event.late]
    assert [event.kind for event in open_ones if event.alert.active_at == at(90)] == ["firing"]
    assert desk.state().told


def test_a_story_that_was_told_and_snoozed_is_not_told_to_begin_again_while_catching_up(
    make_desk: MakeDesk,
) -> None:
    """Two days without the monitor; the snooze was over long ago, and so was the storm."""
    desk = make_desk([*[BAD] * 2000, *[OK] * 880])
    desk.ticks(0, 5)
    desk.act("snooze", desk.alert().id, 5, minutes=10)
    desk.tick(2880)

    assert desk.told()[0] == "firing"
    kinds = [event.kind for one in desk.messages() for event in events_of(one)]
    assert kinds in (["firing", "resolved"], ["firing", "snooze_ended", "resolved"])


def told_about(desk: Desk) -> list[tuple[str, str, str]]:
    """Every event that the mail told: episode, kind and reason."""
    events = [event for one in desk.messages() for event in events_of(one)]
    return [(event.episode, event.kind, event.reason) for event in events]


SERIES = [*[OK] * 4, *[BAD] * 4, None, *[BAD] * 2, OK, None, *[OK] * 3, *[BAD] * 3, *[OK] * 30]


def ticked_at(make_desk: MakeDesk, minutes: Iterable[int]) -> Desk:
    desk = make_desk(SERIES, rules=[a_rule(keep_firing=2)])
    for minute in minutes:
        desk.tick(minute)
    return desk


@pytest.mark.parametrize("step", [2, 3, 5, 7, 11, 13, 40])
def test_any_split_of_the_minutes_gives_the_same_states_and_messages(
    make_desk: MakeDesk, step: int
) -> None:
    calm = ticked_at(make_desk, range(41))
    other = ticked_at(make_desk, [0, *range(step, 40, step), 40])

    assert told_about(other) == told_about(calm) != []
    assert other.state() == calm.state()
    assert untimed(other.alerts()) == untimed(calm.alerts())


def untimed(alerts: list[Alert]) -> list[Alert]:
    """The alerts without the moments at which people were told: those are the passes'."""
    return [structs.replace(alert, told_at=None) for alert in alerts]


def test_a_day_and_more_without_the_monitor_is_folded_to_the_end(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 3000)
    desk.tick(0)
    desk.tick(2990)

    assert desk.state().last_folded == at(2989)


def test_a_pass_that_runs_out_of_time_leaves_the_rest_to_the_next(make_desk: MakeDesk) -> None:
    desk = make_desk([*flapping(25), *[OK] * 60])
    desk.tick(0)
    real, desk.house = desk.house, hurried(desk)
    done = desk.tick(160)
    assert done.evaluation.behind

    desk.house = real
    desk.ticks(161, 164)
    assert desk.state().state is State.INACTIVE
    assert desk.state().last_folded == at(162)


def hurried(desk: Desk) -> House:
    """A house in which 30 s pass at every look at the clock."""

    def wall() -> datetime:
        desk.clock.advance(timedelta(seconds=30))
        return desk.clock.now

    return replace(desk.house, wall=wall)


def test_a_stored_rule_replaces_the_shipped_one(make_desk: MakeDesk) -> None:
    desk = make_desk(STORM)
    desk.house.config.commit("rule", [Insert("dtu-high", KeptRule(a_rule(threshold=99.5)))])
    desk.ticks(0, 20)

    assert desk.alerts() == []
