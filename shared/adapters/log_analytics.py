"""Request telemetry from a Log Analytics workspace; which column is which metric is the catalog's.

Whole minutes are asked for. Those for which telemetry may still arrive are read too, provisionally.
How late it is, the newest row tells, the monitor's own requests included: what lies behind that row
is not covered, unless it is an hour ago; then the silence counts as real. An hour is also how far
every question looks back, so that the row is found, and once an hour that hour is read again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from shared.adapters.https import Outcomes, is_plain_loopback
from shared.adapters.log_analytics_refusals import translated
from shared.adapters.log_analytics_rows import Minutes, minutes_of
from shared.adapters.windows import LONGEST, PATIENCE, Patience, Window, window_of
from shared.catalog.log_queries import LOG_QUERIES, LogQuery
from shared.catalog.metrics import CATALOG
from shared.domain.errors import SourceError
from shared.domain.histograms import Histogram
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import HOUR, MINUTE, each_minute, floor_hour, floor_minute

PUBLIC_CLOUD = "https://api.loganalytics.io"
SERVER_TIMEOUT = 5
SHORTEST = timedelta(hours=1)
"""What a reading covers at least: after a failure half as much is asked, down to this."""
LONGEST_REQUEST = MINUTE
"""A row is dated by its request's start and sent at its end: quick later ones overtake it."""
LATEST = HOUR
"""How much later than usual telemetry may come before its absence counts as silence."""

_NAME = "logs"
FURTHEST = CATALOG.source(_NAME).remembers


class LogsClient(Protocol):
    """What is used of azure.monitor.query.LogsQueryClient."""

    def query_workspace(
        self,
        workspace_id: str,
        query: str,
        *,
        timespan: tuple[datetime, datetime],
        server_timeout: int,
        **options: Any,
    ) -> Any:
        """A result whose status says whether it is all; raises AzureError."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


def open_log_analytics(
    workspaces: Mapping[str, str],
    *,
    credential: Any,
    endpoint: str = PUBLIC_CLOUD,
    audience: str | None = None,
    patience: Patience = PATIENCE,
) -> "LogAnalytics":
    """The source over the real client; `workspaces` is target to workspace id.

    `audience` is what tokens are asked for; by default the endpoint, which a sovereign cloud has
    of its own, and the public cloud's where the endpoint is on this machine.
    """
    from azure.monitor.query import LogsQueryClient  # noqa: PLC0415 - SDK import

    plain = is_plain_loopback(endpoint)
    client = LogsQueryClient(
        credential,
        endpoint=endpoint,
        audience=audience or (PUBLIC_CLOUD if plain else endpoint),
        connection_timeout=patience.connect,
        read_timeout=patience.read,
        # azure-core would sleep through any Retry-After; the next minute is retry enough.
        retry_total=0,
    )
    return LogAnalytics(workspaces, client, over_plain_http=plain, patience=patience)


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
    """A MetricSource; tokens go over plain http only where `over_plain_http` says so."""

    name = _NAME

    def __init__(
        self,
        workspaces: Mapping[str, str],
        client: LogsClient,
        *,
        over_plain_http: bool = False,
        patience: Patience = PATIENCE,
        queries: Sequence[LogQuery] = LOG_QUERIES,
    ) -> None:
        self._workspaces = workspaces
        self._client = client
        self._options = {"enforce_https": False} if over_plain_http else {}
        self._patience = patience
        self._queries = queries
        self._outcomes = Outcomes()
        self._longest: dict[str, timedelta] = {}

    def close(self) -> None:
        """Close the connections; an app keeps them for life."""
        self._client.close()

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read; a covered minute without requests counts 0."""
        workspace = self._workspaces.get(target)
        if not workspace:
            raise SourceError(f"no workspace is set for {target}")
        longest = self._longest.get(target, LONGEST)
        wanted = window(since, now, longest)
        # Too much for the deadline would stay too much for ever: half of it may be answered.
        self._longest[target] = max(longest / 2, SHORTEST)
        earlier = asked_from(since, wanted, now)
        answers = self._ask(workspace, earlier, wanted.end) if wanted.start < wanted.end else []
        self._longest[target] = min(longest * 2, LONGEST)
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

    def _ask(
        self, workspace: str, start: datetime, end: datetime
    ) -> list[tuple[LogQuery, Minutes]]:
        """Every query's minutes; one that fails or is late fails the reading."""
        calls = [partial(self._minutes, workspace, query, (start, end)) for query in self._queries]
        answers: list[tuple[LogQuery, Minutes]] = []
        found = self._outcomes.of(calls, within=self._patience.deadline)
        for query, outcome in zip(self._queries, found, strict=True):
            if isinstance(outcome, SourceError):
                raise outcome
            if isinstance(outcome, Exception):
                raise SourceError(f"query {query.name}: {outcome}") from outcome
            answers.append((query, outcome))
        return answers

    def _minutes(
        self, workspace: str, query: LogQuery, timespan: tuple[datetime, datetime]
    ) -> Minutes:
        with translated():
            answer = self._client.query_workspace(
                workspace,
                query.text,
                timespan=timespan,
                server_timeout=SERVER_TIMEOUT,
                **self._options,
            )
            return minutes_of(query, answer)


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
