"""A target that left the settings: it is closed until nothing is left, within a pass's time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.records import Insert, Write, outbox_key
from shared.domain.rules import Action, ActionType
from shared.ports import House
from shared.services import minute as minutes
from shared.services.targets import activated_at
from tests.builders import BAD, TARGET, WATCH, Desk, a_rule, an_event, at
from tests.services.conftest import MakeDesk


@dataclass
class Raced:
    """Alerts in which somebody acknowledges just before the closing is written."""

    desk: Desk
    raced: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk.house.alerts, name)

    def commit(self, partition: str, writes: Sequence[Write]) -> list[str | None]:
        if not self.raced:
            self.raced = True
            self.desk.act("acknowledge", self.desk.alert().id, 4)
        return self.desk.house.alerts.commit(partition, writes)


def close(desk: Desk, minute: int, house: House | None = None) -> None:
    desk.clock.now = now = at(minute) + WATCH
    minutes.close_stories(TARGET, house=house or desk.house, now=now)


def has_left(desk: Desk) -> bool:
    return activated_at(TARGET, config=desk.house.config) is None


def test_a_story_that_somebody_touches_meanwhile_is_closed_in_the_next_minute(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([BAD] * 30)
    desk.ticks(0, 4)

    close(desk, 4, replace(desk.house, alerts=Raced(desk)))
    assert (desk.told(), has_left(desk)) == (["firing"], False)

    close(desk, 5)
    assert (desk.told(), has_left(desk)) == (["firing", "resolved"], True)


def test_a_target_has_not_left_while_an_event_of_it_can_not_be_dispatched(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk()
    desk.left_open = True
    desk.tick(0)
    desk.decide(an_event(2))
    unreadable = Insert(outbox_key(an_event().episode, 1), a_rule())
    desk.house.alerts.commit(TARGET, [unreadable])

    close(desk, 1)

    assert not has_left(desk)


def test_followers_who_are_slow_to_reach_do_not_hold_the_watch_up(make_desk: MakeDesk) -> None:
    """The heartbeat of all targets comes after the closing, and the function has two minutes."""
    many = tuple(Action(ActionType.EMAIL, f"admin-{one}@example.com") for one in range(20))
    desk = make_desk([BAD] * 30, rules=[a_rule(actions=many)])
    desk.left_open = True
    desk.ticks(0, 4)
    email: Any = desk.channels["email"]

    def slow(_: Notification) -> str | None:
        desk.clock.advance(timedelta(seconds=15))
        raise ChannelError("busy")

    email.send = slow
    close(desk, 4)

    assert desk.clock.now - at(4) - WATCH == timedelta(seconds=30)
    assert not has_left(desk)
