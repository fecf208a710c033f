"""Two targets at once, one of which fails in every way: nothing of it reaches the other.

Each minute everything of the other one fails in another way: its resources, its workspace, its
database, its page. The first one is as if it were alone.
"""

import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest

from local.cloud.faults import Fault
from local.cloud.inbox import Record
from local.rig import TARGET, TICK, WATCH
from local.world.scenes import DtuStorm
from shared.adapters.health_probe import PATIENCE
from shared.adapters.sql.azure_sql import Database
from shared.adapters.sql.connections import SqlAddress, connect
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.alerts import Alert
from shared.domain.deliveries import Delivery
from shared.domain.samples import FailureKind
from shared.domain.times import MINUTE, floor_hour
from shared.furnishing.sources import databases
from shared.services import minute as minutes
from shared.services.leases import last_leases
from shared.services.passes import Pass
from shared.settings import Settings
from tests.adapters.providers import Provider, running_provider
from tests.local.cloud.handmade import wait_until
from tests.walks.deaf_database import GARBAGE, DeafDatabase, running_deaf_database
from tests.walks.faulting import START, Walk, a_walk

pytestmark = pytest.mark.slow

OTHER = "other-app"
BOTH = [OTHER, TARGET]
"""As the timers see to them: the one that fails comes first."""
STORM = DtuStorm(START + MINUTE, 4)
LONGEST_PASS_S = 30
FOR_EVER_S = 60.0
GROUP = "/resourceGroups/other/"
NOWHERE = f"/subscriptions/5f3b1c52-7d0e-4c5b-9a55-3d8f0c6b7e21{GROUP}providers"
WORKSPACE = "00000000-2b64-4f0e-8a57-61c0f2d7b3e4"


class Way(NamedTuple):
    """How everything of the other one fails for a minute.

    Its page answers `page` after `delay` seconds, its database says `says` then and hangs up, and
    what Azure answers about its resources is spoilt by `fault`: of itself it is 404.
    """

    page: int = 503
    delay: float = 0.0
    says: bytes = b""
    fault: Fault | None = None
    body: bytes = b""


WAYS = {
    "is not there": Way(),
    "hangs": Way(delay=FOR_EVER_S, fault=Fault("hang")),
    "breaks": Way(page=500, fault=Fault("error")),
    "forbids": Way(page=403, fault=Fault("error", status=403)),
    "dawdles": Way(delay=1.0, says=GARBAGE, fault=Fault("slow", seconds=1.0)),
    "babbles": Way(says=GARBAGE, fault=Fault("garbage"), body=GARBAGE),
    "says something else": Way(fault=Fault("wrong_shape"), body=b'{"unexpected": []}'),
    "wants to be left alone": Way(page=429, fault=Fault("throttle", retry_after=3600)),
}
"""Of the minutes from START on."""
PLAYED = len(WAYS)
HANGING = START + list(WAYS).index("hangs") * MINUTE
ANSWERED = {404, None, 500, 403, 200, 429}
"""What Azure said about the other one, and what it did not say."""


def resources_of_other(page: str) -> str:
    """Ids of the right form, of things that the cloud does not have."""
    return json.dumps(
        {
            OTHER: {
                "plan": f"{NOWHERE}/Microsoft.Web/serverfarms/other-plan",
                "app": f"{NOWHERE}/Microsoft.Web/sites/other",
                "database": f"{NOWHERE}/Microsoft.Sql/servers/other-sql/databases/nowhere",
                "workspace": WORKSPACE,
                "health_url": page,
            }
        }
    )


@dataclass
class Played:
    """Both targets' passes, and how many seconds after its timer each target was left alone."""

    walk: Walk
    page: Provider
    database: DeafDatabase
    done: list[Pass] = field(default_factory=list)
    seconds: dict[tuple[str, datetime], float] = field(default_factory=dict)

    def of(self, target: str) -> list[Pass]:
        return [one for one in self.done if one.target == target]

    def late(self, target: str, minute: datetime) -> list[float]:
        """Of both timers of a minute."""
        return [self.seconds[target, minute + after] for after in (TICK, WATCH)]

    def live(self, minute: datetime, way: Way) -> None:
        """Both timers, while everything of the other one fails that way."""
        self.page.answers(way.page, way.body)
        self.page.delay = self.database.waits = way.delay
        self.database.says = way.says
        self._break(way.fault)
        self._time(minutes.tick_all, minute + TICK)
        self._time(minutes.watch_all, minute + WATCH)
        wait_until(lambda: all(one.is_over for one in self.asked()))
        self.walk.rig.desk.faults.clear()

    def _break(self, fault: Fault | None) -> None:
        if fault is not None:
            self.walk.rig.desk.faults.set("platform", replace(fault, part=GROUP))
            self.walk.rig.desk.faults.set("logs", replace(fault, part=WORKSPACE))

    def _time(self, timer: Callable[..., list[Pass]], now: datetime) -> None:
        house = self.walk.rig.house
        self.walk.rig.clock.now = now
        self.done += timer(BOTH, inline_max=5, house=house, now=now)
        for target, left in last_leases(config=house.config).items():
            self.seconds[target, now] = (left.until - now).total_seconds()

    def asked(self) -> list[Record]:
        """What Azure was asked about the other one."""
        inbox = self.walk.rig.desk.inbox
        records = [*inbox.records("platform"), *inbox.records("logs")]
        return [one for one in records if GROUP in one.path or WORKSPACE in one.path]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """Both targets through a storm of the first one's database."""
    with ExitStack() as stack:
        page = stack.enter_context(running_provider())
        database = stack.enter_context(running_deaf_database())
        stack.enter_context(patch("shared.bootstrap.databases", deaf_to(databases, database.port)))
        changes = {
            "MONITOR_TARGETS": f"{TARGET},{OTHER}",
            "MORE_TARGETS": resources_of_other(f"{page.url}/api/health"),
        }
        walk = stack.enter_context(a_walk(STORM, **changes))
        walk.rig.house = replace(walk.rig.house, rules=default_rules())
        played = Played(walk, page, database)
        for number, way in enumerate(WAYS.values()):
            played.live(START + number * MINUTE, way)
        walk.next = START + PLAYED * MINUTE
        walk.passes = played.of(TARGET)
        yield played


def deaf_to(
    real: Callable[..., dict[str, Database]], port: int
) -> Callable[..., dict[str, Database]]:
    """The databases of the settings, the other one's at that port."""

    def entered_by(given: Settings, identity: Callable[[], Any]) -> dict[str, Database]:
        entered = real(given, identity)
        place = SqlAddress(
            "127.0.0.1", port, "nowhere", user=given.sql_user, password=given.sql_password
        )
        door = partial(connect, place, driver=given.sql_driver)
        return {**entered, OTHER: replace(entered[OTHER], connect=door)}

    return entered_by


def patience(source: str) -> timedelta:
    """How far behind a source may be by nature: it settles, asks now and then, of whole windows."""
    its = CATALOG.source(source)
    return its.settle + 2 * its.cadence


def test_the_other_one_really_failed_in_all_these_ways(played: Played) -> None:
    failed = {failure.source for one in played.of(OTHER) for failure in one.failures}

    assert {one.status for one in played.asked()} == ANSWERED
    assert {"plan", "app", "database", "dmv", "logs", "security"} <= failed
    assert len(played.page.asked) >= 2 * PLAYED
    assert played.database.visits >= PLAYED


def test_every_pass_of_both_went_through(played: Played) -> None:
    assert len(played.of(TARGET)) == len(played.of(OTHER)) == 2 * PLAYED
    assert [one.error for one in played.done if one.error or one.skipped] == []
    assert {one.evaluation.is_complete for one in played.of(TARGET)} == {True}
    # In the storm the first one's counts wait, as they do when it is alone.
    own = {failure.kind for one in played.of(TARGET) for failure in one.failures}
    assert own <= {FailureKind.DEFERRED}


def test_the_first_one_has_its_own_figures_and_all_of_them(played: Played) -> None:
    walk = played.walk
    latest = walk.rig.house.samples.latest(TARGET)

    assert walk.untrue() == []
    behind = {name for name, at in latest.covered.items() if walk.next - at > patience(name)}
    assert behind == set()
    assert latest.lacking == {}


def test_the_other_one_has_nothing_but_that_its_page_fails(played: Played) -> None:
    house = played.walk.rig.house
    [hour] = house.samples.hours(OTHER, floor_hour(START), floor_hour(START))

    filled = {
        column for column, cells in hour.cells.items() if any(cell is not None for cell in cells)
    }
    assert filled <= {"availability", "probeLatency"}
    assert set(hour.cells["availability"]) <= {None, 0.0}
    kinds = {key.partition(":")[0] for key in house.alerts.keys(OTHER, "")}
    assert kinds <= {"state", "alert", "timeline", "event", "delivery"}


def test_alerts_and_messages_are_about_their_own(played: Played) -> None:
    ledger = played.walk.rig.house.alerts
    stories = {
        target: [kept.value for kept in ledger.scan(target, "alert:", Alert)] for target in BOTH
    }
    told = {
        target: {kept.value.episode for kept in ledger.scan(target, "delivery:", Delivery)}
        for target in BOTH
    }

    assert {one.rule_id for one in stories[TARGET]} == {"dtu-critical"}
    assert {one.rule_id for one in stories[OTHER]} == {"site-down"}
    for target in BOTH:
        assert {one.target for one in stories[target]} == {target}
        assert told[target] == {one.id for one in stories[target]}
    subjects = [one.subject for one in played.walk.told("email")]
    assert [one for one in subjects if not one.endswith((TARGET, OTHER))] == []
    assert {one.endswith(TARGET) for one in subjects if "DTU" in one} == {True}
    assert {one.endswith(OTHER) for one in subjects if "DTU" not in one} == {True}


def test_one_that_hangs_makes_the_other_wait_for_nothing(played: Played) -> None:
    mine, theirs = (played.late(target, HANGING) for target in (TARGET, OTHER))

    assert min(theirs) > PATIENCE.read
    assert max(theirs) < LONGEST_PASS_S
    assert statistics.median(mine) < min(theirs)


def test_the_other_one_costs_the_first_one_no_time_in_any_minute(played: Played) -> None:
    """Not in the minutes after it either: what it left hanging takes nobody's place."""
    usual = statistics.median(
        second
        for number in range(PLAYED)
        for second in played.late(TARGET, START + number * MINUTE)
    )

    assert usual < PATIENCE.read
