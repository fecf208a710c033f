"""The client's own advice, at the client's thresholds: it says where to look, not what it is.

Its urgency is at most 0.2, so that whatever names a cause of some weight stands before it.
"""

from collections.abc import Iterable

from shared.domain.inspections import QueryStatistics, QueryUse
from shared.domain.quantities import quantity
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    MOST_ACTIONS,
    Area,
    Fact,
    Gist,
    Measure,
    Priority,
    Recommendation,
    Remedy,
    Text,
    recommend,
)

DTU_ABOVE = 70.0
MEMORY_ABOVE, MEMORY_LIMIT = 1200.0, 1750.0
RESPONSE_ABOVE = 2000.0
CONNECTIONS_ABOVE = 80.0
EXPENSIVE_MS = 500.0
"""Mean CPU of an execution from which a query counts as expensive: a tenth of a core for 5 s."""
MOST_QUERIES = 10
MOST = 0.2

DTU = Gist(
    kind="high_dtu",
    type="performance",
    priority=Priority.HIGH,
    link="https://learn.microsoft.com/azure/azure-sql/database/performance-guidance",
)
MEMORY = Gist(
    kind="high_memory",
    type="memory",
    area=Area.MEMORY,
    priority=Priority.MEDIUM,
    link="https://learn.microsoft.com/azure/app-service/monitor-app-service",
)
RESPONSE = Gist(
    kind="slow_responses",
    type="performance",
    area=Area.MEMORY,
    priority=Priority.MEDIUM,
    link="https://learn.microsoft.com/azure/architecture/best-practices/caching",
)
CONNECTIONS = Gist(
    kind="many_connections",
    type="connection_pooling",
    priority=Priority.MEDIUM,
    link="https://learn.microsoft.com/azure/azure-sql/database/resource-limits-dtu-single-databases",
)
EXPENSIVE = Gist(
    kind="expensive_queries",
    type="query_optimization",
    priority=Priority.HIGH,
    link="https://learn.microsoft.com/azure/azure-sql/database/query-performance-insight-use",
)


def high_dtu(situation: Situation) -> Iterable[Recommendation]:
    """Mean DTU of the last 24 hours above 70 %. Urgency = 0.2 × (mean - 70) / 30."""
    mean = situation.mean("dtuUtilization")
    if mean is not None and mean > DTU_ABOVE:
        text = Text(
            "High DTU Usage Detected",
            f"DTU was {quantity(round(mean, 1), '%')} on average over the last 24 hours: optimise "
            "queries or keep answers in a cache.",
            (
                "Review the slowest queries, the one that takes most first.",
                "Cache results that are asked for again and again.",
                "Add the indexes that are missing.",
                "Share connections through one pool.",
            ),
            (Fact("mean DTU in 24 h", quantity(round(mean, 1), "%")),),
        )
        yield _general(DTU, text, (mean - DTU_ABOVE) / 30, mean, "dtuUtilization", "DTU", "%")


def high_memory(situation: Situation) -> Iterable[Recommendation]:
    """Mean memory of the last 24 hours above 1,200 MB. Urgency = 0.2 × (mean - 1,200) / 550."""
    mean = situation.mean("memoryUsage")
    if mean is not None and mean > MEMORY_ABOVE:
        text = Text(
            "High Memory Usage",
            f"The plan used {quantity(round(mean), 'MB')} of 1,750 MB on average over the last 24 "
            "hours: it nears the limit of B1.",
            (
                "Look for leaks: compare two heap snapshots an hour apart.",
                "Let garbage be collected sooner: lower --max-old-space-size.",
                "Make the image cache smaller.",
                "Keep less in memory: ids in place of objects, streams in place of whole files.",
            ),
            (Fact("mean memory in 24 h", quantity(round(mean), "MB")),),
        )
        urgency = (mean - MEMORY_ABOVE) / (MEMORY_LIMIT - MEMORY_ABOVE)
        yield _general(MEMORY, text, urgency, mean, "memoryUsage", "memory", "MB")


def slow_responses(situation: Situation) -> Iterable[Recommendation]:
    """Mean response time of the last 24 hours above 2,000 ms. Urgency = 0.2 × (mean / 2000 - 1)."""
    mean = situation.mean("responseTime.avg")
    if mean is not None and mean > RESPONSE_ABOVE:
        text = Text(
            "Slow Response Times",
            f"Requests took {quantity(round(mean), 'ms')} on average over the last 24 hours; the "
            "target is 2,000 ms.",
            (
                "Cache responses that are the same for everybody.",
                "Optimise the queries behind the slowest endpoints.",
                "Serve static files from a CDN.",
                "Review the endpoints: which are slow, and which are called most?",
            ),
            (Fact("mean response time in 24 h", quantity(round(mean), "ms")),),
        )
        urgency = mean / RESPONSE_ABOVE - 1
        yield _general(RESPONSE, text, urgency, mean, "responseTime.avg", "response time", "ms")


def many_connections(situation: Situation) -> Iterable[Recommendation]:
    """More than 80 % of the 30 workers or of the 300 sessions, in a twentieth of the day.

    Urgency = 0.2 × (percent - 80) / 20, of the higher one.
    """
    found = {metric: _high(metric, situation) for metric in ("workersPercent", "sessionsPercent")}
    metric, percent = max(found.items(), key=lambda one: one[1])
    if percent > CONNECTIONS_ABOVE:
        what = "30 workers" if metric == "workersPercent" else "300 sessions"
        text = Text(
            "Too Many Connections",
            f"The database's {what} were {quantity(round(percent), '%')} in use at the day's "
            "busiest times; beyond them it refuses.",
            (
                "Use connection pooling: one pool for the process, of at most 10 connections.",
                "Give each connection back when the request ends, also after an error.",
                "End idle ones after 30 seconds.",
            ),
            (Fact(f"of {what}, at busy times", quantity(round(percent), "%")),),
        )
        yield _general(CONNECTIONS, text, (percent - 80) / 20, percent, metric, what, "%")


def _high(metric: str, situation: Situation) -> float:
    stretch = situation.day.get(metric)
    return (stretch.high() if stretch is not None else None) or 0.0


def _general(
    gist: Gist, text: Text, excess: float, size: float, metric: str, label: str, unit: str
) -> Recommendation:
    return recommend(
        gist,
        metric,
        text,
        urgency=MOST * min(excess, 1.0),
        size=size,
        remedy=Remedy(measure=Measure(f"metric:{metric}", label, size, unit)),
    )


def expensive_queries(situation: Situation) -> Iterable[Recommendation]:
    """Queries of more than 500 ms CPU an execution in the last hour, while mean DTU is above 70 %.

    One action for each, at most ten. Urgency = 0.2 × (mean DTU - 70) / 30.
    """
    mean = situation.mean("dtuUtilization")
    dear = [
        (query, use)
        for query, use in dearest_queries(situation)
        if use.average_cpu_ms >= EXPENSIVE_MS
    ]
    if dear and mean is not None and mean > DTU_ABOVE:
        text = Text(
            f"{len(dear)} expensive {'query' if len(dear) == 1 else 'queries'} in the last hour",
            f"Executions of more than {EXPENSIVE_MS:.0f} ms CPU each, on a database that works at "
            f"{quantity(round(mean, 1), '%')} DTU.",
            [_action(query, use) for query, use in dear][:MOST_ACTIONS],
        )
        total = sum(use.cpu_ms for _, use in dear)
        yield recommend(
            EXPENSIVE, "hour", text, urgency=MOST * min((mean - 70) / 30, 1.0), size=total
        )


def dearest_queries(situation: Situation) -> list[tuple[QueryStatistics, QueryUse]]:
    """The ten of the last hour whose executions cost most CPU on average."""
    uses = [(query, query.hour) for query in situation.queries]
    executed = [(query, use) for query, use in uses if use is not None and use.executions]
    return sorted(executed, key=lambda one: -one[1].average_cpu_ms)[:MOST_QUERIES]


def _action(query: QueryStatistics, use: QueryUse) -> str:
    cut = query.text if len(query.text) <= 120 else f"{query.text[:119]}…"
    return (
        f"Optimise query {query.query_id} ({use.executions:,} executions, "
        f"{quantity(round(use.average_cpu_ms), 'ms')} CPU each): {cut}"
    )
