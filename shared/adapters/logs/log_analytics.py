"""Request telemetry from a Log Analytics workspace; which column is which metric is the catalog's.

Whole minutes are asked for. Those for which telemetry may still arrive are read too, provisionally.
How late it is, the newest row tells, the monitor's own requests included: what lies behind that row
is not covered, unless it is an hour ago; then the silence counts as real. An hour is also how far
every question looks back, so that the row is found, and once an hour that hour is read again.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from shared.adapters.https import Outcomes
from shared.adapters.logs.rows import Minutes, minutes_of
from shared.adapters.logs.workspaces import (
    Question,
    Reach,
    Workspaces,
)
from shared.adapters.windows import LONGEST, Window, window_of
from shared.catalog.log_queries import LOG_QUERIES, LogQuery
from shared.catalog.metrics import CATALOG
from shared.domain.histograms import Histogram
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import HOUR, MINUTE, each_minute, floor_hour, floor_minute

LONGEST_REQUEST = MINUTE
"""A row is dated by its request's start and sent at its end: quick later ones overtake it."""
LATEST = HOUR
"""How much later than usual telemetry may come before its absence counts as silence."""

_NAME = "logs"
FURTHEST = CATALOG.source(_NAME).remembers


def window(since: datetime | None, now: datetime, longest: timedelta = LONGEST) -> Window:
    """What to read at `now`; after a gap longer than `longest`, the oldest part of it."""
    settle = CATALOG.source(_NAME).settle
    return window_of(since, now, settle=settle, furthest=FURTHEST, longest=longest)


def asked_from(since: datetime | None, wanted: Window, now: datetime) -> datetime:
    """Where the question begins: an hour early, for the newest row and for late ones."""
    if since is None:
        return wanted.start
    settled = _settled(now)
    return max(min(wanted.start, settled) - HOUR, settled - FURTHEST)


def heard_until(wanted: Window, newest: datetime | None, now: datetime) -> datetime:
    """How far `wanted` is complete when the newest row is of the minute `newest`, which is not.

    When no row is of the last hour, nothing happened: telemetry is not later than that.
    """
    if newest is None or newest < _settled(now) - LATEST:
        return wanted.covered_until
    return min(wanted.covered_until, newest - LONGEST_REQUEST)


def _settled(now: datetime) -> datetime:
    return floor_minute(now - CATALOG.source(_NAME).settle)


class LogAnalytics:
    """A MetricSource."""

    name = _NAME

    def __init__(
        self, workspaces: Workspaces, *, queries: Sequence[LogQuery] = LOG_QUERIES
    ) -> None:
        self._workspaces = workspaces
        self._queries = queries
        self._outcomes = Outcomes()
        self._reach = Reach()

    def close(self) -> None:
        """Close the connections; an app keeps them for life."""
        self._workspaces.close()

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read; a covered minute without requests counts 0."""
        self._workspaces.workspace_of(target)
        with self._reach.tried(target) as longest:
            wanted = window(since, now, longest)
            earlier = asked_from(since, wanted, now)
            answers = self._ask(target, earlier, wanted.end) if wanted.start < wanted.end else []
        newest = max((minute for _, found in answers for minute in found), default=None)
        covered_until = heard_until(wanted, newest, now)
        # Once an hour the rows that came too late for their minutes are read into the charts.
        is_new_hour = since is not None and floor_hour(since) < floor_hour(covered_until)
        filled = Window(earlier if is_new_hour else wanted.start, covered_until, wanted.end)
        return Reading(
            source=self.name,
            asked_at=now,
            covered_until=covered_until,
            samples=tuple(s for query, found in answers for s in _samples(query, found, filled)),
            histograms=tuple(h for _, found in answers for h in _histograms(found, filled)),
        )

    def _ask(self, target: str, start: datetime, end: datetime) -> list[tuple[LogQuery, Minutes]]:
        questions = [
            Question(query.name, query.text, start, end, partial(minutes_of, query))
            for query in self._queries
        ]
        answers = self._workspaces.ask(target, questions, self._outcomes)
        return list(zip(self._queries, answers, strict=True))


def _samples(query: LogQuery, found: Minutes, wanted: Window) -> Iterator[Sample]:
    for minute in each_minute(wanted.start, wanted.end):
        row = found.get(minute)
        if (row is None or not row.buckets) and minute >= wanted.covered_until:
            continue
        for column, metric in query.counts.items():
            yield Sample(metric, minute, 0.0 if row is None else row.counts[column])


def _histograms(found: Minutes, wanted: Window) -> Iterator[MinuteHistogram]:
    for minute, row in sorted(found.items()):
        if wanted.start <= minute < wanted.end and row.buckets:
            yield MinuteHistogram(minute, Histogram(row.buckets, row.total))
