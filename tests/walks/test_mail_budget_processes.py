"""Two processes, thirty alerts, ten mails an hour: what the mail service itself sees of it.

The processes share real tables and a virtual wall clock; the service checks every signature and
counts every minute and hour by that same clock.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from local.azurite import Account
from local.cloud import email
from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.cloud.inbox import Record
from local.desks import table_storage
from local.surroundings import ADMIN
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared.adapters.ledger import RowLedger
from shared.domain.budgets import Spent
from shared.domain.claims import groups
from shared.domain.deliveries import Delivery, Status
from shared.domain.episodes import Event
from shared.domain.records import Insert, outbox_key
from shared.domain.rules import Severity
from shared.services.budgets import PARTITION
from tests.builders import an_alert, an_event
from tests.walks.mail_worker import ClockFile
from tests.walks.test_budget import most_in

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, 9, 0, 20, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
HALF = 30 * SECOND
ALERTS = 30
CRITICAL = (28, 29)
"""The last of all, so that whoever takes them as they come is late with them."""


@dataclass
class Hands:
    """The virtual time, which the parent moves for everybody."""

    file: ClockFile
    at: datetime = START

    def now(self) -> datetime:
        """As the mail service's clock shows it."""
        return self.at

    def move(self, at: datetime) -> None:
        """To a later moment."""
        self.at = at
        self.file.show(at)


@dataclass
class Worker:
    """A process that delivers."""

    process: "subprocess.Popen[bytes]"
    reasons: "Counter[str]" = field(default_factory=Counter)

    def start(self, targets: Sequence[str]) -> None:
        """Let it begin a pass over these targets."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(targets)}\n".encode())

    def finish(self) -> None:
        """Wait for the pass to end."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, "a worker ended"
        self.reasons.update(json.loads(said))


@contextmanager
def running_worker(hands: Hands, environment: dict[str, str], *, behind_s: int) -> Iterator[Worker]:
    command = [sys.executable, "-m", "tests.walks.mail_worker"]
    process = subprocess.Popen(
        [*command, str(hands.file.path), str(behind_s)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    with process:
        try:
            yield Worker(process)
        finally:
            process.kill()


@dataclass
class Crew:
    """Two workers, their storage, and the service's own records."""

    hands: Hands
    desk: Desk
    ledger: RowLedger
    targets: Sequence[str]
    workers: Sequence[Worker]
    chance: random.Random

    def decide(self, target: str, events: Sequence[Event]) -> None:
        """What an evaluator leaves in the outbox, in one transaction."""
        rows = [Insert(outbox_key(event.episode, event.seq), event) for event in events]
        self.ledger.commit(target, rows)

    def work(self, longest: timedelta) -> None:
        """Passes of both at once, at each timer that has something to do, until nothing is due."""
        end, left = START + longest, list(self.targets)
        while self.hands.at < end:
            self._pass(left)
            wanted = {target: self._wanted_at(target) for target in left}
            left = [target for target in left if wanted[target]]
            if not left:
                return
            first = min(at for target in left for at in wanted[target])
            self.hands.move(_timer_from(max(first, self.hands.at + SECOND)))
        raise AssertionError(f"after {longest} there is still something due")

    def _pass(self, targets: Sequence[str]) -> None:
        """While they work, time goes on a little, and nobody is always first."""
        first, second = self.chance.sample(self.workers, 2)
        first.start(targets)
        time.sleep(self.chance.choice([0, 0, 0.002, 0.01]))
        second.start(targets)
        self.hands.move(self.hands.at + self.chance.randrange(4) * SECOND)
        for worker in self.workers:
            worker.finish()

    def _wanted_at(self, target: str) -> list[datetime]:
        return [group.wanted_at for group in groups(self.ledger.keys(target, "due:"))]

    def deliveries(self) -> list[Delivery]:
        """Every row of all targets; nothing may be left in the outbox."""
        assert not any(self.ledger.keys(target, "outbox:") for target in self.targets)
        return [
            kept.value
            for target in self.targets
            for kept in self.ledger.scan(target, "delivery:", Delivery)
        ]

    def requests(self) -> list[Record]:
        """Everything that reached the service, oldest first."""
        return self.desk.inbox.records(email.NAME)

    def told(self) -> list[tuple[datetime, list[str]]]:
        """When the service took which stories, in the order in which each mail tells them."""
        mails = email.mails(self.desk)
        assert {mail.to for mail in mails} == {(ADMIN,)}
        return [
            (mail.raw.world_at, re.findall(r"^(Story \d\d):", mail.plain_text, re.MULTILINE))
            for mail in mails
        ]


def _timer_from(at: datetime) -> datetime:
    """The first timer, at :20 or :50, that is not before then."""
    return START + -(-(at - START) // HALF) * HALF


@contextmanager
def running_crew(
    storage: Account, folder: Path, targets: Sequence[str], seed: int
) -> Iterator[Crew]:
    """Both workers on that storage; the clock of one of them is a few seconds behind."""
    hands, chance = Hands(ClockFile(folder / "clock")), random.Random(seed)
    hands.move(START)
    desk = Desk(ScriptedWorld(script_named("calm", START)), hands, simulate_latency=False)
    room = email.Mailroom(wall=hands.now)
    with ExitStack() as stack:
        stack.enter_context(running_cloud(desk, [partial(email.answerer, mailroom=room)]))
        environment = {
            "AzureWebJobsStorage": storage.connection_string,
            "ACS_CONNECTION_STRING": email.connection_string(desk),
            "MAIL_FROM": email.SENDER,
        }
        workers = [
            stack.enter_context(running_worker(hands, environment, behind_s=behind))
            for behind in (0, chance.randrange(6))
        ]
        ledger = RowLedger(table_storage(storage.connection_string).alerts)
        yield Crew(hands, desk, ledger, targets, workers, chance)


def story(number: int) -> str:
    return f"Story {number:02d}"


def an_alarm(number: int, target: str) -> Event:
    """The firing of story `number`."""
    episode = f"20260302T09{number:02d}Z-{number:08x}"
    severity = Severity.CRITICAL if number in CRITICAL else Severity.HIGH
    alert = an_alert(episode, target=target, rule_name=story(number), severity=severity)
    return an_event(episode=episode, target=target, alert=alert, decided_at=START)


def assert_the_limits_are_kept_and_everything_is_told_once(crew: Crew) -> None:
    arrivals = [record.world_at for record in crew.requests()]

    assert [record.status for record in crew.requests()] == [202] * len(arrivals)
    assert most_in(HOUR, arrivals) <= 10
    assert most_in(MINUTE, arrivals) <= 5
    told = [name for _, names in crew.told() for name in names]
    assert sorted(told) == [story(number) for number in range(ALERTS)]
    rows = crew.deliveries()
    assert [row.status for row in rows] == [Status.SENT] * ALERTS


@pytest.mark.parametrize("seed", [1, 2])
def test_thirty_alerts_of_one_target_at_once_share_a_few_mails(
    storage: Account, tmp_path: Path, seed: int
) -> None:
    with running_crew(storage, tmp_path, ["pantry-crm"], seed) as crew:
        crew.decide("pantry-crm", [an_alarm(number, "pantry-crm") for number in range(ALERTS)])
        crew.work(timedelta(minutes=10))

    assert_the_limits_are_kept_and_everything_is_told_once(crew)
    assert len(crew.told()) <= 5
    for _, names in crew.told():
        places = [names.index(story(one)) for one in CRITICAL if story(one) in names]
        assert sorted(places) == list(range(len(places)))


def test_when_only_the_reserve_is_left_the_critical_ones_go_an_hour_before_the_others(
    storage: Account, tmp_path: Path
) -> None:
    """What shares a claim with a critical one goes with it; for the rest there is no token yet."""
    spent = tuple(START - (20 - number) * MINUTE for number in range(8))
    with running_crew(storage, tmp_path, ["pantry-crm"], seed=3) as crew:
        config = RowLedger(table_storage(storage.connection_string).config)
        config.commit(PARTITION, [Insert("email", Spent(spent))])
        crew.decide("pantry-crm", [an_alarm(number, "pantry-crm") for number in range(ALERTS)])
        crew.work(2 * HOUR)

    assert_the_limits_are_kept_and_everything_is_told_once(crew)
    soon = [names for at, names in crew.told() if at - START < MINUTE]
    later = [at for at, _ in crew.told() if at - START >= MINUTE]
    assert {story(number) for number in CRITICAL} <= {name for names in soon for name in names}
    assert all(names[0] in map(story, CRITICAL) for names in soon)
    assert all(at - START > 40 * MINUTE for at in later)


def thirty_targets(storage: Account, folder: Path, seed: int) -> Crew:
    """Messages are merged within a target only: here every alert needs a mail of its own."""
    targets = [f"shop-{number:02d}" for number in range(ALERTS)]
    with running_crew(storage, folder, targets, seed) as crew:
        for number, target in enumerate(targets):
            crew.decide(target, [an_alarm(number, target)])
        crew.work(timedelta(hours=6))
    return crew


def assert_ten_an_hour_and_the_critical_ones_soon(crew: Crew) -> None:
    assert_the_limits_are_kept_and_everything_is_told_once(crew)
    assert len(crew.told()) == ALERTS
    soon = {name for at, names in crew.told() for name in names if at - START < 3 * MINUTE}
    assert soon >= {story(number) for number in CRITICAL}
    assert len(soon) == 10
    assert all(worker.reasons["delivered"] for worker in crew.workers)
    assert all(worker.reasons["rate_limited"] == 0 for worker in crew.workers)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_thirty_targets_that_share_an_address_keep_to_ten_mails_an_hour(
    storage: Account, tmp_path: Path, seed: int
) -> None:
    assert_ten_an_hour_and_the_critical_ones_soon(thirty_targets(storage, tmp_path, seed))
