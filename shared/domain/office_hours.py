"""When the people of an office work: outside of it, some conduct is worth a look."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True)
class OfficeHours:
    """Working days (0 is Monday), and minutes of the day from `begins` until before `ends`."""

    days: Collection[int] = (0, 1, 2, 3, 4)
    begins: int = 7 * 60
    ends: int = 19 * 60
    zone: tzinfo = UTC

    def hold(self, at: datetime) -> bool:
        """Whether the moment lies in them, by the clock of their zone."""
        there = at.astimezone(self.zone)
        return there.weekday() in self.days and self.begins <= _minute_of(there) < self.ends


def _minute_of(at: datetime) -> int:
    return at.hour * 60 + at.minute


OFFICE_HOURS = OfficeHours()
