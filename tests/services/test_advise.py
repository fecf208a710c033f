"""A look at a target: what is kept of it, under whose hands, and within the store's limits."""

from collections.abc import Sequence
from dataclasses import replace as with_other
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.deployments import DeploymentWish, new_deployment
from shared.domain.errors import InvalidInput, NotFound
from shared.domain.handling import AuditEntry
from shared.domain.inspections import BlockingChain, Inspection, QueryStoreState
from shared.domain.recommendations.sayings import Saying, Status
from shared.domain.records import ADVISED, Write, advice_key
from shared.domain.times import DAY, HOUR
from shared.ports import Ledger
from shared.services.advise import (
    StatusWish,
    advise,
    last_look,
    sayings,
    set_status,
    situation_of,
)
from shared.services.deployments import mark_deployment
from tests.builders import BAD, TARGET, Desk, a_desk, at
from tests.domain.advising import a_missing, a_query, an_index

HOUR_OF_DTU = 60
BUSY = at(HOUR_OF_DTU)
STOPPED = QueryStoreState(actual="READ_ONLY", desired="READ_WRITE", used_mb=10, limit_mb=10)


@pytest.fixture
def desk() -> Desk:
    desk = a_desk([BAD] * HOUR_OF_DTU, rules=[])
    desk.tick(HOUR_OF_DTU)
    return desk


def inspected(**parts: Any) -> Inspection:
    given = {"started_at": BUSY - 30 * DAY, "queries": (a_query(),), **parts}
    return Inspection(at=BUSY, **given)


def look(desk: Desk, hours: float = 0, **parts: Any) -> list[str]:
    """The kinds that a look recommends, the most urgent first."""
    now = BUSY + timedelta(hours=hours)
    return [one.kind for one in advise(TARGET, inspected(**parts), house=desk.house, now=now)]


def stored(desk: Desk) -> dict[str, Saying]:
    return {one.recommendation.kind: one for one in sayings(TARGET, house=desk.house)}


def test_a_look_reads_figures_deploys_and_the_inspection(desk: Desk) -> None:
    marker = new_deployment(DeploymentWish(version="1.8.2"), target=TARGET, by="ci", now=at(5))
    mark_deployment(marker, alerts=desk.house.alerts, now=at(5))
    situation = situation_of(TARGET, inspected(), house=desk.house, now=BUSY)

    assert situation.mean("dtuUtilization") == BAD
    assert situation.day.keys() == {"dtuUtilization"}
    assert [one.version for one in situation.deployments] == ["1.8.2"]
    assert situation.queries == (a_query(),)


def test_what_was_of_a_moment_is_not_said_of_another(desk: Desk) -> None:
    chain = BlockingChain(head=61, text="UPDATE x", blocked=4, wait_ms=60_000)
    kinds = {hours: look(desk, hours, blocking=(chain,)) for hours in (0, 1, 1.1)}

    assert {hours for hours, found in kinds.items() if "blocking_chain" in found} == {0, 1}
    assert "bad_query" in kinds[1.1]


def test_what_is_recommended_is_kept_with_when(desk: Desk) -> None:
    kinds = look(
        desk,
        missing_indexes=(a_missing(),),
        lacking={"waits": "no grant", "indexes": "no grant", "sizes": "it is late"},
    )

    assert kinds == ["missing_index", "high_dtu", "bad_query"]
    assert [one.recommendation.kind for one in sayings(TARGET, house=desk.house)] == kinds
    seen = last_look(TARGET, house=desk.house)
    assert seen is not None
    assert (seen.at, seen.inspected_at, seen.lacking) == (
        BUSY,
        BUSY,
        ("waits, indexes: no grant", "sizes: it is late"),
    )
    assert [one.query_id for one in seen.expensive_queries] == [42]


def test_doing_it_twice_changes_nothing(desk: Desk) -> None:
    look(desk)
    before = stored(desk)
    look(desk)

    assert stored(desk) == before


def test_without_an_inspection_the_figures_speak(desk: Desk) -> None:
    advised = advise(TARGET, None, house=desk.house, now=BUSY)

    assert [one.kind for one in advised] == ["high_dtu"]


def test_what_is_not_found_any_more_is_closed_and_forgotten_in_time(desk: Desk) -> None:
    look(desk, query_store=STOPPED)
    look(desk, 6)
    assert not stored(desk)["query_store"].is_found

    look(desk, 24 * 121)
    assert "query_store" not in stored(desk)


def test_a_status_is_noted_in_the_audit(desk: Desk) -> None:
    look(desk)
    advice = stored(desk)["bad_query"].recommendation.id
    wish = StatusWish(status=Status.DONE, by="admin", note="index made")
    saying, again = (
        set_status(TARGET, advice, wish, house=desk.house, now=BUSY + HOUR) for _ in range(2)
    )

    assert saying == again
    assert (saying.status, saying.changed_by, saying.note) == ("done", "admin", "index made")
    (entry,) = desk.rows("audit:", AuditEntry)
    assert (entry.action, entry.subject, entry.note) == ("advice_done", advice, "index made")


@pytest.mark.parametrize("advice", ["bad-query-00000000", "", "a/b", "x" * 600])
def test_advice_that_was_never_given_is_not_found(desk: Desk, advice: str) -> None:
    with pytest.raises(NotFound):
        set_status(
            TARGET, advice, StatusWish(status=Status.SEEN, by="a"), house=desk.house, now=BUSY
        )


def test_nobody_makes_advice_new(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        set_status(TARGET, "x", StatusWish(status=Status.NEW, by="a"), house=desk.house, now=BUSY)


class Interrupted:
    """A ledger in which somebody dismisses an advice just before the first look is written."""

    def __init__(self, ledger: Ledger, desk: Desk) -> None:
        self._ledger, self._desk, self._done = ledger, desk, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def commit(self, partition: str, writes: Sequence[Write]) -> list[str | None]:
        if not self._done and any(one.key == ADVISED for one in writes):
            self._done = True
            advice = stored(self._desk)["bad_query"].recommendation.id
            wish = StatusWish(status=Status.DISMISSED, by="admin")
            set_status(TARGET, advice, wish, house=self._desk.house, now=BUSY)
        return self._ledger.commit(partition, writes)


def test_what_people_say_during_a_look_is_kept(desk: Desk) -> None:
    look(desk)
    interrupted: Any = Interrupted(desk.house.alerts, desk)
    house = with_other(desk.house, alerts=interrupted)
    advise(TARGET, inspected(), house=house, now=BUSY + HOUR)

    saying = stored(desk)["bad_query"]
    assert (saying.status, saying.found_at) == ("dismissed", BUSY + HOUR)


def test_the_longest_advice_fits_into_a_row(desk: Desk) -> None:
    text = "SELECT " + "Ω" * 493
    wide = tuple(f"{'Ω' * 124}{number:04d}" for number in range(16))
    indexes = [an_index(f"{'Ω' * 120}{n}", *wide, includes=wide, reads=None) for n in range(3)]
    look(
        desk,
        queries=(a_query(text=text),),
        missing_indexes=(a_missing(*wide, included=wide),),
        indexes=tuple(indexes),
    )

    assert {"bad_query", "duplicate_index"} <= stored(desk).keys()


def test_more_advice_than_a_transaction_takes_is_kept(desk: Desk) -> None:
    twins = [an_index(f"IX_{n}", reads=n) for n in range(130)]
    look(desk, indexes=tuple(twins))

    assert len(desk.keys(advice_key(""))) > 130
