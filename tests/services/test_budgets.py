"""Tokens: a provider's limits are kept whatever happens, and nobody's message is lost over them."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from msgspec import Struct

from shared.adapters.ledger import RowLedger
from shared.adapters.rows import Op, Row, Rows
from shared.domain.budgets import (
    MOST_PER_HOUR,
    TOKEN_LIFE,
    Limits,
    Spent,
    Taken,
    Wait,
    take,
)
from shared.domain.deliveries import Attempt, Delivery, Status
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError, Conflict, StoreUnavailable
from shared.domain.reasons import Reason
from shared.domain.records import Insert
from shared.domain.rules import Severity
from shared.domain.times import HOUR, MINUTE
from shared.services.budgets import MOST_TRIES, PARTITION, SHORTLY
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import MAIL, SLACK, T0, TARGET, Desk, an_alert, an_event, events_of
from tests.services.conftest import MakeDesk

T = TypeVar("T")

SECOND = timedelta(seconds=1)
MANAGED = Limits(per_minute=5, per_hour=10)
WIDE = Limits(per_minute=1000, per_hour=10)
SEND_TIME = timedelta(seconds=15)
MARGIN = SEND_TIME + TOKEN_LIFE


def spent(*minutes: float) -> Spent:
    return Spent(tuple(T0 + timedelta(minutes=minute) for minute in minutes))


def ask(
    before: Spent, minute: float, severity: Severity = Severity.HIGH, limits: Limits = WIDE
) -> Taken | Wait:
    wall = T0 + timedelta(minutes=minute)
    return take(before, severity, limits=limits, send_time=SEND_TIME, wall=wall)


def until(answer: Taken | Wait) -> datetime:
    assert isinstance(answer, Wait)
    return answer.until


def test_a_token_is_noted_with_its_time() -> None:
    assert ask(Spent(), 3) == Taken(spent(3))
    assert ask(spent(3), 4) == Taken(spent(3, 4))


def test_eight_of_ten_are_for_everybody_and_two_for_critical() -> None:
    eight = spent(*range(8))

    assert until(ask(eight, 20)) == T0 + HOUR + MARGIN
    assert isinstance(ask(eight, 20, Severity.CRITICAL), Taken)


def test_critical_waits_when_all_ten_are_spent() -> None:
    ten = spent(*range(10))

    assert until(ask(ten, 20, Severity.CRITICAL)) == T0 + HOUR + MARGIN
    assert until(ask(ten, 20)) == T0 + 2 * MINUTE + HOUR + MARGIN


def test_who_comes_back_when_told_gets_a_token() -> None:
    for severity in Severity:
        wait = until(ask(spent(*range(10)), 20, severity))
        minute = (wait - T0) / MINUTE

        assert isinstance(ask(spent(*range(10)), minute, severity), Taken)
        assert isinstance(ask(spent(*range(10)), minute - 0.01, severity), Wait)


def test_a_minute_has_its_own_limit_without_a_reserve() -> None:
    burst = spent(0, 0, 0.1, 0.2, 0.3)

    for severity in Severity:
        assert until(ask(burst, 0.5, severity, MANAGED)) == T0 + MINUTE + MARGIN


@pytest.mark.parametrize(("hourly", "reserved"), [(1, 0), (4, 0), (5, 1), (10, 2), (100, 20)])
def test_the_reserve_is_a_fifth_rounded_down(hourly: int, reserved: int) -> None:
    limits = Limits(per_minute=1000, per_hour=hourly)
    before = Spent()
    count = 0
    while isinstance(answer := ask(before, 1, limits=limits), Taken):
        before, count = answer.spent, count + 1

    assert count == hourly - reserved


def test_a_wait_ends_on_a_whole_second() -> None:
    odd = Spent((T0 + timedelta(microseconds=1),) * 10)

    assert until(ask(odd, 1)) == T0 + HOUR + MARGIN + SECOND


def test_a_time_far_ahead_blocks_nobody_for_long() -> None:
    wild = Spent((T0 + timedelta(days=365),) * 10)
    ahead = Spent((T0 + timedelta(minutes=30),) * 10)

    assert isinstance(ask(wild, 0), Taken)
    assert until(ask(ahead, 0)) == T0 + timedelta(minutes=30) + HOUR + MARGIN


def test_what_does_not_count_any_more_is_forgotten() -> None:
    assert ask(spent(0, 1), 200) == Taken(spent(200))
    full = (HOUR + MARGIN) / MINUTE
    assert ask(spent(0, 1), full) == Taken(spent(1, full))


def test_more_than_a_row_can_hold_is_never_allowed() -> None:
    limits = Limits(per_minute=10**6, per_hour=10**6)
    full = Spent((T0 + timedelta(microseconds=1),) * MOST_PER_HOUR)

    assert isinstance(ask(full, 1, Severity.CRITICAL, limits), Wait)


@pytest.mark.parametrize("seed", range(20))
def test_no_hour_and_no_minute_ever_sees_more_however_slow_the_sends(seed: int) -> None:
    """Each message arrives anywhere between its token and the end of the slowest send."""
    dice = random.Random(seed)
    before, wall = Spent(), T0
    arrivals: list[datetime] = []
    for _ in range(400):
        wall += dice.choice([SECOND, 10 * SECOND, MINUTE, 7 * MINUTE]) * dice.random()
        answer = take(
            before, dice.choice(list(Severity)), limits=MANAGED, send_time=SEND_TIME, wall=wall
        )
        if isinstance(answer, Taken):
            before = answer.spent
            arrivals.append(wall + dice.random() * timedelta(seconds=30 + 15))

    assert most_in(HOUR, arrivals) <= MANAGED.per_hour
    assert most_in(MINUTE, arrivals) <= MANAGED.per_minute
    assert len(arrivals) > MANAGED.per_hour


def most_in(span: timedelta, arrivals: Sequence[datetime]) -> int:
    return max(sum(first <= one <= first + span for one in arrivals) for first in arrivals)


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Two mails an hour, of which none is reserved."""
    desk = make_desk()
    return limited(desk, Limits(per_minute=1000, per_hour=2))


def limited(desk: Desk, limits: Limits) -> Desk:
    desk.house = replace(desk.house, budgets={"email": limits})
    return desk


def an_episode(number: int) -> str:
    return f"20260101T{number:04d}Z-{number:08x}"


def trouble(number: int, severity: Severity = Severity.HIGH, seq: int = 1, **changes: Any) -> Event:
    """The event of an episode of its own."""
    episode = an_episode(number)
    alert = an_alert(episode, severity=severity)
    return an_event(seq, episode=episode, alert=alert, **changes)


def send(desk: Desk, *events: Event) -> list[Attempt]:
    desk.decide(*events)
    dispatch(TARGET, house=desk.house)
    return deliver_due(TARGET, house=desk.house)


def later(desk: Desk, **by: float) -> list[Attempt]:
    desk.clock.advance(timedelta(**by))
    return deliver_due(TARGET, house=desk.house)


def row(desk: Desk, number: int, kind: str = "email") -> Delivery:
    (found,) = [
        one
        for one in desk.deliveries()
        if one.episode == an_episode(number) and one.channel_type == kind
    ]
    return found


def refill(desk: Desk) -> timedelta:
    """When the first token of these desks counts no more."""
    return HOUR + TOKEN_LIFE + desk.channels["email"].timeout


def test_a_channel_without_limits_needs_no_row(make_desk: MakeDesk) -> None:
    desk = make_desk()

    send(desk, trouble(1))

    assert desk.house.config.keys(PARTITION, "") == []
    assert desk.told() == ["firing"]


def test_without_a_token_the_rows_go_back_until_there_is_one(desk: Desk) -> None:
    began = desk.clock.now
    send(desk, trouble(1))
    send(desk, trouble(2))

    (attempt,) = send(desk, trouble(3))

    assert (attempt.before, attempt.delivery.status) == (Status.PENDING, Status.PENDING)
    assert attempt.reason is Reason.NO_BUDGET
    waiting = row(desk, 3)
    assert (waiting.attempt, waiting.reason) == (0, Reason.NO_BUDGET)
    assert waiting.next_attempt_at == began + refill(desk)
    assert len(desk.messages()) == 2
    later(desk, seconds=refill(desk).total_seconds() - 1)
    assert len(desk.messages()) == 2
    later(desk, seconds=1)
    assert len(desk.messages()) == 3
    assert row(desk, 3).attempt == 1


def test_other_channels_do_not_wait(desk: Desk) -> None:
    for number in range(3):
        send(desk, trouble(number, routes=[MAIL, SLACK]))

    assert (len(desk.messages("email")), len(desk.messages("slack"))) == (2, 3)
    later(desk, hours=2)


def test_whatever_waited_for_tokens_is_told_in_one_message_when_there_is_one(desk: Desk) -> None:
    send(desk, trouble(1))
    later(desk, minutes=1)
    for number in range(2, 8):
        send(desk, trouble(number))
        later(desk, minutes=1)

    later(desk, hours=1)

    *_, last = desk.messages()
    assert len(desk.messages()) == 3
    assert {event.episode for event in events_of(last)} == {an_episode(n) for n in range(3, 8)}


def test_rows_that_came_back_merge_with_newer_ones_of_their_own_episode(desk: Desk) -> None:
    for number in (1, 2, 3):
        send(desk, trouble(number))

    send(desk, trouble(3, seq=2, kind=EventKind.RESOLVED))
    later(desk, hours=2)

    assert desk.told()[-1] == "firing+resolved"


def test_a_critical_alert_passes_those_that_wait(make_desk: MakeDesk) -> None:
    desk = limited(make_desk(), WIDE)
    for number in range(9):
        send(desk, trouble(number))
        later(desk, minutes=1)
    assert row(desk, 8).reason is Reason.NO_BUDGET

    send(desk, trouble(20, Severity.CRITICAL))

    assert events_of(desk.messages()[-1])[0].episode == an_episode(20)
    assert row(desk, 8).status is Status.PENDING
    later(desk, hours=2)


def test_a_claim_is_as_urgent_as_the_worst_that_it_tells(make_desk: MakeDesk) -> None:
    desk = limited(make_desk(), WIDE)
    for number in range(8):
        send(desk, trouble(number))

    send(desk, trouble(10, Severity.LOW), trouble(11, Severity.CRITICAL))

    assert desk.told()[-1] == "firing+firing"


def test_a_message_that_the_provider_refused_has_spent_its_token(desk: Desk) -> None:
    desk.channels["email"].failures.extend([ChannelError("busy")] * 2)
    send(desk, trouble(1))
    later(desk, seconds=15)
    later(desk, seconds=30)

    assert desk.messages() == []
    assert row(desk, 1).reason is Reason.NO_BUDGET
    later(desk, hours=2)
    assert desk.told() == ["firing"]


class Damaged(Struct):
    """What nobody can read as times."""

    times: str = "yesterday"


class Troubled:
    """A table of configuration whose every write meets the given trouble first."""

    def __init__(self, rows: Rows, trouble: list[Exception | timedelta], desk: Desk) -> None:
        self._rows = rows
        self._trouble = trouble
        self._desk = desk

    def get(self, partition: str, key: str) -> Row | None:
        return self._rows.get(partition, key)

    def query(self, *args: Any) -> list[Row]:
        return self._rows.query(*args)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        met = self._trouble.pop(0) if self._trouble else None
        if isinstance(met, Exception):
            raise met
        if met is not None:
            self._desk.clock.advance(met)
        return self._rows.transact(partition, ops)


def meet(desk: Desk, *trouble: Exception | timedelta) -> None:
    rows = Troubled(desk.storage.config, list(trouble), desk)
    desk.house = replace(desk.house, config=RowLedger(rows))


def test_a_lost_race_is_run_again(desk: Desk) -> None:
    meet(desk, *[Conflict("somebody else")] * (MOST_TRIES - 1))

    send(desk, trouble(1))

    assert desk.told() == ["firing"]


@pytest.mark.parametrize(
    "met",
    [
        [Conflict("somebody else")] * MOST_TRIES,
        [StoreUnavailable("down")],
        [TOKEN_LIFE + SECOND],
    ],
    ids=["every race lost", "the store is down", "the token came too late"],
)
def test_without_an_answer_it_is_tried_again_shortly(
    desk: Desk, met: list[Exception | timedelta]
) -> None:
    meet(desk, *met)

    (attempt,) = send(desk, trouble(1))

    assert attempt.reason is Reason.NO_BUDGET
    assert attempt.delivery.next_attempt_at == desk.clock.now + SHORTLY
    assert desk.messages() == []
    later(desk, seconds=SHORTLY.total_seconds())
    assert desk.told() == ["firing"]


def test_a_damaged_row_is_thrown_away(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.house.config.commit(PARTITION, [Insert("email", Damaged())])

    send(desk, trouble(1))

    assert desk.told() == ["firing"]
    assert "the budget of email starts anew" in caplog.text
    kept = desk.house.config.get(PARTITION, "email", Spent)
    assert kept is not None
    assert len(kept.value.times) == 1


def test_the_row_is_plain_to_read_in_the_portal(desk: Desk) -> None:
    send(desk, trouble(1))

    stored = desk.storage.config.get(PARTITION, "email")
    assert stored is not None
    assert stored.properties == {"times": '["2026-01-01T00:00:20Z"]'}
