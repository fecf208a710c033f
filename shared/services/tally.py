"""Keep the tables that come with readings, and find them again."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.culprits import Culprit
from shared.domain.errors import Conflict, DamagedRow
from shared.domain.logins import SLOW
from shared.domain.records import TALLIES, Kept, Write, put, tally_key
from shared.domain.samples import Answer, Reading
from shared.domain.suspects import suspects
from shared.domain.tallies import (
    KeptTallies,
    Tally,
    by_hour,
    floor_slot,
    hours_of,
    unpacked,
    with_tallies,
)
from shared.ports import House, Ledger
from shared.services.renew import read_or_drop

MOST_TRIES = 5
MOST_HOURS = 24
"""Rows of one transaction."""

_log = logging.getLogger(__name__)


def keep_tallies(target: str, answers: Iterable[Answer], *, alerts: Ledger) -> None:
    """Put what the readings count by name into the rows of its hours; again changes nothing.

    Before the readings' samples are stored: a watermark never runs ahead of what it covers.
    """
    readings = (answer for answer in answers if isinstance(answer, Reading))
    new = by_hour(one for reading in readings for one in reading.tallies)
    hours = sorted(new)
    for part in (hours[i : i + MOST_HOURS] for i in range(0, len(hours), MOST_HOURS)):
        _keep(target, {hour: new[hour] for hour in part}, alerts)


def _keep(target: str, new: dict[datetime, list[Tally]], alerts: Ledger) -> None:
    for attempt in range(1, MOST_TRIES + 1):
        writes = [write for hour in new if (write := _write(target, hour, new[hour], alerts))]
        try:
            if writes:
                alerts.commit(target, writes)
        except Conflict:
            if attempt == MOST_TRIES:
                raise
        else:
            return


def _write(target: str, hour: datetime, new: Sequence[Tally], alerts: Ledger) -> Write | None:
    kept = read_or_drop(target, tally_key(hour), KeptTallies, ledger=alerts)
    try:
        row = with_tallies(kept.value if kept else None, hour, new)
    except DamagedRow as error:
        _log.error("%s", error)
        row = with_tallies(None, hour, new)
    return None if kept is not None and kept.value == row else put(tally_key(hour), row, kept)


class Tallied(NamedTuple):
    """The tables of a range, and how many rows of its hours there was no room for, at least."""

    tallies: Sequence[Tally]
    cut: int


def tallied(target: str, first: datetime, end: datetime, *, alerts: Ledger) -> Tallied:
    """Every table of the slots that begin in [first, end), oldest first."""
    start, until = hours_of(first, end)
    rows = alerts.scan(target, TALLIES, KeptTallies, first=tally_key(start), end=tally_key(until))
    found = [one for row in rows for one in _readable(row) if first <= one.slot < end]
    found.sort(key=lambda one: (one.slot, one.table))
    return Tallied(found, sum(row.value.cut for row in rows))


def tallies(target: str, first: datetime, end: datetime, *, alerts: Ledger) -> Sequence[Tally]:
    """Its tables alone."""
    return tallied(target, first, end, alerts=alerts).tallies


def suspected(
    target: str, length: timedelta, *, house: House, now: datetime
) -> tuple[Culprit, ...]:
    """Who tried to log in and failed during the time before `now`, for an alert to name."""
    found = tallies(target, floor_slot(now - length), now, alerts=house.alerts)
    return suspects(found, now=now, length=length, more_than=SLOW)


def _readable(row: Kept[KeptTallies]) -> list[Tally]:
    try:
        return unpacked(row.value)
    except DamagedRow as error:
        _log.error("%s", error)
        return []
