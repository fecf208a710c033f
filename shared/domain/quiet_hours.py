"""When a database may be inspected: every six hours while it has time, once a day if it never has.

Load is DTU percent. A quarter is one of an hour.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.times import DAY, HOUR, MINUTE, floor_minute

AGAIN = HOUR
"""After an attempt that failed, or broke off."""
CALM = 40.0
"""Below this load an inspection that is due begins at once."""
STARVED = DAY
"""So long without one, it is made at the quietest quarter hour of the day."""
QUARTER = 15 * MINUTE
EVERY = 6 * HOUR
DUE_AFTER = EVERY - QUARTER / 2
"""Not a quarter more, where the timer comes a little sooner than last time."""


class Inspecting(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a target's inspections stand: wanted since, tried and made last, what it waits for.

    `lacking`: what the last one that was made could not read, in sentences.
    """

    wanted_since: datetime
    tried_at: datetime | None = None
    made_at: datetime | None = None
    waits: str = ""
    lacking: tuple[str, ...] = ()


def is_due(state: Inspecting, now: datetime) -> bool:
    """Whether one should be made, if the database has time for it."""
    made = state.made_at is not None and now - state.made_at < DUE_AFTER
    tried = state.tried_at is not None and now - state.tried_at < AGAIN
    return not made and not tried


def starved_for(state: Inspecting, now: datetime) -> timedelta:
    """How long there has been none."""
    return now - (state.made_at or state.wanted_since)


def quarter_of(at: datetime) -> datetime:
    """The quarter hour that a moment lies in."""
    minute = floor_minute(at)
    return minute - timedelta(minutes=minute.minute % 15)


def by_quarter(loads: Iterable[tuple[datetime, float]]) -> dict[datetime, float]:
    """The mean load of each quarter hour of which any minute is known."""
    found: dict[datetime, list[float]] = {}
    for minute, load in loads:
        found.setdefault(quarter_of(minute), []).append(load)
    return {quarter: sum(some) / len(some) for quarter, some in found.items()}


def obstacle(
    *,
    load: float | None,
    busy: float,
    starved: timedelta,
    quarters: Callable[[], Mapping[datetime, float]],
    now: datetime,
) -> str:
    """Why an inspection that is due must wait, in a sentence; empty when it may begin.

    `load`: of the last quarter hour, None when it is not known. `quarters`: reads the loads of the
    last 24 hours, of which the quietest comes back within a day.
    """
    if load is None:
        return "" if starved >= STARVED else "how busy the database is, is not known"
    if load >= busy:
        return f"it waits until DTU is below {busy:.0f} %"
    if load < CALM:
        return ""
    if starved < STARVED:
        return f"it waits until DTU is below {CALM:.0f} %"
    return _until_quietest(load, quarters(), now)


def _until_quietest(load: float, quarters: Mapping[datetime, float], now: datetime) -> str:
    """Nothing, when it is as quiet now as it ever was, or the time of day when it was."""
    quietest = min(quarters, key=lambda quarter: (quarters[quarter], quarter), default=None)
    if quietest is None or load <= quarters[quietest]:
        return ""
    if quarter_of(now).timetz() == quietest.timetz():
        return ""
    return f"it waits for the quietest quarter hour, at {quietest:%H:%M}"
