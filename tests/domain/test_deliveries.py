"""A delivery row, field by field, at each step of its way to a channel."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deliveries import (
    LEASE,
    Delivery,
    Due,
    Status,
    backoff,
    channel_of,
    claimed,
    delivered,
    fallback_delivery,
    finished,
    first_delivery,
    inserts,
    moves,
    public_name,
    put_back,
    refused,
    sent_again,
)
from shared.domain.episodes import EventKind
from shared.domain.errors import ChannelError
from shared.domain.reasons import Reason
from shared.domain.records import Delete, Insert, Kept, Replace, short_hash
from shared.domain.rules import Action, ActionType
from tests.builders import MAIL, SLACK, an_event, at

EPISODE = "20260101T0005Z-1a2b3c4d"
CHANNEL = channel_of(MAIL)
SECOND = timedelta(seconds=1)


def due_at(clock: str, channel: str = CHANNEL, seq: int = 3) -> str:
    """The key of a due row on the first of January."""
    return f"due:20260101T{clock}Z:{EPISODE}:{channel}:{seq:04d}"


def a_row(**fields: Any) -> Delivery:
    """A mail that failed once, under claim for its second try; nothing is at its default."""
    given: dict[str, Any] = {
        "event": f"{EPISODE}-3",
        "episode": EPISODE,
        "seq": 3,
        "rule": "dtu-high",
        "kind": EventKind.REMINDER,
        "minute": at(6),
        "channel": CHANNEL,
        "channel_type": "email",
        "channel_name": MAIL.target,
        "created_at": at(7),
        "status": Status.SENDING,
        "attempt": 2,
        "message": "m1",
        "owner": "o1",
        "next_attempt_at": at(9),
        "lease_until": at(12, 30),
        "provider_id": "p1",
        "error": "busy",
        "reason": Reason.RETRY,
        "due": due_at("001230"),
        "fell_back": True,
    }
    return Delivery(**{**given, **fields})


def test_the_first_row_of_an_event_is_due_at_once() -> None:
    event = an_event(3, EventKind.REMINDER)

    assert first_delivery(event, MAIL, at(8)) == Delivery(
        event=event.id,
        episode=EPISODE,
        seq=3,
        rule="dtu-high",
        kind=EventKind.REMINDER,
        minute=at(6),
        channel=CHANNEL,
        channel_type="email",
        channel_name=MAIL.target,
        created_at=at(8),
        next_attempt_at=at(8),
        due=due_at("000800"),
    )


def test_the_fallback_tells_the_same_event_on_its_own_channel() -> None:
    assert fallback_delivery(a_row(), SLACK, at(11)) == Delivery(
        event=f"{EPISODE}-3",
        episode=EPISODE,
        seq=3,
        rule="dtu-high",
        kind=EventKind.REMINDER,
        minute=at(6),
        channel=channel_of(SLACK),
        channel_type="slack",
        channel_name=SLACK.target,
        created_at=at(11),
        next_attempt_at=at(11),
        reason=Reason.FALLBACK,
        due=due_at("001100", channel_of(SLACK)),
    )


def test_a_claim_counts_the_try_and_leases_the_row_for_150_seconds() -> None:
    row = a_row(status=Status.PENDING, attempt=1, message=None, owner=None, lease_until=None)

    taken = claimed(row, "m2", "o2", at(10))

    assert taken == a_row(
        message="m2",
        owner="o2",
        next_attempt_at=None,
        lease_until=at(12, 30),
        due=due_at("001230"),
    )
    assert timedelta(seconds=150) == LEASE


def test_what_was_delivered_is_final_and_forgets_its_error() -> None:
    assert delivered(a_row(), "p2") == a_row(
        status=Status.SENT,
        reason=Reason.DELIVERED,
        provider_id="p2",
        error=None,
        next_attempt_at=None,
        lease_until=None,
        due=None,
    )


def test_a_permanent_refusal_is_the_end_and_says_why() -> None:
    assert refused(a_row(), ChannelError("gone", permanent=True), at(10)) == a_row(
        status=Status.DEAD,
        reason=Reason.PERMANENT_ERROR,
        error="gone",
        next_attempt_at=None,
        lease_until=None,
        due=None,
    )


def test_another_refusal_waits_for_its_turn_of_the_backoff() -> None:
    assert refused(a_row(), ChannelError("slow"), at(10)) == a_row(
        status=Status.PENDING,
        reason=Reason.RETRY,
        error="slow",
        next_attempt_at=at(10, 30),
        lease_until=None,
        due=due_at("001030"),
    )


def test_a_provider_that_asks_for_patience_gets_it() -> None:
    busy = ChannelError("busy", retry_after=timedelta(minutes=5))

    row = refused(a_row(), busy, at(10))

    assert (row.next_attempt_at, row.due) == (at(15), due_at("001500"))
    assert row.reason is Reason.RATE_LIMITED


def test_a_provider_that_asks_for_no_patience_gets_a_second() -> None:
    hasty = ChannelError("now", retry_after=timedelta(milliseconds=1))

    assert refused(a_row(), hasty, at(10)).next_attempt_at == at(10, 1)


@pytest.mark.parametrize(
    ("resent_at", "asked_on", "next_try"),
    [
        (None, at(10), at(7 + 1440, 1)),
        (at(9), at(10), at(9 + 1440, 1)),
        (None, at(3000), at(3000, 1)),
    ],
)
def test_nobody_waits_longer_than_a_day_and_a_second(
    resent_at: Any, asked_on: Any, next_try: Any
) -> None:
    for_ever = ChannelError("later", retry_after=timedelta(days=9))

    assert refused(a_row(resent_at=resent_at), for_ever, asked_on).next_attempt_at == next_try


def test_a_try_without_a_token_does_not_count() -> None:
    assert put_back(a_row(), at(11)) == a_row(
        status=Status.PENDING,
        attempt=1,
        reason=Reason.NO_BUDGET,
        next_attempt_at=at(11),
        lease_until=None,
        due=due_at("001100"),
    )


def test_what_is_sent_again_is_new_but_for_the_tries_it_had() -> None:
    dead = finished(a_row(), Status.DEAD, Reason.GIVEN_UP)

    assert sent_again(dead, at(20)) == a_row(
        status=Status.PENDING,
        message=None,
        provider_id=None,
        error=None,
        reason=None,
        next_attempt_at=at(20),
        resent_at=at(20),
        lease_until=None,
        due=due_at("002000"),
    )


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(0, 15), (1, 15), (2, 30), (3, 60), (4, 120), (6, 480), (7, 900), (8, 900), (99, 900)],
)
def test_patience_doubles_from_15_seconds_to_15_minutes(attempt: int, seconds: int) -> None:
    assert backoff(attempt) == seconds * SECOND


def test_a_new_row_comes_with_its_due_row() -> None:
    row = a_row()

    assert inserts(row) == [
        Insert(f"delivery:{EPISODE}:{CHANNEL}:0003", row),
        Insert(due_at("001230"), Due(row.key)),
    ]


def test_a_new_row_that_is_not_due_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"^a new delivery is due$"):
        inserts(a_row(due=None))


@pytest.mark.parametrize("before", [due_at("001230"), None])
@pytest.mark.parametrize("after", [due_at("001230"), due_at("001300"), None])
def test_a_due_row_moves_with_its_delivery(before: str | None, after: str | None) -> None:
    kept, row = Kept(a_row().key, a_row(due=before), "etag"), a_row(due=after)

    expected: list[Any] = [Replace(row.key, row, "etag")]
    if before != after:
        expected += [Delete(before)] if before else []
        expected += [Insert(after, Due(row.key))] if after else []
    assert moves(kept, row) == expected


@pytest.mark.parametrize(
    ("kind", "target", "shown"),
    [
        (ActionType.EMAIL, "ana@example.com", "ana@example.com"),
        (ActionType.SMS, "+4915155512", "+49…12"),
        (
            ActionType.WEBHOOK,
            "https://u:pw@example.com:8443/a/b?key=1",
            "https://example.com:8443/…",
        ),
        (ActionType.WEBHOOK, "https://example.com/in@side", "https://example.com/…"),
        (ActionType.WEBHOOK, "https://a@b@example.com://x", "https://example.com:/…"),
    ],
)
def test_of_an_address_only_what_is_no_secret_is_shown(
    kind: ActionType, target: str, shown: str
) -> None:
    assert public_name(Action(kind, target)) == shown


def test_the_same_address_of_another_type_is_another_channel() -> None:
    assert channel_of(MAIL) == short_hash("email", MAIL.target)
    assert channel_of(MAIL) != channel_of(Action(ActionType.SLACK, MAIL.target))
