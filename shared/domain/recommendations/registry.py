"""Every recommendation there is; the only place to touch to add one."""

from collections.abc import Callable, Iterable

from shared.domain.recommendations import (
    general,
    idle_indexes,
    indexes,
    memory,
    plan,
    queries,
    sessions,
    upkeep,
)
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import Recommendation

Adviser = Callable[[Situation], Iterable[Recommendation]]

ADVISERS: tuple[Adviser, ...] = (
    general.high_dtu,
    general.expensive_queries,
    general.many_connections,
    queries.bad_queries,
    queries.plan_regressions,
    queries.failing_queries,
    indexes.missing_indexes,
    idle_indexes.unused_indexes,
    idle_indexes.duplicate_indexes,
    sessions.blocking_chains,
    sessions.noticed_blocking,
    sessions.frequent_blocking,
    sessions.open_transactions,
    sessions.connection_churn,
    upkeep.query_store,
    upkeep.stale_statistics,
    upkeep.table_growth,
    general.high_memory,
    general.slow_responses,
    memory.memory_leak,
    memory.restart_saw_tooth,
    plan.cpu_saturation,
    plan.outbound_sockets,
    plan.bandwidth,
    plan.app_disk,
)


def judge(situation: Situation) -> list[Recommendation]:
    """All that can be recommended, the most urgent first; each id once."""
    found: dict[str, Recommendation] = {}
    for adviser in ADVISERS:
        for one in adviser(situation):
            if one.id not in found or one.rank < found[one.id].rank:
                found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.rank, one.id))
