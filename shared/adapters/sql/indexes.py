"""Puts indexes and tables together from what the catalog's views answer, row by row."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from shared.adapters.sql.connections import Row, Table, utc
from shared.catalog import inspection_queries as ask
from shared.catalog.sql_queries import SqlQuery
from shared.domain.inspections import Index, TableSize, mb

HEAP_OR_CLUSTERED = (0, 1)
"""The index_ids that hold a table's rows themselves."""

_Id = tuple[int, int]


class _Use(NamedTuple):
    """How often an index was read and written; None where that can't be known."""

    reads: int | None
    writes: int | None
    last_read_at: datetime | None = None


def indexes(answers: Mapping[SqlQuery, Table]) -> tuple[Index, ...]:
    """The largest first; without sizes or use these figures are 0 or None."""
    sizes = {_id(row): mb(float(row["pages"])) for row in answers.get(ask.PARTITION_SIZES, [])}
    used = answers.get(ask.INDEX_USAGE)
    uses = None if used is None else {_id(row): _use(row) for row in used}
    supported = _foreign_keys(answers[ask.FOREIGN_KEYS])
    rows = sorted(answers[ask.INDEX_COLUMNS], key=_id)
    found = (
        _index(list(columns), sizes.get(number, 0.0), _of(uses, number), supported)
        for number, columns in groupby(rows, key=_id)
    )
    return tuple(sorted(found, key=lambda one: -one.size_mb))


def _of(uses: Mapping[_Id, _Use] | None, number: _Id) -> _Use:
    """An index that was never touched has no row."""
    return _Use(None, None) if uses is None else uses.get(number, _Use(0, 0))


def _id(row: Row) -> _Id:
    return int(row["object_id"]), int(row["index_id"])


def _use(row: Row) -> _Use:
    last = [row[f"last_user_{kind}"] for kind in ("seek", "scan", "lookup")]
    newest = max((utc(at) for at in last if at is not None), default=None)
    return _Use(int(row["reads"]), int(row["writes"]), newest)


def _foreign_keys(rows: Table) -> dict[int, list[frozenset[str]]]:
    """The sets of columns that refer to other tables, by the table's id."""
    found: dict[tuple[int, int], set[str]] = {}
    for row in rows:
        key = int(row["parent_object_id"]), int(row["constraint_object_id"])
        found.setdefault(key, set()).add(row["column_name"])
    by_table: dict[int, list[frozenset[str]]] = {}
    for (table, _), columns in found.items():
        by_table.setdefault(table, []).append(frozenset(columns))
    return by_table


def _index(
    rows: list[Row], size_mb: float, use: _Use, supported: Mapping[int, list[frozenset[str]]]
) -> Index:
    first = rows[0]
    keys = sorted((row for row in rows if row["key_ordinal"]), key=lambda row: row["key_ordinal"])
    names = [row["column_name"] for row in keys]
    references = supported.get(int(first["object_id"]), [])
    return Index(
        table=_table(first),
        name=first["index_name"],
        kind=first["type_desc"],
        keys=tuple(_key(row) for row in keys),
        includes=tuple(sorted(row["column_name"] for row in rows if row["is_included_column"])),
        filter=first["filter_definition"] or "",
        is_primary_key=bool(first["is_primary_key"]),
        is_unique=bool(first["is_unique"]),
        is_unique_constraint=bool(first["is_unique_constraint"]),
        is_disabled=bool(first["is_disabled"]),
        supports_foreign_key=any(set(names[: len(one)]) == one for one in references),
        size_mb=size_mb,
        reads=use.reads,
        writes=use.writes,
        last_read_at=use.last_read_at,
    )


def _key(row: Row) -> str:
    return f"{row['column_name']} DESC" if row["is_descending_key"] else str(row["column_name"])


def _table(row: Row) -> str:
    return f"{row['schema_name']}.{row['table_name']}"


def tables(answers: Mapping[SqlQuery, Table]) -> tuple[TableSize, ...]:
    """The largest first."""
    rows = sorted(answers[ask.PARTITION_SIZES], key=_table)
    found = (_size(name, list(parts)) for name, parts in groupby(rows, key=_table))
    return tuple(sorted(found, key=lambda one: -one.size_mb))


def _size(name: str, parts: list[Row]) -> TableSize:
    own = [row for row in parts if int(row["index_id"]) in HEAP_OR_CLUSTERED]
    others = [row for row in parts if int(row["index_id"]) not in HEAP_OR_CLUSTERED]
    return TableSize(
        table=name,
        rows=sum(int(row["row_count"]) for row in own),
        size_mb=_mb(parts),
        index_mb=_mb(others),
    )


def _mb(rows: Iterable[Row]) -> float:
    return mb(sum(float(row["pages"]) for row in rows))
