"""The rows that a minute leaves in the CRM's tables; their numbers are the business counters'."""

from datetime import datetime, timedelta
from random import Random

from local.world.events import (
    Activity,
    BusinessMinute,
    BusinessRow,
    BusinessRows,
    Opportunity,
)
from local.world.traffic import USERS

FAILED, DONE, PENDING = "failed", "done", "pending"
INTERACTIONS = ("call", "visit", "email", "tasting")
REPORTS = ("pipeline", "weekly", "coverage")
STAGES = ("lead", "qualified", "proposal", "won", "lost")
CLOSED = frozenset({"won", "lost"})
_DONE_AT_MOST = 2
_OPENS = 0.05
"""The share of interactions that open an opportunity."""


def business_rows(start: datetime, business: BusinessMinute, chance: Random) -> BusinessRows:
    """What was written in the minute that begins at `start`, in order of time."""
    failed = _rows(start, business.sync_failed, (FAILED,), chance)
    done = _rows(start, chance.randint(0, _DONE_AT_MOST), (DONE,), chance)
    interactions = _rows(start, business.interactions, INTERACTIONS, chance)
    return BusinessRows(
        activity=tuple(
            Activity(session, f"u-{session[-3:]}", _moment(start, chance))
            for session in business.active_sessions
        ),
        interactions=interactions,
        reports=_rows(start, business.reports, REPORTS, chance),
        syncs=tuple(sorted((*failed, *done), key=lambda row: row.at)),
        opportunities=tuple(
            _opportunity(row, chance) for row in interactions if chance.random() < _OPENS
        ),
    )


def _rows(
    start: datetime, count: int, kinds: tuple[str, ...], chance: Random
) -> tuple[BusinessRow, ...]:
    moments = sorted(_moment(start, chance) for _ in range(count))
    return tuple(
        BusinessRow(
            id=f"{chance.getrandbits(96):024x}",
            at=at,
            kind=chance.choice(kinds),
            user_id=f"u-{chance.randint(1, USERS):03}",
        )
        for at in moments
    )


def _opportunity(row: BusinessRow, chance: Random) -> Opportunity:
    stage = chance.choice(STAGES)
    took = timedelta(minutes=chance.randint(5, 600))
    return Opportunity(
        id=row.id[::-1],
        stage=stage,
        value=100 * chance.randint(2, 150),
        created_at=row.at,
        closed_at=row.at + took if stage in CLOSED else None,
    )


def _moment(start: datetime, chance: Random) -> datetime:
    """Within the minute and never on its border: a window's end must not be a matter of taste."""
    return start + timedelta(milliseconds=chance.randint(1, 59_999))
