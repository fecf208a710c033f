"""One pass at a time per target. An economy only: what fences a slow owner is If-Match on state."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.errors import Conflict
from shared.domain.records import LEASE, Delete, put
from shared.ports import Ledger, WallClock

LENGTH = timedelta(seconds=45)


class Lease(Struct, frozen=True):
    """Who works on a target, until when (wall time)."""

    owner: str
    until: datetime


@contextmanager
def lease(target: str, *, alerts: Ledger, wall: WallClock) -> Iterator[bool]:
    """Hold the target's lease for a block; False when somebody else holds it."""
    etag = _take(target, alerts, wall())
    try:
        yield etag is not None
    finally:
        if etag is not None:
            _release(target, etag, alerts)


def _take(target: str, alerts: Ledger, wall: datetime) -> str | None:
    """The ETag of the lease that is now ours; None when it is somebody else's."""
    kept = alerts.get(target, LEASE, Lease)
    if kept is not None and kept.value.until > wall:
        return None
    mine = Lease(owner=secrets.token_hex(4), until=wall + LENGTH)
    try:
        return alerts.commit(target, [put(LEASE, mine, kept)])[0]
    except Conflict:
        stored = alerts.get(target, LEASE, Lease)
        return stored.etag if stored is not None and stored.value == mine else None


def _release(target: str, etag: str, alerts: Ledger) -> None:
    with suppress(Conflict):  # it had run out, and somebody else took it in between
        alerts.commit(target, [Delete(LEASE, etag)])
