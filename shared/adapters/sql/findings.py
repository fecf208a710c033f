"""Turns what an inspection's statements answered into its parts; units are those of the types."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from shared.adapters.sql.connections import Row, Table, utc
from shared.adapters.sql.indexes import indexes, tables
from shared.catalog import inspection_queries as ask
from shared.catalog.sql_queries import SqlQuery
from shared.domain.culprits import in_line, masked
from shared.domain.inspections import (
    BlockingChain,
    FailedQuery,
    MissingIndex,
    OpenTransaction,
    QueryStatistics,
    QueryStoreState,
    QueryUse,
    QueryWait,
    Regression,
    SessionGroup,
    Statistics,
    Wait,
)

Answers = Mapping[SqlQuery, Table]
"""Each statement's table, of those that could be read."""

CUT_AT = 1000
"""Letters of a statement that Query Store's queries ask for."""
ENOUGH = 5
"""Executions of a plan that say what it costs."""
IDLE_WAITS = (
    *("BROKER_", "CLR_AUTO_EVENT", "DIRTY_PAGE_POLL", "DISPATCHER_QUEUE", "FT_IFTS", "HADR_"),
    *("LAZYWRITER", "LOGMGR_QUEUE", "ONDEMAND_TASK_QUEUE", "PREEMPTIVE_XE", "PVS_PREALLOCATE"),
    *("PWAIT_", "QDS_", "REQUEST_FOR_DEADLOCK", "RESOURCE_QUEUE", "SLEEP_", "SOS_WORK_DISPATCHER"),
    *("SP_SERVER_DIAGNOSTICS", "SQLTRACE_", "VDI_CLIENT", "WAITFOR", "XE_", "XTP_", "WAIT_XTP"),
)
"""How the waits of those begin who have nothing to do."""

_DECLARED = re.compile(
    r"\((?:@\w+ [\w.]+(?:\([\d, ]+\)|\(max\))?(?: output)?,? ?)+\)", re.IGNORECASE
)
_NAME = re.compile(r"\[((?:[^\]]|\]\])*)\]")


def statement_of(row: Row) -> str:
    """A statement in a line without its literals, and without its parameters' declarations.

    One that the server cut ends with … as one does that is cut here: what it names is not all.
    """
    text = row["statement"] or ""
    declared = _DECLARED.match(text)
    told = masked(text[declared.end() :] if declared else text)
    return f"{told}…" if len(text) == CUT_AT and not told.endswith("…") else told


def query_store(answers: Answers) -> QueryStoreState:
    """Its state."""
    [row] = answers[ask.QUERY_STORE_STATE]
    return QueryStoreState(
        actual=row["actual_state_desc"],
        desired=row["desired_state_desc"],
        used_mb=float(row["current_storage_size_mb"]),
        limit_mb=float(row["max_storage_size_mb"]),
        readonly_reason=int(row["readonly_reason"] or 0),
        kept_days=int(row["stale_query_threshold_days"]),
        interval_minutes=int(row["interval_length_minutes"]),
        capture_mode=row["query_capture_mode_desc"],
    )


def queries(answers: Answers) -> tuple[QueryStatistics, ...]:
    """One for each row."""
    return tuple(
        QueryStatistics(
            query_hash=row["query_hash"],
            query_id=int(row["query_id"]),
            text=statement_of(row),
            plans=tuple(sorted(int(plan) for plan in row["plans"].split(","))),
            first_seen_at=_moment(row["first_seen_at"]),
            last_executed_at=_moment(row["last_executed_at"]),
            **{window: _use([row], window) for window in ("hour", "day", "week")},
        )
        for row in answers[ask.QUERY_STATISTICS]
    )


def _use(rows: Iterable[Row], side: str) -> QueryUse | None:
    """What those rows have cost on one side, or in one window; None where nothing was executed."""
    some = [row for row in rows if row[f"{side}_executions"]]
    if not some:
        return None

    def total(cost: str) -> float:
        return sum(float(row[f"{side}_{cost}"]) for row in some)

    return QueryUse(
        since=min(utc(row[f"{side}_since"]) for row in some),
        executions=int(total("executions")),
        cpu_ms=total("cpu_ms"),
        duration_ms=total("duration_ms"),
        logical_reads=total("logical_reads"),
        physical_reads=total("physical_reads"),
    )


def regressions(answers: Answers) -> tuple[Regression, ...]:
    """A query's plans come together; what the statement cut off in the middle is left out."""
    by_hash = groupby(answers[ask.QUERY_REGRESSIONS], key=itemgetter("query_hash"))
    found = (_regression(list(plans)) for _, plans in by_hash)
    return tuple(one for one in found if one is not None)


def _regression(plans: list[Row]) -> Regression | None:
    recent, before = _use(plans, "recent"), _use(plans, "before")
    if recent is None or before is None:
        return None
    since = [utc(row["worse_since"]) for row in plans if row["worse_since"]]
    blamed = max(plans, key=_blame)
    own = [row for row in plans if row["query_id"] == blamed["query_id"]]
    older = [row for row in own if row["before_executions"]]
    return Regression(
        query_hash=plans[0]["query_hash"],
        query_id=int(blamed["query_id"]),
        text=statement_of(plans[0]),
        newest=_use(plans, "newest"),
        recent=recent,
        before=before,
        plans=_plans(row for row in own if row["recent_executions"]),
        plans_before=_plans(older),
        plan=int(blamed["plan_id"]),
        best_plan=int(min(older, key=_dearness, default=blamed)["plan_id"]),
        worse_since=min(since, default=None),
    )


def _plans(rows: Iterable[Row]) -> tuple[int, ...]:
    return tuple(sorted(int(row["plan_id"]) for row in rows))


def _blame(row: Row) -> tuple[bool, int, int]:
    """The plan that is too dear and is used most now comes last."""
    is_dear = row["worse_since"] is not None
    return is_dear, int(row["newest_executions"]), int(row["recent_executions"])


def _dearness(row: Row) -> tuple[bool, float]:
    """The cheapest plan that was used often enough comes first."""
    executions = int(row["before_executions"])
    return executions < ENOUGH, float(row["before_cpu_ms"]) / executions


def failures(answers: Answers) -> tuple[FailedQuery, ...]:
    """One for each row."""
    return tuple(
        FailedQuery(
            query_hash=row["query_hash"],
            query_id=int(row["query_id"]),
            text=statement_of(row),
            aborted=int(row["aborted"]),
            exceptions=int(row["exceptions"]),
            executions=int(row["executions"]),
        )
        for row in answers[ask.QUERY_FAILURES]
    )


def query_waits(answers: Answers) -> tuple[QueryWait, ...]:
    """One for each row."""
    return tuple(
        QueryWait(
            category=row["category"],
            wait_ms=float(row["wait_ms"]),
            query_hash=row["query_hash"],
            query_id=int(row["query_id"]),
            query_wait_ms=float(row["query_wait_ms"]),
        )
        for row in answers[ask.QUERY_WAITS]
    )


def waits(answers: Answers) -> tuple[Wait, ...]:
    """Those of who has something to do."""
    return tuple(
        Wait(
            type=row["wait_type"],
            tasks=int(row["waiting_tasks_count"]),
            wait_ms=float(row["wait_time_ms"]),
            signal_ms=float(row["signal_wait_time_ms"]),
            longest_ms=float(row["max_wait_time_ms"]),
        )
        for row in answers[ask.WAITS]
        if not row["wait_type"].startswith(IDLE_WAITS)
    )


def blocking(answers: Answers) -> tuple[BlockingChain, ...]:
    """A chain for each head, the longest wait first; who waits in a circle has no head."""
    rows = {int(row["session_id"]): row for row in answers[ask.BLOCKING_CHAINS]}
    behind: dict[int, list[Row]] = {}
    for number, row in rows.items():
        head = _head(number, rows)
        if head is not None and head != number:
            behind.setdefault(head, []).append(row)
    chains = [_chain(rows[head], waiting) for head, waiting in behind.items()]
    return tuple(sorted(chains, key=lambda one: -one.wait_ms))


def _head(number: int, rows: Mapping[int, Row]) -> int | None:
    """Whom everybody before this session waits for; None when nobody in sight does not wait."""
    seen: set[int] = set()
    while number in rows and number not in seen:
        seen.add(number)
        blocker = int(rows[number]["blocked_by"])
        if blocker <= 0:
            return number
        number = blocker
    return None


def _chain(head: Row, waiting: list[Row]) -> BlockingChain:
    longest = max(waiting, key=lambda row: float(row["wait_ms"]))
    return BlockingChain(
        head=int(head["session_id"]),
        text=statement_of(head),
        blocked=len(waiting),
        wait_ms=float(longest["wait_ms"]),
        program=in_line(head["program_name"] or ""),
        host=in_line(head["host_name"] or ""),
        is_idle=bool(head["is_idle"]),
        victim=statement_of(longest),
    )


def transactions(answers: Answers) -> tuple[OpenTransaction, ...]:
    """One for each row."""
    return tuple(
        OpenTransaction(
            session=int(row["session_id"]),
            began_at=utc(row["transaction_begin_time"]),
            text=statement_of(row),
            program=in_line(row["program_name"] or ""),
            host=in_line(row["host_name"] or ""),
            idle_since=_idle_since(row),
        )
        for row in answers[ask.OPEN_TRANSACTIONS]
    )


def _idle_since(row: Row) -> datetime | None:
    return _moment(row["last_request_end_time"]) if row["status"] == "sleeping" else None


def sessions(answers: Answers) -> tuple[SessionGroup, ...]:
    """One for each row."""
    return tuple(
        SessionGroup(
            program=in_line(row["program"]),
            host=in_line(row["host"]),
            sessions=int(row["sessions"]),
            running=int(row["running"]),
            idle=int(row["idle"]),
            young=int(row["young"]),
            in_transaction=int(row["in_transaction"]),
            oldest_login_at=_moment(row["oldest_login_at"]),
        )
        for row in answers[ask.SESSION_GROUPS]
    )


def missing_indexes(answers: Answers) -> tuple[MissingIndex, ...]:
    """One for each row; `[database].[schema].[table]` loses its database."""
    return tuple(
        MissingIndex(
            table=".".join(_names(row["statement"])[-2:]),
            equality=_names(row["equality_columns"]),
            inequality=_names(row["inequality_columns"]),
            included=_names(row["included_columns"]),
            seeks=int(row["user_seeks"]),
            scans=int(row["user_scans"]),
            cost=float(row["avg_total_user_cost"]),
            impact=float(row["avg_user_impact"]),
            last_seek_at=_moment(row["last_user_seek"]),
        )
        for row in answers[ask.MISSING_INDEXES]
    )


def _names(bracketed: str | None) -> tuple[str, ...]:
    return tuple(name.replace("]]", "]") for name in _NAME.findall(bracketed or ""))


def statistics(answers: Answers) -> tuple[Statistics, ...]:
    """One for each row."""
    return tuple(
        Statistics(
            table=f"{row['schema_name']}.{row['table_name']}",
            name=row["statistics_name"],
            columns=(row["column_name"],),
            updated_at=_moment(row["updated_at"]),
            rows=_count(row["row_count"]),
            changes=_count(row["modification_counter"]),
        )
        for row in answers[ask.STATISTICS_AGE]
    )


def started_at(answers: Answers) -> datetime:
    """Since when the server is up."""
    [row] = answers[ask.SERVER_START]
    return utc(row["sqlserver_start_time"])


def _moment(value: datetime | None) -> datetime | None:
    return utc(value) if value is not None else None


def _count(value: Any) -> int | None:
    return int(value) if value is not None else None


PARTS: Mapping[str, tuple[Callable[[Answers], Any], tuple[SqlQuery, ...]]] = {
    "query_store": (query_store, (ask.QUERY_STORE_STATE,)),
    "sessions": (sessions, (ask.SESSION_GROUPS,)),
    "waits": (waits, (ask.WAITS,)),
    "started_at": (started_at, (ask.SERVER_START,)),
    "transactions": (transactions, (ask.OPEN_TRANSACTIONS,)),
    "blocking": (blocking, (ask.BLOCKING_CHAINS,)),
    "missing_indexes": (missing_indexes, (ask.MISSING_INDEXES,)),
    "tables": (tables, (ask.PARTITION_SIZES,)),
    "indexes": (indexes, (ask.INDEX_COLUMNS, ask.FOREIGN_KEYS)),
    "statistics": (statistics, (ask.STATISTICS_AGE,)),
    "failures": (failures, (ask.QUERY_FAILURES,)),
    "query_waits": (query_waits, (ask.QUERY_WAITS,)),
    "queries": (queries, (ask.QUERY_STATISTICS,)),
    "regressions": (regressions, (ask.QUERY_REGRESSIONS,)),
}
"""How each part of an Inspection is made, and the statements without which it can't be."""
ADDED = {"usage": ask.INDEX_USAGE, "sizes": ask.PARTITION_SIZES}
"""What only adds figures to indexes, by how Inspection.lacking names it."""
