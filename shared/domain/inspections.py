"""What the inside of a database looks like: what a reading of its views every six hours finds.

Each part is None when it could not be read, and an empty tuple when there was nothing to find.
Only figures are kept here; what they mean is judged elsewhere. Views and columns are those of
learn.microsoft.com, named in each class; texts are masked (`domain.culprits.masked`).
"""

from datetime import datetime

from msgspec import Struct, field

PAGE_KB = 8
"""Logical reads, memory and sizes are counted in pages of 8 KB."""


def mb(pages: float) -> float:
    """Pages of 8 KB in MB."""
    return pages * PAGE_KB / 1024


class QueryUse(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a query's executions have cost since a moment.

    From sys.query_store_runtime_stats, as SUM(avg_… * count_executions) over its rows: an interval
    that is still open has several for each plan. `since`: the start of the first interval that
    reaches into the window (intervals are of 60 minutes, so "an hour" is one to two). CPU time and
    duration in ms (the view has µs); reads in pages of 8 KB. Executions of every kind count, also
    aborted ones.
    """

    since: datetime
    executions: int
    cpu_ms: float
    duration_ms: float
    logical_reads: float
    physical_reads: float = 0

    @property
    def average_cpu_ms(self) -> float:
        """CPU time of an execution, in ms."""
        return self.cpu_ms / max(self.executions, 1)

    @property
    def average_logical_reads(self) -> float:
        """Pages that an execution read."""
        return self.logical_reads / max(self.executions, 1)

    @property
    def logical_reads_mb(self) -> float:
        """What was read, in MB."""
        return mb(self.logical_reads)


class QueryStatistics(Struct, frozen=True, kw_only=True, rename="camel"):
    """A query that is among the first ten by CPU, reads, duration or executions of some window.

    One for each query_hash (`0x…`, sys.query_store_query): the same statement under several
    query_ids. `query_id`: the newest of them; `plans`: plan_ids that were executed in the week, the
    newest last, at most 20. `first_seen_at`: when it was first compiled, as far as Query Store
    remembers. A window in which it was not executed is None.
    """

    query_hash: str
    query_id: int
    text: str
    plans: tuple[int, ...] = ()
    first_seen_at: datetime | None = None
    last_executed_at: datetime | None = None
    hour: QueryUse | None = None
    day: QueryUse | None = None
    week: QueryUse | None = None


class Regression(Struct, frozen=True, kw_only=True, rename="camel"):
    """A query whose executions of the last 24 hours cost more than those of the 7 days before.

    At least half as much again in CPU time, duration or logical reads; or twice as much CPU time or
    reads in the last hour (`newest`), and more than in any hour of those days: a younger one does
    not show in the day's mean. Over at least 5 executions on either side, of all queries with this
    hash. `plan`: of the plan_ids that are so dear, the most used one of the last hour; `query_id`:
    whose it is, for a plan can only be forced on its own query. `plans`: that query's of the last
    24 hours; `plans_before`: of the days before, none where it is new; the cheapest of them is
    `best_plan`. `worse_since`: the first
    execution of the first plan and interval (60 minutes) of the last day that was so dear.
    """

    query_hash: str
    query_id: int
    text: str
    recent: QueryUse
    before: QueryUse
    plans: tuple[int, ...]
    plans_before: tuple[int, ...]
    plan: int
    best_plan: int
    newest: QueryUse | None = None
    worse_since: datetime | None = None


class FailedQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """Executions of the last 24 hours that did not end regularly, a query_hash each.

    sys.query_store_runtime_stats.execution_type: 3 aborted by the client (time-outs), 4 exceptions.
    """

    query_hash: str
    query_id: int
    text: str
    aborted: int
    exceptions: int
    executions: int


class QueryWait(Struct, frozen=True, kw_only=True, rename="camel"):
    """What queries waited for in the last 24 hours (sys.query_store_wait_stats, ms).

    `query_hash` waited longest in this category: `query_wait_ms` of the `wait_ms` of all.
    """

    category: str
    wait_ms: float
    query_hash: str
    query_id: int
    query_wait_ms: float


class QueryStoreState(Struct, frozen=True, kw_only=True, rename="camel"):
    """Query Store's own state (sys.database_query_store_options).

    `readonly_reason`: 0, or bits: 65536 its size reached the limit, 131072 its statements' memory,
    262144 memory waiting to be written, 524288 the database is full.
    """

    actual: str
    desired: str
    used_mb: float
    limit_mb: float
    readonly_reason: int = 0
    kept_days: int = 0
    interval_minutes: int = 60
    capture_mode: str = ""

    @property
    def is_reading_only(self) -> bool:
        """It should write, and does not."""
        return self.desired == "READ_WRITE" and self.actual != self.desired


class Wait(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the whole database waited for (sys.dm_db_wait_stats), cumulative; idle waits left out.

    `wait_ms` includes `signal_ms`, the wait for a CPU. `grown_…`: since the inspection before
    (`Inspection.compared_with`); None when there is none or the counters began anew meanwhile.
    """

    type: str
    tasks: int
    wait_ms: float
    signal_ms: float = 0
    longest_ms: float = 0
    grown_ms: float | None = None
    grown_tasks: int | None = None


class BlockingChain(Struct, frozen=True, kw_only=True, rename="camel"):
    """Sessions that wait, one behind the other, for one that waits for nobody: the head.

    sys.dm_exec_requests.blocking_session_id. `text`: what the head executes, or executed last
    when it sleeps in an open transaction (`is_idle`). `wait_ms`: the longest wait of those behind.
    `victim`: what the one that waits longest executes.
    """

    head: int
    text: str
    blocked: int
    wait_ms: float
    program: str = ""
    host: str = ""
    is_idle: bool = False
    victim: str = ""


class OpenTransaction(Struct, frozen=True, kw_only=True, rename="camel"):
    """A transaction of a session that is open for a minute or longer.

    sys.dm_tran_session_transactions, dm_tran_active_transactions.transaction_begin_time. `text`:
    what its session executes, or executed last. `idle_since`: its session asks for nothing since
    then; None while it does.
    """

    session: int
    began_at: datetime
    text: str
    program: str = ""
    host: str = ""
    idle_since: datetime | None = None


class SessionGroup(Struct, frozen=True, kw_only=True, rename="camel"):
    """The sessions of one program on one host (sys.dm_exec_sessions), our own left out.

    `idle`: sleeping for more than 5 minutes. `young`: logged in within the last minute: with
    pooling hardly any; without, nearly all. `oldest_login_at`: of the sessions that there are.
    """

    program: str
    host: str
    sessions: int
    running: int = 0
    idle: int = 0
    young: int = 0
    in_transaction: int = 0
    oldest_login_at: datetime | None = None


class MissingIndex(Struct, frozen=True, kw_only=True, rename="camel"):
    """An index that the optimiser would have used (sys.dm_db_missing_index_*), as it says it.

    Cleared with a restart, like `Inspection.started_at`. `cost`: avg_total_user_cost of the
    queries (optimiser's units); `impact`: by how many percent it would fall. `table` with its
    schema; columns bare, in the order in which the view has them.
    """

    table: str
    equality: tuple[str, ...]
    inequality: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    seeks: int = 0
    scans: int = 0
    cost: float = 0
    impact: float = 0
    last_seek_at: datetime | None = None


class Index(Struct, frozen=True, kw_only=True, rename="camel"):
    """An index of a table of the CRM (sys.indexes, index_columns, dm_db_partition_stats).

    `keys` in order, with " DESC" where it descends; `includes` sorted. `kind`: CLUSTERED,
    NONCLUSTERED or another type_desc; heaps are tables without one. `filter`: of a filtered index.
    `supports_foreign_key`: its first keys are the columns of a foreign key of its table.
    Reads (seeks, scans, lookups) and writes (updates) are sys.dm_db_index_usage_stats since
    `Inspection.started_at`: None when they can't be read, 0 when it was not touched.
    """

    table: str
    name: str
    kind: str
    keys: tuple[str, ...]
    includes: tuple[str, ...] = ()
    filter: str = ""
    is_primary_key: bool = False
    is_unique: bool = False
    is_unique_constraint: bool = False
    is_disabled: bool = False
    supports_foreign_key: bool = False
    size_mb: float = 0
    reads: int | None = None
    writes: int | None = None
    last_read_at: datetime | None = None


class TableSize(Struct, frozen=True, kw_only=True, rename="camel"):
    """A table of the CRM (sys.dm_db_partition_stats): rows of its heap or clustered index.

    `size_mb`: reserved pages, all indexes included. `grown_…`: since the inspection before; None
    for a table that it did not know.
    """

    table: str
    rows: int
    size_mb: float
    index_mb: float = 0
    grown_rows: int | None = None
    grown_mb: float | None = None


class Statistics(Struct, frozen=True, kw_only=True, rename="camel"):
    """Statistics of a table (sys.stats, STATS_DATE), the oldest first.

    `changes`: modifications since then (sys.dm_db_stats_properties.modification_counter); None
    where the login may not see them: they want SELECT on the columns.
    """

    table: str
    name: str
    columns: tuple[str, ...] = ()
    updated_at: datetime | None = None
    rows: int | None = None
    changes: int | None = None


class Inspection(Struct, frozen=True, kw_only=True, rename="camel"):
    """A database as it was found at `at`.

    `lacking`: a sentence for each part (by its field's name; `usage` and `sizes` of indexes) that
    could not be read, naming the grant that it needs, or why else. `started_at`: since when the
    server counts missing indexes and usage (sys.dm_os_sys_info.sqlserver_start_time), None when
    that can't be read: then nothing proves how long an index was not used. `compared_with`: when
    the inspection was made that `grown_…` figures are differences to. `dtu_percent`: the load at
    which it was made. `own_cpu_ms`, `own_reads`: what it has cost the database itself (CPU in ms,
    pages), as its session counts that; None when it can't be read.
    """

    at: datetime
    queries: tuple[QueryStatistics, ...] | None = None
    regressions: tuple[Regression, ...] | None = None
    failures: tuple[FailedQuery, ...] | None = None
    query_waits: tuple[QueryWait, ...] | None = None
    query_store: QueryStoreState | None = None
    waits: tuple[Wait, ...] | None = None
    blocking: tuple[BlockingChain, ...] | None = None
    transactions: tuple[OpenTransaction, ...] | None = None
    sessions: tuple[SessionGroup, ...] | None = None
    missing_indexes: tuple[MissingIndex, ...] | None = None
    indexes: tuple[Index, ...] | None = None
    tables: tuple[TableSize, ...] | None = None
    statistics: tuple[Statistics, ...] | None = None
    started_at: datetime | None = None
    compared_with: datetime | None = None
    dtu_percent: float | None = None
    own_cpu_ms: float | None = None
    own_reads: float | None = None
    lacking: dict[str, str] = field(default_factory=dict)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it could not read, a sentence for each reason."""
        parts: dict[str, list[str]] = {}
        for part, why in self.lacking.items():
            parts.setdefault(why, []).append(part.replace("_", " "))
        return tuple(f"{', '.join(names)}: {why}" for why, names in parts.items())
