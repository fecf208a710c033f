"""The night: every whole day is rolled up from its hours, again whenever one of them changed.

What can be summarised is found by comparing stored rows, never from a diary: so missed nights heal
themselves, and being stopped between any two writes costs nothing but time.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.chunks import Latest
from shared.domain.days import DayChunk, Versions, fingerprint, lost_hours, roll_up
from shared.domain.errors import Conflict
from shared.domain.times import DAY, HOUR, floor_day
from shared.ports import House

MOST_TRIES = 5
OLDEST = timedelta(days=3650)
"""Nothing is older: further back nobody looks."""
MOST_DAMAGED = 200
"""Hours that wait to be read again; the others are found again another night."""

_log = logging.getLogger(__name__)

KeepGoing = Callable[[], bool]


class Rolled(Struct):
    """The days that were written, how many are left for another night, and the hours they lost."""

    days: list[datetime] = field(default_factory=list)
    left: int = 0
    lost: list[datetime] = field(default_factory=list)


def roll_up_days(
    target: str, *, house: House, now: datetime, keep_going: KeepGoing = lambda: True
) -> Rolled:
    """Roll up every whole day whose hours changed since, oldest first, while there is time.

    Idempotent. An hour that is damaged, or gone before its time, keeps what its day knew of it and
    is noted in `latest` to be read again.
    """
    end = floor_day(now)
    versions = by_day(house.samples.versions(target, floor_day(now - OLDEST), end - HOUR))
    kept_from = floor_day(now - house.retention.hours)
    first = min([kept_from, *versions])
    before = {one.day: one for one in house.samples.days(target, first, end - DAY)}
    days = sorted(versions.keys() | {day for day in before if day >= kept_from})
    stale = [day for day in days if not is_current(before.get(day), versions.get(day, {}))]
    done = Rolled(left=len(stale))
    for day in stale:
        if not keep_going():
            break
        done.lost += _roll(target, day, before.get(day), house)
        done.days.append(day)
        done.left -= 1
    if done.lost:
        _note_damage(target, done.lost, house)
    return done


def by_day(versions: Versions) -> dict[datetime, dict[datetime, str]]:
    """The hours' versions, day by day."""
    days: dict[datetime, dict[datetime, str]] = {}
    for hour, etag in versions.items():
        days.setdefault(floor_day(hour), {})[hour] = etag
    return days


def is_current(day: DayChunk | None, versions: Versions) -> bool:
    """Whether the day is whole and was rolled up from exactly these hours."""
    return day is not None and not day.damaged and day.made_from == fingerprint(versions)


def _roll(target: str, day: datetime, before: DayChunk | None, house: House) -> list[datetime]:
    """Write the day; answers the hours that it lost."""
    last = day + DAY - HOUR
    chunks = house.samples.hours(target, day, last, summaries=True, histograms=True)
    try:
        house.samples.save_day(target, roll_up(day, chunks, before))
    except Conflict:
        _log.info("the day %s of %s was rolled up by another night", day.date(), target)
    return lost_hours(chunks, before)


def _note_damage(target: str, lost: Iterable[datetime], house: House) -> None:
    lost = sorted(lost)[-MOST_DAMAGED:]
    _log.error("%s lost something of %d hours, from %s on", target, len(lost), lost[0])
    change_damaged(target, lambda known: {*known, *lost}, house)


def change_damaged(
    target: str, change: Callable[[Iterable[datetime]], Iterable[datetime]], house: House
) -> None:
    """Change which hours wait to be read again; raises Conflict when others always write first."""
    for attempt in range(1, MOST_TRIES + 1):
        latest = house.samples.latest(target)
        wanted = tuple(sorted(change(latest.damaged)))[-MOST_DAMAGED:]
        if wanted == latest.damaged or latest == Latest():
            return
        try:
            house.samples.save(target, [], replace(latest, damaged=wanted))
        except Conflict:
            if attempt == MOST_TRIES:
                raise
        else:
            return
