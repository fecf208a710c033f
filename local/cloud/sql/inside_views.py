"""The columns of the views that show a database from the inside: Query Store, waits, indexes.

Like those in views.py: all documented ones, with their T-SQL types.
"""

from collections.abc import Mapping

Columns = Mapping[str, str]
"""T-SQL types by the names of columns, in the documented order."""


def columns(text: str) -> Columns:
    """Reads lines of a type, a colon and names."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        kind, _, names = line.partition(":")
        found |= dict.fromkeys(names.split(), kind.strip())
    return found


def _measures(*names: str) -> str:
    """Five columns for each measure of Query Store's."""
    return "\n".join(
        f"float: avg_{name}\nbigint: last_{name} min_{name} max_{name}\nfloat: stdev_{name}"
        for name in names
    )


_TEXT = columns("""
    bigint: query_text_id
    nvarchar: query_sql_text
    varbinary: statement_sql_handle
    bit: is_part_of_encrypted_module has_restricted_text
""")
_QUERY = columns("""
    bigint: query_id query_text_id context_settings_id object_id
    varbinary: batch_sql_handle query_hash
    bit: is_internal_query
    tinyint: query_parameterization_type
    nvarchar: query_parameterization_type_desc
    datetimeoffset: initial_compile_start_time last_compile_start_time last_execution_time
    varbinary: last_compile_batch_sql_handle
    bigint: last_compile_batch_offset_start last_compile_batch_offset_end count_compiles
    float: avg_compile_duration
    bigint: last_compile_duration
    float: avg_bind_duration
    bigint: last_bind_duration
    float: avg_bind_cpu_time
    bigint: last_bind_cpu_time
    float: avg_optimize_duration
    bigint: last_optimize_duration
    float: avg_optimize_cpu_time
    bigint: last_optimize_cpu_time
    float: avg_compile_memory_kb
    bigint: last_compile_memory_kb max_compile_memory_kb
    bit: is_clouddb_internal_query
""")
_PLAN = columns("""
    bigint: plan_id query_id plan_group_id
    nvarchar: engine_version
    smallint: compatibility_level
    varbinary: query_plan_hash
    nvarchar: query_plan
    bit: is_online_index_plan is_trivial_plan is_parallel_plan is_forced_plan
    bit: is_natively_compiled
    bigint: force_failure_count
    int: last_force_failure_reason
    nvarchar: last_force_failure_reason_desc
    bigint: count_compiles
    datetimeoffset: initial_compile_start_time last_compile_start_time last_execution_time
    float: avg_compile_duration
    bigint: last_compile_duration
""")
_INTERVAL = columns("""
    bigint: runtime_stats_interval_id
    datetimeoffset: start_time end_time
    nvarchar: comment
""")
_RUNTIME = columns(
    """
    bigint: runtime_stats_id plan_id runtime_stats_interval_id
    tinyint: execution_type
    nvarchar: execution_type_desc
    datetimeoffset: first_execution_time last_execution_time
    bigint: count_executions
"""
    + _measures(
        *("duration", "cpu_time", "logical_io_reads", "logical_io_writes", "physical_io_reads"),
        *("clr_time", "dop", "query_max_used_memory", "rowcount", "log_bytes_used"),
    )
)
_QUERY_WAITS = columns(
    """
    bigint: wait_stats_id plan_id runtime_stats_interval_id
    tinyint: wait_category
    nvarchar: wait_category_desc
    tinyint: execution_type
    nvarchar: execution_type_desc
    bigint: total_query_wait_time_ms
"""
    + _measures("query_wait_time_ms")
)
_OPTIONS = columns("""
    smallint: desired_state
    nvarchar: desired_state_desc
    smallint: actual_state
    nvarchar: actual_state_desc
    int: readonly_reason
    bigint: current_storage_size_mb flush_interval_seconds interval_length_minutes
    bigint: max_storage_size_mb stale_query_threshold_days max_plans_per_query
    smallint: query_capture_mode
    nvarchar: query_capture_mode_desc
    smallint: size_based_cleanup_mode
    nvarchar: size_based_cleanup_mode_desc
    smallint: wait_stats_capture_mode
    nvarchar: wait_stats_capture_mode_desc
""")
_WAITS = columns("""
    nvarchar: wait_type
    bigint: waiting_tasks_count wait_time_ms max_wait_time_ms signal_wait_time_ms
""")
_MISSING_DETAILS = columns("""
    int: index_handle
    smallint: database_id
    int: object_id
    nvarchar: equality_columns inequality_columns included_columns statement
""")
_MISSING_GROUPS = columns("int: index_group_handle index_handle")
_MISSING_STATS = columns("""
    int: group_handle
    bigint: unique_compiles user_seeks user_scans
    datetime: last_user_seek last_user_scan
    float: avg_total_user_cost avg_user_impact
    bigint: system_seeks system_scans
    datetime: last_system_seek last_system_scan
    float: avg_total_system_cost avg_system_impact
""")
_USAGE = columns("""
    smallint: database_id
    int: object_id index_id
    bigint: user_seeks user_scans user_lookups user_updates
    datetime: last_user_seek last_user_scan last_user_lookup last_user_update
    bigint: system_seeks system_scans system_lookups system_updates
    datetime: last_system_seek last_system_scan last_system_lookup last_system_update
""")
_PARTITIONS = columns("""
    bigint: partition_id
    int: object_id index_id partition_number
    bigint: in_row_data_page_count in_row_used_page_count in_row_reserved_page_count
    bigint: lob_used_page_count lob_reserved_page_count
    bigint: row_overflow_used_page_count row_overflow_reserved_page_count
    bigint: used_page_count reserved_page_count row_count
""")
_OBJECTS = columns("""
    nvarchar: name
    int: object_id principal_id schema_id parent_object_id
    nvarchar: type type_desc
    datetime: create_date modify_date
    bit: is_ms_shipped is_published is_schema_published
""")
_INDEXES = columns("""
    int: object_id
    nvarchar: name
    int: index_id
    tinyint: type
    nvarchar: type_desc
    bit: is_unique
    int: data_space_id
    bit: ignore_dup_key is_primary_key is_unique_constraint
    tinyint: fill_factor
    bit: is_padded is_disabled is_hypothetical allow_row_locks allow_page_locks has_filter
    nvarchar: filter_definition
    bit: auto_created
""")
_INDEX_COLUMNS = columns("""
    int: object_id index_id index_column_id column_id
    tinyint: key_ordinal partition_ordinal
    bit: is_descending_key is_included_column
""")
_COLUMNS = columns("""
    int: object_id
    nvarchar: name
    int: column_id
    tinyint: system_type_id
    int: user_type_id
    smallint: max_length
    tinyint: precision scale
    nvarchar: collation_name
    bit: is_nullable is_ansi_padded is_rowguidcol is_identity is_computed is_filestream
    bit: is_replicated is_non_sql_subscribed is_merge_published is_dts_replicated is_xml_document
    int: xml_collection_id default_object_id rule_object_id
    bit: is_sparse is_column_set
    tinyint: generated_always_type
    nvarchar: generated_always_type_desc
    int: encryption_type
    nvarchar: encryption_type_desc encryption_algorithm_name
    int: column_encryption_key_id
    nvarchar: column_encryption_key_database_name
    bit: is_hidden is_masked
""")
_FOREIGN_KEYS = columns("""
    int: constraint_object_id constraint_column_id
    int: parent_object_id parent_column_id referenced_object_id referenced_column_id
""")
_STATISTICS = columns("""
    int: object_id
    nvarchar: name
    int: stats_id
    bit: auto_created user_created no_recompute has_filter
    nvarchar: filter_definition
    bit: is_temporary is_incremental
""")
_STATISTICS_COLUMNS = columns("int: object_id stats_id stats_column_id column_id")
_STATISTICS_PROPERTIES = columns("""
    int: object_id stats_id
    datetime2: last_updated
    bigint: rows rows_sampled
    int: steps
    bigint: unfiltered_rows modification_counter
    float: persisted_sample_percent
""")
_TRANSACTIONS = columns("""
    bigint: transaction_id
    nvarchar: name
    datetime: transaction_begin_time
    int: transaction_type
    uniqueidentifier: transaction_uow
    int: transaction_state transaction_status transaction_status2
    int: dtc_state dtc_status dtc_isolation_level
    varbinary: filestream_transaction_id
""")
_SESSION_TRANSACTIONS = columns("""
    int: session_id
    bigint: transaction_id
    varbinary: transaction_descriptor
    int: enlist_count
    bit: is_user_transaction is_local is_enlisted is_bound
    int: open_transaction_count
""")
_SYSTEM = columns("""
    bigint: cpu_ticks ms_ticks
    int: cpu_count hyperthread_ratio
    bigint: physical_memory_kb virtual_memory_kb
    int: committed_kb committed_target_kb visible_target_kb stack_size_in_bytes
    bigint: os_quantum
    int: os_error_mode os_priority_class max_workers_count scheduler_count
    int: scheduler_total_count deadlock_monitor_serial_number
    bigint: sqlserver_start_time_ms_ticks
    datetime: sqlserver_start_time
    int: affinity_type
    nvarchar: affinity_type_desc
    bigint: process_kernel_time_ms process_user_time_ms
    int: time_source
    nvarchar: time_source_desc
    int: virtual_machine_type
    nvarchar: virtual_machine_type_desc
    int: softnuma_configuration
    nvarchar: softnuma_configuration_desc process_physical_affinity
    int: sql_memory_model
    nvarchar: sql_memory_model_desc
    int: socket_count cores_per_socket numa_node_count
""")

INSIDE_VIEWS: Mapping[str, Columns] = {
    "query_store_query_text": _TEXT,
    "query_store_query": _QUERY,
    "query_store_plan": _PLAN,
    "query_store_runtime_stats_interval": _INTERVAL,
    "query_store_runtime_stats": _RUNTIME,
    "query_store_wait_stats": _QUERY_WAITS,
    "database_query_store_options": _OPTIONS,
    "dm_db_wait_stats": _WAITS,
    "dm_db_missing_index_details": _MISSING_DETAILS,
    "dm_db_missing_index_groups": _MISSING_GROUPS,
    "dm_db_missing_index_group_stats": _MISSING_STATS,
    "dm_db_index_usage_stats": _USAGE,
    "dm_db_partition_stats": _PARTITIONS,
    "objects": _OBJECTS,
    "indexes": _INDEXES,
    "index_columns": _INDEX_COLUMNS,
    "columns": _COLUMNS,
    "foreign_key_columns": _FOREIGN_KEYS,
    "stats": _STATISTICS,
    "stats_columns": _STATISTICS_COLUMNS,
    "dm_db_stats_properties": _STATISTICS_PROPERTIES,
    "dm_tran_active_transactions": _TRANSACTIONS,
    "dm_tran_session_transactions": _SESSION_TRANSACTIONS,
    "dm_os_sys_info": _SYSTEM,
}
"""dm_db_stats_properties is a function of the two ids that it also answers."""
