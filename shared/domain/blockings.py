"""Chains of blocked sessions as they were seen while they lasted, a day of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.culprits import MOST, Culprit
from shared.domain.inspections import BlockingChain
from shared.domain.times import DAY

LOOK_AGAIN = timedelta(minutes=15)
"""Whoever blocks for longer is seen again; a lock that comes and goes is no load of its own."""
MOST_HEADS = 10


class SeenChain(Struct, frozen=True, kw_only=True, rename="camel"):
    """What kept others waiting, by the statement at the head: the worst of several looks.

    `chain`: the one of the longest wait.
    """

    chain: BlockingChain
    looks: int
    first_at: datetime
    last_at: datetime


class Blockings(Struct, frozen=True, kw_only=True, rename="camel"):
    """When it was looked at last, and what was seen in the day before, the newest first."""

    looked_at: datetime
    chains: tuple[SeenChain, ...] = ()

    def since(self, moment: datetime) -> tuple[SeenChain, ...]:
        """Those that were seen from then on."""
        return tuple(one for one in self.chains if one.last_at >= moment)


def is_due(before: Blockings | None, now: datetime) -> bool:
    """Whether the last look is long enough ago."""
    return before is None or now - before.looked_at >= LOOK_AGAIN


def lasts(waiting: Sequence[float | None]) -> bool:
    """Whether sessions wait for the second minute in a row; the newest minute comes last."""
    return len(waiting) > 1 and all((count or 0) > 0 for count in waiting[-2:])


def with_look(
    before: Blockings | None, chains: Iterable[BlockingChain], now: datetime
) -> Blockings:
    """What is known after a look; the same statement counts once, however often it was seen."""
    known = {one.chain.text: one for one in before.since(now - DAY)} if before is not None else {}
    for chain in chains:
        known[chain.text] = _seen_again(known.get(chain.text), chain, now)
    newest = sorted(known.values(), key=lambda one: one.last_at, reverse=True)
    return Blockings(looked_at=now, chains=tuple(newest[:MOST_HEADS]))


def _seen_again(before: SeenChain | None, chain: BlockingChain, now: datetime) -> SeenChain:
    if before is None:
        return SeenChain(chain=chain, looks=1, first_at=now, last_at=now)
    worst = max(before.chain, chain, key=lambda one: one.wait_ms)
    return replace(before, chain=worst, looks=before.looks + 1, last_at=now)


def heads(chains: Iterable[BlockingChain]) -> tuple[Culprit, ...]:
    """Who keeps others waiting, as an alert names it; the longest wait first."""
    ordered = sorted(chains, key=lambda one: -one.wait_ms)
    return tuple(
        Culprit(
            statement=one.text,
            session=one.head,
            program=one.program,
            host=one.host,
            running_ms=one.wait_ms,
            waiting=one.blocked,
        )
        for one in ordered[:MOST]
    )
