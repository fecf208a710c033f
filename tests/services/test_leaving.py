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
from shared.services.targets import activate, activated_at
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


def test_nobody_is_closed_while_what_names_the_targets_is_in_doubt(make_desk: MakeDesk) -> None:
    """Who wrote `pantry crm` among others, or described whom nobody names, mistyped somewhere."""
    desk = make_desk([BAD] * 30)
    desk.ticks(0, 4)
    doubtful = replace(desk.house, doubts=["MONITOR_TARGETS can't all be used; the log says why"])

    for house, left in ((doubtful, False), (desk.house, True)):
        desk.clock.now = now = at(5) + WATCH
        minutes.watch_all(["other-app"], inline_max=5, house=house, now=now)
        assert has_left(desk) is left
    assert desk.told() == ["firing", "resolved"]


def test_who_is_to_be_judged_from_later_on_has_not_left_before_the_settings_name_it(
    make_desk: MakeDesk,
) -> None:
    """As docs/operate.md says: its row is written first, and a watch may come in between."""
    desk = make_desk()
    activate(TARGET, config=desk.house.config, now=at(30))
    for minute, expected in ((5, at(30)), (31, None)):
        desk.clock.now = now = at(minute) + WATCH
        minutes.watch_all(["other-app"], inline_max=5, house=desk.house, now=now)
        assert activated_at(TARGET, config=desk.house.config) == expected


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
