"""Telemetry that comes late delays what is told of it, and never makes it false."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import pytest

from local.world.scenes import ErrorBurst, LateTelemetry, Outage
from local.world.truth import truth
from shared.catalog.metrics import CATALOG
from shared.domain.alerts import AlertState
from shared.domain.machine import State
from shared.domain.rules import Rule, Severity
from shared.domain.times import HOUR, MINUTE, each_minute, floor_minute
from tests.walks.faulting import START, Walk, a_walk

SETTLE = CATALOG.source("logs").settle
BURST = ErrorBurst(START + MINUTE, 12)
FIRES = 8
"""The minute of the walk whose tick has two bad minutes, when telemetry comes as usual."""
LATE = LateTelemetry(START + 8 * MINUTE, 10, delay=timedelta(minutes=20))
SOONEST = 28
"""The minute of the walk before which no late row can be read."""
OVER = START + 50 * MINUTE


def watch_for(walk: Walk, metric: str, condition: str, threshold: float, duration: int) -> None:
    """A rule in place of the shipped ones, told to the same people."""
    rule = Rule(
        id="from-logs",
        name="Told by telemetry",
        metric=metric,
        condition=condition,
        threshold=threshold,
        duration=duration,
        severity=Severity.HIGH,
        actions=walk.rig.house.rules[0].actions,
    )
    walk.rig.house = replace(walk.rig.house, rules=[rule])


def play_on(walk: Walk, *, until: int, every: int = 1) -> None:
    """A minute with both timers, again and again, up to that minute of the walk."""
    while walk.next < START + until * MINUTE:
        walk.play(1)
        walk.skip(every - 1)


def states(walk: Walk) -> list[State]:
    return [one.after for done in walk.passes for one in done.evaluation.transitions]


def subjects(walk: Walk) -> list[str]:
    return [message.subject.split()[0] for message in walk.told("email")]


def covered(walk: Walk) -> datetime:
    return walk.passes[-1].evaluation.covered["logs"]


@pytest.mark.slow
def test_a_burst_whose_telemetry_stops_coming_is_over_when_real_figures_say_so() -> None:
    with a_walk(BURST, LATE) as walk:
        watch_for(walk, "errorRate", "greater_than", 3, 2)
        play_on(walk, until=1)
        walk.skip(FIRES - 2)
        play_on(walk, until=FIRES + 2)
        assert states(walk) == [State.PENDING, State.FIRING]
        assert subjects(walk) == ["[HIGH]"]

        play_on(walk, until=SOONEST, every=3)

        assert covered(walk) == LATE.begins - 2 * MINUTE, "the newest rows are of the minute before"
        assert floor_minute(walk.passes[-1].now) - SETTLE > BURST.ends
        assert states(walk) == [State.PENDING, State.FIRING]

        play_on(walk, until=50, every=3)

        assert states(walk) == [State.PENDING, State.FIRING, State.INACTIVE]
        assert subjects(walk) == ["[HIGH]", "[RESOLVED]"]
        (alert,) = walk.alerts()
        assert (alert.state, alert.resolved_at) == (AlertState.RESOLVED, BURST.ends + MINUTE)
        assert alert.count == BURST.minutes
        assert covered(walk) == floor_minute(walk.passes[-1].now) - SETTLE
        assert walk.untrue() == []
        assert walk.unfinished() == []


@pytest.mark.slow
def test_a_calm_night_whose_telemetry_is_late_is_told_to_nobody() -> None:
    with a_walk(LATE) as walk:
        quiet = longest_quiet(walk, each_minute(START, OVER))
        assert timedelta(minutes=quiet + 3) < LATE.delay, "else late ones would prove nothing"
        watch_for(walk, "throughput", "less_than", 1, quiet + 3)
        play_on(walk, until=50, every=3)

        assert subjects(walk) == []
        assert walk.alerts() == []
        assert State.FIRING not in states(walk)
        assert covered(walk) == floor_minute(walk.passes[-1].now) - SETTLE
        assert walk.untrue() == []


@pytest.mark.slow
def test_a_crm_that_is_down_holds_its_alerts_for_an_hour_until_its_silence_counts() -> None:
    burst = ErrorBurst(START + MINUTE, 7)
    down = Outage(burst.ends, 90)
    waits_until = (burst.ends + HOUR + SETTLE - START) // MINUTE
    with a_walk(burst, down) as walk:
        watch_for(walk, "errorRate", "greater_than", 3, 2)
        play_on(walk, until=1)
        walk.skip(FIRES - 2)
        play_on(walk, until=FIRES + 4)
        play_on(walk, until=FIRES + 54, every=10)
        walk.skip(waits_until - 2 - (FIRES + 54))
        play_on(walk, until=waits_until)
        assert states(walk) == [State.PENDING, State.FIRING]
        assert covered(walk) == burst.ends - 2 * MINUTE

        play_on(walk, until=waits_until + 2)

        assert states(walk) == [State.PENDING, State.FIRING, State.INACTIVE]
        assert subjects(walk) == ["[HIGH]", "[RESOLVED]"]
        (alert,) = walk.alerts()
        assert (alert.resolved_at, alert.count) == (burst.ends + MINUTE, burst.minutes)
        assert covered(walk) == floor_minute(walk.passes[-1].now) - SETTLE


def longest_quiet(walk: Walk, minutes: Iterable[datetime]) -> int:
    """How many minutes in a row nobody asked the CRM for anything."""
    idle = (truth(walk.world, "throughput", minute) == 0 for minute in minutes)
    return max(len(list(run)) for is_idle, run in groupby(idle) if is_idle)
