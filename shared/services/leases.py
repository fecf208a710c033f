"""One pass at a time per target. An economy only: what fences a slow owner is If-Match on state."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import Conflict, StoreError
from shared.domain.records import LEASE, Kept, Replace, put
from shared.ports import Ledger, WallClock

LENGTH = timedelta(seconds=45)

_log = logging.getLogger(__name__)


class Lease(Struct, frozen=True, rename="camel"):
    """Who works on a target, and until when (wall time).

    `evaluated_at`: the last pass that brought every rule up to date; `heard_at`: the last one in
    which a source answered (world time).
    """

    owner: str
    until: datetime
    evaluated_at: datetime | None = None
    heard_at: datetime | None = None


class Hold(Struct):
    """What a pass has of the lease.

    It sets `evaluated_at` when it did all its work, `heard_at` when a source answered.
    """

    is_mine: bool
    evaluated_at: datetime | None = None
    heard_at: datetime | None = None


@contextmanager
def lease(target: str, *, alerts: Ledger, wall: WallClock) -> Iterator[Hold]:
    """Hold the target's lease for a block; `is_mine` is False when somebody else has it."""
    mine = _take(target, alerts, wall())
    hold = Hold(is_mine=mine is not None)
    try:
        yield hold
    finally:
        if mine is not None:
            _release(target, mine, hold, alerts, wall())


def last_lease(target: str, *, alerts: Ledger) -> Lease | None:
    """The lease as the last pass left it, or as somebody holds it; None before the first."""
    kept = alerts.get(target, LEASE, Lease)
    return kept.value if kept is not None else None


def _take(target: str, alerts: Ledger, wall: datetime) -> Kept[Lease] | None:
    """The lease that is now ours; None when it is somebody else's."""
    kept = alerts.get(target, LEASE, Lease)
    if kept is not None and kept.value.until > wall:
        return None
    owner, until = secrets.token_hex(4), wall + LENGTH
    mine = Lease(owner, until) if kept is None else replace(kept.value, owner=owner, until=until)
    try:
        return Kept(LEASE, mine, str(alerts.commit(target, [put(LEASE, mine, kept)])[0]))
    except Conflict:
        stored = alerts.get(target, LEASE, Lease)
        return stored if stored is not None and stored.value == mine else None


def _release(target: str, mine: Kept[Lease], hold: Hold, alerts: Ledger, wall: datetime) -> None:
    evaluated_at = hold.evaluated_at or mine.value.evaluated_at
    # Who never heard anything is given the same patience from the first pass on.
    heard_at = hold.heard_at or mine.value.heard_at or evaluated_at
    free = replace(mine.value, until=wall, evaluated_at=evaluated_at, heard_at=heard_at)
    try:
        alerts.commit(target, [Replace(LEASE, free, mine.etag)])
    except StoreError as error:
        # It ran out and somebody else took it, or the store is silent: it ends by itself.
        _log.warning("the lease of %s was not given back: %s", target, error)
