"""Claims, order, retries and leases: what becomes of a delivery row on its way to a channel."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.claims import MOST_CLAIMED
from shared.domain.deliveries import LEASE, Attempt, Delivery, Status
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.reasons import Reason
from shared.domain.rules import Action
from shared.services.deliver import deliver_due, deliver_one
from shared.services.dispatch import dispatch
from tests.builders import MAIL, SLACK, T0, TARGET, Desk, an_event, events_of
from tests.services.conftest import MakeDesk

FIRING, RESOLVED = EventKind.FIRING, EventKind.RESOLVED
SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def an_episode(number: int) -> str:
    return f"20260101T{number:04d}Z-{number:08x}"


def send(desk: Desk, *events: Event) -> list[Attempt]:
    """Decide and dispatch the events, and try everything that is due."""
    desk.decide(*events)
    dispatch(TARGET, house=desk.house)
    return deliver_due(TARGET, house=desk.house)


def later(desk: Desk, **by: float) -> list[Attempt]:
    desk.clock.advance(timedelta(**by))
    return deliver_due(TARGET, house=desk.house)


def busy(desk: Desk, times: int = 1, *, retry_after: timedelta | None = None) -> None:
    failures = [ChannelError("busy", retry_after=retry_after) for _ in range(times)]
    desk.channels["email"].failures.extend(failures)


def only(desk: Desk) -> Delivery:
    (row,) = desk.deliveries()
    return row


class CrashError(BaseException):
    """The process ends here."""


def crash_in_send(desk: Desk, *, after_sending: bool = False) -> None:
    """Let the next mail be the last thing that this process does."""
    channel = desk.channels["email"]
    real = channel.send

    def crash(notification: Notification) -> str | None:
        channel.send = real  # type: ignore[method-assign]
        if after_sending:
            real(notification)
        raise CrashError

    channel.send = crash  # type: ignore[method-assign]


def before_next_send(desk: Desk, do: Callable[[], object]) -> None:
    """Let something happen just before the next mail goes out."""
    channel = desk.channels["email"]
    real = channel.send

    def act_first(notification: Notification) -> str | None:
        channel.send = real  # type: ignore[method-assign]
        do()
        return real(notification)

    channel.send = act_first  # type: ignore[method-assign]


def test_a_delivery_is_sent_once_and_says_so(desk: Desk) -> None:
    (attempt,) = send(desk, an_event())

    assert (attempt.before, attempt.delivery.status) == (Status.PENDING, Status.SENT)
    assert (only(desk).attempt, only(desk).provider_id) == (1, "1")
    assert later(desk, minutes=30) == []
    assert desk.told() == ["firing"]


def test_a_transient_refusal_waits_15_seconds_and_twice_as_long_each_time(desk: Desk) -> None:
    busy(desk, times=8)
    send(desk, an_event())
    waits = []
    while (row := only(desk)).status is Status.PENDING:
        assert row.next_attempt_at is not None
        waits.append((row.next_attempt_at - desk.clock.now) // SECOND)
        desk.clock.now = row.next_attempt_at
        deliver_due(TARGET, house=desk.house)

    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert desk.told() == ["firing"]


def test_nothing_is_sent_before_the_next_try_is_due(desk: Desk) -> None:
    busy(desk)
    send(desk, an_event())

    assert later(desk, seconds=14) == []
    assert [one.reason for one in later(desk, seconds=1)] == [Reason.DELIVERED]


def test_retry_after_is_honoured(desk: Desk) -> None:
    busy(desk, retry_after=timedelta(minutes=7))

    (attempt,) = send(desk, an_event())

    assert attempt.reason is Reason.RATE_LIMITED
    assert later(desk, seconds=419) == []
    assert len(later(desk, seconds=1)) == 1


def test_a_later_event_waits_while_an_earlier_one_waits_for_its_retry(desk: Desk) -> None:
    busy(desk)
    send(desk, an_event(1))

    assert send(desk, an_event(2, RESOLVED)) == []
    assert desk.told() == []
    later(desk, seconds=15)
    assert desk.told() == ["firing+resolved"]


def test_a_resolve_before_its_firing_was_sent_is_one_message_that_tells_both(desk: Desk) -> None:
    send(desk, an_event(1), an_event(2, RESOLVED))

    (message,) = desk.messages()
    assert message.subject.startswith("[RESOLVED]")
    assert "was 99 %" in message.text
    assert "Resolved at" in message.text
    assert {row.message for row in desk.deliveries()} == {message.id}


def test_several_episodes_share_a_message_on_each_channel(desk: Desk) -> None:
    events = [an_event(episode=an_episode(n), routes=[MAIL, SLACK]) for n in range(3)]

    send(desk, *events)

    assert desk.told("email") == desk.told("slack") == ["firing+firing+firing"]


def test_an_episode_that_waits_for_its_retry_does_not_hold_up_another(desk: Desk) -> None:
    busy(desk)
    send(desk, an_event(episode=an_episode(1)))

    send(desk, an_event(episode=an_episode(2)))

    assert [one.stories[0].last.episode for one in desk.messages()] == [an_episode(2)]
    later(desk, seconds=15)


def test_a_message_tells_no_more_than_a_claim_can_hold(desk: Desk) -> None:
    send(desk, *(an_event(episode=an_episode(n)) for n in range(70)))

    assert [len(events_of(one)) for one in desk.messages()] == [MOST_CLAIMED, MOST_CLAIMED, 22]


def test_a_long_story_is_told_in_order_over_several_claims(desk: Desk) -> None:
    events = [an_event(n, EventKind.SNOOZE_ENDED) for n in range(1, 31)]
    send(desk, *events)
    later(desk, minutes=1)
    later(desk, minutes=1)

    told = [event.seq for message in desk.messages() for event in events_of(message)]
    assert told == list(range(1, 31))


def test_nothing_is_sent_under_a_live_lease(desk: Desk) -> None:
    crash_in_send(desk)
    with pytest.raises(CrashError):
        send(desk, an_event(1))

    assert send(desk, an_event(2, RESOLVED)) == []
    assert later(desk, seconds=149) == []
    assert desk.told() == []
    later(desk, seconds=1)


def test_an_expired_lease_is_taken_over_with_everything_behind_it(desk: Desk) -> None:
    crash_in_send(desk)
    with pytest.raises(CrashError):
        send(desk, an_event(1))
    send(desk, an_event(2, RESOLVED))

    attempts = later(desk, seconds=150)

    assert desk.told() == ["firing+resolved"]
    assert [one.before for one in attempts] == [Status.SENDING, Status.PENDING]
    assert [row.attempt for row in desk.deliveries()] == [2, 1]


def test_a_kill_between_send_and_record_doubles_the_message_under_the_same_id(desk: Desk) -> None:
    crash_in_send(desk, after_sending=True)
    with pytest.raises(CrashError):
        send(desk, an_event(1))

    later(desk, seconds=150)

    first, second = desk.messages()
    assert first == second


def test_whoever_lost_its_lease_records_nothing_and_says_so(desk: Desk) -> None:
    def freeze() -> None:
        desk.clock.advance(LEASE)
        assert [one.reason for one in deliver_due(TARGET, house=desk.house)] == [Reason.DELIVERED]

    before_next_send(desk, freeze)

    (attempt,) = send(desk, an_event())

    assert attempt.reason is Reason.LOST_LEASE
    assert (only(desk).status, only(desk).attempt) == (Status.SENT, 2)


def test_a_send_is_not_begun_when_the_lease_would_not_outlast_it(desk: Desk) -> None:
    desk.channels["email"].timeout = LEASE

    assert send(desk, an_event()) == []
    assert (desk.told(), only(desk).status) == ([], Status.SENDING)
    desk.channels["email"].timeout = SECOND
    later(desk, seconds=150)


def test_a_queue_message_delivers_its_own_and_what_waits_for_the_same_channel(desk: Desk) -> None:
    one, two = an_episode(1), an_episode(2)
    desk.decide(an_event(episode=one, routes=[MAIL, SLACK]), an_event(episode=two))
    dispatch(TARGET, house=desk.house)
    mail = next(row.channel for row in desk.deliveries() if row.channel_type == "email")

    assert len(deliver_one(TARGET, two, mail, house=desk.house)) == 2
    assert (desk.told("email"), desk.told("slack")) == (["firing+firing"], [])
    assert deliver_one(TARGET, two, mail, house=desk.house) == []
    deliver_due(TARGET, house=desk.house)


def test_it_stops_when_the_time_is_up_and_loses_nothing(desk: Desk) -> None:
    desk.decide(an_event(routes=[MAIL, SLACK]))
    dispatch(TARGET, house=desk.house)

    assert deliver_due(TARGET, house=desk.house, keep_going=lambda: False) == []
    assert len(desk.keys("due:")) == 2
    assert len(deliver_due(TARGET, house=desk.house)) == 2


def test_deliveries_whose_channel_is_not_set_up_are_dead_at_once(desk: Desk) -> None:
    del desk.house.channels["email"]  # type: ignore[attr-defined]

    (attempt,) = send(desk, an_event())

    assert (attempt.delivery.status, attempt.reason) == (Status.DEAD, Reason.PERMANENT_ERROR)
    assert "no email channel" in (only(desk).error or "")


def test_a_message_is_built_from_the_events_and_not_from_the_rows_as_they_are_now(
    desk: Desk,
) -> None:
    """The stored alert says nothing of this: there is none."""
    send(desk, an_event())

    assert "99 %" in desk.messages()[0].text
    assert desk.alerts() == []


@pytest.mark.parametrize("attempts", [1, 3])
def test_the_idempotency_key_is_that_of_the_rows_it_tells(desk: Desk, attempts: int) -> None:
    busy(desk, times=attempts - 1)
    send(desk, an_event())
    while only(desk).status is not Status.SENT:
        later(desk, minutes=1)

    assert (only(desk).message, desk.messages()[0].id) == (
        desk.messages()[0].id,
        only(desk).message,
    )
    assert only(desk).created_at == T0 + timedelta(seconds=20)


def test_an_address_is_told_as_it_is_written(desk: Desk) -> None:
    send(desk, an_event(routes=[Action(MAIL.type, "night@example.com"), MAIL]))

    assert sorted(one.to for one in desk.messages()) == ["admin@example.com", "night@example.com"]
