"""A workspace in DuckDB: executes real KQL over tables that fill as far as queries ask."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any

import duckdb_kql

from local.cloud.log_analytics_tables import FEEDS, TABLES, Item, constants
from local.world.events import World
from shared.domain.times import MINUTE, each_minute, floor_hour, floor_minute

RETENTION = timedelta(days=30)
_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "real": "DOUBLE",
    "int": "INTEGER",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
_VISIBLE_AT = "_visible_at"
_NOW = "kqlnow"
_SCHEMA = {table: list(columns) for table, columns in TABLES.items()}


@dataclass(frozen=True)
class Span:
    """The time that a query may look at, both ends included."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Answer:
    """A query's result: columns with their DuckDB types, and the rows."""

    columns: list[tuple[str, Any]]
    rows: list[tuple[Any, ...]]


@dataclass
class LogStore:
    """The tables of one workspace, filled from a world; safe to use from any thread."""

    world: World
    _lock: Lock = field(default_factory=Lock)
    _loaded: dict[str, set[datetime]] = field(default_factory=dict)
    _kept_from: datetime | None = None

    def __post_init__(self) -> None:
        # One thread: a desk's machine is busy, and a day of a small application is little.
        self._duckdb = duckdb_kql.connect(config={"threads": 1})
        self._duckdb.execute("CREATE SCHEMA ingested")
        for table in TABLES:
            self._duckdb.execute(_create(table))

    def answer(self, kql: str, span: Span, now: datetime) -> Answer:
        """Execute a query as at world time `now`.

        Raises duckdb_kql.KqlError or duckdb.Error for a query that can't be understood.
        """
        translated = _translated(kql)
        with self._lock:
            self._forget(now)
            for table in _tables_in(kql):
                self._load(table, span, now)
                self._duckdb.execute(_view(table, span, now))
            return self._execute(translated, now)

    def _execute(self, translated: Any, now: datetime) -> Answer:
        given = {name: now if name == _NOW else v for name, v in translated.parameters.items()}
        found = self._duckdb.execute(translated, given)
        columns = [(column[0], column[1]) for column in found.description or ()]
        return Answer(columns, found.fetchall())

    def _load(self, table: str, span: Span, now: datetime) -> None:
        """Each minute once, with items that are not to be seen yet: the view leaves those out."""
        loaded = self._loaded.setdefault(table, set())
        first = max(floor_minute(span.start), floor_minute(now - RETENTION))
        end = min(floor_minute(span.end), floor_minute(now)) + MINUTE
        wanted = [minute for minute in each_minute(first, end) if minute not in loaded]
        feed = FEEDS.get(table)
        if feed is not None:
            items = (item for m in wanted for item in feed(self.world.minute(m)))
            self._insert(table, [self._delayed(item) for item in items])
        loaded.update(wanted)

    def _delayed(self, item: Item) -> Item:
        late = self.world.telemetry_late(item.row["TimeGenerated"])
        return replace(item, visible_at=item.visible_at + late) if late else item

    def _insert(self, table: str, items: list[Item]) -> None:
        if not items:
            return
        columns = list(items[0].row)
        names = ", ".join(_quoted(column) for column in (*columns, _VISIBLE_AT))
        values = [[item.row[column] for item in items] for column in columns]
        values.append([item.visible_at for item in items])
        unnested = ", ".join(["unnest(?)"] * len(values))
        self._duckdb.execute(f'INSERT INTO ingested."{table}" ({names}) SELECT {unnested}', values)

    def _forget(self, now: datetime) -> None:
        """Once an hour of world time: what is older than the retention is gone."""
        kept_from = floor_hour(now - RETENTION)
        if kept_from == self._kept_from:
            return
        self._kept_from = kept_from
        for table, minutes in self._loaded.items():
            gone = {minute for minute in minutes if minute < kept_from}
            if gone:
                minutes.difference_update(gone)
                self._duckdb.execute(
                    f'DELETE FROM ingested."{table}" WHERE TimeGenerated < ?',  # noqa: S608 - a table of ours
                    [kept_from],
                )


@lru_cache(maxsize=256)
def _translated(kql: str) -> Any:
    """DuckDB's SQL for a query, and its parameters; 20 ms, hence kept."""
    return duckdb_kql.to_sql(kql, schema=_SCHEMA, allow_write=False, query_now=datetime.now(UTC))


def _tables_in(kql: str) -> Iterator[str]:
    """The tables that a query may read; a union's wildcard may mean any."""
    wildcard = re.search(r"\bunion\b[^|]*\*", kql)
    for table in TABLES:
        if wildcard or re.search(rf"\b{table}\b", kql):
            yield table


def _create(table: str) -> str:
    texts = constants(table)
    columns = [
        f"{_quoted(column)} {_DUCKDB_TYPES[kind]}"
        + (f" DEFAULT '{texts[column]}'" if column in texts else "")
        for column, kind in TABLES[table].items()
    ]
    return f'CREATE TABLE ingested."{table}" ({", ".join(columns)}, {_VISIBLE_AT} TIMESTAMP)'


def _view(table: str, span: Span, now: datetime) -> str:
    conditions = (
        f"TimeGenerated BETWEEN {_timestamp(span.start)} AND {_timestamp(span.end)}",
        f"{_VISIBLE_AT} <= {_timestamp(now)}",
    )
    rows = f'SELECT * EXCLUDE ({_VISIBLE_AT}) FROM ingested."{table}"'  # noqa: S608 - ours
    return f'CREATE OR REPLACE VIEW "{table}" AS {rows} WHERE {" AND ".join(conditions)}'


def _timestamp(at: datetime) -> str:
    return f"TIMESTAMP '{at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
