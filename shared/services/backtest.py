"""How would a rule have behaved on what is stored? Reads minutes; no state is touched."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.backtests import Firing, Minutes, firings, suggest
from shared.domain.chunks import HourChunk, by_hour
from shared.domain.errors import InvalidInput
from shared.domain.limits import thresholds
from shared.domain.members import Member
from shared.domain.metrics import Catalog
from shared.domain.rules import Rule
from shared.domain.samples import Gap, Said
from shared.domain.times import HOUR, MINUTE, floor_hour, floor_minute, minutes_between
from shared.domain.watching import Watched, listen
from shared.ports import House

MOST_DAYS = 90
"""As long as hours are kept."""
AT_ONCE = timedelta(days=7)
READ_FOR = timedelta(seconds=20)
SEARCH_FOR = timedelta(seconds=20)


class Backtest(Struct, frozen=True, kw_only=True):
    """What a rule would have done in [start, end); `judged`: minutes with a sample, or empty.

    `uncovered`: minutes of which nothing is stored, or that no source has spoken for yet.
    """

    start: datetime
    end: datetime
    firings: tuple[Firing, ...]
    judged: int
    missing: int
    uncovered: int
    suggested_threshold: float | None

    @property
    def minutes_firing(self) -> int:
        """Of all episodes together."""
        return sum(one.minutes for one in self.firings)


def backtest(
    rule: Rule, target: str, *, length: timedelta, a_week: float, house: House, now: datetime
) -> Backtest:
    """Judge the last `length` as if the rule had been there from its start.

    `a_week`: how many episodes a week the suggested threshold may give. Raises InvalidInput for a
    metric that the catalog does not know, and when reading takes too long.
    """
    start, end = floor_minute(now) - length, floor_minute(now)
    minutes = _minutes(target, rule, start, end, house)
    missing = sum(_is_missing(said) for _, said in minutes)
    return Backtest(
        start=start,
        end=end,
        firings=tuple(firings(rule, minutes)),
        judged=len(minutes) - missing,
        missing=missing,
        uncovered=minutes_between(start, end) - len(minutes),
        suggested_threshold=suggest(
            rule,
            minutes,
            a_week=a_week,
            keep_going=_within(SEARCH_FOR, house),
            limits=thresholds(rule, house.catalog),
        ),
    )


def _within(time: timedelta, house: House) -> Callable[[], bool]:
    end = house.wall() + time
    return lambda: house.wall() < end


def _is_missing(said: Said) -> bool:
    """Whether a minute says nothing; of a composite, whether a member says nothing."""
    cells = said if isinstance(said, tuple) else (said,)
    return any(cell is Gap.MISSING for cell in cells)


def _minutes(target: str, rule: Rule, start: datetime, end: datetime, house: House) -> Minutes:
    """The covered minutes of [start, end), from the first hour that is stored."""
    watched = [_watched(member, house.catalog) for member in rule.members]
    latest = house.samples.latest(target)
    known = [latest.covered_until(one.metric) for one in watched]
    until = min([end, *(floor_minute(at) if at is not None else start for at in known)])
    columns = sorted({column for one in watched for column in one.columns})
    begin = min(one.first_needed(start) for one in watched)
    found = list(_chunks(target, columns, begin, until, house))
    stored = [chunk.hour for chunk in found if chunk.cells]
    first = max(start, min(stored, default=until))
    return list(listen(watched, by_hour(found), first, until, composite=rule.is_composite))


def _watched(member: Member, catalog: Catalog) -> Watched:
    metric = catalog.metric(member.metric)
    return Watched(member, metric, catalog.metric(metric.of) if metric.of else None)


def _chunks(
    target: str, columns: list[str], first: datetime, end: datetime, house: House
) -> Iterator[HourChunk]:
    """Week by week, so that a slow store is noticed."""
    may_go_on = _within(READ_FOR, house)
    hour = floor_hour(first)
    while hour < end:
        if not may_go_on():
            raise InvalidInput("so much can't be read just now; ask for a shorter range")
        last = min(hour + AT_ONCE, floor_hour(end - MINUTE) + HOUR) - HOUR
        yield from house.samples.hours(target, hour, last, columns=columns)
        hour = last + HOUR
