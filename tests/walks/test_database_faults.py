"""The database refuses, moves, hangs or breaks off: what that costs, and how it heals.

Beside every fault that everything can have (test_faults.py), those that only a database has.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest

from local.cloud.faults import Fault
from local.world.scenes import DtuStorm
from local.world.truth import truth
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertState
from shared.domain.machine import State
from shared.domain.samples import Reading
from shared.domain.times import MINUTE, each_minute, floor_minute
from shared.services.passes import Pass, PassKind
from tests.local.cloud.handmade import wait_until
from tests.walks.facts import OF_NOW
from tests.walks.faulting import START, Walk, a_walk

QUIET = {"LOG_ANALYTICS_WORKSPACE_ID": ""}
"""The logs take the longest to play, and have no part in this."""
OTHERS = ("probe", "plan", "app", "database")
OUTAGE = 10
STORM = DtuStorm(START + MINUTE, 4)
OVER = START + 6 * MINUTE

Break = Callable[[Walk], None]


def refusing(number: int) -> Break:
    return lambda walk: walk.rig.desk.database.refuse_logins(number)


def broken(fault: Fault) -> Break:
    return lambda walk: walk.rig.desk.faults.set("sql", fault)


BREAKAGES: Mapping[str, tuple[Break, int]] = {
    "the login is refused": (refusing(18456), 3),
    "the database moves for ten minutes": (refusing(40613), OUTAGE),
    "no worker is left": (refusing(10928), 3),
    "the answer breaks off": (broken(Fault("drop")), 3),
    "no answer comes": (broken(Fault("hang")), 2),
}
"""How it breaks, and for how many minutes."""


def each_breakage(*fast: str) -> pytest.MarkDecorator:
    """All of them; the others than those named belong to the slow tier."""
    return pytest.mark.parametrize(
        "breakage",
        [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in BREAKAGES],
    )


@contextmanager
def broken_database(walk: Walk, breakage: str) -> Iterator[int]:
    """For how many minutes it is broken in the block; afterwards nobody is connected."""
    begin, minutes = BREAKAGES[breakage]
    begin(walk)
    try:
        yield minutes
        wait_until(lambda: walk.rig.desk.visits.open_connections == 0)
    finally:
        walk.rig.desk.database.accept_logins()
        walk.rig.desk.faults.clear("sql")


def assert_others_arrive(done: Pass, names: tuple[str, ...]) -> None:
    assert (done.error, done.skipped) == (None, False)
    for name in names:
        settle = CATALOG.source(name).settle
        assert done.evaluation.covered[name] == floor_minute(done.now) - settle, name


def failed(done: Pass) -> set[str]:
    return {one.source for one in done.failures}


@each_breakage("the login is refused", "the database moves for ten minutes")
def test_the_database_costs_its_own_sources_and_the_load_heals_from_its_own_hour(
    breakage: str,
) -> None:
    """Without the platform's fallback: what is stored of the gap came from the view."""
    with a_walk(**QUIET) as walk:
        walk.play(1)
        with broken_database(walk, breakage) as minutes:
            lost = walk.play(minutes)
        healed, _ = walk.play(1)

        for done in lost:
            assert_others_arrive(done, OTHERS if done.kind is PassKind.TICK else ("probe",))
            assert not failed(done) & set(OTHERS)
        assert failed(lost[0]) == {"dmv", *OF_NOW}
        assert failed(healed) == set()
        assert readings_of_the_load(healed) == real_load(walk, START, healed.now)
        assert walk.untrue() == []
        assert walk.alerts() == []


def readings_of_the_load(done: Pass) -> dict[datetime, float]:
    """The worst 15 seconds of each minute that the view's answer covers."""
    (answer,) = (one for one in done.answers if one.source == "dmv")
    assert isinstance(answer, Reading)
    found: dict[datetime, float] = {}
    for sample in answer.samples:
        if sample.metric == "dtuPeak" and sample.minute < answer.covered_until:
            found[sample.minute] = max(found.get(sample.minute, 0.0), sample.value)
    return found


def real_load(walk: Walk, since: datetime, now: datetime) -> dict[datetime, float | None]:
    minutes = each_minute(since, floor_minute(now))
    return {minute: truth(walk.world, "dtuPeak", minute) for minute in minutes}


@each_breakage("the login is refused")
def test_a_firing_rule_waits_for_the_database_when_the_platform_is_broken_too(
    breakage: str,
) -> None:
    """The storm ends unseen; it is over for the rule when the view has told so."""
    with a_walk(STORM, **QUIET) as walk:
        walk.play(1)
        walk.skip(2)
        walk.play(1)
        assert transitions(walk.passes) == [State.PENDING, State.FIRING]
        walk.rig.desk.faults.set("platform", Fault("error"))
        with broken_database(walk, breakage) as minutes:
            lost = walk.play(minutes)
        walk.skip(max(OUTAGE - minutes, 0))
        assert transitions(lost) == []
        (still,) = walk.alerts()
        assert still.state is AlertState.FIRING

        walk.play(1)

        (alert,) = walk.alerts()
        assert (alert.state, alert.resolved_at) == (AlertState.RESOLVED, OVER)
        assert [one.subject.split()[0] for one in walk.told("email")] == [
            "[CRITICAL]",
            "[RESOLVED]",
        ]
        assert walk.untrue() == []


def transitions(passes: Sequence[Pass]) -> list[State]:
    return [one.after for done in passes for one in done.evaluation.transitions]
