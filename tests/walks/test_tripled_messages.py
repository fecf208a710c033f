"""Messages of the queue that come three times, at once, late, or after all is done."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from shared.adapters.ledger import RowLedger
from shared.ports import House
from shared.services import minute as minutes
from shared.services.deliver import deliver_one
from shared.services.minute import CollectMessage
from tests.builders import TARGET, TICK, at
from tests.walks.test_two_workers import SERIES, Crew, Outcome, assert_one_story, calm

Job = Callable[[], object]


@pytest.fixture(scope="module")
def calm_story() -> Outcome:
    return calm(SERIES)


class Platform:
    """Hands each message of the queue to three functions, on either of two instances."""

    def __init__(self, seed: int) -> None:
        self.crew = Crew(seed, SERIES, busy=6 if seed % 2 else 0)
        self.chance = random.Random(seed)

    def collect(self, minute: int) -> list[Job]:
        """The message that a timer sent for the target, thrice, and an old one again."""
        old = max(minute - self.chance.randrange(4), 0)
        return [partial(self._collect, asked, minute) for asked in (minute, minute, minute, old)]

    def _collect(self, asked: int, minute: int) -> None:
        house, behind = self._instance()
        message = CollectMessage(TARGET, at(asked) + TICK)
        now = at(minute) + TICK - behind
        minutes.collect_message(message, targets=[TARGET], house=house, now=now)

    def deliver(self) -> list[Job]:
        """A message about the newest (episode, channel) and one about any, thrice each."""
        keys = RowLedger(self.crew.storage.alerts).keys(TARGET, "delivery:")
        known = sorted({tuple(key.split(":")[1:3]) for key in keys})
        some = known[-1:] + self.chance.sample(known, min(1, len(known)))
        return [partial(self._deliver, *place) for place in some for _ in range(3)]

    def _deliver(self, episode: str, channel: str) -> None:
        house, _ = self._instance()
        deliver_one(TARGET, episode, channel, house=house)

    def _instance(self) -> tuple[House, timedelta]:
        one = self.chance.randrange(2)
        return self.crew.workers[one], self.crew.behind[one]


@pytest.mark.parametrize(
    "decade", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(10, 100, 10))]
)
def test_messages_that_come_thrice_and_at_once_tell_one_story(
    decade: int, calm_story: Outcome
) -> None:
    for seed in range(decade, decade + 10):
        platform = Platform(seed)
        for minute in range(len(SERIES) + 3):
            platform.crew.minute(*platform.collect(minute), *platform.deliver())
        platform.crew.drain(len(SERIES) + 2)
        platform.crew.minute(*platform.deliver())

        assert_one_story(platform.crew.outcome(), calm_story)
