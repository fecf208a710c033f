"""What people do to alerts, and that nobody's word is lost when the evaluator writes meanwhile."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import pytest

from shared.adapters.ledger import RowLedger
from shared.adapters.rows import Op, Row, Rows
from shared.domain.alerts import AlertState
from shared.domain.errors import InvalidInput, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.machine import State
from shared.domain.reasons import Reason
from shared.services.manage import MOST_TRIES
from tests.builders import BAD, OK, Desk, Values, a_rule, at
from tests.services.conftest import MakeDesk

STORM = [OK] * 5 + [BAD] * 600


@pytest.fixture
def firing(make_desk: MakeDesk) -> Desk:
    """A rule that fires at the end of minute 6, told; ten minutes are folded."""
    desk = make_desk(STORM, rules=[a_rule(repeat_every=30)])
    desk.ticks(0, 11)
    return desk


def calm_from(desk: Desk, minute: int) -> None:
    source = desk.house.sources[0]
    values: Values = [*source.values[:minute], *[OK] * 600]  # type: ignore[attr-defined]
    source.values = values  # type: ignore[attr-defined]


def audit(desk: Desk) -> list[str]:
    return [f"{one.by} {one.action}" for one in desk.rows("audit:", AuditEntry)]


def test_acknowledging_names_who_cares_and_tells_nobody(firing: Desk) -> None:
    alert = firing.act("acknowledge", firing.alert().id, 11, note="on it")

    assert (alert.acknowledged_by, alert.acknowledged_at, alert.note) == ("admin", at(11), "on it")
    assert alert == firing.alert()
    assert alert.state is AlertState.FIRING
    firing.ticks(11, 14)
    assert firing.told() == ["firing"]
    assert audit(firing) == ["admin acknowledge"]


def test_an_acknowledgement_lasts_and_the_resolve_is_told(firing: Desk) -> None:
    firing.act("acknowledge", firing.alert().id, 11)
    calm_from(firing, 14)
    firing.ticks(11, 17)

    assert firing.told() == ["firing", "resolved"]
    assert firing.alert().acknowledged_by == "admin"


def test_a_second_acknowledgement_changes_nothing(firing: Desk) -> None:
    first = firing.act("acknowledge", firing.alert().id, 11)

    assert firing.act("acknowledge", first.id, 12, note="me too") == first
    assert audit(firing) == ["admin acknowledge"]


def test_resolving_by_hand_tells_the_followers_that_the_condition_still_holds(
    firing: Desk,
) -> None:
    alert = firing.act("resolve", firing.alert().id, 11, note="known")
    firing.ticks(11, 15)

    assert (alert.state, alert.resolved_by, alert.resolved_at) == ("resolved", "admin", at(11))
    assert firing.told() == ["firing", "resolved"]
    assert "resolved by admin" in firing.messages()[-1].text
    assert "The condition still holds." in firing.messages()[-1].text
    assert firing.state().state is State.HELD
    assert firing.state().held_until == at(41)


def test_a_held_rule_is_released_by_the_first_ok_minute(firing: Desk) -> None:
    firing.act("resolve", firing.alert().id, 11)
    calm_from(firing, 13)
    firing.ticks(11, 16)

    assert firing.state().state is State.INACTIVE
    assert firing.told() == ["firing", "resolved"]


def test_an_ok_minute_that_was_over_before_the_resolve_does_not_release_it(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk([*[BAD] * 6, OK, *[BAD] * 10], rules=[a_rule(keep_firing=3)])
    desk.ticks(0, 6)
    desk.act("resolve", desk.alert().id, 7)
    desk.tick(7)

    assert desk.state().state is State.HELD


def test_a_held_rule_fires_a_new_episode_after_repeat_every(firing: Desk) -> None:
    old = firing.act("resolve", firing.alert().id, 11)
    firing.ticks(11, 41)
    assert len(firing.alerts()) == 1

    firing.ticks(41, 44)

    assert firing.told() == ["firing", "resolved", "firing"]
    new = next(alert for alert in firing.alerts() if alert.id != old.id)
    assert new.active_at == at(40)
    assert firing.state().state is State.FIRING


def test_resolving_what_is_over_changes_nothing(firing: Desk) -> None:
    calm_from(firing, 12)
    firing.ticks(11, 15)
    before = firing.alert()

    assert firing.act("resolve", before.id, 15) == before
    assert firing.act("acknowledge", before.id, 15) == before
    assert audit(firing) == []


def test_a_snooze_says_until_when_and_an_unsnooze_ends_it(firing: Desk) -> None:
    snoozed = firing.act("snooze", firing.alert().id, 11, minutes=60)
    unsnoozed = firing.act("unsnooze", snoozed.id, 13)
    firing.tick(13)

    assert (snoozed.snoozed_until, unsnoozed.snoozed_until) == (at(71), None)
    assert firing.told() == ["firing", "snooze_ended"]
    assert audit(firing) == ["admin unsnooze", "admin snooze"]


def test_an_unsnoozed_rule_that_is_ok_by_now_says_only_that_it_is_resolved(firing: Desk) -> None:
    firing.act("snooze", firing.alert().id, 11, minutes=60)
    calm_from(firing, 12)
    firing.ticks(11, 15)
    firing.act("unsnooze", firing.alert().id, 16)
    firing.ticks(16, 18)

    assert firing.told() == ["firing", "resolved"]


def test_a_snooze_on_an_alert_that_is_over_silences_the_next_episode(firing: Desk) -> None:
    calm_from(firing, 12)
    firing.ticks(11, 15)
    firing.act("snooze", firing.alert().id, 15, minutes=30)
    firing.house.sources[0].values[16:30] = [BAD] * 14  # type: ignore[attr-defined]
    firing.ticks(15, 35)

    assert len(firing.alerts()) == 2
    assert firing.told() == ["firing", "resolved"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"action": "delete"}, "unknown action 'delete'; the actions are acknowledge, resolve"),
        ({"action": "snooze"}, "a snooze needs an end: give duration in minutes"),
        ({"action": "snooze", "minutes": 0}, "a snooze lasts 1 to 10080 minutes"),
        ({"action": "snooze", "minutes": 10081}, "a snooze lasts 1 to 10080 minutes"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_a_sentence(
    firing: Desk, wish: dict[str, object], sentence: str
) -> None:
    before = firing.keys()

    with pytest.raises(InvalidInput, match=sentence):
        firing.act(episode=firing.alert().id, minute=11, **wish)  # type: ignore[arg-type]

    assert firing.keys() == before


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "unsnooze"])
def test_an_alert_that_nobody_knows_is_not_found(make_desk: MakeDesk, action: str) -> None:
    desk = make_desk([BAD] * 3, rules=[a_rule(duration=60)])
    desk.ticks(0, 4)
    pending = f"{at(0):%Y%m%dT%H%MZ}-00000000"

    with pytest.raises(NotFound, match="one exists from firing on"):
        desk.act(action, pending, 4)


def test_an_alert_whose_rule_is_gone_can_only_stay_as_it_is(firing: Desk) -> None:
    episode = firing.alert().id
    firing.shipped()
    firing.tick(11)

    assert firing.act("resolve", episode, 12).reason is Reason.RULE_REMOVED
    with pytest.raises(InvalidInput, match="gone or disabled"):
        firing.act("snooze", episode, 12, minutes=5)


class Meddled:
    """Rows in which something happens just before the chosen call; it happens `times` times."""

    def __init__(self, rows: Rows, call: str, do: Callable[[], object], times: int) -> None:
        self._rows = rows
        self._call = call
        self._do = do
        self._left = times

    def _meddle(self, call: str) -> None:
        if call == self._call and self._left:
            self._left -= 1
            self._do()

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        self._meddle(f"get {key.partition(':')[0]}")
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        self._meddle(f"query {first}")
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        self._meddle("transact")
        return self._rows.transact(partition, ops)


def meddled(desk: Desk, call: str, do: Callable[[], object], times: int = 1) -> Desk:
    """The same monitor for another caller, who is interrupted by `do`."""
    rows = Meddled(desk.storage.alerts, call, do, times)
    return replace(desk, house=replace(desk.house, alerts=RowLedger(rows)))


CALLS = ("get alert", "query state:", "query snooze:", "transact")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("action", ["acknowledge", "resolve", "snooze"])
def test_no_word_is_lost_when_the_evaluator_writes_in_between(
    firing: Desk, call: str, action: str
) -> None:
    minutes = {"minutes": 5} if action == "snooze" else {}
    caller = meddled(firing, call, lambda: firing.tick(11))

    caller.act(action, firing.alert().id, 11, **minutes)

    alert = firing.alert()
    assert (alert.count, alert.last_triggered) == (6, at(10))
    assert {
        "acknowledge": alert.acknowledged_by == "admin",
        "resolve": alert.resolved_by == "admin",
        "snooze": firing.state().quiet is Reason.SNOOZED,
    }[action]
    calm_from(firing, 12)
    firing.ticks(12, 20)
    assert firing.told() == ["firing", "resolved"]


@pytest.mark.parametrize("call", CALLS)
def test_a_resolve_that_races_the_evaluators_own_tells_one_end(firing: Desk, call: str) -> None:
    calm_from(firing, 10)
    caller = meddled(firing, call, lambda: firing.tick(11))

    alert = caller.act("resolve", firing.alert().id, 11)
    firing.ticks(12, 14)

    assert alert.resolved_by is None
    assert (firing.told(), firing.state().state) == (["firing", "resolved"], State.INACTIVE)


def test_who_loses_every_race_is_told_to_try_again(firing: Desk) -> None:
    minute = iter(range(11, 99))
    caller = meddled(firing, "transact", lambda: firing.tick(next(minute)), times=MOST_TRIES)
    before = len(firing.keys("audit:"))

    with pytest.raises(StoreUnavailable, match="try again"):
        caller.act("acknowledge", firing.alert().id, 11)

    assert len(firing.keys("audit:")) == before
    assert caller.act("acknowledge", firing.alert().id, 11).acknowledged_by == "admin"


def test_the_evaluator_that_loses_against_a_person_decides_again(firing: Desk) -> None:
    """A snooze lands between the evaluator's reading and its writing: nothing is told."""
    desk = firing
    episode = desk.alert().id
    desk.act("snooze", episode, 11, minutes=1)
    worker = meddled(desk, "transact", lambda: desk.act("snooze", episode, 12, minutes=30))
    worker.tick(12)
    desk.ticks(13, 16)

    assert desk.told() == ["firing"]
    assert desk.state().quiet is Reason.SNOOZED


@pytest.mark.parametrize("call", CALLS)
def test_no_event_is_lost_when_the_evaluator_tells_one_in_between(firing: Desk, call: str) -> None:
    firing.act("snooze", firing.alert().id, 11, minutes=1)
    caller = meddled(firing, call, lambda: firing.tick(12))

    caller.act("acknowledge", firing.alert().id, 12)
    calm_from(firing, 13)
    firing.ticks(13, 20)

    assert firing.told() == ["firing", "snooze_ended", "resolved"]
