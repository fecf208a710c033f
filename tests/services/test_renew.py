"""A row that is written anew in any case stops nobody when it can't be read."""

from collections.abc import Sequence
from dataclasses import replace

from msgspec import Struct

from shared.domain.culprits import Culprit
from shared.domain.inspections import BlockingChain
from shared.domain.quiet_hours import Inspecting
from shared.domain.records import (
    ADVISED,
    BLOCKED,
    INSPECTING,
    Insert,
    advice_key,
    snooze_key,
    tally_key,
)
from shared.domain.samples import Reading
from shared.domain.tallies import TallyRow, tally
from shared.services.advise import advise, last_look, sayings
from shared.services.inspect import inspect
from shared.services.notice import blockings
from shared.services.reach import unread
from shared.services.tally import keep_tallies, tallies
from tests.builders import BAD, OK, T0, TARGET, Desk, ScriptedSource, a_desk, at
from tests.services.test_inspect import PLACE, a_calm_stage


class Damaged(Struct):
    """What a clumsy hand in the portal leaves of any row."""

    at: str = "yesterday"
    hour: str = "yesterday"
    looked_at: str = "yesterday"


class Seeing:
    """A witness who always sees the same chain."""

    def running(self, target: str) -> Sequence[Culprit]:
        """See Witness.running; no rule asks here."""
        raise AssertionError(target)

    def blocking(self, target: str) -> Sequence[BlockingChain]:  # noqa: ARG002 - one target
        """See Witness.blocking."""
        return [BlockingChain(head=61, text="UPDATE x", blocked=2, wait_ms=61_000)]


def damaged(desk: Desk, *keys: str) -> None:
    desk.house.alerts.commit(TARGET, [Insert(key, Damaged()) for key in keys])


def test_who_blocks_is_seen_and_the_pass_ends_well() -> None:
    blocked = ScriptedSource([3] * 5, metric="blockedSessions", name="blocking")
    desk = a_desk(sources=[blocked, ScriptedSource([OK] * 5)])
    desk.house = replace(desk.house, witness=Seeing())
    damaged(desk, BLOCKED)

    assert [done.error for done in desk.ticks(0, 5)] == [None] * 5
    assert [one.looks for one in blockings(TARGET, house=desk.house, now=at(6))] == [1]


def test_what_is_counted_by_name_is_kept() -> None:
    desk = a_desk()
    damaged(desk, tally_key(at(0)))
    given = tally("logins", at(0), [TallyRow(("ann",), (3,))])
    reading = Reading(source="logins", asked_at=at(1), covered_until=at(1), tallies=(given,))
    keep_tallies(TARGET, [reading], alerts=desk.house.alerts)

    assert tallies(TARGET, at(0), at(60), alerts=desk.house.alerts) == [given]


def test_advice_is_given_and_remembered() -> None:
    desk = a_desk([BAD] * 60, rules=[])
    desk.tick(60)
    (first, *_) = advise(TARGET, None, house=desk.house, now=at(60))
    other = a_desk([BAD] * 60, rules=[])
    other.tick(60)
    damaged(other, ADVISED, advice_key(first.id), advice_key("of another time"))

    assert last_look(TARGET, house=other.house) is None
    advise(TARGET, None, house=other.house, now=at(60))

    assert last_look(TARGET, house=other.house) == last_look(TARGET, house=desk.house)
    assert sayings(TARGET, house=other.house) == sayings(TARGET, house=desk.house)


def test_a_database_is_inspected_and_health_answers() -> None:
    stage = a_calm_stage()
    house = replace(stage.house, measured={TARGET: frozenset()})
    house.alerts.commit(TARGET, [Insert(INSPECTING, Damaged())])

    assert unread(house) == []
    house.alerts.commit(TARGET, [Insert(INSPECTING, Damaged())])
    assert inspect(TARGET, house=house, now=T0 + PLACE) is not None
    kept = house.alerts.get(TARGET, INSPECTING, Inspecting)
    assert kept is not None
    assert kept.value.tried_at == T0 + PLACE


def test_a_rule_can_be_silenced_again() -> None:
    desk = a_desk([BAD] * 20)
    desk.ticks(0, 8)
    (alert,) = desk.alerts()
    damaged(desk, snooze_key(alert.rule_id))

    told = desk.act("snooze", alert.id, 9, minutes=60)

    assert told.snoozed_until is not None
