"""Thirty alerts, two workers and ten mails an hour: the limit is kept, and every story is told."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.cloud.email import SENDER, Mailroom, Refused
from local.desks import memory_storage
from local.followers import flaws_of_tellings, owed, telling
from shared.adapters.channels.email import EmailChannel
from shared.adapters.ledger import RowLedger
from shared.domain.budgets import Limits
from shared.domain.deliveries import Delivery, Status
from shared.domain.episodes import Event
from shared.domain.notifications import Notification
from shared.domain.records import Insert, outbox_key
from shared.domain.rules import Severity
from shared.ports import House
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import TARGET, a_desk, an_alert, an_event, at, checked, events_of
from tests.walks.turnstile import SteppedRows, Turnstile

MANAGED = Limits(per_minute=5, per_hour=10)
ALERTS = 30
CRITICAL = (15, 25)
"""The minutes of two alerts that come when everybody else already waits."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass
class MailService:
    """Stands where the SDK's client does, in front of the answerer's mailroom."""

    room: Mailroom
    arrivals: list[datetime] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def begin_send(self, message: Any, *, operation_id: str, polling: bool) -> "MailService":
        assert polling is False
        try:
            self.room.send(message, operation_id)
        except Refused as refused:
            self.refusals.append(refused.code)
            raise
        self.arrivals.append(self.room.wall())
        return self

    def result(self) -> dict[str, str]:
        return {"id": str(len(self.arrivals)), "status": "Running"}


class SlowEmail(EmailChannel):
    """Mail that takes up to its time-out to arrive; whoever sends may be overtaken meanwhile."""

    def __init__(self, service: MailService, turnstile: Turnstile) -> None:
        super().__init__(lambda: service, SENDER)
        self.told: list[tuple[datetime, Notification]] = []
        self._turnstile = turnstile

    def send(self, notification: Notification) -> str | None:
        self._turnstile.step()
        self._turnstile.wall += self.timeout * self._turnstile.random.random()
        answer = super().send(notification)
        self.told.append((self._turnstile.wall, notification))
        return answer


class Walk:
    """Two workers over one store; the second one's clock is behind."""

    def __init__(self, seed: int) -> None:
        self.turnstile = Turnstile(seed, at(0))
        self.turnstile._haste = 0.0  # time passes in sends; a freeze elsewhere is another walk's
        self.service = MailService(Mailroom(wall=lambda: self.turnstile.wall))
        self.channel = SlowEmail(self.service, self.turnstile)
        self._storage = checked(memory_storage())
        behind = timedelta(seconds=random.Random(seed).randrange(6))
        self._workers = [self._worker(timedelta(0)), self._worker(behind)]

    def _worker(self, behind: timedelta) -> House:
        return replace(
            a_desk().house,
            alerts=RowLedger(SteppedRows(self._storage.alerts, self.turnstile)),
            config=RowLedger(SteppedRows(self._storage.config, self.turnstile)),
            channels={"email": self.channel},
            wall=lambda: self.turnstile.wall.replace(microsecond=0) - behind,
            budgets={"email": MANAGED},
        )

    def minute(self, number: int, events: Sequence[Event] = ()) -> None:
        """Both workers deliver what was decided in that minute, interleaved at every call."""
        self.turnstile.wall = max(self.turnstile.wall, at(number))
        ledger = RowLedger(self._storage.alerts)
        rows = [Insert(outbox_key(event.episode, event.seq), event) for event in events]
        if rows:
            ledger.commit(TARGET, rows)
        self.turnstile.run(*(self._job(house) for house in self._workers))

    def _job(self, house: House) -> Callable[[], object]:
        def job() -> None:
            dispatch(TARGET, house=house)
            deliver_due(TARGET, house=house)

        return job

    def deliveries(self) -> list[Delivery]:
        ledger = RowLedger(self._storage.alerts)
        return [kept.value for kept in ledger.scan(TARGET, "delivery:", Delivery)]

    def flaws(self) -> list[str]:
        """What is wrong with what the mails told; no licence makes good for a double here."""
        ledger = RowLedger(self._storage.alerts)
        events = [kept.value for kept in ledger.scan(TARGET, "event:", Event)]
        tellings = [telling(self.channel.type, message) for _, message in self.channel.told]
        return flaws_of_tellings(owed(events), tellings)

    def told_at(self, episode: str) -> datetime:
        (moment,) = [
            moment
            for moment, message in self.channel.told
            if episode in {event.episode for event in events_of(message)}
        ]
        return moment


def an_episode(number: int) -> str:
    return f"20260101T{number:04d}Z-{number:08x}"


def an_alarm(number: int, *, critical: bool = False) -> Event:
    severity = Severity.CRITICAL if critical else Severity.HIGH
    episode = an_episode(number)
    return an_event(episode=episode, alert=an_alert(episode, severity=severity))


def most_in(span: timedelta, moments: Sequence[datetime]) -> int:
    return max(sum(first <= one < first + span for one in moments) for first in moments)


@pytest.mark.parametrize("seed", range(8))
def test_one_alert_a_minute_is_ten_mails_an_hour_and_critical_ones_do_not_wait(seed: int) -> None:
    walk = Walk(seed)

    for number in range(ALERTS):
        walk.minute(number, [an_alarm(number, critical=number in CRITICAL)])
    for number in range(ALERTS, 150):
        walk.minute(number)

    assert walk.service.refusals == []
    assert most_in(HOUR, walk.service.arrivals) <= MANAGED.per_hour
    assert most_in(MINUTE, walk.service.arrivals) <= MANAGED.per_minute
    assert {row.status for row in walk.deliveries()} == {Status.SENT}
    assert walk.flaws() == []
    for number in range(ALERTS):
        late = walk.told_at(an_episode(number)) - at(number)
        assert late < 2 * MINUTE if number in CRITICAL or number < 5 else late < 70 * MINUTE


@pytest.mark.parametrize("seed", range(4))
def test_thirty_alerts_at_once_are_two_mails(seed: int) -> None:
    walk = Walk(seed)

    walk.minute(0, [an_alarm(number) for number in range(ALERTS)])
    for number in range(1, 5):
        walk.minute(number)

    assert walk.flaws() == []
    told = [event.episode for _, one in walk.channel.told for event in events_of(one)]
    assert sorted(told) == [an_episode(number) for number in range(ALERTS)]
    assert len(walk.service.arrivals) <= 4


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_storm_of_six_hours_that_spends_every_token_loses_no_story(seed: int) -> None:
    walk = Walk(seed)
    storm = range(0, 360, 2)

    for number in range(480):
        alarms = [an_alarm(number, critical=number % 3 == 0)] if number in storm else []
        walk.minute(number, alarms)

    assert walk.service.refusals == []
    assert most_in(HOUR, walk.service.arrivals) == MANAGED.per_hour
    assert walk.flaws() == []
    told = [event.episode for _, one in walk.channel.told for event in events_of(one)]
    assert sorted(told) == [an_episode(number) for number in storm]
