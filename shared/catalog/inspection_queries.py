"""The statements of an inspection, the cheapest first: each is asked, and fails, for itself.

Like those of every minute they are files in queries/, and name Microsoft's pages there.
"""

from shared.catalog.sql_queries import Grant, SqlQuery

_DATABASE = (Grant.DATABASE_STATE,)
_SERVER = (Grant.SERVER_STATE,)
_DEFINITION = (Grant.DEFINITION,)
_QUERY = ("query_hash", "query_id", "statement")
_COSTS = ("executions", "cpu_ms", "duration_ms", "logical_reads", "physical_reads")

QUERY_STORE_STATE = SqlQuery(
    "query_store_state",
    (
        "actual_state_desc",
        "desired_state_desc",
        "readonly_reason",
        "current_storage_size_mb",
        "max_storage_size_mb",
        "stale_query_threshold_days",
        "interval_length_minutes",
        "query_capture_mode_desc",
    ),
    needs=_DATABASE,
)
SESSION_GROUPS = SqlQuery(
    "session_groups",
    (
        "program",
        "host",
        "sessions",
        "running",
        "idle",
        "young",
        "in_transaction",
        "oldest_login_at",
    ),
    needs=_DATABASE,
    parameters=("idle", "young"),
)
WAITS = SqlQuery(
    "waits",
    (
        "wait_type",
        "waiting_tasks_count",
        "wait_time_ms",
        "max_wait_time_ms",
        "signal_wait_time_ms",
    ),
    needs=_DATABASE,
)
SERVER_START = SqlQuery("server_start", ("sqlserver_start_time",), needs=_SERVER)
OPEN_TRANSACTIONS = SqlQuery(
    "open_transactions",
    (
        "session_id",
        "transaction_begin_time",
        "status",
        "last_request_end_time",
        "program_name",
        "host_name",
        "statement",
    ),
    needs=_SERVER,
    parameters=("before",),
)
BLOCKING_CHAINS = SqlQuery(
    "blocking_chains",
    (
        "session_id",
        "blocked_by",
        "wait_ms",
        "is_idle",
        "program_name",
        "host_name",
        "statement",
    ),
    needs=_SERVER,
)
MISSING_INDEXES = SqlQuery(
    "missing_indexes",
    (
        "statement",
        "equality_columns",
        "inequality_columns",
        "included_columns",
        "user_seeks",
        "user_scans",
        "avg_total_user_cost",
        "avg_user_impact",
        "last_user_seek",
    ),
    needs=_SERVER,
)
INDEX_USAGE = SqlQuery(
    "index_usage",
    (
        "object_id",
        "index_id",
        "reads",
        "writes",
        "last_user_seek",
        "last_user_scan",
        "last_user_lookup",
    ),
    needs=_SERVER,
)
PARTITION_SIZES = SqlQuery(
    "partition_sizes",
    ("schema_name", "table_name", "object_id", "index_id", "row_count", "pages"),
    needs=(*_DATABASE, *_DEFINITION),
)
INDEX_COLUMNS = SqlQuery(
    "index_columns",
    (
        "schema_name",
        "table_name",
        "object_id",
        "index_id",
        "index_name",
        "type_desc",
        "is_primary_key",
        "is_unique",
        "is_unique_constraint",
        "is_disabled",
        "filter_definition",
        "key_ordinal",
        "is_descending_key",
        "is_included_column",
        "column_name",
    ),
    needs=_DEFINITION,
)
FOREIGN_KEYS = SqlQuery(
    "foreign_keys",
    ("parent_object_id", "constraint_object_id", "column_name"),
    needs=_DEFINITION,
)
STATISTICS_AGE = SqlQuery(
    "statistics_age",
    (
        "schema_name",
        "table_name",
        "statistics_name",
        "column_name",
        "updated_at",
        "row_count",
        "modification_counter",
    ),
    needs=_DEFINITION,
)
QUERY_FAILURES = SqlQuery(
    "query_failures",
    (*_QUERY, "aborted", "exceptions", "executions"),
    needs=_DATABASE,
    parameters=("day",),
)
QUERY_WAITS = SqlQuery(
    "query_waits",
    ("category", "wait_ms", "query_hash", "query_id", "query_wait_ms"),
    needs=_DATABASE,
    parameters=("day",),
)
QUERY_STATISTICS = SqlQuery(
    "query_statistics",
    (
        *_QUERY,
        "plans",
        "first_seen_at",
        "last_executed_at",
        *("hour_since", "day_since", "week_since"),
        *(f"{window}_{cost}" for window in ("hour", "day", "week") for cost in _COSTS),
    ),
    needs=_DATABASE,
    parameters=("hour", "day", "week"),
)
QUERY_REGRESSIONS = SqlQuery(
    "query_regressions",
    (
        *_QUERY,
        "plan_id",
        *("worse_since", "newest_since", "recent_since", "before_since"),
        *(f"{side}_{cost}" for side in ("newest", "recent", "before") for cost in _COSTS),
    ),
    needs=_DATABASE,
    parameters=("hour", "day", "week"),
)

INSPECTION_QUERIES = (
    QUERY_STORE_STATE,
    SESSION_GROUPS,
    WAITS,
    SERVER_START,
    OPEN_TRANSACTIONS,
    BLOCKING_CHAINS,
    MISSING_INDEXES,
    INDEX_USAGE,
    PARTITION_SIZES,
    INDEX_COLUMNS,
    FOREIGN_KEYS,
    STATISTICS_AGE,
    QUERY_FAILURES,
    QUERY_WAITS,
    QUERY_STATISTICS,
    QUERY_REGRESSIONS,
)
"""In the order in which they are asked."""
