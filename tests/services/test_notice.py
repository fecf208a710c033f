"""Who keeps sessions waiting is seen while it lasts, seldom, and remembered for a day."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared.domain.culprits import Culprit
from shared.domain.errors import SourceError
from shared.domain.inspections import BlockingChain
from shared.domain.recommendations.sayings import Status
from shared.domain.times import DAY, HOUR
from shared.services.advise import StatusWish, advise, sayings, set_status, situation_of
from shared.services.notice import blockings
from tests.builders import TARGET, Desk, ScriptedSource, a_desk, at

FORGOTTEN = BlockingChain(
    head=61,
    text="UPDATE x SET y = ?",
    blocked=4,
    wait_ms=95_000,
    program="node-mssql",
    is_idle=True,
    victim="SELECT y FROM x",
)
WORKING = BlockingChain(head=70, text="DELETE x", blocked=1, wait_ms=61_000)


@dataclass
class Seeing:
    """A witness who sees the same chains whenever it is asked."""

    chains: Sequence[BlockingChain] | SourceError = (FORGOTTEN,)
    asked: list[str] = field(default_factory=list)

    def running(self, target: str) -> Sequence[Culprit]:
        """See Witness.running; no rule asks here."""
        raise AssertionError(target)

    def blocking(self, target: str) -> Sequence[BlockingChain]:
        """See Witness.blocking."""
        self.asked.append(target)
        if isinstance(self.chains, SourceError):
            raise self.chains
        return self.chains


def blocked(counts: Sequence[float], witness: Seeing, dtu: float = 20) -> Desk:
    """A database in which so many sessions wait in each minute."""
    sources = [
        ScriptedSource(counts, metric="blockedSessions", name="blocking"),
        ScriptedSource([dtu] * len(counts)),
    ]
    desk = a_desk(sources=sources, rules=[])
    desk.house = replace(desk.house, witness=witness)
    desk.ticks(0, len(counts) + 1)
    return desk


def noticed(desk: Desk, minute: float = 60) -> list[tuple[int, int]]:
    """The heads that are remembered then, and how often each was seen."""
    seen = blockings(TARGET, house=desk.house, now=at(minute))
    return [(one.chain.head, one.looks) for one in seen]


@pytest.mark.parametrize(
    ("counts", "looks"),
    [
        ([0, 3, 0, 3, 0], 0),
        ([0, 3, 3, 0], 1),
        ([3] * 14, 1),
        ([3] * 40, 3),
        ([3, 3, *[0] * 5, 3, 3], 1),
    ],
)
def test_a_look_is_taken_in_the_second_minute_and_every_quarter_hour(
    counts: list[float], looks: int
) -> None:
    witness = Seeing()
    desk = blocked(counts, witness)

    assert witness.asked == [TARGET] * looks
    assert noticed(desk) == ([(61, looks)] if looks else [])


def test_a_busy_database_is_not_asked() -> None:
    witness = Seeing()
    blocked([3] * 5, witness, dtu=80)

    assert witness.asked == []


def test_what_an_hour_that_turns_hides_is_seen_as_well() -> None:
    witness = Seeing()
    blocked([*[0] * 59, 3, 3], witness)

    assert witness.asked == [TARGET]


def test_who_cant_see_is_asked_again_a_quarter_of_an_hour_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    witness = Seeing(SourceError("it hangs"))
    desk = blocked([3] * 14, witness)

    assert witness.asked == [TARGET]
    assert noticed(desk) == []
    assert "can't be seen: it hangs" in caplog.text


def test_a_chain_is_remembered_for_a_day_with_its_longest_wait() -> None:
    witness = Seeing()
    desk = blocked([3] * 4, witness)
    seen = blockings(TARGET, house=desk.house, now=at(5))

    assert [one.chain for one in seen] == [FORGOTTEN]
    assert blockings(TARGET, house=desk.house, now=seen[0].last_at + DAY)
    assert not blockings(TARGET, house=desk.house, now=seen[0].last_at + DAY + HOUR)


def advised(desk: Desk, minute: float) -> list[Any]:
    found = advise(TARGET, None, house=desk.house, now=at(minute))
    return [one for one in found if one.kind == "blocking_chain"]


def test_the_advice_names_who_it_was_long_after() -> None:
    desk = blocked([3] * 20, Seeing((FORGOTTEN, WORKING)))
    [first, second] = advised(desk, 300)

    assert first.title == "4 sessions waited for a session (node-mssql)"
    assert first.description == (
        "It slept in a transaction that it left open; the longest had waited for 95 s. "
        "Seen 2 times in the last day, for the last time at 2026-01-01 00:17 UTC."
    )
    assert first.script is None, "the session is gone"
    assert (first.statement, second.statement) == ("UPDATE x SET y = ?", "DELETE x")
    assert "open" not in second.description
    assert not advised(desk, 24 * 60 + 60)


def test_seen_by_an_inspection_or_before_it_is_one_advice() -> None:
    desk = blocked([3] * 4, Seeing())
    [before] = advised(desk, 300)
    set_status(
        TARGET,
        before.id,
        StatusWish(status=Status.DISMISSED, by="admin"),
        house=desk.house,
        now=at(301),
    )
    situation = situation_of(TARGET, None, house=desk.house, now=at(302))
    assert [one.chain for one in situation.noticed] == [FORGOTTEN]

    advised(desk, 303)
    known = {one.recommendation.id: one for one in sayings(TARGET, house=desk.house)}
    assert known[before.id].status is Status.DISMISSED
