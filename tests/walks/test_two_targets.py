"""Two targets at once, one of which fails in every way: nothing of it reaches the other.

The second one's resources are not there, its database refuses, its page hangs: each of its passes
takes as long as it may. The first one is as if it were alone.
"""

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from local.rig import TARGET, TICK, WATCH
from local.world.scenes import DtuStorm
from shared.adapters.health_probe import PATIENCE
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.alerts import Alert
from shared.domain.deliveries import Delivery
from shared.domain.samples import FailureKind
from shared.domain.times import MINUTE, floor_hour
from shared.services import minute as minutes
from shared.services.passes import Pass
from tests.adapters.providers import Provider, running_provider
from tests.walks.faulting import START, Walk, a_walk

pytestmark = pytest.mark.slow

OTHER = "other-app"
BOTH = [TARGET, OTHER]
STORM = DtuStorm(START + MINUTE, 4)
PLAYED = 8
HANGING = range(2, 3)
"""The minute in which the other one's page hangs; in the others it refuses."""
LONGEST_PASS_S = 40
NOWHERE = "/subscriptions/5f3b1c52-7d0e-4c5b-9a55-3d8f0c6b7e21/resourceGroups/other/providers"


def resources_of_other(page: str) -> str:
    """Ids of the right form, of things that the cloud does not have."""
    return json.dumps(
        {
            OTHER: {
                "plan": f"{NOWHERE}/Microsoft.Web/serverfarms/other-plan",
                "app": f"{NOWHERE}/Microsoft.Web/sites/other",
                "database": f"{NOWHERE}/Microsoft.Sql/servers/other-sql/databases/nowhere",
                "workspace": "00000000-2b64-4f0e-8a57-61c0f2d7b3e4",
                "health_url": page,
            }
        }
    )


@pytest.fixture(scope="module")
def page() -> Iterator[Provider]:
    """The other one's health page, which answers 503 at best."""
    with running_provider() as provider:
        provider.answers(503)
        yield provider


@pytest.fixture(scope="module")
def played(page: Provider) -> Iterator[tuple[Walk, list[Pass]]]:
    """Both targets through a storm of the first one's database, and all passes."""
    changes = {
        "MONITOR_TARGETS": ",".join(BOTH),
        "MORE_TARGETS": resources_of_other(f"{page.url}/api/health"),
    }
    with a_walk(STORM, **changes) as walk:
        walk.rig.house = replace(walk.rig.house, rules=default_rules())
        done: list[Pass] = []
        for number in range(PLAYED):
            page.delay = 30.0 if number in HANGING else 0.0
            done += _both(walk, START + number * MINUTE)
        walk.next = START + PLAYED * MINUTE
        walk.passes = [one for one in done if one.target == TARGET]
        yield walk, done


def _both(walk: Walk, at: datetime) -> list[Pass]:
    house, clock = walk.rig.house, walk.rig.clock
    clock.now = at + TICK
    done = minutes.tick_all(BOTH, inline_max=5, house=house, now=clock.now)
    clock.now = at + WATCH
    return [*done, *minutes.watch_all(BOTH, inline_max=5, house=house, now=clock.now)]


def patience(source: str) -> timedelta:
    """How far behind a source may be by nature: it settles, asks now and then, of whole windows."""
    its = CATALOG.source(source)
    return its.settle + 2 * its.cadence


def passes_of(target: str, done: list[Pass]) -> list[Pass]:
    return [one for one in done if one.target == target]


def test_every_pass_of_both_went_through(played: tuple[Walk, list[Pass]]) -> None:
    _, done = played

    assert len(passes_of(TARGET, done)) == len(passes_of(OTHER, done)) == 2 * PLAYED
    assert [one.error for one in done if one.error] == []
    # In the storm the first one's counts wait, as they do when it is alone.
    own = {failure.kind for one in passes_of(TARGET, done) for failure in one.failures}
    assert own <= {FailureKind.DEFERRED}


def test_the_first_one_has_its_own_figures_and_all_of_them(
    played: tuple[Walk, list[Pass]],
) -> None:
    walk, _ = played

    assert walk.untrue() == []
    covered = walk.rig.house.samples.latest(TARGET).covered
    assert {name: at for name, at in covered.items() if walk.next - at > patience(name)} == {}


def test_the_other_one_has_nothing_but_that_its_page_fails(
    played: tuple[Walk, list[Pass]],
) -> None:
    walk, done = played
    [hour] = walk.rig.house.samples.hours(OTHER, floor_hour(START), floor_hour(START))

    filled = {
        column for column, cells in hour.cells.items() if any(cell is not None for cell in cells)
    }
    assert filled <= {"availability", "probeLatency"}
    assert set(hour.cells["availability"]) <= {None, 0.0}
    failed = {failure.source for one in passes_of(OTHER, done) for failure in one.failures}
    assert {"plan", "app", "database", "dmv", "logs"} <= failed


def test_alerts_and_messages_are_about_their_own(played: tuple[Walk, list[Pass]]) -> None:
    walk, _ = played
    ledger = walk.rig.house.alerts
    rules = {
        target: {kept.value.rule_id for kept in ledger.scan(target, "alert:", Alert)}
        for target in BOTH
    }
    channels = {
        target: {kept.value.episode for kept in ledger.scan(target, "delivery:", Delivery)}
        for target in BOTH
    }

    assert "dtu-critical" in rules[TARGET]
    assert "dtu-critical" not in rules[OTHER]
    assert "site-down" in rules[OTHER]
    assert "site-down" not in rules[TARGET]
    assert channels[TARGET].isdisjoint(channels[OTHER])
    subjects = [one.subject for one in walk.told()]
    assert any("DTU" in one and one.endswith(TARGET) for one in subjects)
    assert all(one.endswith(OTHER) for one in subjects if "Site Down" in one or "page" in one)


def test_one_that_hangs_makes_the_other_wait_for_nothing(
    played: tuple[Walk, list[Pass]],
) -> None:
    _, done = played
    hanging = {START + number * MINUTE for number in HANGING}

    def seconds(target: str) -> list[float]:
        return [
            one.durations["total"] / 1000
            for one in passes_of(target, done)
            if one.now.replace(second=0) in hanging
        ]

    assert min(seconds(OTHER)) > PATIENCE.read
    assert max(seconds(OTHER)) < LONGEST_PASS_S
    assert statistics.median(seconds(TARGET)) < min(seconds(OTHER))
