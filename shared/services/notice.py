"""Blocked sessions are looked at while they wait: an inspection comes when all that is over."""

import logging
from collections.abc import Sequence
from datetime import datetime

from shared.catalog.sql_queries import BUSY
from shared.domain.blockings import Blockings, SeenChain, is_due, lasts, with_look
from shared.domain.chunks import NO_CELLS, Latest
from shared.domain.errors import Conflict, SourceError
from shared.domain.inspections import BlockingChain
from shared.domain.records import BLOCKED, put
from shared.domain.times import DAY, MINUTE, floor_hour
from shared.ports import House, Witness
from shared.services.renew import read_or_drop

FRESH = 2 * MINUTE
_BLOCKED, _DTU = "blockedSessions", "dtuUtilization"

_log = logging.getLogger(__name__)


def notice_blocking(target: str, latest: Latest, *, house: House, now: datetime) -> bool:
    """See who keeps others waiting, when some wait for the second minute in a row; whether it did.

    `latest`: as this pass stored it. At most every quarter of an hour, and not while the database
    is busy. A look that fails costs the name of who it was, and nothing else.
    """
    witness = house.witness
    if witness is None or not _is_worth_a_look(target, latest, house, now):
        return False
    kept = read_or_drop(target, BLOCKED, Blockings, ledger=house.alerts)
    before = kept.value if kept is not None else None
    if not is_due(before, now):
        return False
    seen = with_look(before, _look(target, witness), now)
    try:
        house.alerts.commit(target, [put(BLOCKED, seen, kept)])
    except Conflict:
        _log.info("another pass saw what blocks %s", target)
    return True


def _is_worth_a_look(target: str, latest: Latest, house: House, now: datetime) -> bool:
    blocked, dtu = (house.catalog.metric(name).column for name in (_BLOCKED, _DTU))
    minute = latest.minutes.get(blocked)
    if minute is None or now - minute > FRESH or not latest.values.get(blocked):
        return False
    if latest.values.get(dtu, 0.0) >= BUSY:
        return False
    return lasts(_waiting(target, blocked, minute, house))


def _waiting(target: str, column: str, minute: datetime, house: House) -> list[float | None]:
    """How many waited in the minute before, and in that one."""
    before = minute - MINUTE
    chunks = house.samples.hours(target, floor_hour(before), floor_hour(minute), columns=[column])
    hours = {chunk.hour: chunk.cells.get(column, NO_CELLS) for chunk in chunks}
    return [hours.get(floor_hour(at), NO_CELLS)[at.minute] for at in (before, minute)]


def _look(target: str, witness: Witness) -> Sequence[BlockingChain]:
    try:
        return witness.blocking(target)
    except SourceError as error:
        _log.warning("who blocks sessions of %s can't be seen: %s", target, error)
        return ()


def blockings(target: str, *, house: House, now: datetime) -> tuple[SeenChain, ...]:
    """What was seen in the last day."""
    kept = read_or_drop(target, BLOCKED, Blockings, ledger=house.alerts)
    return kept.value.since(now - DAY) if kept is not None else ()
