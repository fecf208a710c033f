"""What people did, from a Log Analytics workspace: one question, and two sources made of it.

Counts are complete as far as telemetry was heard; how hard somebody tries to log in is judged of a
minute of which anything was heard, because what of it comes later lies in the windows of the next
minutes, too. Else this is like log_analytics.py: an hour of silence counts as real, and once an
hour the hour before is read again.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from shared.adapters.https import Outcomes
from shared.adapters.logs.rows import count_in, time_in, whole
from shared.adapters.logs.workspaces import Question, Reach, Workspaces
from shared.adapters.windows import Window, window_of
from shared.catalog.log_queries import SECURITY
from shared.catalog.metrics import CATALOG
from shared.domain.decoding import convert, decode
from shared.domain.errors import SourceError
from shared.domain.logins import BURST, SPRAY, Pressure, Tries, pressures
from shared.domain.masking import one_spelling, origin, plain_address
from shared.domain.office_hours import OFFICE_HOURS, OfficeHours
from shared.domain.samples import Answer, Reading, Sample
from shared.domain.suspects import ACCOUNTS, ADDRESSES, LOGINS
from shared.domain.tallies import Tally, TallyRow, floor_slot, tally
from shared.domain.times import HOUR, MINUTE, each_minute, floor_hour

CONDUCT, LEVELS = "security", "logins"
LATEST = HOUR
"""How much later than usual telemetry may come before its absence counts as silence."""
FURTHEST = CATALOG.source(CONDUCT).remembers


class ConductMinute(Struct, frozen=True):
    """One minute: counts by column, and who tried to log in."""

    counts: dict[str, float]
    tries: tuple[Tries, ...]


Minutes = Mapping[datetime, ConductMinute]


class SecurityLogs:
    """A SourceGroup."""

    names = (CONDUCT, LEVELS)

    def __init__(self, workspaces: Workspaces, *, office: OfficeHours = OFFICE_HOURS) -> None:
        self._workspaces = workspaces
        self._office = office
        self._outcomes = Outcomes()
        self._reach = Reach()

    def read(
        self, target: str, *, since: Mapping[str, datetime | None], now: datetime
    ) -> Sequence[Answer]:
        """See SourceGroup.read."""
        self._workspaces.workspace_of(target)
        with self._reach.tried(target) as longest:
            windows = {name: _window(name, since[name], now, longest) for name in since}
            minutes = self._ask(target, windows.values())
        return [self._reading(name, windows[name], since[name], minutes, now) for name in since]

    def _ask(self, target: str, windows: Collection[Window]) -> Minutes:
        start = min(window.start for window in windows)
        end = max(window.end for window in windows)
        if start >= end:
            return {}
        early = start - HOUR - SPRAY - BURST
        question = Question(SECURITY.name, SECURITY.text, early, end, minutes_of)
        [minutes] = self._workspaces.ask(target, [question], self._outcomes)
        found: Minutes = minutes
        return found

    def _reading(
        self, name: str, wanted: Window, since: datetime | None, minutes: Minutes, now: datetime
    ) -> Reading:
        newest = max(minutes, default=None)
        covered = heard_until(name, wanted, newest, now)
        is_new_hour = since is not None and floor_hour(since) < floor_hour(covered)
        again = HOUR if is_new_hour else BURST if since is not None else timedelta(0)
        filled = Window(wanted.start - again, covered, wanted.end)
        is_conduct = name == CONDUCT
        made = self._counts if is_conduct else _levels
        return Reading(
            source=name,
            asked_at=now,
            covered_until=covered,
            samples=tuple(made(minutes, filled)),
            tallies=() if is_conduct else tuple(_tallies(minutes, filled)),
        )

    def _counts(self, minutes: Minutes, wanted: Window) -> Iterator[Sample]:
        for minute in each_minute(wanted.start, wanted.end):
            row = minutes.get(minute)
            if row is None and minute >= wanted.covered_until:
                continue
            for column, metric in SECURITY.counts.items():
                counts = row is not None and self._counts_at(column, minute)
                yield Sample(metric, minute, row.counts[column] if row and counts else 0.0)

    def _counts_at(self, column: str, minute: datetime) -> bool:
        return column not in SECURITY.out_of_hours or not self._office.hold(minute)


def _levels(minutes: Minutes, wanted: Window) -> Iterator[Sample]:
    """One for each minute that is covered or was heard of, by who is behind each name."""
    tries = {
        minute: [
            one._replace(address=origin(one.address), account=one_spelling(one.account))
            for one in row.tries
        ]
        for minute, row in minutes.items()
        if row.tries
    }
    for minute, pressure in pressures(tries, wanted.start, wanted.end):
        if minute < wanted.covered_until or minute in minutes:
            yield from _samples(minute, pressure)


def _tallies(minutes: Minutes, wanted: Window) -> Iterator[Tally]:
    """Who failed to log in, by the slot; each is whole: the question looks back for hours."""
    slots: dict[datetime, list[Tries]] = {}
    first = floor_slot(wanted.start)
    for minute, row in minutes.items():
        if first <= minute < wanted.end:
            slots.setdefault(floor_slot(minute), []).extend(row.tries)
    for slot, tries in slots.items():
        if any(one.failed for one in tries):
            yield tally(LOGINS, slot, _pairs(tries))
            by_address = [(one.address, one.account, one) for one in tries]
            yield tally(ADDRESSES, slot, _alone(by_address))
            by_account = [(one.account, one.address, one) for one in tries]
            yield tally(ACCOUNTS, slot, _alone(by_account))


def _pairs(tries: Iterable[Tries]) -> Iterator[TallyRow]:
    failed, entered = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in tries:
        failed[one.address, one.account] += one.failed
        entered[one.address, one.account] += one.entered
    return (TallyRow(pair, (failed[pair], entered[pair])) for pair in failed if failed[pair])


def _alone(tries: Iterable[tuple[str, str, Tries]]) -> Iterator[TallyRow]:
    """By the first of each three: failed, entered, and with how many of the second it failed."""
    failed, entered = Counter[str](), Counter[str]()
    others: dict[str, set[str]] = {}
    for name, other, one in tries:
        failed[name] += one.failed
        entered[name] += one.entered
        if one.failed:
            others.setdefault(name, set()).add(other)
    return (
        TallyRow((name,), (failed[name], entered[name], len(others[name])))
        for name in failed
        if failed[name]
    )


def _samples(minute: datetime, pressure: Pressure) -> Iterator[Sample]:
    yield Sample("failedLoginsByAddress", minute, float(pressure.by_address))
    yield Sample("failedLoginsByAccount", minute, float(pressure.by_account))
    yield Sample("accountsTried", minute, float(pressure.accounts))


def _window(name: str, since: datetime | None, now: datetime, longest: timedelta) -> Window:
    settle = CATALOG.source(name).settle
    return window_of(since, now, settle=settle, furthest=FURTHEST, longest=longest)


def heard_until(name: str, wanted: Window, newest: datetime | None, now: datetime) -> datetime:
    """How far `wanted` is complete enough when the newest row is of the minute `newest`."""
    if newest is None or newest < now - LATEST:
        return wanted.covered_until
    return min(wanted.covered_until, newest if name == CONDUCT else newest + MINUTE)


def minutes_of(answer: Any) -> Minutes:
    """The answer's rows by minute; raises SourceError when it is not as agreed."""
    return dict(_minute(row) for row in whole(SECURITY, answer))


def _minute(row: Any) -> tuple[datetime, ConductMinute]:
    counts = {column: count_in(column, row[column]) for column in SECURITY.counts}
    tries = tuple(
        one._replace(address=plain_address(one.address))
        for one in _tries(row[SECURITY.logins])
        if one.failed or one.entered
    )
    return time_in(SECURITY.minute, row[SECURITY.minute]), ConductMinute(counts, tries)


def _tries(cell: Any) -> list[Tries]:
    """The lists of a dynamic cell, which travel as JSON text."""
    try:
        if isinstance(cell, str):
            return decode(cell, list[Tries])
        return convert(cell, list[Tries])
    except msgspec.MsgspecError as error:
        raise SourceError(f"column {SECURITY.logins} holds no logins: {error}") from error
