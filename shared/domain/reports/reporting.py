"""When the weekly report is due, and for whom: as the settings say."""

from datetime import datetime, time, timedelta, tzinfo

from msgspec import Struct

from shared.domain.rules import Action
from shared.domain.times import DAY

OBJECTIVE = 99.5
LATE = timedelta(days=3)
"""A report that could not be sent for so long is not sent any more: the next one is near."""


class Reporting(Struct, frozen=True, kw_only=True):
    """`to`: who gets the weekly report; None: nobody.

    `weekday` (0 is Monday) and `hour` are by the readers' clock. `objective`: percent of the probed
    minutes in which the target is to be available.
    """

    to: Action | None = None
    weekday: int = 0
    hour: int = 7
    objective: float = OBJECTIVE


NOBODY = Reporting()


class Reported(Struct, frozen=True, kw_only=True, rename="camel"):
    """The newest weekly report that was decided: the moment it was due, and its episode."""

    due_at: datetime
    episode: str


def due_at(given: Reporting, now: datetime, zone: tzinfo) -> datetime:
    """The newest moment, at `now` or before, at which a report was due.

    By the clock of `zone`: a time that it skips counts as if it had not been put forward yet, one
    that it shows twice is the first.
    """
    day = now.astimezone(zone).date() + DAY
    while True:
        local = datetime.combine(day, time(given.hour), zone)
        if day.weekday() == given.weekday and local <= now:
            return local.astimezone(now.tzinfo)
        day -= DAY


def is_due(at: datetime, now: datetime, *, since: datetime | None, last: Reported | None) -> bool:
    """Whether the report of that moment is still to be decided.

    `since`: when the target was first watched; a report about a time before that would be empty.
    """
    was_watched = since is not None and since < at
    return was_watched and now - at < LATE and (last is None or last.due_at < at)
