"""One pass at a time per target. An economy only: what fences a slow owner is If-Match on state.

The leases of all targets are one partition of `Config`, so that the heartbeat reads them at once.
"""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import Conflict, StoreError
from shared.domain.records import Kept, Replace, put
from shared.ports import Ledger, WallClock
from shared.services.renew import read_or_drop

LEASES = "lease"
"""The partition of `Config`; a row's key is its target."""
LENGTH = timedelta(seconds=45)

_log = logging.getLogger(__name__)


class Waiting(Struct, frozen=True, rename="camel"):
    """What of a target's messages is not on its way to people.

    `wanted_at`: when deliveries that are not finished want attention, the first ones (wall time);
    `stuck`: how many events could not be dispatched; `broken_at`: when tries broke off, for a
    reason that no channel gives, the last ones since something waits (wall time).
    """

    wanted_at: tuple[datetime, ...] = ()
    stuck: int = 0
    broken_at: tuple[datetime, ...] = ()


NOTHING_WAITS = Waiting()


class Lease(Struct, frozen=True, rename="camel"):
    """Who works on a target, and until when (wall time); and how it was left.

    `evaluated_at`: the last pass that brought every rule up to date and dispatched what was
    decided; `heard_at`: the last one in which a source answered (world time).
    """

    owner: str
    until: datetime
    evaluated_at: datetime | None = None
    heard_at: datetime | None = None
    waiting: Waiting = NOTHING_WAITS


class Hold(Struct):
    """What a pass has of the lease.

    It sets `evaluated_at` when it did all its work, `heard_at` when a source answered, `waiting`
    when it has looked. `found`: what waited before; `kept`: the lease as it was given back.
    """

    is_mine: bool
    found: Waiting = NOTHING_WAITS
    evaluated_at: datetime | None = None
    heard_at: datetime | None = None
    waiting: Waiting | None = None
    kept: Kept[Lease] | None = None


@contextmanager
def lease(target: str, *, config: Ledger, wall: WallClock) -> Iterator[Hold]:
    """Hold the target's lease for a block; `is_mine` is False when somebody else has it."""
    mine = _take(target, config, wall())
    hold = Hold(is_mine=mine is not None)
    if mine is not None:
        hold.found = mine.value.waiting
    try:
        yield hold
    finally:
        if mine is not None:
            hold.kept = _release(target, mine, hold, config, wall())


def note_waiting(target: str, hold: Hold, waiting: Waiting, *, config: Ledger) -> None:
    """Note what still waits after the lease was given back; who took it since then knows better."""
    if hold.kept is not None and hold.kept.value.waiting != waiting:
        noted = Replace(target, replace(hold.kept.value, waiting=waiting), hold.kept.etag)
        with suppress(Conflict):
            config.commit(LEASES, [noted])


def last_lease(target: str, *, config: Ledger) -> Lease | None:
    """The lease as the last pass left it, or as somebody holds it; None before the first."""
    kept = config.get(LEASES, target, Lease)
    return kept.value if kept is not None else None


def last_leases(*, config: Ledger) -> Mapping[str, Lease]:
    """The same of every target, in one reading."""
    return {kept.key: kept.value for kept in config.scan(LEASES, "", Lease)}


def _take(target: str, config: Ledger, wall: datetime) -> Kept[Lease] | None:
    """The lease that is now ours; None when it is somebody else's."""
    kept = read_or_drop(LEASES, target, Lease, ledger=config)
    # One that is to last longer than any was taken by a clock that ran ahead.
    if kept is not None and wall < kept.value.until <= wall + 2 * LENGTH:
        return None
    owner, until = secrets.token_hex(4), wall + LENGTH
    mine = Lease(owner, until) if kept is None else replace(kept.value, owner=owner, until=until)
    try:
        return Kept(target, mine, str(config.commit(LEASES, [put(target, mine, kept)])[0]))
    except Conflict:
        stored = config.get(LEASES, target, Lease)
        return stored if stored is not None and stored.value == mine else None


def _release(
    target: str, mine: Kept[Lease], hold: Hold, config: Ledger, wall: datetime
) -> Kept[Lease] | None:
    """The lease as it was given back; None when it could not be."""
    evaluated_at = hold.evaluated_at or mine.value.evaluated_at
    free = replace(
        mine.value,
        until=wall,
        evaluated_at=evaluated_at,
        # Who never heard anything is given the same patience from the first pass on.
        heard_at=hold.heard_at or mine.value.heard_at or evaluated_at,
        waiting=hold.waiting or mine.value.waiting,
    )
    try:
        etags = config.commit(LEASES, [Replace(target, free, mine.etag)])
    except StoreError as error:
        # It ran out and somebody else took it, or the store is silent: it ends by itself.
        _log.warning("the lease of %s was not given back: %s", target, error)
        return None
    return Kept(target, free, str(etags[0]))
