"""A person's POST and the evaluator's tick, at once: what is left is one of the serial orders.

Either of the two is interrupted before each of its store calls while the other works to its end;
the answer, states, alerts, timelines and everything told must be those of one after the other.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import pytest

from shared.domain.alerts import Alert, AlertKind, episode_id
from shared.domain.episodes import Event, TimelineLine
from shared.domain.handling import AuditEntry
from shared.domain.machine import RuleState
from shared.services.manage import ACTIONS, MOST_TRIES
from shared.web.alerts import ACT
from tests.builders import (
    BAD,
    MAIL,
    OK,
    SLACK,
    TARGET,
    a_desk,
    a_rule,
    assert_at_rest,
    at,
    events_of,
)
from tests.walks.interrupted import Interruption, Tables
from tests.walks.turnstile import Turnstile
from tests.web.builders import Counter

DTU = a_rule(actions=(MAIL, SLACK), repeat_every=3)
RULES = [DTU, a_rule("never", threshold=150.0)]
"""The second rule has nothing to tell: its state is written together with others."""
AFTERWARDS = 6
TIMELINE = (TARGET, "timeline:", TimelineLine)
STORM = (OK,) * 5 + (BAD,) * 60
ENDING = (OK,) * 5 + (BAD,) * 4 + (OK,) * 60
LATER = (OK,) * 5 + (BAD,) * 9 + (OK,) * 60

Answer = tuple[int, Any]


def episode_of(minute: int) -> str:
    """The story that begins with that minute."""
    return episode_id(TARGET, DTU.id, at(minute), AlertKind.THRESHOLD)


FIRST, AGAIN = episode_of(5), episode_of(10)


@dataclass(frozen=True)
class Scene:
    """What the racing tick finds: the values, its minute, and what people did before."""

    values: tuple[float, ...]
    minute: int
    before: tuple[tuple[str, int], ...] = ()
    episode: str = FIRST
    is_new: bool = False
    """Whether the alert comes to be by this very tick."""


SCENES = {
    "fires": Scene(STORM, 7, is_new=True),
    "goes on": Scene(STORM, 9),
    "recovers": Scene(ENDING, 10),
    "is told when the snooze ends": Scene(LATER, 10, before=(("snooze", 8),)),
    "recovers under a snooze": Scene(ENDING, 10, before=(("snooze", 9),)),
    "fires again after a manual resolve": Scene(
        LATER, 11, before=(("resolve", 8),), episode=AGAIN, is_new=True
    ),
    "recovers after a manual resolve": Scene(ENDING, 10, before=(("resolve", 8),)),
    "goes on, acknowledged": Scene(STORM, 9, before=(("acknowledge", 8),)),
}


@dataclass(frozen=True)
class Outcome:
    """What somebody can know afterwards: at once, and when all is said and done."""

    answers: list[Answer]
    states: list[RuleState]
    alerts: list[Alert]
    timeline: list[tuple[str, TimelineLine]]
    audit: list[tuple[str, str, str]]
    told: dict[str, list[Event]] = field(default_factory=dict)
    final: list[Alert] = field(default_factory=list)


class Race:
    """One monitor in front of one scene, over tables in which everybody can be interrupted."""

    def __init__(self, scene: Scene, before: "Race | None" = None) -> None:
        self.scene = scene
        self.tables: Tables = before.tables.copy() if before else Tables()
        self.desk = a_desk(scene.values, rules=RULES, storage=self.tables.storage)
        self.counter = Counter(self.desk)
        self.answers: dict[str, Answer] = {}
        if before:
            for name, channel in before.desk.channels.items():
                self.desk.channels[name].sent += channel.sent

    def play(self) -> "Race":
        """All that comes before the racing tick."""
        for minute in range(self.scene.minute):
            self.desk.tick(minute)
            for action, when in self.scene.before:
                if when == minute:
                    assert self.post(action, minute, episode=FIRST)[0] == 200
        return self

    def post(self, action: str, minute: float, *, episode: str, note: str = "seen") -> Answer:
        """What a person gets who posts the action."""
        wish = {"alertId": f"{TARGET}.{episode}", "action": action, "note": note}
        more = {"duration": 2} if action == "snooze" else {}
        answer = self.counter.post(ACT, minute, {**wish, **more})
        told = json.loads(answer.get_body())
        return answer.status_code, told["data"] if told["success"] else told["error"]["code"]

    def tick(self) -> None:
        """A party: the evaluator."""
        self.desk.tick(self.scene.minute)

    def person(self, action: str, note: str = "seen") -> Callable[[], None]:
        """A party: a person, at the very moment of the tick."""

        def act() -> None:
            moment, episode = self.scene.minute + 1 / 3, self.scene.episode
            self.answers[note] = self.post(action, moment, episode=episode, note=note)

        return act

    def outcome(self) -> Outcome:
        """Look at once, let some calm minutes pass, and look again."""
        desk = self.desk
        found = Outcome(
            [self.answers[name] for name in sorted(self.answers)],
            desk.rows("state:", RuleState),
            desk.alerts(),
            [(kept.key, kept.value) for kept in desk.house.alerts.scan(*TIMELINE)],
            sorted((one.by, one.action, one.subject) for one in desk.rows("audit:", AuditEntry)),
        )
        desk.watch(self.scene.minute)
        desk.ticks(self.scene.minute + 1, self.scene.minute + AFTERWARDS)
        assert_at_rest(desk)
        for channel in ("email", "slack"):
            found.told[channel] = [e for one in desk.messages(channel) for e in events_of(one)]
        found.final.extend(desk.alerts())
        return found


Party = Callable[[], None]
Parties = Callable[[Race], tuple[Party, Party]]


@cache
def played(scene: Scene) -> Race:
    """The scene just before the race; never raced itself."""
    return Race(scene).play()


def a_race(scene: Scene) -> Race:
    return Race(scene, played(scene))


def one_after_the_other(scene: Scene, parties: Parties) -> list[Outcome]:
    """Both serial orders."""
    orders: list[Outcome] = []
    for first, second in ((0, 1), (1, 0)):
        race = a_race(scene)
        both = parties(race)
        both[first]()
        both[second]()
        orders.append(race.outcome())
    return orders


def interrupted(scene: Scene, parties: Parties) -> Iterator[Outcome]:
    """The first party, interrupted by the second before each of its calls in turn."""
    for place in count(1):
        race = a_race(scene)
        party, other = parties(race)
        interruption = Interruption(place, other)
        race.tables.on_step(interruption.step)
        interruption.run(party)
        race.tables.on_step(lambda: None)
        if interruption.calls < place:
            break
        yield race.outcome()


def assert_is_one_of(found: Outcome, orders: Sequence[Outcome]) -> None:
    assert found in orders
    for told in found.told.values():
        ids = [event.id for event in told]
        assert len(ids) == len(set(ids)), "something was told twice"


def assert_heard(scene: Scene, found: Outcome) -> None:
    """Who got 200 is heard; 404 is for an alert that this very tick brings about."""
    for status, told in found.answers:
        if status != 200:
            assert (status, told, scene.is_new) == (404, "not_found", True)
        elif told["acknowledgedBy"] is not None:
            (alert,) = (one for one in found.final if one.id == told["id"])
            assert alert.acknowledged_by == told["acknowledgedBy"]


@pytest.mark.parametrize(
    ("scene", "action"),
    [
        pytest.param(
            scene,
            action,
            id=f"{name}-{action}",
            marks=pytest.mark.slow if (row + place) % 2 else (),
        )
        for row, (name, scene) in enumerate(SCENES.items())
        for place, action in enumerate(ACTIONS)
    ],
)
@pytest.mark.parametrize("tick_is_interrupted", [True, False], ids=["tick", "person"])
def test_a_person_and_a_tick_at_once_are_as_one_after_the_other(
    scene: Scene, action: str, *, tick_is_interrupted: bool
) -> None:
    """Every action in every scene; the fast tier takes every second pair."""

    def parties(race: Race) -> tuple[Party, Party]:
        both = (race.tick, race.person(action))
        return both if tick_is_interrupted else both[::-1]

    orders = one_after_the_other(scene, parties)
    found = list(interrupted(scene, parties))

    assert len(found) >= (10 if tick_is_interrupted else 1)
    for outcome in found:
        assert_is_one_of(outcome, orders)
        assert_heard(scene, outcome)


@pytest.mark.parametrize(
    ("action", "other"),
    [
        pytest.param(one, two, marks=pytest.mark.slow if (row + place) % 2 else ())
        for row, one in enumerate(ACTIONS)
        for place, two in enumerate(ACTIONS)
    ],
)
def test_two_people_at_once_are_as_one_after_the_other(action: str, other: str) -> None:
    scene = SCENES["goes on"]

    def parties(race: Race) -> tuple[Party, Party]:
        return race.person(action, "first"), race.person(other, "second")

    orders = one_after_the_other(scene, parties)

    for outcome in interrupted(scene, parties):
        assert_is_one_of(outcome, orders)
        assert [status for status, _ in outcome.answers] == [200, 200]


class Stubborn:
    """An evaluator that, before each of the next so many writes of a person, folds a minute."""

    def __init__(self, race: Race, times: int) -> None:
        self.minutes = iter(range(race.scene.minute, race.scene.minute + times))
        self._race = race
        race.tables.on_write(self.step)

    def step(self) -> None:
        """Called before a write."""
        minute = next(self.minutes, None)
        if minute is not None:
            self._race.tables.on_write(lambda: None)
            self._race.desk.tick(minute)
            self._race.tables.on_write(self.step)


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "snooze"])
def test_who_loses_four_races_is_heard_and_who_loses_five_is_told_so(action: str) -> None:
    for times in range(MOST_TRIES + 1):
        race = a_race(SCENES["goes on"])
        before = race.desk.alert()
        Stubborn(race, times)
        minute = race.scene.minute + times + 1 / 3
        status, told = race.post(action, minute, episode=FIRST)
        race.tables.on_write(lambda: None)

        if times < MOST_TRIES:
            assert status == 200
        else:
            assert (status, told) == (503, "store_busy")
            assert race.desk.rows("audit:", AuditEntry) == []
            assert race.desk.alert().acknowledged_by is before.acknowledged_by is None
            assert race.post(action, minute, episode=FIRST)[0] == 200
        assert len(race.desk.rows("audit:", AuditEntry)) == 1
        race.desk.ticks(race.scene.minute + times, race.scene.minute + times + 3)
        assert_at_rest(race.desk)


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 12))]
)
def test_interleaved_at_every_call_they_are_as_one_after_the_other(seed: int) -> None:
    """Each of the two is interrupted any number of times."""
    scene = list(SCENES.values())[seed % len(SCENES)]
    for action in ACTIONS:

        def parties(race: Race, action: str = action) -> tuple[Party, Party]:
            return race.tick, race.person(action)

        race, turnstile = a_race(scene), Turnstile(seed, at(0))
        turnstile._haste = 0.0  # nobody is slow: the lease is another walk's
        race.tables.on_step(turnstile.step)
        turnstile.run(*parties(race))
        race.tables.on_step(lambda: None)

        found = race.outcome()
        assert_is_one_of(found, one_after_the_other(scene, parties))
        assert_heard(scene, found)
