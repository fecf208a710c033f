"""What a database needs now and then: room, a Query Store that writes, statistics of today."""

import math
from collections.abc import Iterable, Sequence

from shared.domain.inspections import QueryStoreState, Statistics, TableSize
from shared.domain.quantities import quantity
from shared.domain.recommendations.indexes import bracketed, quoted
from shared.domain.recommendations.loads import readers
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    Confidence,
    Fact,
    Gist,
    Recommendation,
    Remedy,
    Text,
    percent,
    recommend,
)
from shared.domain.times import DAY
from shared.domain.trends.slopes import medians, slot_of, trend_of

QUERY_STORE = Gist(
    kind="query_store",
    type="query_store",
    link="https://learn.microsoft.com/sql/relational-databases/performance/"
    "best-practice-with-the-query-store",
)
STATISTICS = Gist(
    kind="stale_statistics",
    type="stale_statistics",
    link="https://learn.microsoft.com/sql/relational-databases/statistics/statistics",
)
GROWTH = Gist(
    kind="table_growth",
    type="storage_growth",
    link="https://learn.microsoft.com/azure/azure-sql/database/file-space-manage",
)
NEARLY_FULL = 0.9
LIMIT_GB = 2.0
OLD = 7 * DAY
FEWEST_ROWS = 1_000
MOST = 5
FEWEST_HOURS = 24
WEEK = 7 * 1440
FARTHEST_DAYS = 365.0


def query_store(situation: Situation) -> Iterable[Recommendation]:
    """Query Store that no longer writes (urgency 0.1), or will soon be full (0.03).

    Without it nobody can say which query costs what: the monitor included.
    """
    state = situation.inspection and situation.inspection.query_store
    if not state:
        return
    used = state.used_mb / state.limit_mb if state.limit_mb else 0.0
    if state.is_reading_only:
        yield recommend(
            QUERY_STORE, "state", _stopped(state), urgency=0.1, size=1, remedy=_WRITE_AGAIN
        )
    elif used >= NEARLY_FULL:
        yield recommend(
            QUERY_STORE, "size", _full_soon(state, used), urgency=0.03, size=used, remedy=_KEEP_LESS
        )


_WRITE_AGAIN = Remedy(
    script="ALTER DATABASE CURRENT SET QUERY_STORE CLEAR;\n"
    "ALTER DATABASE CURRENT SET QUERY_STORE (OPERATION_MODE = READ_WRITE);"
)
_KEEP_LESS = Remedy(
    script="ALTER DATABASE CURRENT SET QUERY_STORE "
    "(QUERY_CAPTURE_MODE = AUTO, SIZE_BASED_CLEANUP_MODE = AUTO);"
)


def _stopped(state: QueryStoreState) -> Text:
    return Text(
        "Query Store does not write any more",
        f"It is {state.actual} (reason {state.readonly_reason}) and should be {state.desired}: "
        "what queries cost since then is not recorded.",
        (
            "Let it begin anew by the script; what it remembers is lost.",
            "Keep fewer days in it if that happens again.",
        ),
        (Fact("used", f"{state.used_mb:.1f} of {state.limit_mb:.0f} MB"),),
    )


def _full_soon(state: QueryStoreState, used: float) -> Text:
    return Text(
        f"Query Store is {percent(used)} full",
        "When it is full it stops writing.",
        ("Let it clean up by size, and leave out what hardly ever runs: the script does both.",),
        (Fact("used", f"{state.used_mb:.1f} of {state.limit_mb:.0f} MB"),),
    )


def stale_statistics(situation: Situation) -> Iterable[Recommendation]:
    """Statistics of which more changed than the engine itself lets pass, for a week or longer.

    The engine's own threshold since 2016: max(500 + 20 % of the rows, at most √(1,000 × rows)).
    Urgency = 0.05 where a listed query reads the table, else 0.02.
    """
    inspection = situation.inspection
    stale = [
        one
        for one in (inspection and inspection.statistics) or ()
        if _is_stale(one) and situation.now - (one.updated_at or situation.now) >= OLD
    ]
    for one in stale[:MOST]:
        read = readers(situation.queries, one.table)
        yield recommend(
            STATISTICS,
            f"{one.table}|{one.name}",
            _stale_text(one, read=bool(read)),
            urgency=0.05 if read else 0.02,
            size=one.changes or 0,
            remedy=Remedy(
                script=f"UPDATE STATISTICS {quoted(one.table)} {bracketed(one.name)};",
            ),
        )


def _is_stale(one: Statistics) -> bool:
    rows = one.rows or 0
    threshold = min(500 + 0.2 * rows, math.sqrt(1000 * rows))
    return rows >= FEWEST_ROWS and (one.changes or 0) > threshold and one.updated_at is not None


def _stale_text(one: Statistics, *, read: bool) -> Text:
    rows, changes = one.rows or 0, one.changes or 0
    return Text(
        f"Statistics {one.name} of {one.table} are old",
        f"{changes:,} changes to {rows:,} rows since they were made: plans are chosen by how the "
        f"table looked then.{' The heaviest queries read it.' if read else ''}",
        (
            "Update them by the script, at a quiet hour.",
            "Look whether AUTO_UPDATE_STATISTICS is on.",
        ),
        (Fact("changes", f"{changes:,}"), Fact("rows", f"{rows:,}")),
    )


def table_growth(situation: Situation) -> Iterable[Recommendation]:
    """The database reaches its limit within a year at the last week's rate.

    The limit is what storagePercent is a part of, and Basic's 2 GB where that is not known.
    The rate is the Theil–Sen slope of storageUsage by three hours, if Kendall's test is sure of it.
    Urgency = 7 / (7 + days that are left).
    """
    stretch = situation.week.get("storageUsage")
    points = stretch.points() if stretch is not None else []
    slots = medians(((round(at), value) for at, value in points), slot_of(WEEK))
    trend = trend_of(slots) if len(points) >= FEWEST_HOURS else None
    limit = _limit_gb(situation)
    minutes = trend.minutes_until(limit, rising=True) if trend is not None else None
    if trend is None or minutes is None or minutes > FARTHEST_DAYS * 1440:
        return
    days = minutes / 1440
    yield recommend(
        GROWTH,
        "database",
        _growth_text(days, trend.slope * 1440 * 1024, limit, _growing(situation)),
        urgency=7 / (7 + days),
        size=trend.slope,
        confidence=Confidence.HIGH if days < 30 else Confidence.MEDIUM,
    )


def _limit_gb(situation: Situation) -> float:
    used, share = (
        stretch.newest if stretch is not None else None
        for stretch in (situation.week.get(name) for name in ("storageUsage", "storagePercent"))
    )
    return 100 * used / share if used and share else LIMIT_GB


def _growing(situation: Situation) -> list[TableSize]:
    grown = [one for one in situation.tables if (one.grown_mb or 0) > 0]
    return sorted(grown, key=lambda one: -(one.grown_mb or 0))[:3]


def _growth_text(days: float, mb_a_day: float, limit: float, tables: Sequence[TableSize]) -> Text:
    named = ", ".join(one.table for one in tables)
    return Text(
        f"The database is full in about {days:.0f} days",
        f"It grows by {quantity(round(mb_a_day, 1), 'MB')} a day towards its "
        f"{quantity(round(limit, 1), 'GB')}"
        f"{f', most of it in {named}' if named else ''}; a full one refuses every write.",
        (
            "Archive or delete old rows in pieces of some thousand, at a quiet hour.",
            "Scale up before it is full: S0 has 250 GB.",
        ),
        (
            Fact("growth a day", quantity(round(mb_a_day, 1), "MB")),
            *(
                Fact(one.table, f"{one.rows:,} rows, {quantity(round(one.size_mb, 1), 'MB')}")
                for one in tables
            ),
        ),
    )
