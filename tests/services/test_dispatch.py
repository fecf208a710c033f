"""Events become delivery rows, one transaction each, in order, for whoever must hear them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.adapters.rows import Op
from shared.domain.deliveries import Status
from shared.domain.episodes import EventKind
from shared.domain.errors import Conflict
from shared.domain.rules import Action, ActionType
from shared.services.deliver import deliver_due
from shared.services.dispatch import dispatch
from tests.builders import MAIL, SLACK, TARGET, Desk, an_event
from tests.services.conftest import MakeDesk

OTHER = "20260101T0009Z-9f9f9f9f"


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


def seqs(desk: Desk, prefix: str) -> list[int]:
    return [int(key.rsplit(":", 1)[1]) for key in desk.keys(prefix)]


def test_an_event_becomes_a_row_for_each_channel_due_at_once(desk: Desk) -> None:
    desk.decide(an_event(routes=[MAIL, SLACK]))

    assert dispatch(TARGET, house=desk.house) == 1

    rows = desk.deliveries()
    assert {row.channel_type for row in rows} == {"email", "slack"}
    assert {row.status for row in rows} == {Status.PENDING}
    assert {row.next_attempt_at for row in rows} == {desk.clock.now}
    assert (len(desk.keys("due:")), len(desk.keys("event:")), desk.keys("outbox:")) == (2, 1, [])
    deliver_due(TARGET, house=desk.house)


def test_it_does_nothing_the_second_time(desk: Desk) -> None:
    desk.decide(an_event())
    dispatch(TARGET, house=desk.house)
    before = desk.keys()

    assert dispatch(TARGET, house=desk.house) == 0
    assert desk.keys() == before
    deliver_due(TARGET, house=desk.house)


def test_events_of_an_episode_go_out_by_their_number(desk: Desk) -> None:
    desk.decide(*(an_event(n, EventKind.REMINDER) for n in (3, 1, 2)))

    assert dispatch(TARGET, house=desk.house) == 3
    assert seqs(desk, "event:") == [1, 2, 3]
    deliver_due(TARGET, house=desk.house)


def test_an_event_waits_while_its_predecessor_is_in_the_outbox(desk: Desk) -> None:
    desk.decide(an_event(1), an_event(2, EventKind.RESOLVED), an_event(1, episode=OTHER))
    stubborn = f"outbox:{an_event().episode}:0001"
    table = desk.storage.alerts
    real = table.transact

    def refuse_the_first(partition: str, ops: Sequence[Op]) -> list[str | None]:
        if any(op.key == stubborn for op in ops):
            raise Conflict("somebody else is at it")
        return real(partition, ops)

    table.transact = refuse_the_first  # type: ignore[method-assign]
    assert dispatch(TARGET, house=desk.house) == 1
    assert [key.split(":")[1] for key in desk.keys("event:")] == [OTHER]

    table.transact = real  # type: ignore[method-assign]
    assert dispatch(TARGET, house=desk.house) == 2
    deliver_due(TARGET, house=desk.house)


def test_a_resolve_goes_only_to_the_channels_that_heard_of_the_episode(desk: Desk) -> None:
    desk.decide(an_event(1, routes=[MAIL]))
    dispatch(TARGET, house=desk.house)
    desk.decide(an_event(2, EventKind.RESOLVED, routes=[SLACK]))
    dispatch(TARGET, house=desk.house)

    deliver_due(TARGET, house=desk.house)

    assert (desk.told("email"), desk.told("slack")) == (["firing+resolved"], [])


def test_a_resolve_reaches_channels_that_the_rule_has_lost_since(desk: Desk) -> None:
    desk.decide(an_event(1, routes=[MAIL, SLACK]))
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)
    desk.decide(an_event(2, EventKind.RESOLVED, routes=[]))
    dispatch(TARGET, house=desk.house)
    deliver_due(TARGET, house=desk.house)

    assert desk.told("email") == desk.told("slack") == ["firing", "resolved"]


def test_an_event_without_a_channel_leaves_the_outbox_all_the_same(desk: Desk) -> None:
    desk.decide(an_event(routes=[]))

    assert dispatch(TARGET, house=desk.house) == 1
    assert (seqs(desk, "event:"), desk.deliveries()) == ([1], [])


def test_one_address_named_twice_is_one_channel(desk: Desk) -> None:
    with_words = Action(MAIL.type, MAIL.target, message="call me")
    desk.decide(an_event(routes=[MAIL, with_words]))
    dispatch(TARGET, house=desk.house)

    assert len(desk.deliveries()) == 1
    deliver_due(TARGET, house=desk.house)


def test_an_event_has_at_most_45_channels(desk: Desk) -> None:
    routes = [Action(ActionType.WEBHOOK, f"https://example.com/{n}") for n in range(60)]
    desk.decide(an_event(routes=routes))
    dispatch(TARGET, house=desk.house)

    assert len(desk.deliveries()) == 45
    desk.clock.advance(timedelta(seconds=1))
    deliver_due(TARGET, house=desk.house)
