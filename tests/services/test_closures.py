"""A channel that refuses for good is passed over, tried once an hour, and opens when it takes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.adapters.rows import InsertRow, Op, Row
from shared.domain.closures import Closure
from shared.domain.deliveries import Status, channel_of
from shared.domain.errors import ChannelError, NotAsked, StoreUnavailable
from shared.services.closures import PARTITION, closures
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from shared.services.reach import refusing
from tests.builders import LOG, MAIL, SLACK, TARGET, Desk, an_event
from tests.services.conftest import MakeDesk

GONE = "Slack answered 404 channel_not_found"


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk(fallback=LOG)


def tell(desk: Desk, number: int, *, channel: str = "email", refused: bool = False) -> None:
    """One more episode on the channel, which refuses it for good or takes it."""
    address = MAIL if channel == "email" else SLACK
    if refused:
        desk.channels[channel].failures.append(ChannelError(GONE, permanent=True))
    desk.decide(an_event(routes=[address], episode=f"20260101T00{number:02d}Z-1a2b3c4d"))
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)


def closed(desk: Desk) -> dict[str, Closure]:
    return closures(desk.house.config)


def test_the_next_message_goes_to_the_fallback_without_asking(desk: Desk) -> None:
    tell(desk, 5, refused=True)

    tell(desk, 6)

    assert desk.told("email") == []
    assert desk.told("console") == ["firing", "firing"]
    errors = [one.error or "" for one in desk.deliveries() if one.status is Status.DEAD]
    assert [GONE in error for error in errors] == [True, True]


def test_what_is_passed_over_takes_no_token(desk: Desk) -> None:
    tell(desk, 5, refused=True)
    spent = desk.house.config.keys("budget", "")

    tell(desk, 6)

    assert desk.house.config.keys("budget", "") == spent
    dead = [one for one in desk.deliveries() if one.status is Status.DEAD]
    assert "not asked" in str(dead[-1].error)


def test_the_closure_counts_and_keeps_its_beginning(desk: Desk) -> None:
    began = desk.clock.now
    tell(desk, 5, refused=True)
    desk.clock.advance(timedelta(hours=1))
    tell(desk, 6, refused=True)

    closure = closed(desk)[channel_of(MAIL)]

    assert (closure.since, closure.tried_at) == (began, began + timedelta(hours=1))
    assert (closure.count, closure.error) == (2, GONE)
    assert (closure.channel_type, closure.channel_name) == ("email", MAIL.target)


def test_after_an_hour_it_is_asked_again_and_opens(desk: Desk) -> None:
    tell(desk, 5, refused=True)
    desk.clock.advance(timedelta(minutes=59))
    tell(desk, 6)
    assert desk.told("email") == []

    desk.clock.advance(timedelta(minutes=1))
    tell(desk, 7)
    tell(desk, 8)

    assert desk.told("email") == ["firing", "firing"]
    assert closed(desk) == {}


def test_one_address_says_nothing_of_another(desk: Desk) -> None:
    tell(desk, 5, refused=True)

    tell(desk, 6, channel="slack")

    assert desk.told("slack") == ["firing"]


def test_without_a_fallback_it_is_asked_every_time(make_desk: MakeDesk) -> None:
    desk = make_desk()
    tell(desk, 5, refused=True)

    tell(desk, 6)

    assert desk.told("email") == ["firing"]
    assert closed(desk) == {}


def test_the_fallback_itself_is_asked_every_time(make_desk: MakeDesk) -> None:
    desk = make_desk(fallback=MAIL)
    tell(desk, 5, refused=True)

    tell(desk, 6)

    assert desk.told("email") == ["firing"]


def test_a_refusal_that_may_heal_closes_nothing(desk: Desk) -> None:
    desk.channels["email"].failures.append(ChannelError("busy"))
    tell(desk, 5)
    desk.clock.advance(timedelta(minutes=1))
    deliver_due(TARGET, house=desk.house)

    assert closed(desk) == {}
    assert desk.told("email") == ["firing"]


def test_what_our_own_checks_refuse_closes_nothing(desk: Desk) -> None:
    desk.channels["email"].failures.append(NotAsked("SMS are for critical alerts and worse"))
    tell(desk, 5)
    tell(desk, 6)

    assert closed(desk) == {}
    assert (desk.told("console"), desk.told("email")) == (["firing"], ["firing"])


def test_health_names_the_channel_and_no_address(desk: Desk) -> None:
    tell(desk, 5, refused=True)

    (said,) = refusing(desk.house.config)

    assert said == (
        "an email channel refuses for good since 2026-01-01 00:00 UTC (1 times): "
        "its alerts go to the fallback"
    )


def test_a_closure_that_is_out_of_reach_silences_nobody(desk: Desk) -> None:
    tell(desk, 5, refused=True)
    table = desk.storage.config
    real = table.get

    def unreachable(partition: str, key: str) -> Row | None:
        if partition == PARTITION:
            raise StoreUnavailable("no answer")
        return real(partition, key)

    table.get = unreachable  # type: ignore[method-assign]
    tell(desk, 6)

    assert desk.told("email") == ["firing"]


def test_a_damaged_closure_is_thrown_away(desk: Desk) -> None:
    row = InsertRow(channel_of(MAIL), {"since": "some day"})
    desk.storage.config.transact(PARTITION, [row])

    tell(desk, 5)

    assert desk.told("email") == ["firing"]
    assert desk.house.config.keys(PARTITION, "") == []


def test_a_refusal_is_recorded_though_the_closure_can_not_be(desk: Desk) -> None:
    table = desk.storage.config
    real = table.transact

    def refuse(partition: str, ops: Sequence[Op]) -> list[str | None]:
        if partition == PARTITION:
            raise StoreUnavailable("no answer")
        return real(partition, ops)

    table.transact = refuse  # type: ignore[method-assign]
    tell(desk, 5, refused=True)

    assert desk.told("console") == ["firing"]
    assert closed(desk) == {}
