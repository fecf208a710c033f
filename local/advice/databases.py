"""A database on paper: its queries' work makes its DTU, and what its views would show of it.

Nothing here is shared with the judging functions: work, percents and lists are reckoned anew.
"""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.curves import Curve
from shared.domain.deployments import Deployment
from shared.domain.inspections import (
    BlockingChain,
    FailedQuery,
    Index,
    Inspection,
    MissingIndex,
    OpenTransaction,
    QueryStatistics,
    QueryStoreState,
    QueryUse,
    Regression,
    SessionGroup,
    Statistics,
    TableSize,
)
from shared.domain.recommendations.situations import Situation, Stretch

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CPU_MS_A_DAY = 86_400_000 * 0.08
"""What 5 DTU are: less than a tenth of a core."""
PAGES_A_DAY = 86_400 * 250
"""Pages that it reads at most, found in memory or not: about 2 MB a second."""
FROM_DISK = 0.03
MOST_OF_A_LIST = 10
FEWEST = 5
"""Executions on either side of a regression."""
HOURS_OF_AN_HOUR = 1.5
"""Query Store's intervals are whole hours: the last one is an hour to two."""

# fmt: off
_NOUNS = (
    "Household", "Visit", "Parcel", "Donor", "Shift", "Volunteer", "Pantry", "Item", "Batch",
    "Route", "Delivery", "Referral", "Note", "Contact", "Stock", "Event", "Grant", "Invoice",
    "Meal", "Session", "Message", "Survey", "Locker", "Voucher", "Kitchen",
)
# fmt: on
# fmt: off
_COLUMNS = (
    "Status", "CreatedAt", "UpdatedAt", "OwnerId", "RegionId", "Kind", "Priority", "DueOn",
    "ExternalRef", "Channel", "Source", "PostalCode", "Amount", "Weight", "IsOpen", "AssignedTo",
    "ClosedAt", "Language",
)
# fmt: on


@dataclass
class Table:
    """A table and the writes that it takes in a day."""

    name: str
    columns: list[str]
    rows: int
    pages: int
    writes: int


@dataclass
class Query:
    """A statement: what one execution costs now, and how often it runs in a day.

    `before`: what it cost until `worse_since` (CPU ms, pages).
    """

    id: int
    text: str
    cpu_ms: float
    pages: float
    executions: float
    plans: tuple[int, ...] = ()
    first_seen_at: datetime | None = None
    before: tuple[float, float] | None = None
    worse_since: datetime | None = None

    @property
    def hash(self) -> str:
        return f"0x{self.id * 2_654_435_761 % 2**64:016X}"

    def mean(self, days: float, at: datetime) -> tuple[float, float]:
        """CPU ms and pages of an execution on average since then."""
        if self.before is None or self.worse_since is None:
            return self.cpu_ms, self.pages
        dear = min((at - self.worse_since) / (days * DAY), 1.0)
        cpu_ms, pages = self.before
        return (
            dear * self.cpu_ms + (1 - dear) * cpu_ms,
            dear * self.pages + (1 - dear) * pages,
        )

    def use(self, days: float, at: datetime) -> QueryUse | None:
        count = round(self.executions * days)
        return _use(count, *self.mean(days, at), at - days * DAY) if count >= 1 else None

    def is_worse(self, at: datetime) -> bool:
        """As a reading sees it: by the day's mean, or by the last hour's, which it takes whole."""
        if self.before is None:
            return False
        by_day, by_hour = (self.mean(days, at) for days in (1, HOURS_OF_AN_HOUR / 24))
        often = self.executions * HOURS_OF_AN_HOUR / 24 >= FEWEST
        return any(
            day >= 1.5 * old or (often and hour >= 2 * old)
            for day, hour, old in zip(by_day, by_hour, self.before, strict=True)
        )


def _use(count: int, cpu_ms: float, pages: float, since: datetime) -> QueryUse:
    return QueryUse(
        since=since,
        executions=count,
        cpu_ms=cpu_ms * count,
        duration_ms=cpu_ms * count * 1.6,
        logical_reads=pages * count,
        physical_reads=pages * count * FROM_DISK,
    )


@dataclass
class Memory:
    """The process: MB after a restart, MB more at noon than at night, MB an hour that leak."""

    base: float = 480.0
    wave: float = 90.0
    leak: float = 0.0
    restarted_at: datetime = NOW - 60 * DAY


@dataclass
class Database:
    """All of it, at `now`."""

    random: random.Random
    now: datetime = NOW
    tables: list[Table] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    missing: list[MissingIndex] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    sessions: list[SessionGroup] = field(default_factory=list)
    chains: list[BlockingChain] = field(default_factory=list)
    transactions: list[OpenTransaction] = field(default_factory=list)
    failures: list[FailedQuery] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    uptime_days: float = 40.0
    logins_cpu: float = 0.0
    workers: float = 12.0
    blocked_share: float = 0.0

    def table(self) -> Table:
        """One of its tables."""
        return self.random.choice(self.tables)

    def add_table(self, rows: int, writes: int) -> Table:
        """Another table, with an index that holds its primary key."""
        name = f"dbo.{self.random.choice(_NOUNS)}{self.random.choice(_NOUNS)}{len(self.tables)}"
        columns = self.random.sample(_COLUMNS, 6)
        table = Table(name, columns, rows, max(rows // 40, 4), writes)
        self.tables.append(table)
        self.indexes.append(
            Index(
                table=name,
                name=f"PK_{name[4:]}",
                kind="CLUSTERED",
                keys=("Id",),
                is_primary_key=True,
                is_unique=True,
                size_mb=table.pages / 128,
                reads=round(rows * self.uptime_days),
                writes=round(writes * self.uptime_days),
            )
        )
        return table

    def add_query(self, text: str, cpu_ms: float, pages: float, executions: float) -> Query:
        """Another query."""
        number = self.random.randint(100, 9_000) * 10 + len(self.queries) % 10
        query = Query(number, text, cpu_ms, pages, executions, plans=(number + 1,))
        self.queries.append(query)
        return query

    def points(self, resource: str, share: float, executions: float) -> tuple[float, float]:
        """CPU ms and pages of an execution, so that all of a day take `share` percent of DTU.

        The other resource takes between a fifth and four fifths of that.
        """
        other = share * self.random.uniform(0.2, 0.8)
        cpu, reads = (share, other) if resource == "cpu" else (other, share)
        return cpu / 100 * CPU_MS_A_DAY / executions, reads / 100 * PAGES_A_DAY / executions

    @property
    def cpu_percent(self) -> float:
        """Of the day, by what the queries and logins cost."""
        used = sum(one.mean(1, self.now)[0] * one.executions for one in self.queries)
        return min(100 * used / CPU_MS_A_DAY + self.logins_cpu, 97.0)

    @property
    def io_percent(self) -> float:
        """Of the day, by what the queries read."""
        read = sum(one.mean(1, self.now)[1] * one.executions for one in self.queries)
        return min(100 * read / PAGES_A_DAY, 97.0)

    def inspection(self) -> Inspection:
        """What its views would show."""
        return Inspection(
            at=self.now,
            queries=tuple(self._listed()),
            regressions=tuple(self._regressions()),
            failures=tuple(self.failures),
            query_waits=(),
            query_store=QueryStoreState(
                actual="READ_WRITE",
                desired="READ_WRITE",
                used_mb=self.random.uniform(2, 8),
                limit_mb=10,
            ),
            waits=(),
            blocking=tuple(self.chains),
            transactions=tuple(self.transactions),
            sessions=tuple(self.sessions),
            missing_indexes=tuple(self.missing),
            indexes=tuple(self.indexes),
            tables=tuple(
                TableSize(table=one.name, rows=one.rows, size_mb=one.pages / 128)
                for one in self.tables
            ),
            statistics=tuple(self.statistics),
            started_at=self.now - self.uptime_days * DAY,
            dtu_percent=max(self.cpu_percent, self.io_percent),
        )

    def _listed(self) -> Iterable[QueryStatistics]:
        """The first ten by each measure of each window, as a reading lists them."""
        measures: Sequence[Callable[[Query], float]] = (
            lambda one: one.cpu_ms * one.executions,
            lambda one: one.pages * one.executions,
            lambda one: one.executions,
            lambda one: one.cpu_ms,
        )
        chosen = {
            one.id: one
            for measure in measures
            for one in sorted(self.queries, key=measure, reverse=True)[:MOST_OF_A_LIST]
        }
        for one in self.random.sample(list(chosen.values()), len(chosen)):
            yield QueryStatistics(
                query_hash=one.hash,
                query_id=one.id,
                text=one.text,
                plans=one.plans,
                first_seen_at=one.first_seen_at or self.now - 90 * DAY,
                last_executed_at=self.now - HOUR,
                hour=one.use(1 / 24, self.now),
                day=one.use(1, self.now),
                week=one.use(7, self.now),
            )

    def _regressions(self) -> Iterable[Regression]:
        for one in self.queries:
            recent, executions = one.use(1, self.now), max(round(one.executions * 7), FEWEST)
            if one.before is not None and recent is not None and one.is_worse(self.now):
                yield Regression(
                    query_hash=one.hash,
                    query_id=one.id,
                    text=one.text,
                    newest=one.use(HOURS_OF_AN_HOUR / 24, self.now),
                    recent=recent,
                    before=_use(executions, *one.before, self.now - 8 * DAY),
                    plans=one.plans[-1:],
                    plans_before=one.plans[:1],
                    plan=one.plans[-1],
                    best_plan=one.plans[0],
                    worse_since=one.worse_since,
                )

    def situation(self) -> Situation:
        """What the monitor would know."""
        inspection = self.inspection()
        io, cpu = self.io_percent, self.cpu_percent
        day = {
            "dtuCpu": self._day(lambda noon: cpu * (0.5 + noon), 100),
            "dtuDataIo": self._day(lambda noon: io * (0.5 + noon), 100),
            "dtuLogWrite": self._day(lambda noon: 4 + 4 * noon),
            "workersPercent": self._day(lambda noon: self.workers * (0.6 + 0.6 * noon), 100),
            "sessionsPercent": self._day(lambda noon: 4 + 2 * noon),
            "blockedSessions": self._day(self._blocked),
            "cpuUtilization": self._day(lambda noon: 15 + 40 * noon, 100),
            "httpQueueLength": self._day(lambda _: 0),
            "outboundSockets": self._day(lambda noon: 80 + 90 * noon),
            "responseTime.avg": self._day(lambda noon: 150 + 3 * max(cpu, io) * noon),
            "appDiskUsage": self._day(lambda _: 3.1),
        }
        pairs = zip(day["dtuCpu"].curve.values, day["dtuDataIo"].curve.values, strict=True)
        day["dtuUtilization"] = _stretch(
            day["dtuCpu"].start, day["dtuCpu"].step, [max(a or 0, b or 0) for a, b in pairs]
        )
        week = {"memoryProcess": self._memory(7 * 24, HOUR), "storageUsage": self._storage()}
        week["memoryHeap"] = _stretch(
            week["memoryProcess"].start, HOUR, [0.6 * one for one in week["memoryProcess"].known]
        )
        last = self._memory(288, timedelta(minutes=5))
        day["memoryProcess"] = last
        day["memoryUsage"] = _stretch(last.start, last.step, [one + 240 for one in last.known])
        week["memoryUsage"] = _stretch(
            week["memoryProcess"].start, HOUR, [one + 240 for one in week["memoryProcess"].known]
        )
        return Situation(
            now=self.now,
            day=day,
            week=week,
            inspection=inspection,
            deployments=tuple(self.deployments),
        )

    def _blocked(self, noon: float) -> float:
        return float(self.random.random() < self.blocked_share * 2 * noon)

    def _day(self, level: Callable[[float], float], most: float = math.inf) -> Stretch:
        start, step = self.now - DAY, timedelta(minutes=5)
        times = [start + i * step for i in range(288)]
        noisy = (level(_noon(at)) * self.random.gauss(1, 0.12) for at in times)
        return _stretch(start, step, [min(max(value, 0.0), most) for value in noisy])

    def _memory(self, steps: int, step: timedelta) -> Stretch:
        """Waves by day, shallower ones at weekends, noise, levels that differ from day to day.

        A process begins at three fifths of its base and fills its caches within some hours.
        """
        start, memory = self.now - steps * step, self.memory
        levels = {i: self.random.gauss(0, 12) for i in range(9)}
        values = []
        for i in range(steps):
            at = start + i * step
            since = (at - memory.restarted_at) / HOUR
            grown = memory.leak * since if since >= 0 else memory.leak * 30
            wave = memory.wave * _noon(at) * (0.4 if at.weekday() >= 5 else 1)
            level = levels[(at - start) // DAY]
            warm = 1 - 0.4 * math.exp(-max(since, 0)) if since >= 0 else 1.0
            values.append(memory.base * warm + wave + grown + level + self.random.gauss(0, 10))
        return _stretch(start, step, values)

    def _storage(self) -> Stretch:
        grown = self.random.uniform(0, 0.00002)
        values = [0.6 + i * grown + self.random.gauss(0, 0.0002) for i in range(7 * 24)]
        return _stretch(self.now - 7 * DAY, HOUR, values)


def _noon(at: datetime) -> float:
    """0 at night, 1 at noon."""
    return (1 - math.cos(2 * math.pi * (at.hour + at.minute / 60) / 24)) / 2


def _stretch(start: datetime, step: timedelta, values: Sequence[float]) -> Stretch:
    line = tuple(values)
    return Stretch(start, step, Curve(line, line, line))
