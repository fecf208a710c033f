"""The database from the inside at a moment: what a workload has left behind in its views so far.

Rows are raw, as Query Store and the counters keep them: averages of an interval in microseconds,
and several of them where an interval is still open. Sums are for those who ask.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import pairwise
from zlib import crc32

from local.world.levels import rush
from local.world.workloads import Index, QueryStore, Statement, Table, Wish, Workload
from shared.domain.times import HOUR, each_hour, floor_hour

REMEMBERED = timedelta(days=7)
"""How long Query Store keeps on Basic."""
FLUSHED_EVERY = timedelta(minutes=15)
UP_FOR = timedelta(days=41)
"""How long the server had been up when the world began."""
REGULAR, ABORTED = 0, 3


@dataclass(frozen=True, slots=True)
class Run:
    """A row of Query Store: averages of `executions` of a plan within an interval's hour."""

    plan_id: int
    hour: datetime
    kind: int
    first_at: datetime
    last_at: datetime
    executions: int
    cpu_us: float
    duration_us: float
    logical_reads: float
    physical_reads: float


@dataclass(frozen=True, slots=True)
class QueryWait:
    """What a plan waited for within an interval's hour."""

    plan_id: int
    hour: datetime
    category: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class KnownPlan:
    """A plan, when it was first compiled, and the statement that it is of."""

    plan_id: int
    statement: Statement
    compiled_at: datetime


@dataclass(frozen=True, slots=True)
class IdleTransaction:
    """A session that forgot to end what it began; `text` is what it did last."""

    session_id: int
    began_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """What the whole database waited for since it was started."""

    type: str
    tasks: int
    wait_ms: int


@dataclass(frozen=True)
class Inside:
    """`work`: the workload of any moment; it changes at `cuts` only."""

    at: datetime
    begins: datetime
    work: Callable[[datetime], Workload]
    cuts: tuple[datetime, ...] = ()
    seed: int = 1
    transactions: tuple[IdleTransaction, ...] = ()

    @property
    def started_at(self) -> datetime:
        """When the server was started."""
        return self.begins - UP_FOR

    @property
    def tables(self) -> tuple[Table, ...]:
        """As they are now."""
        return self._now.tables

    @property
    def query_store(self) -> QueryStore:
        """Its state now."""
        return self._now.query_store

    @property
    def session_life(self) -> timedelta:
        """How long a connection is kept now."""
        return self._now.session_life

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every row that Query Store keeps."""
        return tuple(run for hour in self._hours for run in self._hour(hour))

    @cached_property
    def plans(self) -> tuple[KnownPlan, ...]:
        """Every plan of the week, by its number."""
        found: dict[int, KnownPlan] = {}
        for begins, _ in self._pieces(self.at - REMEMBERED - HOUR):
            for one in self.work(begins).statements:
                compiled = begins if begins in self.cuts else self.begins - UP_FOR
                found.setdefault(one.plan_id, KnownPlan(one.plan_id, one, compiled))
        return tuple(found[number] for number in sorted(found))

    @cached_property
    def query_waits(self) -> tuple[QueryWait, ...]:
        """A row for each plan and hour; waits are what its executions lasted beyond their CPU."""
        statements = {plan.plan_id: plan.statement for plan in self.plans}
        waited: dict[tuple[int, datetime], float] = defaultdict(float)
        for run in self.runs:
            more = (run.duration_us - run.cpu_us) * run.executions / 1000
            waited[run.plan_id, run.hour] += more
        return tuple(
            QueryWait(plan, hour, statements[plan].category, int(ms))
            for (plan, hour), ms in waited.items()
        )

    @cached_property
    def waits(self) -> tuple[Wait, ...]:
        """What grows with requests, and what grows with time alone."""
        requests = sum(_requests(*piece) for piece in self._pieces(self.started_at))
        hours = (self.at - self.started_at) / HOUR
        return (
            Wait("PAGEIOLATCH_SH", int(2 * requests), int(5 * requests)),
            Wait("SOS_SCHEDULER_YIELD", int(4 * requests), int(3 * requests)),
            Wait("WRITELOG", int(requests), int(2 * requests)),
            Wait("XE_TIMER_EVENT", int(720 * hours), int(3_600_000 * hours)),
        )

    def seeks(self, wish: Wish) -> int:
        """How often that index was missed since the server started."""
        total = sum(
            wish.share * _requests(begins, ends) + wish.an_hour * ((ends - begins) / HOUR)
            for begins, ends in self._pieces(self.started_at)
            if wish in self.work(begins).wishes
        )
        return int(total)

    @property
    def wishes(self) -> tuple[Wish, ...]:
        """All that were ever missed since the server started, the newest last."""
        pieces = self._pieces(self.started_at)
        return tuple(
            dict.fromkeys(wish for begins, _ in pieces for wish in self.work(begins).wishes)
        )

    def used(self, table: Table, index: Index) -> tuple[int, int]:
        """Reads and writes of an index since the server started, or since it is there."""
        requests = sum(
            _requests(begins, ends)
            for begins, ends in self._pieces(self.started_at)
            if index in self.work(begins).table(table.name).indexes
        )
        return int(index.reads * requests), int(index.writes * requests)

    @cached_property
    def _now(self) -> Workload:
        return self.work(self.at)

    @property
    def _hours(self) -> Iterator[datetime]:
        return each_hour(self.at - REMEMBERED, self.at)

    def _pieces(self, first: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of one workload from then on."""
        edges = [first, *(cut for cut in sorted(self.cuts) if first < cut < self.at), self.at]
        return pairwise(edges)

    def _hour(self, hour: datetime) -> Iterator[Run]:
        """The rows of an hour, cut where the workload changes, and where it was last flushed."""
        ends = min(hour + HOUR, self.at)
        edges = {hour, ends, *(cut for cut in self.cuts if hour < cut < ends)}
        if ends < hour + HOUR:
            edges.add(hour + (ends - hour) // FLUSHED_EVERY * FLUSHED_EVERY)
        for begins, until in pairwise(sorted(edges)):
            for one in self.work(begins).statements:
                yield from self._runs(one, begins, until)

    def _runs(self, one: Statement, begins: datetime, ends: datetime) -> Iterator[Run]:
        wanted = one.share * _requests(begins, ends) + one.an_hour * ((ends - begins) / HOUR)
        executions = int(wanted + self._chance("often", one, begins))
        aborted = int(one.aborted * executions)
        for kind, count in ((REGULAR, executions - aborted), (ABORTED, aborted)):
            if count:
                yield self._run(one, begins, ends, kind, count)

    def _run(
        self, one: Statement, begins: datetime, ends: datetime, kind: int, executions: int
    ) -> Run:
        luck = 0.9 + 0.2 * self._chance("dear", one, begins)
        reads = one.reads * luck
        return Run(
            plan_id=one.plan_id,
            hour=floor_hour(begins),
            kind=kind,
            first_at=begins + (ends - begins) / (2 * executions + 1),
            last_at=ends - (ends - begins) / (2 * executions + 1),
            executions=executions,
            cpu_us=1000 * one.cpu_ms * luck,
            duration_us=1000 * (one.cpu_ms + one.wait_ms) * luck,
            logical_reads=reads,
            physical_reads=one.physical * reads,
        )

    def _chance(self, purpose: str, one: Statement, at: datetime) -> float:
        """From 0 to 1, always the same, and cheap: there are thousands of rows."""
        return crc32(f"{self.seed}:{purpose}:{one.query_id}:{at:%Y%m%d%H%M}".encode()) / 2**32


def _requests(begins: datetime, ends: datetime) -> float:
    """The visitors' requests of that time, on average."""
    if ends - begins > HOUR:
        whole = sum(_of_hour(hour.weekday(), hour.hour) for hour in each_hour(begins, ends))
        return whole - _requests(floor_hour(begins), begins) - _rest(ends)
    middle = begins + (ends - begins) / 2
    return rush(middle) * ((ends - begins) / timedelta(minutes=1))


def _rest(ends: datetime) -> float:
    """Those of the hour that goes on when `ends` comes."""
    hour = floor_hour(ends)
    return 0 if hour == ends else _requests(ends, hour + HOUR)


@cache
def _of_hour(weekday: int, hour: int) -> float:
    a_monday = datetime(2026, 3, 2)  # noqa: DTZ001 - only weekday and hour count
    return rush(a_monday + timedelta(days=weekday, hours=hour, minutes=30)) * 60
