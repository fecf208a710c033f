"""What the monitor itself used, day by day: one small row in `Config` for each whole day in UTC."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from msgspec import structs

from shared.domain.costs import CountedDay, together
from shared.domain.errors import Conflict
from shared.domain.records import MOST_WRITES, Delete, put
from shared.domain.times import DAY, Span, day_key, floor_day, iso, parse_day_key
from shared.ports import House
from shared.services.renew import read_or_drop
from shared.services.summarize import KeepGoing
from shared.services.targets import TARGETS, Target

PARTITION = "usage"
HEALED_DAYS = 7
"""How far back a night looks for days that none before it could count."""

_log = logging.getLogger(__name__)


def count_usage(
    *, house: House, now: datetime, keep_going: KeepGoing = lambda: True
) -> list[datetime]:
    """Count the last days that are not settled yet; answers those that it counted.

    Idempotent. Days without a row come first, the newest before the others. It ends where the next
    day would say the same: nothing could be counted, or again not all. Raises StoreUnavailable.
    """
    counted: list[datetime] = []
    if house.meter is None:
        return counted
    today = floor_day(now)
    known = counted_days(Span(today - HEALED_DAYS * DAY, today), house=house)
    for day in _unsettled(known, today, _began(house)):
        if not keep_going():
            break
        found = CountedDay(counted_at=now, count=house.meter.count(Span(day, day + DAY)))
        _keep(day, found, house)
        counted.append(day)
        if found.count.is_empty or (day in known and found.count.problems):
            break
    return counted


def counted_days(span: Span, *, house: House) -> Mapping[datetime, CountedDay]:
    """The days of a span that were counted, in whatever part."""
    first, end = day_key(span.start), day_key(span.end)
    kept = house.config.scan(PARTITION, "", CountedDay, first=first, end=end)
    return {parse_day_key(one.key): one.value for one in kept}


def drop_old_usage(*, house: House, now: datetime) -> int:
    """Drop what is older than the summaries of days; answers how many went."""
    end = day_key(floor_day(now - house.retention.days))
    old = house.config.keys(PARTITION, "", end=end)[:MOST_WRITES]
    with suppress(Conflict):
        if old:
            house.config.commit(PARTITION, [Delete(key) for key in old])
        return len(old)
    return 0


def _unsettled(
    known: Mapping[datetime, CountedDay], today: datetime, began: datetime | None
) -> list[datetime]:
    """Of days on which the monitor had not run from their beginning, nothing is known."""
    days = [today - back * DAY for back in range(1, HEALED_DAYS + 1)]
    lived = [day for day in days if began is not None and day >= began]
    missing = [day for day in lived if day not in known]
    return missing + [day for day in lived if day in known and not known[day].is_settled(day + DAY)]


def _began(house: House) -> datetime | None:
    """Since when something is watched."""
    watched = house.config.scan(TARGETS, "", Target)
    return min((one.value.activated_at for one in watched), default=None)


def _keep(day: datetime, found: CountedDay, house: House) -> None:
    """Unless more was counted before; who counts it at the same time counts the same."""
    problems = found.count.problems
    kept = read_or_drop(PARTITION, day_key(day), CountedDay, ledger=house.config)
    if kept is None or len(problems) <= len(kept.value.count.problems):
        whole = found if kept is None else _completed(found, kept.value)
        with suppress(Conflict):
            house.config.commit(PARTITION, [put(day_key(day), whole, kept)])
    if problems:
        said = "; ".join(problems)
        _log.warning("what the monitor used on %s is not counted in full: %s", iso(day)[:10], said)


def _completed(found: CountedDay, before: CountedDay) -> CountedDay:
    """Of two counts that failed in different places each keeps what it has."""
    usage = together(found.count.usage, before.count.usage)
    return structs.replace(found, count=structs.replace(found.count, usage=usage))
