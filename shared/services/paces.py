"""Each caller's pace of writing: a row of Config, so that all instances of the app count alike.

See docs/adr/015-where-the-pace-of-writes-is-kept.md.
"""

import hashlib
import logging
from contextlib import suppress
from datetime import timedelta

from shared.domain.errors import Conflict, DamagedRow
from shared.domain.paces import Pace, TooFast, keep_pace
from shared.domain.records import MOST_WRITES, Delete, Kept, put
from shared.ports import House, Ledger

PARTITION = "pace"
MOST_TRIES = 5
SHORTLY = timedelta(seconds=1)
KEPT_FOR = timedelta(days=1)

_log = logging.getLogger(__name__)


def count_write(caller: str, *, house: House) -> TooFast | None:
    """Count one more write of the caller before it is done; TooFast when it must wait.

    Who loses the row that often has others of his own writing at once. Raises StoreUnavailable.
    """
    key = hashlib.sha256(caller.encode()).hexdigest()[:32]
    for _ in range(MOST_TRIES):
        kept = _read(key, house.config)
        pace = keep_pace(kept.value if kept is not None else None, house.wall())
        if isinstance(pace, TooFast):
            return pace
        with suppress(Conflict):
            house.config.commit(PARTITION, [put(key, pace, kept)])
            return None
    return TooFast(SHORTLY)


def drop_old_paces(*, house: House) -> int:
    """Drop the paces of those who have not written for a day; answers how many went.

    A pace that lies in the past says no more than none.
    """
    kept = house.config.scan(PARTITION, "", Pace)
    old = [one for one in kept if one.value.even_until < house.wall() - KEPT_FOR][:MOST_WRITES]
    with suppress(Conflict):
        if old:
            house.config.commit(PARTITION, [Delete(one.key, one.etag) for one in old])
        return len(old)
    return 0


def _read(key: str, config: Ledger) -> Kept[Pace] | None:
    """The row; a damaged one is thrown away: nobody is locked out by it."""
    try:
        return config.get(PARTITION, key, Pace)
    except DamagedRow as error:
        _log.error("a caller's pace starts anew: %s", error)
        with suppress(Conflict):
            config.commit(PARTITION, [Delete(key)])
        return None
