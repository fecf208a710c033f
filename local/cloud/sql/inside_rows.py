"""The rows of the views that show a database from the inside, as mappings of column to value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.cloud.sql.inside_keys import query_hash, statistics_key
from local.cloud.sql.kept import naive
from local.world.inside import FLUSHED_EVERY, Inside, Run
from local.world.workloads import Index, Table, Wish
from shared.domain.times import HOUR

Row = dict[str, Any]

DBO = 1
_KINDS = {0: "Regular", 3: "Aborted", 4: "Exception"}
_CATEGORIES = {"CPU": 1, "Lock": 3, "Buffer IO": 6, "Tran Log IO": 14, "Network IO": 15}
_FIRST_TRANSACTION = 4_711_000
_COLUMN_BYTES = 80
_STORE_LIMIT_MB = 10


@dataclass(frozen=True)
class InsideRows:
    """`database`: its id and name. `sees_definitions`: else the catalog's views are empty.

    `refused`: tables of which nothing may be selected, in small letters.
    """

    inside: Inside
    database: tuple[int, str]
    sees_definitions: bool = True
    refused: frozenset[str] = frozenset()

    def rows(self, view: str) -> Iterator[Row] | None:
        """The rows of a view, or None if it is none of these."""
        feeds = {
            "query_store_query_text": self._texts,
            "query_store_query": self._queries,
            "query_store_plan": self._plans,
            "query_store_runtime_stats_interval": self._intervals,
            "query_store_runtime_stats": self._runs,
            "query_store_wait_stats": self._query_waits,
            "database_query_store_options": self._options,
            "dm_db_wait_stats": self._waits,
            "dm_db_missing_index_details": self._missing_details,
            "dm_db_missing_index_groups": self._missing_groups,
            "dm_db_missing_index_group_stats": self._missing_stats,
            "dm_db_index_usage_stats": self._usage,
            "dm_os_sys_info": self._system,
            "dm_tran_active_transactions": self._transactions,
            "dm_tran_session_transactions": self._session_transactions,
        }
        found = feeds.get(view) or self._defined().get(view)
        return found() if found is not None else None

    def _defined(self) -> Mapping[str, Any]:
        feeds = {
            "dm_db_partition_stats": self._partitions,
            "objects": self._objects,
            "indexes": self._indexes,
            "index_columns": self._index_columns,
            "columns": self._columns,
            "foreign_key_columns": self._foreign_keys,
            "stats": self._statistics,
            "stats_columns": self._statistics_columns,
            "dm_db_stats_properties": self._statistics_properties,
        }
        return feeds if self.sees_definitions else dict.fromkeys(feeds, lambda: iter(()))

    def statistics_dates(self) -> dict[int, datetime]:
        """When the statistics of an index were last refreshed, by their `key`."""
        tables = self.inside.tables if self.sees_definitions else ()
        return {
            statistics_key(table.object_id, index.id): naive(self.inside.at - table.analysed)
            for table in tables
            for index in table.indexes
        }

    def _texts(self) -> Iterator[Row]:
        for number, text in self._known_texts().items():
            yield {"query_text_id": number, "query_sql_text": text}

    def _known_texts(self) -> dict[int, str]:
        return {plan.statement.query_id: plan.statement.text for plan in self.inside.plans}

    def _queries(self) -> Iterator[Row]:
        firsts: dict[int, Row] = {}
        for plan in self.inside.plans:
            number = plan.statement.query_id
            row = {
                "query_id": number,
                "query_text_id": number,
                "object_id": 0,
                "query_hash": query_hash(plan.statement.text),
                "is_internal_query": False,
                "initial_compile_start_time": plan.compiled_at,
            }
            firsts.setdefault(number, row)
        yield from firsts.values()

    def _plans(self) -> Iterator[Row]:
        for plan in self.inside.plans:
            yield {
                "plan_id": plan.plan_id,
                "query_id": plan.statement.query_id,
                "is_forced_plan": False,
                "initial_compile_start_time": plan.compiled_at,
            }

    def _intervals(self) -> Iterator[Row]:
        for hour in dict.fromkeys(run.hour for run in self.inside.runs):
            yield {
                "runtime_stats_interval_id": _interval(hour),
                "start_time": hour,
                "end_time": hour + HOUR,
            }

    def _runs(self) -> Iterator[Row]:
        for number, run in enumerate(self.inside.runs, 1):
            yield _runtime_row(number, run)

    def _query_waits(self) -> Iterator[Row]:
        """The open interval's are there twice: what was flushed, and what was not."""
        for number, wait in enumerate(self.inside.query_waits, 1):
            is_open = wait.hour + HOUR > self.inside.at
            parts = (wait.wait_ms // 3, wait.wait_ms - wait.wait_ms // 3)
            for ms in parts if is_open else (wait.wait_ms,):
                yield {
                    "wait_stats_id": number,
                    "plan_id": wait.plan_id,
                    "runtime_stats_interval_id": _interval(wait.hour),
                    "wait_category": _CATEGORIES[wait.category],
                    "wait_category_desc": wait.category,
                    "execution_type": 0,
                    "execution_type_desc": "Regular",
                    "total_query_wait_time_ms": ms,
                }

    def _options(self) -> Iterator[Row]:
        store = self.inside.query_store
        yield {
            "desired_state": 2,
            "desired_state_desc": "READ_WRITE",
            "actual_state": 2 if store.actual == "READ_WRITE" else 1,
            "actual_state_desc": store.actual,
            "readonly_reason": store.reason,
            "current_storage_size_mb": store.used_mb,
            "flush_interval_seconds": FLUSHED_EVERY.seconds,
            "interval_length_minutes": 60,
            "max_storage_size_mb": _STORE_LIMIT_MB,
            "stale_query_threshold_days": 7,
            "max_plans_per_query": 200,
            "query_capture_mode": 2,
            "query_capture_mode_desc": "AUTO",
            "size_based_cleanup_mode": 1,
            "size_based_cleanup_mode_desc": "AUTO",
            "wait_stats_capture_mode": 1,
            "wait_stats_capture_mode_desc": "ON",
        }

    def _waits(self) -> Iterator[Row]:
        for wait in self.inside.waits:
            yield {
                "wait_type": wait.type,
                "waiting_tasks_count": wait.tasks,
                "wait_time_ms": wait.wait_ms,
                "max_wait_time_ms": min(wait.wait_ms, 900),
                "signal_wait_time_ms": wait.wait_ms // 20,
            }

    def _missing(self) -> Iterator[tuple[int, Wish]]:
        """An index that would be missed for the first time is not there yet."""
        return (
            (n, wish) for n, wish in enumerate(self.inside.wishes, 1) if self.inside.seeks(wish)
        )

    def _missing_details(self) -> Iterator[Row]:
        number, name = self.database
        for handle, wish in self._missing():
            yield {
                "index_handle": handle,
                "database_id": number,
                "object_id": self._object_id(wish.table),
                "equality_columns": _listed(wish.equality),
                "inequality_columns": _listed(wish.inequality),
                "included_columns": _listed(wish.included),
                "statement": f"[{name}].[dbo].[{wish.table}]",
            }

    def _object_id(self, table: str) -> int | None:
        return next((one.object_id for one in self.inside.tables if one.name == table), None)

    def _missing_groups(self) -> Iterator[Row]:
        for handle, _ in self._missing():
            yield {"index_group_handle": 1000 + handle, "index_handle": handle}

    def _missing_stats(self) -> Iterator[Row]:
        for handle, wish in self._missing():
            yield {
                "group_handle": 1000 + handle,
                "unique_compiles": 1,
                "user_seeks": self.inside.seeks(wish),
                "user_scans": 0,
                "last_user_seek": naive(self.inside.at),
                "avg_total_user_cost": wish.cost,
                "avg_user_impact": wish.impact,
            }

    def _each_index(self) -> Iterator[tuple[Table, Index]]:
        for table in self.inside.tables:
            for index in table.indexes:
                yield table, index

    def _usage(self) -> Iterator[Row]:
        """An index that nobody has touched has no row."""
        number, _ = self.database
        for table, index in self._each_index():
            reads, writes = self.inside.used(table, index)
            if reads or writes:
                yield {
                    "database_id": number,
                    "object_id": table.object_id,
                    "index_id": index.id,
                    "user_seeks": reads - reads // 10,
                    "user_scans": reads // 10,
                    "user_lookups": 0,
                    "user_updates": writes,
                    "last_user_seek": naive(self.inside.at) if reads else None,
                    "last_user_update": naive(self.inside.at) if writes else None,
                }

    def _partitions(self) -> Iterator[Row]:
        for table, index in self._each_index():
            yield {
                "partition_id": 16 * table.object_id + index.id,
                "object_id": table.object_id,
                "index_id": index.id,
                "partition_number": 1,
                "used_page_count": index.pages,
                "reserved_page_count": index.pages,
                "row_count": table.rows,
            }

    def _objects(self) -> Iterator[Row]:
        for table in self.inside.tables:
            yield {
                "name": table.name,
                "object_id": table.object_id,
                "schema_id": DBO,
                "parent_object_id": 0,
                "type": "U ",
                "type_desc": "USER_TABLE",
                "is_ms_shipped": False,
            }

    def _indexes(self) -> Iterator[Row]:
        for table, index in self._each_index():
            yield {
                "object_id": table.object_id,
                "name": index.name,
                "index_id": index.id,
                "type": 1 if index.id == 1 else 2,
                "type_desc": "CLUSTERED" if index.id == 1 else "NONCLUSTERED",
                "is_unique": index.is_unique,
                "is_primary_key": index.is_primary_key,
                "is_unique_constraint": False,
                "is_disabled": False,
                "is_hypothetical": False,
                "has_filter": False,
            }

    def _index_columns(self) -> Iterator[Row]:
        for table, index in self._each_index():
            for place, name in enumerate((*index.keys, *index.includes), 1):
                is_key = place <= len(index.keys)
                yield {
                    "object_id": table.object_id,
                    "index_id": index.id,
                    "index_column_id": place,
                    "column_id": 1 + table.columns.index(name),
                    "key_ordinal": place if is_key else 0,
                    "partition_ordinal": 0,
                    "is_descending_key": False,
                    "is_included_column": not is_key,
                }

    def _columns(self) -> Iterator[Row]:
        for table in self.inside.tables:
            for place, name in enumerate(table.columns, 1):
                yield {
                    "object_id": table.object_id,
                    "name": name,
                    "column_id": place,
                    "max_length": _COLUMN_BYTES,
                    "is_nullable": place > 1,
                }

    def _foreign_keys(self) -> Iterator[Row]:
        """Each refers to the first column of the first table."""
        for table in self.inside.tables:
            for place, name in enumerate(table.references):
                yield {
                    "constraint_object_id": table.object_id + 1 + place,
                    "constraint_column_id": 1,
                    "parent_object_id": table.object_id,
                    "parent_column_id": 1 + table.columns.index(name),
                    "referenced_object_id": self.inside.tables[0].object_id,
                    "referenced_column_id": 1,
                }

    def _statistics(self) -> Iterator[Row]:
        for table, index in self._each_index():
            yield {
                "object_id": table.object_id,
                "name": index.name,
                "stats_id": index.id,
                "auto_created": False,
                "user_created": False,
                "no_recompute": False,
            }

    def _statistics_columns(self) -> Iterator[Row]:
        for table, index in self._each_index():
            for place, name in enumerate(index.keys, 1):
                yield {
                    "object_id": table.object_id,
                    "stats_id": index.id,
                    "stats_column_id": place,
                    "column_id": 1 + table.columns.index(name),
                }

    def _statistics_properties(self) -> Iterator[Row]:
        for table, index in self._each_index():
            if table.name.lower() not in self.refused:
                yield {
                    "object_id": table.object_id,
                    "stats_id": index.id,
                    "last_updated": naive(self.inside.at - table.analysed),
                    "rows": table.rows,
                    "rows_sampled": table.rows,
                    "modification_counter": table.changes,
                }

    def _system(self) -> Iterator[Row]:
        yield {"sqlserver_start_time": naive(self.inside.started_at), "cpu_count": 1}

    def _transactions(self) -> Iterator[Row]:
        for number, one in enumerate(self.inside.transactions, _FIRST_TRANSACTION):
            yield {
                "transaction_id": number,
                "name": "user_transaction",
                "transaction_begin_time": naive(one.began_at),
                "transaction_type": 1,
                "transaction_state": 2,
            }

    def _session_transactions(self) -> Iterator[Row]:
        for number, one in enumerate(self.inside.transactions, _FIRST_TRANSACTION):
            yield {
                "session_id": one.session_id,
                "transaction_id": number,
                "is_user_transaction": True,
                "is_local": True,
                "open_transaction_count": 1,
            }


def _interval(hour: datetime) -> int:
    return int(hour.timestamp()) // 3600


def _listed(names: tuple[str, ...]) -> str | None:
    return ", ".join(f"[{name}]" for name in names) or None


def _runtime_row(number: int, run: Run) -> Row:
    return {
        "runtime_stats_id": number,
        "plan_id": run.plan_id,
        "runtime_stats_interval_id": _interval(run.hour),
        "execution_type": run.kind,
        "execution_type_desc": _KINDS[run.kind],
        "first_execution_time": run.first_at,
        "last_execution_time": run.last_at,
        "count_executions": run.executions,
        "avg_cpu_time": run.cpu_us,
        "avg_duration": run.duration_us,
        "avg_logical_io_reads": run.logical_reads,
        "avg_physical_io_reads": run.physical_reads,
    }
