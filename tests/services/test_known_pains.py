"""Pains of other alerting tools that no other test is about (docs/pains.md has all of them)."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from shared.domain.decisions import Snooze
from shared.domain.machine import State
from shared.domain.records import Insert, snooze_key
from shared.domain.samples import Reading, Sample
from shared.domain.times import MINUTE
from tests.builders import (
    BAD,
    OK,
    TARGET,
    ScriptedSource,
    Values,
    a_desk,
    a_rule,
    assert_at_rest,
    at,
)
from tests.services.conftest import MakeDesk
from tests.services.transcripts import a_window, transcript

SLOW = a_rule(duration=5, keep_firing=5)


def a_life(values: Values, *, restarts: bool) -> tuple[list[State], list[str]]:
    """The rule's state after each minute, and what was told; a new process for each pass or not."""
    desk = a_desk(values, rules=[SLOW])
    states: list[State] = []
    told: list[str] = []
    for minute in range(len(values)):
        before = len(desk.messages())
        desk.tick(minute)
        states.append(desk.state().state)
        told += [f"{minute} {kind}" for kind in desk.told()[before:]]
        if restarts:
            desk = a_desk(values, rules=[SLOW], storage=desk.storage)
    assert_at_rest(desk)
    return states, told


def test_a_restart_between_any_two_passes_resets_no_clock() -> None:
    """Prometheus forgets a short `for` and every `keep_firing_for` when it starts anew."""
    values = [OK] * 3 + [BAD] * 7 + [OK] * 3 + [BAD] * 2 + [OK] * 8

    states, told = a_life(values, restarts=True)

    assert (states, told) == a_life(values, restarts=False)
    assert told == ["8 firing", "20 resolved"]


def test_what_goes_on_for_ten_days_is_told_once_and_ends_once(make_desk: MakeDesk) -> None:
    """Alertmanager's log forgets after five days what was told, and tells it as new."""
    days = 10
    values = [BAD] * (days * 24 * 60) + [OK] * 60
    desk = make_desk(values, rules=[a_rule(repeat_every=0)])
    desk.ticks(0, 3)

    assert transcript(desk, 720, 15121, every=720) == ["15120 tick email resolved"]
    assert desk.told() == ["firing", "resolved"]


class ZeroesFirst(ScriptedSource):
    """Says 0 for the newest three minutes, as Azure Monitor does, and what was so only later."""

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read."""
        said = super().read(target, since=since, now=now)
        tail = (Sample("cpuUtilization", said.covered_until + n * MINUTE, 0.0) for n in range(3))
        return replace(said, samples=(*said.samples, *tail))


def test_the_zeroes_of_the_newest_minutes_end_nothing_and_start_nothing(
    make_desk: MakeDesk,
) -> None:
    high = a_rule(metric="cpuUtilization")
    low = a_rule("cpu-low", metric="cpuUtilization", condition="less_than", threshold=1.0)
    values = [OK] * 5 + [BAD] * 20 + [OK] * 15
    source = ZeroesFirst(values, metric="cpuUtilization", name="plan", settle=3)
    desk = make_desk(rules=[high, low], sources=[source])

    assert transcript(desk, 0, 40) == ["10 tick email firing", "29 tick email resolved"]
    (chunk,) = desk.house.samples.hours(TARGET, at(0), at(0))
    assert chunk.cells["cpuUtilization"][:39] == (*values[:36], 0.0, 0.0, 0.0)


@pytest.mark.parametrize("quiet", ["snooze", "window"])
def test_who_is_not_told_is_measured_and_judged_all_the_same(
    make_desk: MakeDesk, quiet: str
) -> None:
    values = [OK] * 5 + [BAD] * 5 + [OK] * 10
    desk = make_desk(values)
    if quiet == "window":
        a_window(desk, 0, 15)
    else:
        silence = Snooze(until=at(15), by="admin", at=at(0))
        desk.house.alerts.commit(TARGET, [Insert(snooze_key("dtu-high"), silence)])
    desk.ticks(0, 20)

    (chunk,) = desk.house.samples.hours(TARGET, at(0), at(0))
    assert chunk.cells["dtuUtilization"][:19] == tuple(values[:19])
    assert (desk.alert().active_at, desk.alert().resolved_at) == (at(5), at(11))
    assert desk.told() == []
