"""Two workers, doubled, late and missed ticks on one target: a calm worker's states, one story."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from msgspec import structs

from local.desks import Storage, memory_storage
from local.followers import Telling, flaws_of_stories, flaws_of_tellings, owed, telling
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.domain.alerts import Alert
from shared.domain.deliveries import Delivery, Status
from shared.domain.episodes import Event
from shared.domain.errors import Conflict, StoreUnavailable
from shared.domain.machine import RuleState
from shared.domain.rules import ActionType
from shared.ports import House
from shared.services import minute as minutes
from shared.services.manage import AlertAction, act
from tests.builders import (
    BAD,
    MAIL,
    OK,
    SLACK,
    TARGET,
    TICK,
    ScriptedSource,
    Values,
    a_desk,
    a_rule,
    at,
    check_due_rows,
    checked,
    events_of,
)
from tests.walks.turnstile import SteppedChannel, SteppedRows, Turnstile

SEEDS = range(200)
SERIES: Values = [OK, BAD, BAD, OK, OK, BAD, BAD, BAD, None, BAD, OK, OK]
LONG_SERIES: Values = [
    *[OK] * 5,
    *[BAD] * 8,
    *[OK] * 9,
    *[BAD] * 4,
    *[OK] * 9,
    *[BAD] * 30,
    *[OK] * 5,
]
RULES = [
    a_rule("short", duration=1, actions=(MAIL,)),
    a_rule("long", duration=2, keep_firing=2, actions=(MAIL, SLACK)),
]

Told = tuple[str, str, int, str, str]


@dataclass(frozen=True)
class Outcome:
    """What is left when all is said and done."""

    states: list[RuleState]
    alerts: list[Alert]
    told: list[Told]
    flaws: list[str]


class Crew:
    """Workers of one turnstile over one store; the second one's clock is behind."""

    def __init__(self, seed: int, values: Values, *, busy: int = 0) -> None:
        self.turnstile = Turnstile(seed, at(0))
        self.random = random.Random(seed)
        self.storage = checked(memory_storage())
        self.channels = {
            kind.value: SteppedChannel(kind.value, self.turnstile, busy=busy)
            for kind in (ActionType.EMAIL, ActionType.SLACK)
        }
        self.behind = [timedelta(0), timedelta(seconds=self.random.randrange(6))]
        self.workers = [self._house(values, behind) for behind in self.behind]

    def _house(self, values: Values, behind: timedelta) -> House:
        table = SteppedRows(self.storage.alerts, self.turnstile)
        return replace(
            a_desk(sources=[ScriptedSource(values)], rules=RULES).house,
            samples=ChunkStore(SteppedRows(self.storage.samples, self.turnstile)),
            alerts=RowLedger(table),
            config=RowLedger(SteppedRows(self.storage.config, self.turnstile)),
            channels=self.channels,
            wall=lambda: self.turnstile.wall - behind,
        )

    def tick(self, worker: int, minute: float) -> Callable[[], object]:
        """A job: this worker's timer in that minute, by its own clock."""
        now = at(minute) + TICK - self.behind[worker]
        return lambda: minutes.tick(TARGET, house=self.workers[worker], now=now)

    def minute(self, *jobs: Callable[[], object]) -> None:
        """Let the jobs of one minute run into each other."""
        self.turnstile.wall += timedelta(minutes=1)
        self.turnstile.run(*jobs)

    def drain(self, minute: int) -> None:
        """The last minute's tick again, by one calm worker, until nothing is due."""
        self.tick(0, minute)()
        while RowLedger(self.storage.alerts).keys(TARGET, "due:"):
            self.turnstile.wall += timedelta(minutes=1)
            self.tick(0, minute)()

    def outcome(self) -> Outcome:
        """The states, alerts and told events; nothing may be left in outbox or due."""
        return outcome_of(self.storage, self.channels.values())


def outcome_of(storage: Storage, channels: Collection[SteppedChannel]) -> Outcome:
    ledger = RowLedger(storage.alerts)
    assert ledger.keys(TARGET, "outbox:") == ledger.keys(TARGET, "due:") == []
    check_due_rows(TARGET, storage.alerts)
    deliveries = [kept.value for kept in ledger.scan(TARGET, "delivery:", Delivery)]
    assert {row.status for row in deliveries} <= {Status.SENT}
    told = [
        _told(channel.type, event)
        for channel in channels
        for message in channel.sent
        for event in events_of(message)
    ]
    return Outcome(
        [kept.value for kept in ledger.scan(TARGET, "state:", RuleState)],
        # When it was told is the moment of a pass, which the other worker may have been.
        [
            structs.replace(kept.value, told_at=None)
            for kept in ledger.scan(TARGET, "alert:", Alert)
        ],
        told,
        _flaws(ledger, [telling(one.type, message) for one in channels for message in one.sent]),
    )


def _flaws(ledger: RowLedger, tellings: list[Telling]) -> list[str]:
    events = [kept.value for kept in ledger.scan(TARGET, "event:", Event)]
    return [*flaws_of_stories(events), *flaws_of_tellings(owed(events), tellings)]


def _told(channel: str, event: Event) -> Told:
    return channel, event.episode, event.seq, event.kind, event.reason


def calm(values: Values) -> Outcome:
    """One worker that never misses a minute and is never interrupted."""
    crew = Crew(0, values)
    for minute in range(len(values) + 3):
        crew.turnstile.wall += timedelta(minutes=1)
        crew.tick(0, minute)()
    return crew.outcome()


def assert_one_story(found: Outcome, wanted: Outcome) -> None:
    assert found.states == wanted.states
    assert found.alerts == wanted.alerts
    assert found.flaws == []
    assert Counter(found.told) == Counter(wanted.told)


@pytest.fixture(scope="module")
def calm_story() -> Outcome:
    story = calm(SERIES)
    assert len(story.alerts) == 4
    assert len(story.told) == 12
    return story


@pytest.fixture(scope="module")
def calm_long_story() -> Outcome:
    story = calm(LONG_SERIES)
    assert len(story.alerts) == 6
    return story


@pytest.mark.parametrize(
    "decade",
    [
        *range(0, 60, 20),
        *(pytest.param(n, marks=pytest.mark.slow) for n in range(60, len(SEEDS), 20)),
    ],
)
def test_two_workers_interleaved_at_every_call_tell_one_story(
    decade: int, calm_story: Outcome
) -> None:
    """Each minute is ticked twice, at once; some are missed and some come late."""
    for seed in SEEDS[decade : decade + 20]:
        crew = Crew(seed, SERIES, busy=6 if seed % 2 else 0)
        for minute in range(len(SERIES) + 3):
            late = crew.random.choice([0, 0, 0, 1, 2])
            if minute > 0 and crew.random.random() < 0.2:
                continue
            crew.minute(crew.tick(0, minute), crew.tick(1, max(minute - late, 0)))
        crew.drain(len(SERIES) + 2)

        assert_one_story(crew.outcome(), calm_story)


def test_the_same_seed_gives_the_same_walk() -> None:
    def walk() -> tuple[int, list[Told]]:
        crew = Crew(7, SERIES, busy=4)
        for minute in range(len(SERIES) + 3):
            crew.minute(crew.tick(0, minute), crew.tick(1, minute))
        crew.drain(len(SERIES) + 2)
        return crew.turnstile.calls, crew.outcome().told

    assert walk() == walk()


@pytest.mark.parametrize("seed", range(10))
def test_after_forty_missed_minutes_both_workers_come_back_at_once(
    seed: int, calm_long_story: Outcome
) -> None:
    crew = Crew(seed, LONG_SERIES)
    for minute in [*range(8), *range(48, len(LONG_SERIES) + 3)]:
        crew.minute(crew.tick(0, minute), crew.tick(1, minute))
    crew.drain(len(LONG_SERIES) + 2)

    assert_one_story(crew.outcome(), calm_long_story)


@pytest.mark.parametrize(
    "seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 40))]
)
def test_people_who_act_between_two_workers_are_heard_and_lose_no_event(seed: int) -> None:
    """Whatever they do: every story is told whole, once, in order, up to its end."""
    values = [*LONG_SERIES[:40], *[OK] * 12]
    crew = Crew(seed, values)
    for minute in range(43):
        jobs = [crew.tick(0, minute), crew.tick(1, minute)]
        if crew.random.random() < 0.4:
            jobs.append(a_person(crew, minute))
        crew.minute(*jobs)
    for minute in range(43, len(values)):
        crew.minute(crew.tick(0, minute))
    crew.drain(len(values))

    found = crew.outcome()
    assert found.flaws == []
    for alert in found.alerts:
        heard = {seq for _, episode, seq, _, _ in found.told if episode == alert.id}
        assert heard == set(range(1, alert.seq + 1))


def a_person(crew: Crew, minute: int) -> Callable[[], object]:
    """A job: somebody acknowledges, resolves or snoozes the newest alert."""
    known = RowLedger(crew.storage.alerts).keys(TARGET, "alert:")
    if not known:
        return lambda: None
    action = crew.random.choice(["acknowledge", "resolve", "snooze", "unsnooze"])
    wish = AlertAction(
        action=action,
        alert=crew.random.choice(known[-2:]).removeprefix("alert:"),
        by="admin",
        minutes=crew.random.randrange(1, 9) if action == "snooze" else None,
    )

    def do() -> None:
        try:
            act(TARGET, wish, house=crew.workers[0], now=at(minute) + TICK)
        except StoreUnavailable:
            return  # five races lost in a row: the person is told to try again

    return do


@pytest.mark.parametrize("round_", range(5))
def test_real_threads_tell_one_story(round_: int, calm_story: Outcome) -> None:
    """No turnstile: the interpreter decides, and the memory twins must be safe for threads."""
    crew = Crew(round_, SERIES)
    for minute in range(len(SERIES) + 3):
        crew.turnstile.wall += timedelta(minutes=1)
        jobs = [crew.tick(worker, minute) for worker in (0, 1, 0, 1)]
        threads = [threading.Thread(target=_until_done, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    crew.drain(len(SERIES) + 2)

    assert_one_story(crew.outcome(), calm_story)


def _until_done(job: Callable[[], object]) -> None:
    """A pass that loses too many races fails like any function, and the next one goes on."""
    try:
        job()
    except Conflict:
        return
