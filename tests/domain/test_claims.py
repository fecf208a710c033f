"""Which delivery rows are claimed together, what their message is, and which end without one."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.claims import (
    MOST_CLAIMED,
    Group,
    groups,
    is_waiting,
    message_id,
    nagged,
    one_claim,
    sort_rows,
    told_alone,
    wants_fallback,
)
from shared.domain.deliveries import GIVE_UP_AFTER, Delivery, Status
from shared.domain.episodes import EventKind
from shared.domain.reasons import Reason
from shared.domain.records import Kept
from tests.builders import at

ONE, OTHER, TEST = "20260101T0005Z-1", "20260101T0006Z-2", "20260101T0007Z-test3"
MAIL, CHAT = "mail", "chat"
SENT, DEAD, SKIPPED = Status.SENT, Status.DEAD, Status.SKIPPED


def a_row(seq: int = 1, episode: str = ONE, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "event": f"{episode}-{seq}",
        "episode": episode,
        "seq": seq,
        "rule": "dtu-high",
        "kind": EventKind.FIRING,
        "minute": at(6),
        "channel": MAIL,
        "channel_type": "email",
        "channel_name": "admin@example.com",
        "created_at": at(7),
    }
    return Delivery(**{**given, **fields})


def kept(*rows: Delivery) -> list[Kept[Delivery]]:
    return [Kept(row.key, row, f"etag of {row.key}") for row in rows]


def a_due(clock: str, episode: str = ONE, channel: str = MAIL, seq: int = 1) -> str:
    return f"due:20260101T{clock}Z:{episode}:{channel}:{seq:04d}"


# What is due.


def test_a_group_wants_attention_when_its_last_row_does() -> None:
    dues = [
        a_due("000900", seq=2),
        a_due("000700", ONE, CHAT),
        a_due("000800", seq=1),
        a_due("000801", OTHER),
    ]

    assert groups(dues) == [
        Group(ONE, CHAT, at(7), 1),
        Group(ONE, MAIL, at(9), 2),
        Group(OTHER, MAIL, at(8, 1), 1),
    ]


def a_group(episode: str, rows: int = 1, channel: str = MAIL) -> Group:
    return Group(episode, channel, at(7), rows)


def test_one_claim_takes_the_first_group_and_what_else_its_channel_has() -> None:
    first, second, third = a_group(ONE), a_group(OTHER), a_group("20260101T0008Z-4")

    assert one_claim([first, a_group(OTHER, channel=CHAT), second, third]) == [first, second, third]


def test_a_claim_is_filled_with_whole_groups_to_its_last_row() -> None:
    first, large, fits = a_group(ONE, 20), a_group(OTHER, 5), a_group("20260101T0008Z-4", 4)

    assert one_claim([first, large, fits, a_group("20260101T0009Z-5")]) == [first, fits]
    assert MOST_CLAIMED == 24


def test_a_group_too_large_for_a_claim_is_taken_alone() -> None:
    assert one_claim([a_group(ONE, 30), a_group(OTHER)]) == [a_group(ONE, 30)]


def test_a_test_shares_a_claim_with_tests_only() -> None:
    tests, real = [a_group(TEST), a_group(f"{TEST}4")], [a_group(ONE), a_group(OTHER)]

    assert one_claim([tests[0], *real, tests[1]]) == tests
    assert one_claim([real[0], *tests, real[1]]) == real


# The message.


def test_the_id_of_a_message_is_the_hash_of_what_it_tells_in_any_order() -> None:
    one, two = a_row(1), a_row(2)

    told = f"delivery:{ONE}:mail:0001,delivery:{ONE}:mail:0002"
    assert message_id([two, one]) == hashlib.sha256(told.encode()).hexdigest()[:32]


def test_what_is_sent_again_is_another_message_each_time() -> None:
    ids = [message_id([a_row(resent_at=when)]) for when in (None, at(9), at(9, 1))]

    told = f"delivery:{ONE}:mail:0001:20260101T000900Z"
    assert ids[1] == hashlib.sha256(told.encode()).hexdigest()[:32]
    assert len(set(ids)) == 3


def sent(*rows: Delivery, provider_id: str | None = "p1") -> list[Delivery]:
    """These rows, told in one message."""
    given = {"status": SENT, "message": message_id(rows), "provider_id": provider_id}
    return [Delivery(**{**_fields(row), **given}) for row in rows]


def _fields(row: Delivery) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_the_newest_message_that_told_an_episode_alone_is_found() -> None:
    rows = [*sent(a_row(1)), *sent(a_row(2), a_row(3), provider_id="p3")]

    assert told_alone([*rows, *sent(a_row(4), provider_id=None)], ONE) == "p3"
    assert told_alone(reversed(rows), ONE) == "p3"


def test_a_message_of_several_episodes_told_none_of_them_alone() -> None:
    rows = sent(a_row(1), a_row(1, OTHER))

    assert told_alone(rows, ONE) is None
    assert told_alone(rows, OTHER) is None


def test_what_another_episode_or_nobody_was_told_tells_nothing() -> None:
    unsent = a_row(1, status=DEAD, message=message_id([a_row(1)]), provider_id="p1")
    unclaimed = a_row(2, status=SENT, provider_id="p2")

    assert told_alone([unsent, unclaimed, *sent(a_row(1, OTHER))], ONE) is None


# What waits.


@pytest.mark.parametrize(
    ("row", "waits"),
    [
        (a_row(next_attempt_at=at(10)), False),
        (a_row(next_attempt_at=at(10, 1)), True),
        (a_row(next_attempt_at=None), False),
        (a_row(next_attempt_at=None, lease_until=at(11)), False),
        (a_row(status=Status.SENDING, lease_until=at(10)), False),
        (a_row(status=Status.SENDING, lease_until=at(10, 1)), True),
        (a_row(status=Status.SENDING, lease_until=at(9), next_attempt_at=at(11)), False),
        (a_row(status=SENT, next_attempt_at=at(11)), False),
    ],
)
def test_a_row_waits_under_a_live_lease_or_for_its_next_try(
    row: Delivery,
    waits: bool,  # noqa: FBT001
) -> None:
    assert is_waiting(row, at(10)) is waits


# What ends without a send.


def test_only_nagging_is_left_of_an_episode_whose_open_rows_are_all_nagging() -> None:
    nag, call = {"kind": EventKind.REMINDER}, {"kind": EventKind.ESCALATION}
    rows = kept(
        a_row(1, status=SENT),
        a_row(2, **nag),
        a_row(3, **call),
        a_row(1, OTHER),
        a_row(2, OTHER, **nag),
        a_row(1, TEST, status=SENT, **nag),
    )

    assert nagged(rows) == {ONE}


def ended(rows: list[Kept[Delivery]], **more: Any) -> list[tuple[int, Status, Reason | None]]:
    found = sort_rows(rows, more.pop("wall", at(10)), **more)
    assert all(before.key == after.key for before, after in found.ended)
    return [(after.seq, after.status, after.reason) for _, after in found.ended]


def test_open_rows_are_sent_and_final_ones_left_alone() -> None:
    rows = kept(a_row(1, status=SENT), a_row(2), a_row(3))

    assert sort_rows(rows, at(10)).send == tuple(rows[1:])
    assert ended(rows) == []


@pytest.mark.parametrize(
    ("later", "becomes"),
    [
        ([SENT], (1, SKIPPED, Reason.MERGED)),
        ([DEAD], (1, DEAD, Reason.GIVEN_UP)),
        ([SKIPPED], (1, DEAD, Reason.GIVEN_UP)),
        ([DEAD, SENT], (1, SKIPPED, Reason.MERGED)),
    ],
)
def test_a_row_that_a_later_final_one_overtook_shares_its_fate(
    later: list[Status], becomes: tuple[int, Status, Reason]
) -> None:
    final = [a_row(seq, status=status) for seq, status in enumerate(later, start=2)]
    rows = kept(a_row(1), *final, a_row(9))

    assert ended(rows) == [becomes]
    assert [one.value.seq for one in sort_rows(rows, at(10)).send] == [9]


@pytest.mark.parametrize(
    "final",
    [
        a_row(1, status=SENT),
        a_row(3, OTHER, status=SENT),
        a_row(3, channel=CHAT, status=SENT),
    ],
)
def test_nothing_earlier_and_nothing_of_another_group_overtakes(final: Delivery) -> None:
    assert ended(kept(a_row(2), final)) == []


def test_what_is_a_day_old_is_given_up() -> None:
    a_day_after = at(7) + GIVE_UP_AFTER

    assert timedelta(hours=24) == GIVE_UP_AFTER
    assert ended(kept(a_row(1)), wall=a_day_after) == []
    too_late = a_day_after + timedelta(seconds=1)
    assert ended(kept(a_row(1)), wall=too_late) == [(1, DEAD, Reason.GIVEN_UP)]


def test_what_was_sent_again_has_a_day_from_then() -> None:
    resent = kept(a_row(1, resent_at=at(100)))

    assert ended(resent, wall=at(100) + GIVE_UP_AFTER) == []


def test_what_somebody_takes_care_of_needs_no_nagging() -> None:
    rows = kept(a_row(1), a_row(1, OTHER))

    assert ended(rows, cared_for={ONE}) == [(1, SKIPPED, Reason.ACKNOWLEDGED)]
    assert sort_rows(rows, at(10), cared_for={ONE}).send == (rows[1],)


def test_a_row_that_ends_is_final_and_due_no_more() -> None:
    row = a_row(next_attempt_at=at(9), lease_until=at(8), due=a_due("000900"))

    ((_, after),) = sort_rows(kept(row), at(10), cared_for={ONE}).ended

    assert after == a_row(status=SKIPPED, reason=Reason.ACKNOWLEDGED)


def test_a_claim_sorts_no_more_rows_than_it_can_take() -> None:
    rows = kept(*(a_row(seq) for seq in range(1, 31)))

    assert sort_rows(rows, at(10)).send == tuple(rows[:24])


# The fallback.


def falls(after: Delivery, *earlier: Delivery) -> bool:
    return wants_fallback(after, [*earlier, after])


def test_the_fallback_tells_what_is_dead() -> None:
    assert falls(a_row(2, status=DEAD, reason=Reason.PERMANENT_ERROR))
    assert not falls(a_row(2, status=SENT, reason=Reason.DELIVERED))
    assert not falls(a_row(2))


def test_the_fallback_tells_the_rest_of_a_story_it_began() -> None:
    began, after = a_row(1, status=DEAD, fell_back=True), a_row(2, status=SENT)

    assert falls(after, began)
    assert not falls(after, a_row(1, status=DEAD))


@pytest.mark.parametrize(
    "elsewhere",
    [
        a_row(2, fell_back=True),
        a_row(3, fell_back=True),
        a_row(1, OTHER, fell_back=True),
        a_row(1, channel=CHAT, fell_back=True),
    ],
)
def test_the_fallback_keeps_out_of_other_stories_and_of_what_came_later(
    elsewhere: Delivery,
) -> None:
    assert not falls(a_row(2, status=SENT), elsewhere)


@pytest.mark.parametrize("reason", [Reason.MERGED, Reason.ACKNOWLEDGED])
def test_what_needed_no_telling_needs_no_fallback(reason: Reason) -> None:
    began = a_row(1, status=DEAD, fell_back=True)

    assert not falls(a_row(2, status=SKIPPED, reason=reason), began)
