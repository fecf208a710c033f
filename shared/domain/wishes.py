"""What bodies and queries of callers have in common: notes, and moments with their zone."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

LONGEST_NOTE = 1000
YEARS = (2000, 9000)
"""Moments outside can't be moved between zones."""

Note = Annotated[str, Meta(max_length=LONGEST_NOTE)]
Instant = Annotated[datetime, Meta(tz=True)]


def is_usable(moment: datetime) -> bool:
    """Whether anybody can mean it, and reckon with it."""
    return YEARS[0] <= moment.year <= YEARS[1]


def whole_second(moment: datetime) -> datetime:
    """The moment in UTC, as the wire spells times."""
    return moment.astimezone(UTC).replace(microsecond=0)
