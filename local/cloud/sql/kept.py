"""The CRM's tables in DuckDB: each minute of the world is played once and kept for a day or so."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from local.world.events import BusinessRows, World
from shared.domain.times import MINUTE, each_minute, floor_hour, floor_minute

HISTORY = timedelta(hours=26)
_TABLES = ("activity", "interactions", "reports", "syncs", "opportunities")

_FORGOTTEN = _TABLES[:-1]
"""Deals are few, and wait for longer than that."""


class KeptRows:
    """Fills the tables behind the views of the schema dbo; safe to use from any thread.

    The views show a connection what there is at the moment in its variable `moment`, so that
    connections may look at one time or another.
    """

    def __init__(self, world: World, database: duckdb.DuckDBPyConnection) -> None:
        self._world = world
        self._duckdb = database.cursor()
        self._lock = Lock()
        self._loaded: set[datetime] = set()
        self._kept_from: datetime | None = None
        database.execute(Path(__file__).with_name("tables.sql").read_text("utf-8"))

    def load(self, now: datetime) -> None:
        """All rows of the last 26 hours are there afterwards, and a few that are yet to come."""
        with self._lock:
            self._forget(now)
            first = floor_minute(now - HISTORY)
            minutes = each_minute(first, floor_minute(now) + MINUTE)
            wanted = [minute for minute in minutes if minute not in self._loaded]
            if wanted:
                self._keep([self._world.business_rows(minute) for minute in wanted])
                self._loaded.update(wanted)

    def _keep(self, minutes: Sequence[BusinessRows]) -> None:
        for table in _TABLES:
            self._insert(table, [row for rows in minutes for row in _values(table, rows)])

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            unnested = ", ".join(["unnest(?)"] * len(columns))
            self._duckdb.execute(f"INSERT INTO kept.{table} SELECT {unnested}", columns)

    def _forget(self, now: datetime) -> None:
        """Once an hour of world time: what is older than the history is gone."""
        kept_from = floor_hour(now - HISTORY)
        if kept_from == self._kept_from:
            return
        self._kept_from = kept_from
        gone = {minute for minute in self._loaded if minute < kept_from}
        self._loaded -= gone
        if gone:
            for table in _FORGOTTEN:
                deletion = f"DELETE FROM kept.{table} WHERE moment < ?"  # noqa: S608 - ours
                self._duckdb.execute(deletion, [naive(kept_from)])


def naive(at: datetime) -> datetime:
    """A moment as SQL Server's datetime has it: UTC that does not say so."""
    return at.astimezone(UTC).replace(tzinfo=None)


def _values(table: str, rows: BusinessRows) -> Iterator[tuple[Any, ...]]:
    if table == "activity":
        yield from ((each.session_id, naive(each.at), each.user_id) for each in rows.activity)
    elif table == "opportunities":
        for one in rows.opportunities:
            closed = naive(one.closed_at) if one.closed_at else None
            yield one.id, naive(one.created_at), one.stage, one.value, closed
    else:
        for row in getattr(rows, table):
            took = (row.took_ms,) if table == "reports" else ()
            yield row.id, naive(row.at), row.kind, row.user_id, *took
