"""Inspections of a target's database: made when it has time for one, compared, and kept."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.catalog.sql_queries import BUSY
from shared.domain.errors import Conflict, DamagedRow, SourceError
from shared.domain.growth import compared
from shared.domain.inspections import Inspection
from shared.domain.kept_inspections import KeptInspection, forgotten, pack, unpack
from shared.domain.quiet_hours import (
    QUARTER,
    Inspecting,
    by_quarter,
    is_due,
    obstacle,
    starved_for,
)
from shared.domain.records import (
    INSPECTING,
    INSPECTIONS,
    MOST_WRITES,
    Delete,
    Insert,
    Kept,
    Replace,
    inspection_key,
)
from shared.domain.times import DAY, MINUTE, floor_hour, floor_minute
from shared.ports import House, Inspector
from shared.services.renew import read_or_drop
from shared.services.targets import in_turn

BEGIN_FOR = timedelta(seconds=45)
"""Inspections of further targets are begun for so long; one takes at most a minute."""
_DTU = "dtuUtilization"

_log = logging.getLogger(__name__)


def inspect_all(
    targets: Sequence[str], *, house: House, now: datetime
) -> list[tuple[str, Inspection]]:
    """The timer's quarter hour: those targets that were inspected.

    When time runs out, the rest waits for the next one, which begins with another target.
    """
    found: list[tuple[str, Inspection]] = []
    end = house.wall() + BEGIN_FOR
    for target in in_turn(targets, now, QUARTER):
        if house.wall() >= end:
            break
        try:
            inspection = inspect(target, house=house, now=now)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this target's alone
            _log.exception("no inspection of %s: %s", target, error)
        else:
            found += [(target, inspection)] if inspection is not None else []
    return found


def inspect(target: str, *, house: House, now: datetime) -> Inspection | None:
    """Inspect the target's database if that is due and it has time; None when nothing was read.

    Asked every quarter of an hour. Doubled calls read once: the attempt is noted before it is made,
    so that one that kills the process is not repeated at once either.
    """
    inspector = house.inspector
    if inspector is None or not inspector.knows(target):
        return None
    try:
        kept = _standing(target, house, now)
        if not is_due(kept.value, now):
            return None
        load = _load(target, house, now)
        waits = _obstacle(target, kept.value, load, house, now)
        claimed = _claimed(target, kept, waits, house, now)
    except Conflict:
        return None
    if waits:
        _log.info("no inspection of %s: %s", target, waits)
        return None
    return _inspected(target, inspector, claimed, load, house, now)


def _standing(target: str, house: House, now: datetime) -> Kept[Inspecting]:
    """How its inspections stand; the first look begins the wait."""
    kept = read_or_drop(target, INSPECTING, Inspecting, ledger=house.alerts)
    if kept is not None:
        return kept
    first = Inspecting(wanted_since=now)
    [etag] = house.alerts.commit(target, [Insert(INSPECTING, first)])
    return Kept(INSPECTING, first, etag or "")


def _claimed(
    target: str, kept: Kept[Inspecting], waits: str, house: House, now: datetime
) -> Kept[Inspecting]:
    """Note the attempt, or what it waits for; raises Conflict when somebody else did."""
    tried = kept.value.tried_at if waits else now
    noted = replace(kept.value, tried_at=tried, waits=waits)
    if noted == kept.value:
        return kept
    [etag] = house.alerts.commit(target, [Replace(INSPECTING, noted, kept.etag)])
    return Kept(INSPECTING, noted, etag or "")


def _load(target: str, house: House, now: datetime) -> float | None:
    """DTU percent: the mean of the last quarter hour, or its newest minute where that is more."""
    loads = [load for _, load in _loads(target, now - QUARTER, house, now)]
    return max(sum(loads) / len(loads), loads[-1]) if loads else None


def _loads(
    target: str, since: datetime, house: House, now: datetime
) -> list[tuple[datetime, float]]:
    """The known minutes' DTU percent from then on."""
    column = house.catalog.metric(_DTU).column
    chunks = house.samples.hours(target, floor_hour(since), floor_hour(now), columns=[column])
    minutes = (
        (chunk.hour + place * MINUTE, value)
        for chunk in chunks
        for place, value in enumerate(chunk.cells.get(column, ()))
    )
    first, end = floor_minute(since), floor_minute(now)
    return [(at, value) for at, value in minutes if value is not None and first <= at <= end]


def _obstacle(
    target: str, state: Inspecting, load: float | None, house: House, now: datetime
) -> str:
    return obstacle(
        load=load,
        busy=BUSY,
        starved=starved_for(state, now),
        quarters=lambda: by_quarter(_loads(target, now - DAY, house, now)),
        now=now,
    )


def _inspected(
    target: str,
    inspector: Inspector,
    claimed: Kept[Inspecting],
    load: float | None,
    house: House,
    now: datetime,
) -> Inspection | None:
    try:
        found = inspector.inspect(target, now=now)
    except SourceError as error:
        _log.warning("no inspection of %s: %s", target, error)
        return None
    before = last_inspection(target, house=house)
    inspection = replace(compared(found, before), dtu_percent=load)
    _keep(target, inspection, claimed, house, now)
    cost = inspection.own_cpu_ms, inspection.own_reads
    _log.info("the inspection of %s cost %s ms of CPU, %s pages read", target, *cost)
    for part, said in inspection.lacking.items():
        _log.info("the inspection of %s lacks %s: %s", target, part, said)
    return inspection


def _keep(
    target: str, inspection: Inspection, claimed: Kept[Inspecting], house: House, now: datetime
) -> None:
    """Store it in place of what is too old; raises Conflict when the attempt was taken over."""
    keys = house.alerts.keys(target, INSPECTIONS)
    made = replace(claimed.value, made_at=now, lacking=inspection.lacks)
    house.alerts.commit(
        target,
        [
            Replace(INSPECTING, made, claimed.etag),
            Insert(inspection_key(now), pack(inspection)),
            *(Delete(key) for key in forgotten(keys, now)[: MOST_WRITES - 2]),
        ],
    )


def last_inspection(target: str, *, house: House) -> Inspection | None:
    """The newest one that is kept."""
    keys = house.alerts.keys(target, INSPECTIONS)
    return inspection_at(target, keys[-1], house=house) if keys else None


def inspection_at(target: str, key: str, *, house: House) -> Inspection | None:
    """One that is kept; a damaged one is logged and left out."""
    try:
        kept = house.alerts.get(target, key, KeptInspection)
        return unpack(kept.value) if kept is not None else None
    except DamagedRow as error:
        _log.error("%s", error)
        return None
