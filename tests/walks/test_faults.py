"""Everything that the monitor asks or tells through is broken in every way, on the whole rig.

Hanging takes its real seconds, so it belongs to the slow tier.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from local.cloud import resources
from local.cloud.faults import KINDS, Fault
from local.rig import TARGET, TICK, WATCH
from local.world.events import World
from local.world.scenes import DtuStorm
from shared.domain.alerts import AlertState
from shared.domain.deliveries import Status
from shared.domain.machine import State
from shared.domain.times import MINUTE
from shared.furnishing.sources import BY_LOGS
from shared.services.passes import Pass, PassKind
from tests.walks.facts import BY_SQL, MINUTELY, PRESSING, covered_until
from tests.walks.faulting import START, Walk, a_walk

LONGEST_TICK_S = 40
LAST_THREAD_S = 12
SETTLED = 6
"""Minutes after which all that lies before them is covered."""

A_WHILE = Fault("slow", seconds=0.1)
ANSWERED = {
    "a while": A_WHILE,
    "429": Fault("throttle"),
    "429 for a minute": Fault("throttle", retry_after=60),
    "500": Fault("error"),
    "refuse": Fault("refuse"),
    "garbage": Fault("garbage"),
    "wrong_shape": Fault("wrong_shape"),
    "drop": Fault("drop"),
}
"""What is over at once."""
STUCK = {"hang": Fault("hang"), "too slow": Fault("slow", seconds=30)}
"""What costs a pass all its patience: `too slow` does in the end what it was asked."""

PLATFORM = {"plan", "app", "database"}
SILENCED = {
    "platform": PLATFORM,
    "logs": set(BY_LOGS),
    "crm": set[str](),  # a page that fails is a reading, too
    "sql": set(BY_SQL),
    "identity": {*PLATFORM, *BY_LOGS, *BY_SQL},
}
"""The sources that can't be read while an answerer is broken."""

SINKS = ("email", "slack")
STORM = DtuStorm(START + MINUTE, 4)
FIRES = 3
"""The minute of the walk in which the database has told two bad minutes of the storm."""
RESOLVES = 6
OVER = START + 6 * MINUTE
FIRING, RESOLVED = "[CRITICAL]", "[RESOLVED]"
LATE = "Decided late"

Note = Callable[[str, Any], None]
Mark = pytest.MarkDecorator


def each_fault(name: str, broken: Iterable[str], *, minutes: int, stuck: int) -> Mark:
    """Every fault of everything that can be broken, with the minutes that it lasts.

    The fast tier takes every fifth pair: each fault once, and each of the broken once or twice.
    """
    return pytest.mark.parametrize(
        (name, "fault", "minutes"),
        [
            pytest.param(
                one,
                fault,
                stuck if kind in STUCK else minutes,
                id=f"{kind}-{one}",
                marks=pytest.mark.slow if kind in STUCK or (row + place) % 5 else (),
            )
            for row, one in enumerate(broken)
            for place, (kind, fault) in enumerate([*ANSWERED.items(), *STUCK.items()])
        ],
    )


each_failure = pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=name, marks=() if name == "500" else pytest.mark.slow)
        for name, fault in ANSWERED.items()
        if fault is not A_WHILE
    ],
)
"""A source that is stuck is one more failure to the rules: what hangs is left out."""


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    begun = set(threading.enumerate()) - before
    end = time.monotonic() + LAST_THREAD_S
    for thread in begun:
        thread.join(max(end - time.monotonic(), 0))
    assert [thread for thread in begun if thread.is_alive()] == []


@pytest.fixture(autouse=True, scope="module")
def _no_socket_is_left_open() -> Iterator[None]:
    """It would warn when it is collected, and that is an error."""
    yield
    gc.collect()


def assert_in_time(walk: Walk, note: Note) -> None:
    note("worst_pass_seconds", round(walk.worst_seconds, 2))
    assert walk.worst_seconds < LONGEST_TICK_S


def assert_others_arrive(world: World, passes: Sequence[Pass], silenced: set[str]) -> None:
    """Each other source is covered as far as it can be, and the silenced are where they were."""
    before = passes[0].now
    for done in passes:
        assert (done.error, done.skipped) == (None, False)
        asked = set(MINUTELY if done.kind is PassKind.TICK else PRESSING)
        assert failed(done) == silenced & asked
        for name in MINUTELY:
            asked_last = before - (WATCH - TICK if name in PRESSING else MINUTE)
            now = asked_last if name in silenced else done.now
            assert done.evaluation.covered[name] == covered_until(world, name, now), name


def failed(done: Pass) -> set[str]:
    """The sources of every minute that were asked, and failed; counts have their own walks."""
    return {failure.source for failure in done.failures if failure.was_asked} & set(MINUTELY)


def transitions(passes: Sequence[Pass]) -> list[State]:
    return [one.after for done in passes for one in done.evaluation.transitions]


def subjects(walk: Walk, sink: str) -> list[str]:
    """The first words of what arrived by that way, oldest first."""
    return [message.subject.split()[0] for message in walk.told(sink)]


def until_it_fires(walk: Walk) -> None:
    """The next tick is the one that can see the storm; missed ones change nothing."""
    walk.play(1)
    walk.skip(FIRES - 1)


def assert_all_is_told(walk: Walk) -> None:
    """One episode, over when the storm was over, and nothing about it waits."""
    (alert,) = walk.alerts()
    assert (alert.rule_id, alert.state, alert.resolved_at) == (
        "dtu-critical",
        AlertState.RESOLVED,
        OVER,
    )
    assert {row.status for row in walk.deliveries()} == {Status.SENT}
    assert walk.unfinished() == []


def test_every_kind_of_fault_is_walked() -> None:
    assert {fault.kind for fault in [*ANSWERED.values(), *STUCK.values()]} == set(KINDS)


@each_fault("answerer", SILENCED, minutes=3, stuck=2)
def test_a_fault_costs_its_own_source_and_the_gap_heals_with_what_really_was(
    answerer: str, fault: Fault, minutes: int, record_property: Note
) -> None:
    with a_walk() as walk:
        walk.play(1)
        with walk.broken(answerer, fault):
            broken = walk.play(minutes)
        healed = walk.play(1)
        walk.skip(SETTLED)
        at_last = walk.play(1)

        assert_others_arrive(walk.world, broken, set() if fault is A_WHILE else SILENCED[answerer])
        assert_others_arrive(walk.world, healed, set())
        assert_others_arrive(walk.world, at_last, set())
        assert walk.untrue() == []
        assert transitions(walk.passes) == []
        assert_nothing_is_sent(walk)
        assert_in_time(walk, record_property)


def test_a_resource_that_is_gone_costs_its_own_source() -> None:
    with a_walk() as walk:
        walk.play(1)
        walk.rig.desk.resource_ids = (resources.APP, resources.DATABASE)

        assert_others_arrive(walk.world, walk.play(3), {"plan"})


def assert_nothing_is_sent(walk: Walk) -> None:
    """Nor was it ever tried."""
    inbox = walk.rig.desk.inbox
    assert [record for sink in SINKS for record in inbox.records(sink)] == []
    assert walk.alerts() == []
    assert walk.unfinished() == []


def test_a_process_that_has_its_tokens_does_not_miss_their_issuer() -> None:
    with a_walk() as walk:
        walk.play(1)
        walk.rig.desk.inbox.clear()
        walk.rig.desk.faults.set("identity", Fault("refuse"))

        assert_others_arrive(walk.world, walk.play(2), set())
        assert walk.rig.desk.inbox.records("identity") == []


@contextmanager
def blind(walk: Walk, fault: Fault) -> Iterator[None]:
    """Neither of the two that measure DTU can be asked."""
    with walk.broken("platform", fault), walk.broken("sql", fault):
        yield


@each_failure
def test_a_firing_rule_is_not_resolved_before_its_source_is_back(
    fault: Fault, record_property: Note
) -> None:
    with a_walk(STORM) as walk:
        until_it_fires(walk)
        walk.play(1)
        with blind(walk, fault):
            broken = walk.play(7)
        assert transitions(broken) == []
        assert [subjects(walk, sink) for sink in SINKS] == [[FIRING], [FIRING]]

        walk.play(2)

        assert transitions(walk.passes) == [State.PENDING, State.FIRING, State.INACTIVE]
        assert [subjects(walk, sink) for sink in SINKS] == [[FIRING, RESOLVED]] * 2
        assert_all_is_told(walk)
        assert walk.untrue() == []
        assert_in_time(walk, record_property)


@each_failure
def test_a_storm_that_nobody_could_see_is_told_as_one_late_story(
    fault: Fault, record_property: Note
) -> None:
    with a_walk(STORM) as walk:
        walk.play(1)
        with blind(walk, fault):
            walk.play(3)
            walk.skip(18)
            walk.play(3)
        assert walk.alerts() == []
        assert walk.told() == []

        walk.play(2)

        for sink in SINKS:
            (message,) = walk.told(sink)
            assert message.subject.startswith(RESOLVED)
            assert "since 2026-03-02 04:01 UTC, 4 min bad" in message.text
            assert "Resolved at 2026-03-02 04:06 UTC after 5 min" in message.text
            assert LATE in message.text
        assert_all_is_told(walk)
        assert walk.untrue() == []
        assert_in_time(walk, record_property)


@each_fault("sink", SINKS, minutes=4, stuck=1)
def test_a_story_arrives_in_order_when_its_channel_is_back(
    sink: str, fault: Fault, minutes: int, record_property: Note
) -> None:
    (other,) = set(SINKS) - {sink}
    with a_walk(STORM) as walk:
        until_it_fires(walk)
        with walk.broken(sink, fault):
            walk.play(minutes)
        walk.play(RESOLVES + 3 - FIRES - minutes)

        told = subjects(walk, sink)
        assert told == [*[FIRING] * told.count(FIRING), RESOLVED]
        assert told.count(FIRING) <= most_firings(fault, sink)
        assert FIRING in told or tells_both(walk, sink)
        assert [one.at.minute for one in walk.told(other)] == [FIRES, RESOLVES]
        assert subjects(walk, other) == [FIRING, RESOLVED]
        assert_all_is_told(walk)
        assert walk.untrue() == []
        assert_in_time(walk, record_property)


def most_firings(fault: Fault, sink: str) -> int:
    """How often it may arrive: Slack knows no repeated message, and may lose the answer twice."""
    return 3 if fault is STUCK["too slow"] and sink == "slack" else 1


def tells_both(walk: Walk, sink: str) -> bool:
    """Whether firing and resolved came as one message."""
    rows = [row for row in walk.deliveries() if row.channel_type == sink]
    return len(rows) == 2 and len({row.message for row in rows}) == 1


@pytest.mark.slow
def test_a_tick_ends_in_time_when_everything_hangs_at_once(record_property: Note) -> None:
    """Also for a new process, which needs tokens, while two messages wait to be sent."""
    with a_walk(STORM) as walk:
        until_it_fires(walk)
        with ExitStack() as broken:
            for sink in SINKS:
                broken.enter_context(walk.broken(sink, Fault("hang")))
            assert transitions([walk.tick()])[-1] == State.FIRING
            walk.skip(1)
            for answerer in SILENCED:
                broken.enter_context(walk.broken(answerer, Fault("hang")))
            (done,) = walk.play(1)[:1]
            assert failed(done) == SILENCED["identity"] & set(MINUTELY)
            assert len(done.attempts) == len(SINKS)
        walk.skip(1)
        walk.play(SETTLED)

        assert [subjects(walk, sink)[-1] for sink in SINKS] == [RESOLVED, RESOLVED]
        assert_all_is_told(walk)
        assert_in_time(walk, record_property)
        assert len(walk.rig.house.alerts.keys(TARGET, "alert:")) == 1
