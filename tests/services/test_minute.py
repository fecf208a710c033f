"""The timers' passes: many targets by the queue, the second look, and the heartbeat."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.adapters.rows import Row
from shared.domain.errors import ChannelError
from shared.domain.records import Insert
from shared.ports import WallClock
from shared.services import minute as minutes
from shared.services.beat import heartbeat
from shared.services.deliver import deliver_one
from shared.services.leases import LEASES, Lease
from shared.services.minute import CollectMessage, DeliveryMessage
from shared.services.passes import Pass
from tests.builders import BAD, OK, TARGET, TICK, WATCH, Desk, ScriptedSource, a_rule, an_event, at
from tests.services.conftest import MakeDesk


def queue(desk: Desk) -> list[tuple[str, object]]:
    return desk.storage.queue.take()  # type: ignore[attr-defined,no-any-return]


def a_message(minute: int) -> CollectMessage:
    return CollectMessage(TARGET, at(minute) + TICK)


def collected(desk: Desk, message: CollectMessage, now: datetime) -> Pass | None:
    desk.clock.now = now
    return minutes.collect_message(message, targets=[TARGET], house=desk.house, now=now)


def test_a_tick_collects_evaluates_dispatches_and_delivers(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 10)
    desk.ticks(0, 2)

    done = desk.tick(2)

    assert [answer.source for answer in done.answers] == ["dmv"]
    assert [(one.before, one.after) for one in done.evaluation.transitions] == [
        ("pending", "firing")
    ]
    assert (done.dispatched, [one.reason for one in done.attempts]) == (1, ["delivered"])


def test_who_finds_the_target_leased_leaves_it_alone_but_delivers(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 10)
    desk.decide(an_event())
    other = Lease("somebody", at(5))
    desk.house.config.commit(LEASES, [Insert(TARGET, other)])

    done = desk.tick(4)

    assert (done.skipped, done.answers) == (True, [])
    assert desk.told() == ["firing"]
    assert not desk.tick(5).skipped


def test_watch_asks_the_probe_alone_and_catches_up(make_desk: MakeDesk) -> None:
    probe = ScriptedSource([100] * 30, metric="availability", name="probe")
    dmv = ScriptedSource([BAD] * 30)
    down = a_rule("down", metric="availability", condition="less_than", threshold=50.0)
    desk = make_desk(sources=[probe, dmv], rules=[down, a_rule()])
    desk.ticks(0, 2)

    done = desk.watch(2)

    assert [answer.source for answer in done.answers] == ["probe"]
    assert desk.state("down").last_folded == at(1)
    assert desk.state().last_folded == at(0)


def test_watch_delivers_what_waits_for_its_next_try(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 10)
    desk.channels["email"].failures.append(ChannelError("busy"))
    desk.ticks(0, 3)
    assert desk.told() == []

    desk.watch(2)
    assert desk.told() == ["firing"]


def test_what_the_tick_has_no_time_for_goes_through_the_queue(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.tick(0)
    desk.decide(an_event())
    real = desk.house
    desk.house = replace(real, wall=hurried(desk))
    minutes.tick(TARGET, house=desk.house, now=at(1))
    desk.house = real

    ((name, hint),) = queue(desk)
    assert isinstance(hint, DeliveryMessage)
    assert (name, hint.episode) == ("deliveries", an_event().episode)
    deliver_one(hint.target, hint.episode, hint.channel, house=desk.house)
    assert desk.told() == ["firing"]


def hurried(desk: Desk) -> WallClock:
    """A wall clock on which 30 s pass at every look."""

    def wall() -> datetime:
        desk.clock.advance(timedelta(seconds=30))
        return desk.clock.now

    return wall


def test_few_targets_are_collected_by_the_timer_itself(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 9)
    done = minutes.tick_all(["one", "two"], inline_max=2, house=desk.house, now=at(1))

    assert [one.target for one in done] == ["one", "two"]
    assert queue(desk) == []


def test_many_targets_go_through_the_queue(make_desk: MakeDesk) -> None:
    desk = make_desk()
    done = minutes.tick_all(["one", "two", "three"], inline_max=2, house=desk.house, now=at(1))

    assert done == []
    assert sorted(queue(desk), key=str) == [
        ("collect", CollectMessage(name, at(1))) for name in ("one", "three", "two")
    ]


def test_a_target_that_fails_does_not_stop_the_others(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 9)
    table = desk.storage.alerts
    real = table.query

    def broken(partition: str, *args: Any, **also: Any) -> list[Row]:
        if partition == "one":
            raise RuntimeError("a damaged row")
        return real(partition, *args, **also)

    table.query = broken  # type: ignore[method-assign]
    minutes.tick_all(["one", "two"], inline_max=5, house=desk.house, now=at(3))

    assert desk.house.samples.latest("two").covered == {"dmv": at(3)}
    assert desk.house.alerts.keys("two", "state:") == ["state:dtu-high"]


def test_a_collect_message_does_the_targets_minute(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 9)
    done = collected(desk, a_message(3), at(3, 40))

    assert done is not None
    assert desk.state().last_folded == at(2)


def test_a_collect_message_is_worth_nothing_after_two_minutes(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 9)

    assert collected(desk, a_message(3), at(5, 21)) is None
    assert collected(desk, a_message(3), at(5, 20)) is not None


def test_a_collect_message_is_worth_nothing_when_a_later_pass_has_collected(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([OK] * 9)
    desk.tick(4)

    assert collected(desk, a_message(3), at(4, 40)) is None


def test_a_watch_in_between_does_not_make_a_collect_message_outdated(make_desk: MakeDesk) -> None:
    """With many targets the queue may be read after :50; the watch asked only the probe."""
    desk = make_desk([BAD] * 9)
    collected(desk, a_message(0), at(0, 25))
    for minute in range(1, 6):
        desk.watch(minute)
        collected(desk, a_message(minute), at(minute, 55))

    assert desk.house.samples.latest(TARGET).covered == {"dmv": at(5)}
    assert desk.told() == ["firing"]


def test_the_heartbeat_beats_while_targets_are_fresh(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([OK] * 9)
    desk.tick(3)
    caplog.set_level(logging.INFO)
    minutes.watch_all([TARGET], inline_max=5, house=desk.house, now=at(3) + WATCH)

    assert "heartbeat: 1 targets" in caplog.text


def test_the_heartbeat_names_a_target_that_was_not_evaluated(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 9)
    desk.tick(3)

    assert heartbeat([TARGET, "other"], house=desk.house, now=at(3, 50)) == [
        "other was not fully evaluated for 3 minutes"
    ]
    assert heartbeat([TARGET], house=desk.house, now=at(6, 21)) == [
        f"{TARGET} was not fully evaluated for 3 minutes"
    ]


def test_a_monitor_that_hears_nothing_is_not_well_however_punctual(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 60)
    (source,) = desk.house.sources
    desk.ticks(0, 10)
    source.silent = True  # type: ignore[attr-defined]
    desk.ticks(10, 25)
    assert heartbeat([TARGET], house=desk.house, now=at(24) + WATCH) == [
        f"no source of {TARGET} has answered for 15 minutes"
    ]
    assert heartbeat([TARGET], house=desk.house, now=at(24) + TICK) == []

    source.silent = False  # type: ignore[attr-defined]
    desk.tick(25)
    assert heartbeat([TARGET], house=desk.house, now=at(25) + WATCH) == []


def test_who_never_heard_anything_says_so_after_the_same_time(make_desk: MakeDesk) -> None:
    desk = make_desk([OK] * 60)
    desk.house.sources[0].silent = True  # type: ignore[attr-defined]
    desk.ticks(0, 17)

    assert heartbeat([TARGET], house=desk.house, now=at(15) + TICK) == []
    assert heartbeat([TARGET], house=desk.house, now=at(16) + TICK) == [
        f"no source of {TARGET} has answered for 15 minutes"
    ]


def test_the_heartbeat_counts_deliveries_that_are_overdue(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 30)
    desk.channels["email"].failures.append(ChannelError("busy"))
    desk.ticks(0, 3)
    desk.clock.advance(timedelta(minutes=5, seconds=16))

    found = heartbeat([TARGET], house=desk.house, now=at(3))

    assert found == [f"{TARGET} has 1 deliveries overdue by 5 minutes"]
    desk.tick(9)


def test_every_pass_is_one_line_in_the_log(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk([BAD] * 9)
    caplog.set_level(logging.INFO)
    minutes.tick_all([TARGET], inline_max=5, house=desk.house, now=at(3))

    (line,) = [one.getMessage() for one in caplog.records if one.getMessage().startswith("pass ")]
    assert '"source":"dmv","samples":3' in line
    assert '"deliveries":[]' in line


class Switch:
    """Hears how the monitor is; `deaf`: nobody takes it."""

    def __init__(self) -> None:
        self.heard: list[list[str]] = []
        self.deaf = False

    def beat(self, problems: Sequence[str]) -> None:
        """See Pulse.beat."""
        self.heard.append(list(problems))
        if self.deaf:
            raise ChannelError("the heartbeat did not arrive: TimeoutError")


def test_a_switch_outside_hears_each_minute_how_the_monitor_is(make_desk: MakeDesk) -> None:
    desk, switch = make_desk([OK] * 60), Switch()
    desk.house = replace(desk.house, pulse=switch)
    desk.ticks(0, 3)

    minutes.watch_all([TARGET], inline_max=5, house=desk.house, now=at(3) + WATCH)
    minutes.watch_all([TARGET], inline_max=5, house=desk.house, now=at(4) + WATCH)

    assert switch.heard == [[], []]


def test_why_the_monitor_is_not_well_is_said_to_the_switch(make_desk: MakeDesk) -> None:
    desk, switch = make_desk([OK] * 60), Switch()
    desk.house = replace(desk.house, pulse=switch)
    wrong = Insert("outbox:20260101T0005Z-1a2b3c4d:0002", an_event(2))
    desk.house.alerts.commit(TARGET, [wrong, Insert("outbox:20260101T0005Z-1a2b3c4d:0001", wrong)])
    desk.left_open = True

    minutes.watch_all([TARGET], inline_max=5, house=desk.house, now=at(3) + WATCH)

    assert any("can't be dispatched" in said for said in switch.heard[0])


def test_a_switch_that_does_not_listen_disturbs_nothing(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk, switch = make_desk([OK] * 60), Switch()
    switch.deaf = True
    desk.house = replace(desk.house, pulse=switch)
    desk.ticks(0, 3)

    passes = minutes.watch_all([TARGET], inline_max=5, house=desk.house, now=at(3) + WATCH)

    assert len(passes) == 1
    assert "the heartbeat did not arrive" in caplog.text
