"""What a channel can't tell, the fallback tells, once, and the story stays together there."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from shared.adapters.rows import InsertRow, Op
from shared.domain.deliveries import Delivery, Status, channel_of
from shared.domain.episodes import Event, EventKind
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.reasons import Reason
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import LOG, MAIL, SLACK, TARGET, Desk, an_event, events_of
from tests.services.conftest import MakeDesk

RESOLVED = EventKind.RESOLVED


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(fallback=LOG)


def send(desk: Desk, *events: Event) -> None:
    desk.decide(*events)
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)


def later(desk: Desk, **by: float) -> None:
    desk.clock.advance(timedelta(**by))
    deliver_due(TARGET, house=desk.house)


def refuse(desk: Desk, channel: str = "email", times: int = 1) -> None:
    gone = [ChannelError("no such address", permanent=True) for _ in range(times)]
    desk.channels[channel].failures.extend(gone)


def keep_busy(desk: Desk, *, until_hour: float) -> None:
    """The channel refuses for now, whenever it is asked, until the given hour."""
    end = desk.clock.now + timedelta(hours=until_hour)
    while desk.clock.now < end:
        desk.channels["email"].failures.append(ChannelError("busy"))
        later(desk, minutes=15)
    desk.channels["email"].failures.clear()


def statuses(desk: Desk, kind: str = "email") -> list[Status]:
    return [row.status for row in desk.deliveries() if row.channel_type == kind]


def row_of(desk: Desk, kind: str, seq: int) -> Delivery:
    found = (row for row in desk.deliveries() if (row.channel_type, row.seq) == (kind, seq))
    return next(found)


def told_by_log(desk: Desk) -> list[int]:
    return [event.seq for message in desk.messages("console") for event in events_of(message)]


def test_a_permanent_refusal_is_dead_and_told_by_the_fallback(desk: Desk) -> None:
    refuse(desk)

    send(desk, an_event())

    assert statuses(desk) == [Status.DEAD]
    assert row_of(desk, "email", 1).error == "no such address"
    assert desk.told("console") == ["firing"]
    assert row_of(desk, "console", 1).status is Status.SENT


def test_two_dead_channels_share_one_fallback_message(desk: Desk) -> None:
    refuse(desk, "email")
    refuse(desk, "slack")

    send(desk, an_event(routes=[MAIL, SLACK]))

    assert desk.told("console") == ["firing"]


def test_a_fallback_that_is_dead_itself_ends_there(desk: Desk) -> None:
    refuse(desk, "email")
    refuse(desk, "console")

    send(desk, an_event())

    assert statuses(desk, "console") == [Status.DEAD]


def test_without_a_fallback_the_row_is_dead_and_nothing_more(make_desk: MakeDesk) -> None:
    desk = make_desk()
    refuse(desk)

    send(desk, an_event())

    assert [row.status for row in desk.deliveries()] == [Status.DEAD]


def test_the_resolve_follows_the_firing_to_the_fallback(desk: Desk) -> None:
    refuse(desk, times=2)
    send(desk, an_event(1))

    send(desk, an_event(2, RESOLVED))

    assert told_by_log(desk) == [1, 2]
    assert desk.told("email") == []


def test_a_channel_that_recovers_still_leaves_the_fallback_its_whole_story(desk: Desk) -> None:
    refuse(desk)
    send(desk, an_event(1))
    later(desk, hours=1)

    send(desk, an_event(2, RESOLVED))

    assert desk.told("email") == ["resolved"]
    assert told_by_log(desk) == [1, 2]


def test_firing_and_resolve_that_die_in_one_claim_are_both_told_by_the_fallback(desk: Desk) -> None:
    refuse(desk)

    send(desk, an_event(1), an_event(2, RESOLVED))

    assert told_by_log(desk) == [1, 2]


def test_after_24_hours_a_delivery_is_given_up_and_told_by_the_fallback(desk: Desk) -> None:
    send_later = an_event()
    desk.channels["email"].failures.append(ChannelError("busy"))
    send(desk, send_later)
    keep_busy(desk, until_hour=24.5)

    row = row_of(desk, "email", 1)
    assert (row.status, row.reason) == (Status.DEAD, Reason.GIVEN_UP)
    assert desk.told("console") == ["firing"]


def test_a_fallback_that_was_told_of_a_given_up_firing_is_told_of_its_resolve(desk: Desk) -> None:
    """The resolve is sent in the very pass that gives its firing up."""
    desk.channels["email"].failures.append(ChannelError("busy"))
    send(desk, an_event(1))
    keep_busy(desk, until_hour=23.9)
    desk.decide(an_event(2, RESOLVED))
    dispatch(TARGET, house=desk.house)
    later(desk, minutes=20)
    later(desk, minutes=20)

    assert row_of(desk, "email", 1).reason is Reason.GIVEN_UP
    assert told_by_log(desk) == [1, 2]


def test_a_sent_message_is_recorded_though_another_worker_adds_its_fallback_row_first(
    desk: Desk,
) -> None:
    """Mail refuses the firing while the resolve is dispatched, and takes the resolve."""
    refuse_while(desk, lambda: desk.decide(an_event(2, RESOLVED)))
    send(desk, an_event(1))
    lose_the_race_for_the_fallback_row(desk)

    later(desk, hours=1)
    later(desk, seconds=150)

    assert desk.told("email") == ["resolved"]
    assert told_by_log(desk) == [1, 2]


def refuse_while(desk: Desk, do: Callable[[], None]) -> None:
    """While the next mail is refused for good, something is decided and dispatched."""
    channel = desk.channels["email"]
    real = channel.send

    def refuse_it(notification: Notification) -> str | None:
        channel.send = real  # type: ignore[method-assign]
        do()
        dispatch(TARGET, house=desk.house)
        raise ChannelError("no such address", permanent=True)

    channel.send = refuse_it  # type: ignore[method-assign]


def lose_the_race_for_the_fallback_row(desk: Desk) -> None:
    """The next write that adds a fallback row finds that somebody else has just added it."""
    table = desk.storage.alerts
    real = table.transact

    def race(partition: str, ops: Sequence[Op]) -> list[str | None]:
        extra = [op for op in ops if isinstance(op, InsertRow) and channel_of(LOG) in op.key]
        if extra:
            table.transact = real  # type: ignore[method-assign]
            real(partition, extra)
        return real(partition, ops)

    table.transact = race  # type: ignore[method-assign]
