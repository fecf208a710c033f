"""How many messages a provider's resource takes: an exact sliding minute and hour of tokens.

A token is spent before its message is sent, so every token counts for its window and for the
longest time that may pass between the two (docs/semantics.md section 4).
"""

from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.rules import Severity
from shared.domain.times import HOUR, MINUTE

RESERVE = 5
"""One of so many hourly tokens is kept for critical messages: two of ten."""
MOST_PER_HOUR = 1000
"""A row's property holds so many times; whoever allows more gets no more than this."""
TOKEN_LIFE = timedelta(seconds=30)
"""A send must begin within this time after its token was taken; clocks may differ by less."""
SECOND = timedelta(seconds=1)


class Limits(Struct, frozen=True):
    """What the provider's resource takes in any minute and in any hour."""

    per_minute: int
    per_hour: int


class Spent(Struct, frozen=True):
    """The wall times at which tokens were taken, oldest first, as far back as they count."""

    times: tuple[datetime, ...] = ()


class Taken(Struct, frozen=True):
    """There is a token; `spent` is what must be stored before the message goes out."""

    spent: Spent


class Wait(Struct, frozen=True):
    """There is no token before `until`."""

    until: datetime


def take(
    spent: Spent, severity: Severity, *, limits: Limits, send_time: timedelta, wall: datetime
) -> Taken | Wait:
    """Take a token for a message whose send lasts at most `send_time`, or say when to ask again.

    Messages that begin to be sent within TOKEN_LIFE of their tokens never exceed the limits.
    """
    margin = send_time + TOKEN_LIFE
    hourly = min(limits.per_hour, MOST_PER_HOUR)
    reserved = 0 if severity is Severity.CRITICAL else hourly // RESERVE
    free_at = max(
        _free_at(spent, limits.per_minute, MINUTE + margin, wall),
        _free_at(spent, hourly - reserved, HOUR + margin, wall),
    )
    if free_at > wall:
        return Wait(_whole_second(free_at))
    return Taken(Spent((*_counting(spent, HOUR + margin, wall), wall)))


def _free_at(spent: Spent, limit: int, window: timedelta, wall: datetime) -> datetime:
    """When fewer than `limit` tokens count, if nobody takes another."""
    counting = _counting(spent, window, wall)
    return wall if len(counting) < limit else counting[-limit] + window


def _counting(spent: Spent, window: timedelta, wall: datetime) -> list[datetime]:
    """The tokens of the window; one far ahead is a clock that ran wild, and must block nobody."""
    return sorted(at for at in spent.times if abs(wall - at) < window)


def _whole_second(at: datetime) -> datetime:
    """Keys spell seconds: rounded up, so that nobody comes back too early."""
    return at if at.microsecond == 0 else at.replace(microsecond=0) + SECOND
