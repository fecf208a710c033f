"""Many targets: passes by the queue, messages that come late or twice, and a heartbeat of all."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.json import decode, encode
from msgspec.structs import replace as changed

from shared.adapters.rows import ReplaceRow, Row
from shared.domain.chunks import Latest
from shared.domain.errors import ChannelError, StoreUnavailable
from shared.ports import House
from shared.services import minute as minutes
from shared.services.beat import FRESH, MOST_TOLD, beat, heartbeat
from shared.services.dispatch import dispatch
from shared.services.leases import LEASES
from shared.services.minute import COLLECT_QUEUE, CollectMessage, is_outdated
from shared.services.passes import Pass, PassKind
from shared.services.reach import MOST_LOOKED_AT, lacking_of_some
from shared.services.targets import TARGETS, Target, activate, activated_at, recent
from tests.builders import BAD, OK, TARGET, TICK, WATCH, Desk, ScriptedSource, a_rule, an_event, at
from tests.services.conftest import MakeDesk

FLEET = [f"target-{number}" for number in range(6)]


def a_fleet(make_desk: MakeDesk, **options: Any) -> Desk:
    """Its sources are a probe, which both timers ask, and the DMV, which `tick` alone does."""
    probe = ScriptedSource([100] * 90, metric="availability", name="probe")
    return make_desk(sources=[probe, ScriptedSource([OK] * 90)], **options)


def tick_all(desk: Desk, minute: int, targets: list[str] = FLEET) -> None:
    desk.clock.now = now = at(minute) + TICK
    minutes.tick_all(targets, inline_max=5, house=desk.house, now=now)


def watch_all(desk: Desk, minute: int, targets: list[str] = FLEET) -> None:
    desk.clock.now = now = at(minute) + WATCH
    minutes.watch_all(targets, inline_max=5, house=desk.house, now=now)


def messages(desk: Desk) -> list[CollectMessage]:
    return [one for _, one in desk.storage.queue.take()]  # type: ignore[attr-defined]


def handle(
    desk: Desk, message: CollectMessage, now: datetime, targets: list[str] = FLEET
) -> Pass | None:
    desk.clock.now = now
    return minutes.collect_message(message, targets=targets, house=desk.house, now=now)


def serve(desk: Desk, targets: list[str] = FLEET) -> list[Pass | None]:
    """Whatever the queue holds, a second after it was put."""
    now = desk.clock.now + timedelta(seconds=1)
    return [handle(desk, one, now, targets) for one in messages(desk)]


def said(caplog: pytest.LogCaptureFixture, beginning: str) -> list[str]:
    texts = [record.getMessage() for record in caplog.records]
    return [one for one in texts if one.startswith(beginning)]


def test_a_fleet_is_ticked_and_watched_through_the_queue(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk = a_fleet(make_desk)
    tick_all(desk, 3)
    ticks = serve(desk)
    watch_all(desk, 3)
    watches = serve(desk)

    assert [one.kind for one in ticks if one] == [PassKind.COLLECT] * len(FLEET)
    assert [one.kind for one in watches if one] == [PassKind.WATCH] * len(FLEET)
    assert {len(one.answers) for one in watches if one} == {1}, "a watch asks what presses"
    assert said(caplog, "heartbeat: ") == ["heartbeat: 6 targets"]


def test_a_message_of_an_older_version_is_a_ticks(make_desk: MakeDesk) -> None:
    class Old(Struct):
        target: str
        minute: datetime

    old = decode(encode(Old(TARGET, at(3) + TICK)), type=CollectMessage)
    done = handle(a_fleet(make_desk), old, at(3, 30), [TARGET])

    assert done is not None
    assert (done.kind, len(done.answers)) == (PassKind.COLLECT, 2)


def test_an_older_version_reads_a_watchs_message_as_one_of_its_own() -> None:
    class Old(Struct):
        target: str
        minute: datetime

    assert decode(encode(CollectMessage(TARGET, at(3), PassKind.WATCH)), type=Old) == Old(
        TARGET, at(3)
    )


def test_a_doubled_watch_is_done_once(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    desk.tick(3)
    message = CollectMessage(TARGET, at(3) + WATCH, PassKind.WATCH)

    first = handle(desk, message, at(3, 51), [TARGET])
    second = handle(desk, message, at(3, 52), [TARGET])

    assert first is not None
    assert second is None


def test_a_watch_is_worth_nothing_after_two_minutes(make_desk: MakeDesk) -> None:
    message = CollectMessage(TARGET, at(3) + WATCH, PassKind.WATCH)

    assert handle(a_fleet(make_desk), message, at(5, 51), [TARGET]) is None


def test_a_watch_that_comes_after_the_next_tick_is_left_out(make_desk: MakeDesk) -> None:
    """Where the queue is long, nothing is done that a later pass has done."""
    desk = a_fleet(make_desk)
    desk.tick(4)

    message = CollectMessage(TARGET, at(3) + WATCH, PassKind.WATCH)
    assert handle(desk, message, at(4, 25), [TARGET]) is None


@dataclass(frozen=True)
class Damaged:
    """A store of samples that knows of an hour to be read again."""

    real: Any

    def latest(self, target: str) -> Latest:
        latest: Latest = self.real.latest(target)
        return changed(latest, damaged=(at(0),))


def test_a_watch_that_has_something_to_mend_is_never_left_out(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    desk.tick(4)
    message = CollectMessage(TARGET, at(3) + WATCH, PassKind.WATCH)
    damaged: Any = Damaged(desk.house.samples)

    assert is_outdated(message, house=desk.house, now=at(4, 25))
    house = replace(desk.house, samples=damaged)
    assert not is_outdated(message, house=house, now=at(4, 25))


def test_a_message_about_a_target_that_left_wakes_nothing(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    tick_all(desk, 3)
    serve(desk)
    left = messages_of_a_minute_before(desk)
    watch_all(desk, 4, FLEET[:5])

    assert activated_at(FLEET[5], config=desk.house.config) is None
    assert [handle(desk, one, at(4, 55), FLEET[:5]) for one in left] == [None, None]
    assert activated_at(FLEET[5], config=desk.house.config) is None


def messages_of_a_minute_before(desk: Desk) -> list[CollectMessage]:
    tick_all(desk, 4, FLEET)
    found = [one for one in messages(desk) if one.target == FLEET[5]]
    return [*found, CollectMessage(FLEET[5], found[0].minute, PassKind.WATCH)]


def test_many_leavers_are_closed_through_the_queue_and_tell_their_ends(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([BAD] * 30, rules=[a_rule()])
    for minute in range(3):
        tick_all(desk, minute)
        serve(desk)
    watch_all(desk, 3, [TARGET])
    closing = messages(desk)

    assert {one.kind for one in closing} == {PassKind.CLOSE}
    for one in closing:
        assert handle(desk, one, at(3, 55), [TARGET]) is not None
    assert sorted(desk.told()) == ["firing"] * len(FLEET) + ["resolved"] * len(FLEET)
    assert [activated_at(one, config=desk.house.config) for one in FLEET] == [None] * len(FLEET)


def test_who_came_back_is_not_closed_by_a_late_message(make_desk: MakeDesk) -> None:
    desk = make_desk([BAD] * 30, rules=[a_rule()])
    desk.ticks(0, 4)

    assert handle(desk, CollectMessage(TARGET, at(4), PassKind.CLOSE), at(4, 5), [TARGET]) is None
    assert desk.told() == ["firing"]


def test_one_message_that_cannot_be_put_keeps_no_other_back(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = a_fleet(make_desk)
    put = desk.house.queue.put

    def failing(queue: str, message: Any, **options: Any) -> None:
        if message.target == FLEET[0]:
            raise StoreUnavailable("queue 'collect' answered 503")
        put(queue, message, **options)

    desk.house.queue.put = failing  # type: ignore[method-assign]
    tick_all(desk, 3)

    assert sorted(one.target for one in messages(desk)) == FLEET[1:]
    assert said(caplog, "1 targets got no message, first target-0: queue 'collect' answered 503")


def test_new_targets_of_a_fleet_have_time_for_their_first_pass(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk = a_fleet(make_desk)
    for minute in range(4):
        watch_all(desk, minute)

    beats = [record.getMessage() for record in caplog.records if "heartbeat" in record.getMessage()]
    assert beats[:3] == ["heartbeat: 6 targets"] * 3
    assert "target-0 was not fully evaluated for 3 minutes" in beats[3]


def test_who_returns_has_the_same_time(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    tick_all(desk, 0)
    serve(desk)
    for minute in (1, 2):
        watch_all(desk, minute, [])
        serve(desk, [])
    desk.storage.queue.take()  # type: ignore[attr-defined]
    watch_all(desk, 30)

    kept = desk.house.config.get(TARGETS, FLEET[0], Target)
    assert kept is not None
    assert (kept.value.activated_at, kept.value.retired_at) == (at(30), None)


def test_who_returns_is_not_judged_by_how_it_was_left(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Its lease of then names deliveries that were on their way."""
    caplog.set_level(logging.INFO)
    desk = make_desk([BAD] * 30, rules=[a_rule()])
    desk.channels["email"].failures += [ChannelError("busy")] * len(FLEET)
    for minute in range(3):
        tick_all(desk, minute)
        serve(desk)
    for minute in range(3, 6):
        watch_all(desk, minute, [TARGET])
        serve(desk, [TARGET])
    assert desk.told() == ["firing+resolved"] * len(FLEET)
    caplog.clear()
    watch_all(desk, 60)

    assert said(caplog, "heartbeat: ") == ["heartbeat: 6 targets"]


def test_a_target_whose_row_is_damaged_is_missed_and_disturbs_no_other(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk = a_fleet(make_desk)
    tick_all(desk, 0)
    serve(desk)
    damage(desk, FLEET[2])
    for minute in range(1, 4):
        tick_all(desk, minute)
        for one in messages(desk):
            if one.target != FLEET[2]:
                handle(desk, one, at(minute, 25))
        watch_all(desk, minute)
        desk.storage.queue.take()  # type: ignore[attr-defined]

    assert len(said(caplog, "heartbeat: ")) == 2
    assert said(caplog, "no heartbeat: ") == [
        "no heartbeat: target-2 was not fully evaluated for 3 minutes"
    ]
    assert said(caplog, "target-2 can't be activated: row 'target-2' can't be read")


def damage(desk: Desk, target: str) -> None:
    row = desk.storage.config.get(TARGETS, target)
    assert row is not None
    broken = ReplaceRow(row.key, {**row.properties, "activatedAt": "soon"}, row.etag)
    desk.storage.config.transact(TARGETS, [broken])


def test_whoever_is_to_be_judged_from_later_on_is_missed_all_the_same(make_desk: MakeDesk) -> None:
    far = Target(activated_at=at(90))

    assert recent({TARGET: far}, FRESH, now=at(3)) == []
    assert recent({TARGET: far}, FRESH, now=at(88)) == [TARGET], "clocks may be a little apart"


def test_where_time_is_short_a_fleets_messages_are_put_in_turn(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    firsts = set()
    for minute in range(12):
        tick_all(desk, minute)
        firsts.add(messages(desk)[0].target)

    assert firsts == {*FLEET}


def test_what_is_decided_meanwhile_is_not_stuck(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk([OK] * 30)
    desk.tick(0)
    desk.decide(an_event())
    other = "20260101T0005Z-ffffffff"

    def joined(target: str, *, house: House) -> int:
        sent = dispatch(target, house=house)
        desk.decide(an_event(episode=other))
        return sent

    monkeypatch.setattr(minutes, "dispatch", joined)
    desk.tick(1)
    monkeypatch.undo()

    assert heartbeat([TARGET], house=desk.house, now=at(1) + WATCH) == []
    desk.tick(2)


def test_a_target_of_a_fleet_that_is_left_alone_is_told(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk = a_fleet(make_desk)
    tick_all(desk, 0)
    serve(desk)
    for minute in range(1, 5):
        tick_all(desk, minute)
        for one in messages(desk):
            if one.target != FLEET[3]:
                handle(desk, one, at(minute, 25))
    watch_all(desk, 4)

    assert said(caplog, "no heartbeat: ") == [
        "no heartbeat: target-3 was not fully evaluated for 3 minutes"
    ]


def test_the_heartbeat_of_a_fleet_is_one_reading(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_fleet(make_desk)
    many = [f"target-{number}" for number in range(50)]
    for target in many:
        activate(target, config=desk.house.config, now=at(0))
    asked: list[str] = []
    for table in (desk.storage.alerts, desk.storage.config, desk.storage.samples):
        for name in ("get", "query", "transact"):
            monkeypatch.setattr(table, name, noting(getattr(table, name), asked))

    assert len(heartbeat(many, house=desk.house, now=at(9))) == len(many)
    assert asked == [LEASES]


def noting(work: Any, asked: list[str]) -> Any:
    def noted(partition: str, *given: Any, **options: Any) -> list[Row]:
        asked.append(partition)
        return work(partition, *given, **options)  # type: ignore[no-any-return]

    return noted


def test_there_is_no_heartbeat_while_a_target_is_described_wrongly(make_desk: MakeDesk) -> None:
    """It is as loud as a monitor that stops, and the others are watched all the same."""
    desk = a_fleet(make_desk)
    desk.tick(0)
    doubtful = replace(desk.house, doubts=["MORE_TARGETS can't all be used; the log says why"])

    assert heartbeat([TARGET], house=doubtful, now=at(1)) == list(doubtful.doubts)


def test_many_problems_are_one_line_of_bounded_length(
    make_desk: MakeDesk, caplog: pytest.LogCaptureFixture
) -> None:
    many = [f"target-{number}" for number in range(MOST_TOLD + 7)]
    beat(many, house=a_fleet(make_desk).house, now=at(9))

    (line,) = said(caplog, "no heartbeat: ")
    assert line.count("was not fully evaluated") == MOST_TOLD
    assert line.endswith("; and 7 more")


def test_deliveries_that_kill_whoever_makes_them_are_overdue(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waited was noted before it was tried: no pass has to survive it for that."""
    desk = make_desk([OK] * 30)
    desk.tick(0)
    desk.decide(an_event())
    desk.left_open = True

    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(minutes, "deliver_due", killed)
    for minute in range(1, 8):
        with pytest.raises(SystemExit):
            desk.tick(minute)

    assert heartbeat([TARGET], house=desk.house, now=at(7) + WATCH) == [
        f"{TARGET} has 1 deliveries overdue by 5 minutes"
    ]


def test_whose_events_cannot_be_dispatched_was_not_fully_evaluated(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk([OK] * 30)
    desk.tick(0)
    desk.decide(an_event())
    desk.left_open = True

    def dying(*_: Any, **__: Any) -> int:
        raise SystemExit

    monkeypatch.setattr(minutes, "dispatch", dying)
    for minute in range(1, 5):
        with pytest.raises(SystemExit):
            desk.tick(minute)

    assert heartbeat([TARGET], house=desk.house, now=at(4)) == [
        f"{TARGET} was not fully evaluated for 3 minutes"
    ]


def test_deliveries_that_always_break_off_are_told(make_desk: MakeDesk) -> None:
    """A message that can't be made is claimed each 150 seconds: so it is never overdue."""
    desk = make_desk([OK] * 30)
    desk.tick(0)
    desk.decide(an_event())
    desk.channels["email"].failures += [RuntimeError("odd")] * 3  # type: ignore[list-item]
    told = {}
    for minute in range(1, 12):
        for timer in (desk.tick, desk.watch):
            timer(minute)
        told[minute] = heartbeat([TARGET], house=desk.house, now=at(minute) + WATCH)

    assert told[5] == []
    assert told[6] == told[7] == [f"{TARGET} has deliveries whose tries broke off 3 times"]
    assert desk.told() == ["firing"]
    assert told[8] == []


def test_what_was_overdue_is_well_again_with_the_pass_that_delivers_it(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([OK] * 30)
    desk.tick(0)
    desk.decide(an_event())
    desk.channels["email"].failures.append(ChannelError("busy"))
    desk.tick(1)
    desk.clock.advance(timedelta(minutes=6))
    assert len(heartbeat([TARGET], house=desk.house, now=at(1))) == 1

    desk.tick(8)

    assert desk.told() == ["firing"]
    assert heartbeat([TARGET], house=desk.house, now=at(8)) == []


def test_a_lease_that_cannot_be_read_begins_anew(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    desk.tick(0)
    (row,) = desk.storage.config.query(LEASES, "", "~")
    broken = ReplaceRow(row.key, {**row.properties, "until": "soon"}, row.etag)
    desk.storage.config.transact(LEASES, [broken])

    assert heartbeat([TARGET], house=desk.house, now=at(0, 30)) != []
    assert not desk.tick(1).skipped
    assert heartbeat([TARGET], house=desk.house, now=at(1, 30)) == []


def test_a_calm_pass_notes_nothing_a_second_time(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is taken and given back: what waits is written with the second of these."""
    desk = a_fleet(make_desk)
    desk.tick(0)
    asked: list[str] = []
    table = desk.storage.config
    monkeypatch.setattr(table, "transact", noting(table.transact, asked))
    desk.watch(0)

    assert asked == [LEASES, LEASES]


def test_the_queue_is_the_one_that_ticks_fill(make_desk: MakeDesk) -> None:
    """A queue of its own would be asked all day by the host, for who has no fleet, too."""
    desk = a_fleet(make_desk)
    watch_all(desk, 0)

    assert {name for name, _ in desk.storage.queue.take()} == {COLLECT_QUEUE}  # type: ignore[attr-defined]


def test_health_looks_at_a_part_of_very_many_targets_and_says_so(make_desk: MakeDesk) -> None:
    desk = a_fleet(make_desk)
    many = {f"target-{number}": {"dmv"} for number in range(MOST_LOOKED_AT + 1)}
    house = replace(desk.house, measured=many)
    found = {said for minute in range(3) for said in lacking_of_some(house, now=at(minute))}

    assert found == {"1 more targets were not looked at this time"}
    few = replace(house, measured={TARGET: {"dmv"}})
    assert lacking_of_some(few, now=at(0)) == []
