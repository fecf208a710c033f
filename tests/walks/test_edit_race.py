"""A person's PUT of a rule and the evaluator's tick, at once: no story is lost or told twice.

Either of the two is interrupted before each of its store calls while the other works to its end.
"""

import json
from collections.abc import Callable

import pytest

from shared.domain.machine import State
from shared.domain.rules import Severity
from shared.web.rules import RULE, SAVE
from tests.builders import BAD, OK, TARGET, a_desk, a_rule, assert_at_rest
from tests.walks.interrupted import Interruption, Tables
from tests.web.builders import Counter

STORM = [OK] * 5 + [BAD] * 60


class Race:
    """A target in a storm, over tables in which everybody can be interrupted."""

    def __init__(self, minute: int, before: "Race | None" = None) -> None:
        self.tables: Tables = before.tables.copy() if before else Tables()
        rules = [a_rule(severity=Severity.MEDIUM)]
        self.desk = a_desk(STORM, rules=rules, storage=self.tables.storage)
        self.counter = Counter(self.desk)
        self.minute = minute
        if before:
            self.desk.channels["email"].sent += before.desk.messages()

    def play(self, snoozed_at: int | None = None) -> "Race":
        """All that comes before the racing tick; `snoozed_at`: in that minute, for a day."""
        for each in range(self.minute):
            self.desk.tick(each)
            if each == snoozed_at:
                self.desk.act("snooze", self.desk.alert().id, each, minutes=1440)
        return self

    def tick(self) -> None:
        """A party: the evaluator."""
        self.desk.tick(self.minute)

    def put(self, **changes: object) -> Callable[[], None]:
        """A party: a person who replaces the rule as it was read before."""
        seen = self.counter.get(RULE, self.minute, "dtu-high")

        def save() -> None:
            headers = {"If-Match": f'"{seen["meta"]["etag"]}"'}
            body = {**seen["data"]["rule"], **changes}
            answer = self.counter.send(
                SAVE, self.minute, "dtu-high", method="PUT", body=body, headers=headers
            )
            assert answer.status_code == 200, json.loads(answer.get_body())

        return save

    def run(self, at: int, first: Callable[[], None], other: Callable[[], None]) -> bool:
        """Interrupt `first` at its call number `at`; whether it came so far."""
        interruption = Interruption(at, other)
        self.tables.on_step(interruption.step)
        interruption.run(first)
        for later in range(self.minute + 1, self.minute + 3):
            self.desk.tick(later)
        assert_at_rest(self.desk)
        return interruption.calls >= at


def walk(played: Race, check: Callable[[Race], None], **changes: object) -> None:
    """Both parties interrupted at each of their calls."""
    for evaluator_first in (True, False):
        at, reached = 1, True
        while reached:
            race = Race(played.minute, played)
            put = race.put(**changes)
            parties = (race.tick, put) if evaluator_first else (put, race.tick)
            reached = race.run(at, *parties)
            check(race)
            at += 1
        assert at > 3


@pytest.mark.parametrize("minute", [7, 9])
def test_a_new_threshold_ends_every_story_that_was_begun(minute: int) -> None:
    def check(race: Race) -> None:
        assert race.desk.state().state is State.INACTIVE
        assert race.desk.told() in ([], ["firing", "resolved"])
        assert {alert.reason for alert in race.desk.alerts()} <= {"rule_changed"}
        assert minute == 7 or race.desk.told()

    walk(Race(minute).play(), check, threshold=99.5)


def test_a_raised_severity_ends_a_silence_once() -> None:
    def check(race: Race) -> None:
        assert race.desk.told() == ["firing", "snooze_ended"]
        known = race.counter.get(RULE, 14, "dtu-high")["data"]
        assert known["states"][TARGET]["snoozedUntil"] is None
        assert known["rule"]["severity"] == "critical"

    walk(Race(10).play(snoozed_at=8), check, severity="critical")
