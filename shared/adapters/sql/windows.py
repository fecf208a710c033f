"""The windows over which the CRM's own rows are counted: whole slots that join without a gap."""

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from shared.catalog.sql_queries import SLOT
from shared.domain.times import MINUTE, floor_minute

LONGEST = timedelta(hours=24)
"""The longest window of counts; after a longer gap the next ones go on."""


class Window(NamedTuple):
    """What counts are read over: whole slots from the stored end of the window before."""

    since: datetime
    until: datetime
    slot: timedelta = SLOT * MINUTE

    @property
    def last(self) -> datetime:
        """Where its newest slot begins."""
        return self.until - self.slot

    @property
    def slots(self) -> int:
        """How many there are."""
        return (self.until - self.since) // self.slot

    def start_of(self, slot: int) -> datetime:
        """Where the slot of that number begins."""
        return self.since + slot * self.slot


def window_of(since: datetime | None, now: datetime, slot: timedelta = SLOT * MINUTE) -> Window:
    """The window that joins the one before; the first one is the last whole slot of the hour."""
    minute = floor_minute(now)
    if since is None:
        until = minute - timedelta(minutes=minute.minute) % slot
        return Window(until - slot, until, slot)
    slots = min(max(minute - since, timedelta(0)), LONGEST) // slot
    return Window(since, since + slots * slot, slot)


def day_of(at: datetime, zone: tzinfo) -> datetime:
    """When the day of a moment began, by the clock of a zone; as that moment's own zone has it."""
    return _midnight(at.astimezone(zone)).astimezone(at.tzinfo)


def month_of(at: datetime, zone: tzinfo) -> datetime:
    """When its month began, likewise."""
    return _midnight(at.astimezone(zone).replace(day=1)).astimezone(at.tzinfo)


def _midnight(there: datetime) -> datetime:
    """The day's own; where a clock shows it twice, the first."""
    return there.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
