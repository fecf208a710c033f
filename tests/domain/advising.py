"""Situations in a line: constant metrics, and an inspection with the parts that matter."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.curves import Curve
from shared.domain.deployments import Deployment
from shared.domain.inspections import (
    Index,
    Inspection,
    MissingIndex,
    QueryStatistics,
    QueryUse,
    Regression,
)
from shared.domain.recommendations.situations import Situation, Stretch
from shared.domain.times import DAY, HOUR, MINUTE

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

Level = float | Sequence[float | None]


def ago(**span: float) -> datetime:
    """A moment before NOW."""
    return NOW - timedelta(**span)


def stretch(level: Level, length: timedelta, step: timedelta) -> Stretch:
    """A metric that ends at NOW: the same all the time, or one figure a step."""
    count = length // step
    values = tuple([level] * count) if isinstance(level, int | float) else tuple(level)
    return Stretch(NOW - len(values) * step, step, Curve(values, values, values))


def a_situation(
    *,
    day: Mapping[str, Level] | None = None,
    week: Mapping[str, Level] | None = None,
    deployments: Sequence[Deployment] = (),
    **parts: Any,
) -> Situation:
    """A target at NOW; `parts` are those of the inspection."""
    return Situation(
        now=NOW,
        day={name: stretch(one, DAY, 5 * MINUTE) for name, one in (day or {}).items()},
        week={name: stretch(one, 7 * DAY, HOUR) for name, one in (week or {}).items()},
        inspection=Inspection(at=NOW, **{"started_at": ago(days=30), **parts}),
        deployments=tuple(deployments),
    )


def a_deploy(version: str, at: datetime) -> Deployment:
    """A version that went live."""
    return Deployment(id=version, target="pantry-crm", at=at, version=version, by="pipeline")


def a_use(executions: int = 1_000, cpu_ms: float = 50, reads: float = 2_000) -> QueryUse:
    """`executions`, each with so much CPU and so many pages."""
    return QueryUse(
        since=ago(days=1),
        executions=executions,
        cpu_ms=cpu_ms * executions,
        duration_ms=cpu_ms * executions,
        logical_reads=reads * executions,
    )


def a_query(number: int = 42, use: QueryUse | None = None, **changes: Any) -> QueryStatistics:
    """A query over visits by their status, as it was in the last hour and day."""
    given: dict[str, Any] = {
        "query_hash": f"0x{number:016X}",
        "query_id": number,
        "text": "SELECT Id FROM dbo.Visit WHERE Status = ?",
        "hour": use or a_use(),
        "day": use or a_use(),
    }
    return QueryStatistics(**{**given, **changes})


def a_regression(**changes: Any) -> Regression:
    """Query 42 reads five times as much with plan 8 as with plan 7."""
    given: dict[str, Any] = {
        "query_hash": a_query().query_hash,
        "query_id": 42,
        "text": a_query().text,
        "recent": a_use(),
        "before": a_use(7_000, cpu_ms=10, reads=400),
        "plans": (8,),
        "plans_before": (7,),
        "plan": 8,
        "best_plan": 7,
        "worse_since": ago(hours=10),
    }
    return Regression(**{**given, **changes})


def a_missing(*equality: str, **changes: Any) -> MissingIndex:
    """Asked for by every execution of query 42 in 30 days."""
    given: dict[str, Any] = {
        "table": "dbo.Visit",
        "equality": equality or ("Status",),
        "seeks": 30_000,
        "cost": 4.0,
        "impact": 90.0,
    }
    return MissingIndex(**{**given, **changes})


def an_index(name: str = "IX_Visit_Kind", *keys: str, **changes: Any) -> Index:
    """An index that is written and never read."""
    given: dict[str, Any] = {
        "table": "dbo.Visit",
        "name": name,
        "kind": "NONCLUSTERED",
        "keys": keys or ("Kind",),
        "size_mb": 10.0,
        "reads": 0,
        "writes": 900,
    }
    return Index(**{**given, **changes})
