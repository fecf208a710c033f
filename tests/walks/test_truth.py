"""What is stored of a world that was read through the real SDKs is what that world itself reckons.

The metrics are the catalog's, so a new one is held to this from the moment that it exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from local.azurite import Azurite
from local.cloud.metric_definitions import DISK_STEP, app_disk_bytes
from local.rig import TARGET, Rig, running_rig
from local.world.engine import Script, ScriptedWorld
from local.world.levels import GIB
from local.world.scenes import Degraded, DtuStorm, ErrorBurst, Outage
from local.world.truth import METRICS, truth
from shared.catalog.metrics import CATALOG
from shared.domain.chunks import NO_CELLS
from shared.domain.metrics import Metric
from shared.domain.times import HOUR, MINUTE, each_minute
from tests.walks.facts import (
    COUNTED,
    EXCUSED,
    MEASURED,
    OF_NOW,
    OF_THE_DESK,
    RECKONED,
    agree,
    source_of,
)

TIERS = (pytest.mark.slow, pytest.mark.bench)
"""A whole run takes minutes: CI lives through the first world, the bench through the second."""
SEEDS = (1, 2)
DAY = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
QUARTER = timedelta(minutes=15)
NIGHT, MORNING = DAY + 4 * HOUR, DAY + 8 * HOUR
FIRST_READING = timedelta(days=1)

Stretch = tuple[datetime, int]
Cells = Mapping[datetime, float]

SHORT: Sequence[Stretch] = ((NIGHT, 8), (MORNING + 26 * MINUTE, 34))
"""What is played in a minute, by start and length; the hours between are caught up with."""
WHOLE: Sequence[Stretch] = ((MORNING - 4 * MINUTE, 64),)


@dataclass(frozen=True)
class Played:
    """What is stored of a world, by metric, and how far each of them is covered."""

    world: ScriptedWorld
    stretches: Sequence[Stretch]
    covered_until: Mapping[str, datetime]
    stored: Mapping[str, Cells]

    def probed(self) -> set[datetime]:
        """The minutes in which the timers ran."""
        return {
            minute
            for start, length in self.stretches
            for minute in each_minute(start, start + length * MINUTE)
        }

    def covered(self, metric: Metric) -> list[datetime]:
        """Every minute that the metric's source has closed; Azure is read from a day ago on."""
        start, until = self.stretches[0][0], self.covered_until[metric.name]
        source = source_of(metric)
        if source in COUNTED:
            slot = metric.every * MINUTE
            first = start - (start - DAY) % slot - slot
            return list(each_minute(first, until))[:: metric.every]
        if source == "usage":
            settled = start - CATALOG.source(source).settle
            first = settled - (settled - DAY) % QUARTER - 2 * HOUR
            return list(each_minute(first, until))[:: QUARTER // MINUTE]
        if source in ("probe", *OF_NOW):
            return sorted(minute for minute in self.probed() if minute < until)
        return list(each_minute(start - FIRST_READING - CATALOG.source(source).settle, until))

    def facts(self) -> dict[str, Cells]:
        """The truth of every covered minute; minute by minute, since a world plays each anew."""
        wanted = {metric.name: set(self.covered(metric)) for metric in RECKONED}
        facts: dict[str, dict[datetime, float]] = {name: {} for name in wanted}
        for minute in sorted(set().union(*wanted.values())):
            for name, minutes in wanted.items():
                real = truth(self.world, name, minute) if minute in minutes else None
                if real is not None:
                    facts[name][minute] = real
        return dict(facts)

    def kept(self, metric: Metric) -> Cells:
        """What is stored of the covered minutes."""
        until = self.covered_until[metric.name]
        return {at: value for at, value in self.stored[metric.name].items() if at < until}


@cache
def an_eventful_world(seed: int) -> ScriptedWorld:
    """A night with hardly a visitor, then a busy hour in which much goes wrong."""
    scenes = (
        ErrorBurst(MORNING + 10 * MINUTE, 5),
        DtuStorm(MORNING + 29 * MINUTE, 10),
        Outage(MORNING + 42 * MINUTE, 4),
        Degraded(MORNING + 48 * MINUTE, 4),
    )
    return ScriptedWorld(Script("eventful", NIGHT, scenes), seed=seed)


def play(azurite: Azurite, seed: int, stretches: Sequence[Stretch]) -> Played:
    """Both timers in every minute of the stretches, over real storage."""
    world, storage = an_eventful_world(seed), azurite.fresh_account().connection_string
    with running_rig(world, storage=storage, now=stretches[0][0]) as rig:
        for start, length in stretches:
            for done in rig.play(start, start + length * MINUTE):
                # The CRM's rows are not counted while the storm lasts.
                failed = [failure for failure in done.failures if failure.was_asked]
                assert (failed, done.error, done.skipped) == ([], None, False)
        return what_is_stored(world, rig, stretches)


def what_is_stored(world: ScriptedWorld, rig: Rig, stretches: Sequence[Stretch]) -> Played:
    latest = rig.house.samples.latest(TARGET)
    covered = {metric.name: latest.covered_until(metric) for metric in MEASURED}
    stored: dict[str, dict[datetime, float]] = {metric.name: {} for metric in MEASURED}
    for chunk in rig.house.samples.hours(TARGET, NIGHT - 48 * HOUR, rig.clock.now):
        for metric in MEASURED:
            cells = enumerate(chunk.cells.get(metric.column, NO_CELLS))
            values = {chunk.hour + n * MINUTE: value for n, value in cells if value is not None}
            stored[metric.name].update(values)
    return Played(
        world, stretches, {name: until for name, until in covered.items() if until}, stored
    )


def differences(metric: Metric, stored: Cells, facts: Cells) -> Iterator[str]:
    for minute in sorted(stored.keys() | facts.keys()):
        found, real = stored.get(minute), facts.get(minute)
        if not agree(metric, found, real):
            yield f"{metric.name} at {minute:%d %H:%M}: {found} is stored, it was {real}"


def assert_all_is_true(played: Played) -> None:
    facts = played.facts()
    wrong = [one for m in RECKONED for one in differences(m, played.kept(m), facts[m.name])]
    assert wrong == []
    assert_the_disk_is_the_desks(played)
    assert_the_probe_alone_has_the_walls_latency(played)


def assert_the_disk_is_the_desks(played: Played) -> None:
    """A six-hour value lies in the first minute of its six hours, once these are over."""
    (disk,) = (metric for metric in MEASURED if metric.name in OF_THE_DESK)
    first = played.covered(disk)[0]
    windows = each_window(first, played.covered_until[disk.name] - DISK_STEP)
    assert played.stored[disk.name] == {at: app_disk_bytes(at) / GIB for at in windows}


def each_window(first: datetime, end: datetime) -> Iterator[datetime]:
    """The six-hour windows from the one before that of `first`, which may have come late."""
    window = DAY + (first - DAY) // DISK_STEP * DISK_STEP - DISK_STEP
    while window <= end:
        yield window
        window += DISK_STEP


def assert_the_probe_alone_has_the_walls_latency(played: Played) -> None:
    """Whatever it was: there is one exactly when the page answered."""
    assert played.stored["certificateDaysLeft"] == {}
    latency, memory = played.stored["probeLatency"], played.stored["memoryProcess"]
    assert latency.keys() == memory.keys()
    assert all(milliseconds > 0 for milliseconds in latency.values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_every_metric_that_was_read_is_the_worlds_own(azurite: Azurite, seed: int) -> None:
    """A night, a gap of hours, then a storm, an outage and worse, minute by minute."""
    played = play(azurite, seed, SHORT)

    assert_all_is_true(played)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "seed", [pytest.param(one, marks=mark) for one, mark in zip(SEEDS, TIERS, strict=True)]
)
def test_every_metric_is_the_worlds_own_when_no_minute_is_missed(
    azurite: Azurite, seed: int
) -> None:
    played = play(azurite, seed, WHOLE)

    assert_all_is_true(played)


def test_every_measured_metric_can_be_reckoned_or_has_a_reason_why_not() -> None:
    """A new metric is to be taught to `local.world.truth`, or listed here with its reason."""
    assert {metric.name for metric in RECKONED} - METRICS == set()
    assert EXCUSED.keys() <= {metric.name for metric in MEASURED}
    assert all(EXCUSED.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hours_have_all_kinds_of_minutes(seed: int) -> None:
    """Else the comparison would prove little."""
    world = an_eventful_world(seed)
    facts = {
        metric.name: [
            truth(world, metric.name, minute)
            for start, length in SHORT
            for minute in each_minute(start, start + length * MINUTE)
        ]
        for metric in RECKONED
    }

    assert {0.0, 100.0} <= set(facts["availability"])
    assert None in facts["responseTime.avg"]
    assert None in facts["memoryHeap"]
    assert 0 in facts["throughput"]
    assert max(filter(None, facts["throughput"])) > 40
    assert max(filter(None, facts["errorRate"])) >= 1
    assert max(filter(None, facts["dtuUtilization"])) > 95


def test_a_wrong_minute_a_gap_and_a_number_too_many_are_all_noticed() -> None:
    metric = CATALOG.metric("responseTime.p95")
    first, second, third = (NIGHT + n * MINUTE for n in range(3))

    found = differences(metric, {first: 102.5, second: 5.0}, {first: 100.0, third: 7.0})

    assert [line.split(": ")[1] for line in found] == [
        "102.5 is stored, it was 100.0",
        "5.0 is stored, it was None",
        "None is stored, it was 7.0",
    ]
