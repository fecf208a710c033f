"""Turns what the database answered into readings; units are the catalog's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.sql.business import SAMPLED, tallied
from shared.adapters.sql.connections import Table, utc
from shared.adapters.sql.windows import Window
from shared.catalog import sql_queries as sql
from shared.catalog.sql_queries import SqlQuery
from shared.domain.errors import SourceError
from shared.domain.samples import Reading, Sample
from shared.domain.tallies import Tally
from shared.domain.times import HOUR, floor_minute

GIB = 2**30
ROW_LENGTH = timedelta(seconds=15)
_DRIFT = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def checked(query: SqlQuery, table: Table) -> Table:
    """The table, if it has the columns that its statement names; else raises SourceError."""
    missing = [column for column in query.columns if any(column not in row for row in table)]
    if missing:
        raise SourceError(f"the answer to {query.name} has no column {', '.join(missing)}")
    return table


@contextmanager
def understood(query: SqlQuery) -> Iterator[None]:
    """What a NULL or a missing row makes of an answer is a SourceError of its own source."""
    try:
        yield
    except _UNREADABLE as error:
        raise SourceError(f"the answer to {query.name} can't be read: {error}") from error


def resource_stats(table: Table, since: datetime | None, now: datetime) -> Reading:
    """Rows of 15 seconds; each belongs to the minute that it ends in or with.

    The view forgets after an hour, perhaps in the middle of a minute: such a one is left out.
    """
    samples = [sample for row in _from_whole_minute(table) for sample in _of_resources(row)]
    newest = max((utc(row["end_time"]) for row in table), default=None)
    known = since or floor_minute(now) - HOUR
    return Reading(
        source=sql.RESOURCE_STATS.source,
        asked_at=now,
        covered_until=known if newest is None else floor_minute(newest),
        samples=tuple(samples),
    )


def _from_whole_minute(table: Table) -> Table:
    rows = sorted(table, key=_minute_of)
    if not rows:
        return rows
    first = _minute_of(rows[0])
    # Rows are some milliseconds longer than they should be: their ends wander through the minute.
    if min(utc(row["end_time"]) for row in rows) - first <= ROW_LENGTH + _DRIFT:
        return rows
    return [row for row in rows if _minute_of(row) > first]


def _minute_of(row: Mapping[str, Any]) -> datetime:
    return floor_minute(utc(row["end_time"]) - _INSTANT)


def _of_resources(row: Mapping[str, Any]) -> list[Sample]:
    minute = _minute_of(row)
    cpu, io, log = (float(row[f"avg_{part}_percent"]) for part in ("cpu", "data_io", "log_write"))
    values = {
        "dtuUtilization": max(cpu, io, log),
        "dtuPeak": max(cpu, io, log),
        "dtuCpu": cpu,
        "dtuDataIo": io,
        "dtuLogWrite": log,
        "workersPercent": float(row["max_worker_percent"]),
        "sessionsPercent": float(row["max_session_percent"]),
    }
    return [Sample(metric, minute, value) for metric, value in values.items()]


def load(table: Table) -> float:
    """DTU percent of the newest 15 seconds; 0 while nothing is known."""
    newest = max(table, key=lambda row: utc(row["end_time"]), default=None)
    return _of_resources(newest)[0].value if newest is not None else 0.0


def size(table: Table) -> dict[str, float]:
    """Used space, in GB and in percent of the real limit."""
    [row] = table
    used, limit = float(row["used_bytes"]), float(row["limit_bytes"])
    return {"storageUsage": used / GIB, "storagePercent": 100 * used / limit}


def own_share(table: Table) -> dict[str, float]:
    """What a connection has cost so far."""
    [row] = table
    return {
        "monitor.cpuMs": float(row["cpu_ms"]),
        "monitor.logicalReads": float(row["logical_reads"]),
    }


NOW: Mapping[SqlQuery, Callable[[Table], dict[str, float]]] = {
    sql.SESSIONS: lambda table: {"connectionCount": float(table[0]["connections"])},
    sql.STORAGE: size,
    sql.BLOCKING: lambda table: {"blockedSessions": float(table[0]["blocked"])},
    sql.OWN_SHARE: own_share,
}
"""What is seen of the moment: values by metric, of the running minute."""


def of_now(source: str, values: Mapping[str, float], now: datetime) -> Reading:
    """A reading of the moment; like the probe's it covers what lies before this minute."""
    minute = floor_minute(now)
    samples = tuple(Sample(metric, minute, value) for metric, value in values.items())
    return Reading(source=source, asked_at=now, covered_until=minute, samples=samples)


SLOTS: Mapping[SqlQuery, tuple[str, str]] = {
    sql.INTERACTIONS: ("logged", "interactionsLogged"),
    sql.REPORTS: ("generated", "reportsGenerated"),
    sql.SYNC_FAILURES: ("failed", "offlineSync.failed"),
}
"""Counts by slot: the column that counts, and the metric."""
LEVELS: Mapping[SqlQuery, tuple[str, str]] = {
    sql.ACTIVE_USERS: ("active", "activeUsers"),
    sql.SYNC_PENDING: ("pending", "offlineSync.pending"),
}
"""What is so at the end of the window: the column, and the metric."""


def of_window(
    source: str, tables: Mapping[SqlQuery, Table], window: Window, now: datetime
) -> Reading:
    """A reading of counts; a slot that no row speaks of counted nothing."""
    samples: list[Sample] = []
    tallies: list[Tally] = []
    for query, table in tables.items():
        with understood(query):
            samples += _counted(query, table, window)
            tallies += tallied(query, table, window)
    return Reading(
        source=source,
        asked_at=now,
        covered_until=window.until,
        samples=tuple(samples),
        since=window.since,
        tallies=tuple(tallies),
    )


def _counted(query: SqlQuery, table: Table, window: Window) -> Iterable[Sample]:
    if not window.slots:
        return []
    if query in SAMPLED:
        return SAMPLED[query](table, window)
    if query in LEVELS:
        column, metric = LEVELS[query]
        return [Sample(metric, window.last, float(table[0][column]))]
    column, metric = SLOTS[query]
    found = {int(row["slot"]): float(row[column]) for row in table}
    slots = range(window.slots)
    return [Sample(metric, window.start_of(slot), found.get(slot, 0.0)) for slot in slots]
