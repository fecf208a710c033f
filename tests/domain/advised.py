"""What makes each adviser speak, and the one thing that it says."""

from typing import Any

from msgspec.structs import replace

from shared.domain.blockings import SeenChain
from shared.domain.inspections import (
    BlockingChain,
    FailedQuery,
    OpenTransaction,
    QueryStoreState,
    SessionGroup,
    Statistics,
    TableSize,
)
from shared.domain.recommendations.general import (
    expensive_queries,
    high_dtu,
    high_memory,
    many_connections,
    slow_responses,
)
from shared.domain.recommendations.idle_indexes import duplicate_indexes, unused_indexes
from shared.domain.recommendations.indexes import missing_indexes
from shared.domain.recommendations.memory import memory_leak, restart_saw_tooth
from shared.domain.recommendations.plan import (
    app_disk,
    bandwidth,
    cpu_saturation,
    outbound_sockets,
)
from shared.domain.recommendations.queries import (
    bad_queries,
    failing_queries,
    plan_regressions,
)
from shared.domain.recommendations.registry import Adviser
from shared.domain.recommendations.sessions import (
    blocking_chains,
    connection_churn,
    frequent_blocking,
    noticed_blocking,
    open_transactions,
)
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.upkeep import query_store, stale_statistics, table_growth
from shared.domain.recommendations.values import (
    Recommendation,
)
from tests.domain.advising import (
    a_missing,
    a_query,
    a_regression,
    a_situation,
    a_use,
    ago,
    an_index,
)

BUSY = {"dtuCpu": 30.0, "dtuDataIo": 60.0, "dtuUtilization": 60.0}
HOURS = range(7 * 24)
WAVE = [100.0 if 8 <= hour % 24 < 18 else 0.0 for hour in HOURS]
SAW = [700 + 50.0 * (hour % 18) for hour in HOURS]


def chain(**changes: Any) -> BlockingChain:
    given: dict[str, Any] = {"head": 61, "text": "UPDATE dbo.Visit SET Status = ?"}
    return BlockingChain(**{**given, "blocked": 4, "wait_ms": 45_000, **changes})


def seen(**changes: Any) -> SeenChain:
    given: dict[str, Any] = {"looks": 2, "first_at": ago(hours=6), "last_at": ago(hours=5)}
    return SeenChain(**{**given, "chain": chain(), **changes})


def transaction(**changes: Any) -> OpenTransaction:
    given: dict[str, Any] = {"session": 61, "began_at": ago(minutes=30), "text": "UPDATE x"}
    return OpenTransaction(**{**given, "idle_since": ago(minutes=29), **changes})


def store(**changes: Any) -> QueryStoreState:
    given: dict[str, Any] = {"actual": "READ_ONLY", "desired": "READ_WRITE", "used_mb": 10}
    return QueryStoreState(**{**given, "limit_mb": 10, **changes})


def statistics(**changes: Any) -> Statistics:
    given: dict[str, Any] = {"table": "dbo.Visit", "name": "_WA_1", "updated_at": ago(days=20)}
    return Statistics(**{**given, "rows": 10_000, "changes": 9_000, **changes})


def churning(**changes: Any) -> SessionGroup:
    given: dict[str, Any] = {"program": "node", "host": "crm-1", "sessions": 20, "young": 18}
    return SessionGroup(**{**given, **changes})


SPEAKING: dict[Adviser, Situation] = {
    high_dtu: a_situation(day={"dtuUtilization": 70.5}),
    expensive_queries: a_situation(
        day={"dtuUtilization": 90.0}, queries=(a_query(use=a_use(20, cpu_ms=800)),)
    ),
    many_connections: a_situation(day={"sessionsPercent": 85.0}),
    bad_queries: a_situation(day=BUSY, queries=(a_query(),)),
    plan_regressions: a_situation(day=BUSY, queries=(a_query(),), regressions=(a_regression(),)),
    failing_queries: a_situation(
        failures=(
            FailedQuery(
                query_hash="0x1", query_id=42, text="x", aborted=5, exceptions=1, executions=60
            ),
        )
    ),
    missing_indexes: a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(),)),
    unused_indexes: a_situation(indexes=(an_index(),)),
    duplicate_indexes: a_situation(
        indexes=(an_index(reads=3), an_index("IX_wide", includes=("Note",), reads=9))
    ),
    blocking_chains: a_situation(blocking=(chain(),)),
    noticed_blocking: replace(a_situation(), noticed=(seen(),)),
    frequent_blocking: a_situation(day={"blockedSessions": [1.0] * 20 + [0.0] * 268}),
    open_transactions: a_situation(transactions=(transaction(),)),
    connection_churn: a_situation(day={"workersPercent": 80.0}, sessions=(churning(),)),
    query_store: a_situation(query_store=store()),
    stale_statistics: a_situation(statistics=(statistics(),)),
    table_growth: a_situation(
        week={"storageUsage": [1 + 0.001 * hour for hour in HOURS]},
        tables=(TableSize(table="dbo.Log", rows=9, size_mb=400, grown_mb=20),),
    ),
    high_memory: a_situation(day={"memoryUsage": 1_201.0}),
    slow_responses: a_situation(day={"responseTime.avg": 2_500.0}),
    memory_leak: a_situation(
        day={"memoryUsage": 900.0},
        week={"memoryProcess": [400 + 3.0 * hour + WAVE[hour] for hour in HOURS]},
    ),
    restart_saw_tooth: a_situation(day={"memoryUsage": 1_300.0}, week={"memoryProcess": SAW}),
    cpu_saturation: a_situation(day={"cpuUtilization": [95.0] * 40 + [20.0] * 248}),
    outbound_sockets: a_situation(day={"outboundSockets": 1_400.0}),
    bandwidth: a_situation(week={"bytesOut": 5e6}),
    app_disk: a_situation(day={"appDiskUsage": 9.0}),
}


def only(adviser: Adviser, situation: Situation) -> Recommendation:
    (found,) = adviser(situation)
    return found
