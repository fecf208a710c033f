"""The judge of what followers heard sees every way in which a story can be told wrongly."""

import pytest
from msgspec.structs import replace

from local.followers import (
    Telling,
    doubles,
    flaws_of_stories,
    flaws_of_tellings,
    owed,
    telling,
)
from shared.domain.deliveries import (
    Delivery,
    Status,
    channel_of,
    finished,
    first_delivery,
)
from shared.domain.episodes import Event, EventKind
from shared.domain.notifications import compose
from shared.domain.reasons import Reason
from shared.domain.rules import Action, ActionType
from tests.builders import LOG, MAIL, SLACK, an_event, at

EPISODE = "20260101T0005Z-1a2b3c4d"
OTHER = "20260101T0005Z-5e6f7a8b"
SMS = Action(ActionType.SMS, "+15555550100")
MAILBOX, ROOM, POCKET, JOURNAL = map(channel_of, (MAIL, SLACK, SMS, LOG))

FIRING = an_event(1, routes=(MAIL, SLACK))
REMINDER = an_event(2, EventKind.REMINDER, routes=(MAIL, SLACK))
ESCALATION = an_event(3, EventKind.ESCALATION, routes=(SMS,))
END = an_event(4, EventKind.RESOLVED, routes=(MAIL, SLACK))
STORY = [FIRING, REMINDER, ESCALATION, END]


def told(
    *messages: tuple[int, ...], address: str = MAILBOX, episode: str = EPISODE
) -> list[Telling]:
    return [Telling(address, tuple((episode, seq) for seq in one)) for one in messages]


def a_row(event: Event, action: Action, status: Status, reason: Reason) -> Delivery:
    return finished(first_delivery(event, action, at(8)), status, reason)


def seqs(wanted: dict[str, list[Event]], address: str) -> list[int]:
    return [event.seq for event in wanted.get(address, [])]


def by_address(*rows: Delivery, fallback: Action | None = None) -> dict[str, list[Event]]:
    wanted = owed(STORY, rows, fallback)
    return {follower.address: list(events) for follower, events in wanted.items()}


def test_each_follower_is_owed_what_its_rule_names_and_whoever_heard_anything_the_end() -> None:
    wanted = by_address()

    assert seqs(wanted, MAILBOX) == seqs(wanted, ROOM) == [1, 2, 4]
    assert seqs(wanted, POCKET) == [3, 4]


def test_the_fallback_is_owed_what_a_channel_refused_for_good_and_all_that_follows() -> None:
    refused = a_row(REMINDER, MAIL, Status.DEAD, Reason.PERMANENT_ERROR)

    wanted = by_address(refused, fallback=LOG)

    assert seqs(wanted, JOURNAL) == [2, 4]
    assert seqs(wanted, MAILBOX) == [1, 4]
    assert seqs(wanted, ROOM) == [1, 2, 4]


def test_a_refusal_excuses_nobody_where_no_fallback_stands_behind_the_channel() -> None:
    refused = a_row(FIRING, MAIL, Status.DEAD, Reason.PERMANENT_ERROR)

    assert seqs(by_address(refused), MAILBOX) == [1, 2, 4]
    assert seqs(by_address(refused, fallback=MAIL), MAILBOX) == [1, 2, 4]


def test_an_acknowledged_episode_owes_no_reminder_but_every_end() -> None:
    acknowledged = [
        a_row(event, MAIL, Status.SKIPPED, Reason.ACKNOWLEDGED) for event in (REMINDER, END)
    ]

    assert seqs(by_address(*acknowledged), MAILBOX) == [1, 4]


def test_a_digest_is_for_the_addresses_of_its_rule() -> None:
    digest = an_event(1, EventKind.RESOLVED, routes=(MAIL,), missed_count=3)

    assert [follower.address for follower in owed([digest])] == [MAILBOX]
    assert flaws_of_stories([digest]) == []


@pytest.mark.parametrize(
    "messages",
    [
        [(1,), (2,), (4,)],
        [(1, 2, 4)],
        [(1,), (2, 4)],
    ],
    ids=["one by one", "all in one", "some together"],
)
def test_a_story_told_in_order_and_whole_has_no_flaw(messages: list[tuple[int, ...]]) -> None:
    wanted = owed([replace(event, routes=(MAIL,)) for event in STORY if event.seq != 3])

    assert flaws_of_tellings(wanted, told(*messages)) == []


FLAWS: list[tuple[list[tuple[int, ...]], list[str]]] = [
    ([(2,), (4,)], ["event 2 came before event 1, firing", "never told event 1, firing"]),
    ([(1,), (4,)], ["event 4 came before event 2, reminder", "never told event 2, reminder"]),
    ([(4,)], ["event 4 came before event 1", "before event 2", "never told", "never told"]),
    ([(1,), (2,)], ["never told event 4, resolved"]),
    ([], ["never told event 1", "never told event 2", "never told event 4"]),
    ([(1,), (4,), (2,)], ["event 4 came before event 2, reminder", "(2,) came after event 4"]),
    ([(2, 1), (4,)], ["(2, 1) tells its events out of order", "(2, 1)"]),
    ([(1,), (2,), (4,), (2,)], ["(2,) came after event 4", "1 messages tell something again"]),
    ([(1,), (2,), (4,), (4,)], ["1 messages tell something again, 0 may"]),
    ([(1,), (1, 2), (4,)], ["1 messages tell something again, 0 may"]),
    ([(1,), (2,), (4,), (5,)], ["event 5 was not meant for it"]),
    ([(1,), (2, 3), (4,)], ["event 3 was not meant for it"]),
]


@pytest.mark.parametrize(("messages", "flaws"), FLAWS, ids=lambda one: str(one)[:40])
def test_every_way_to_tell_it_wrongly_is_seen(
    messages: list[tuple[int, ...]], flaws: list[str]
) -> None:
    wanted = {
        follower: events for follower, events in owed(STORY).items() if follower[0] == MAILBOX
    }

    found = flaws_of_tellings(wanted, told(*messages))

    assert found
    for flaw in flaws:
        assert any(flaw in one for one in found), found


def test_who_was_called_in_and_is_never_told_the_end_is_seen() -> None:
    tellings = [*told((1,), (2,), (4,)), *told((1,), (2,), (4,), address=ROOM)]

    found = flaws_of_tellings(owed(STORY), [*tellings, *told((3,), address=POCKET)])

    assert found == [f"{POCKET} about {EPISODE}: was never told event 4, resolved"]


def test_a_message_to_somebody_who_follows_nothing_is_seen() -> None:
    wanted = owed([an_event(1, EventKind.FIRING), an_event(2, EventKind.RESOLVED)])

    found = flaws_of_tellings(wanted, [*told((1,), (2,)), *told((1,), address=ROOM)])

    assert found == [f"{ROOM} about {EPISODE}: event 1 was not meant for it"]


def test_a_double_is_forgiven_as_often_as_there_are_licences() -> None:
    wanted = owed([FIRING, replace(END, seq=2)])
    twice = [*told((1,), (1,), (2,)), *told((1,), (2,), (2,), address=ROOM)]

    assert [one.address for one in doubles(twice)] == [MAILBOX, ROOM]
    assert flaws_of_tellings(wanted, twice, licences=2) == []
    assert len(flaws_of_tellings(wanted, twice, licences=1)) == 1


def test_a_licence_is_for_a_message_however_many_stories_it_tells() -> None:
    shared = Telling(MAILBOX, ((EPISODE, 1), (OTHER, 1)))
    wanted = owed([an_event(1), an_event(1, episode=OTHER)])

    assert flaws_of_tellings(wanted, [shared, shared], licences=1) == []


def test_what_a_notification_tells_is_read_from_its_stories() -> None:
    message = compose("m1", MAIL, [END, FIRING])

    assert telling("email", message) == told((1, 4))[0]


@pytest.mark.parametrize(
    ("story", "flaw"),
    [
        ([FIRING, replace(END, seq=3)], "its events are numbered [1, 3]"),
        ([FIRING, FIRING], "its events are numbered [1, 1]"),
        ([replace(END, seq=1)], "it begins with its end"),
        ([FIRING, replace(END, seq=2), replace(REMINDER, seq=3)], "event 3 comes after its end"),
        ([FIRING, REMINDER], "it never ended"),
    ],
)
def test_a_story_that_was_decided_wrongly_is_seen(story: list[Event], flaw: str) -> None:
    assert f"episode {EPISODE}: {flaw}" in flaws_of_stories(story)


def test_a_story_that_goes_on_is_no_flaw_where_it_need_not_end() -> None:
    assert flaws_of_stories(STORY) == []
    assert flaws_of_stories([FIRING], must_end=False) == []
