"""The columns of every view and table that the desk's database has, with their T-SQL types.

Of the system views all documented columns are there (learn.microsoft.com: sys.<name>); what the
desk has no figure for is NULL.
"""

import re
from collections.abc import Mapping

from local.cloud.sql.inside_views import INSIDE_VIEWS, Columns, columns

DUCKDB_TYPES = {
    "bit": "BOOLEAN",
    "tinyint": "UTINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "float": "DOUBLE",
    "nvarchar": "VARCHAR",
    "varbinary": "BLOB",
    "datetime": "TIMESTAMP",
    "datetime2": "TIMESTAMP",
    "datetimeoffset": "TIMESTAMPTZ",
    "uniqueidentifier": "UUID",
}


_RESOURCE_STATS = columns("""
    datetime: end_time
    decimal(5,2): avg_cpu_percent avg_data_io_percent avg_log_write_percent
    decimal(5,2): avg_memory_usage_percent xtp_storage_percent
    decimal(5,2): max_worker_percent max_session_percent
    int: dtu_limit
    decimal(5,2): cpu_limit avg_instance_cpu_percent avg_instance_memory_percent
    decimal(5,2): avg_login_rate_percent
    int: replica_role
""")
_SESSIONS = columns("""
    smallint: session_id
    datetime: login_time
    nvarchar: host_name program_name
    int: host_process_id client_version
    nvarchar: client_interface_name
    varbinary: security_id
    nvarchar: login_name nt_domain nt_user_name status
    varbinary: context_info
    int: cpu_time memory_usage total_scheduled_time total_elapsed_time endpoint_id
    datetime: last_request_start_time last_request_end_time
    bigint: reads writes logical_reads
    bit: is_user_process
    int: text_size
    nvarchar: language date_format
    smallint: date_first
    bit: quoted_identifier arithabort ansi_null_dflt_on ansi_defaults ansi_warnings ansi_padding
    bit: ansi_nulls concat_null_yields_null
    smallint: transaction_isolation_level
    int: lock_timeout deadlock_priority
    bigint: row_count
    int: prev_error
    varbinary: original_security_id
    nvarchar: original_login_name
    datetime: last_successful_logon last_unsuccessful_logon
    bigint: unsuccessful_logons
    int: group_id
    smallint: database_id
    int: authenticating_database_id open_transaction_count
    bigint: page_server_reads
""")
_CONNECTIONS = columns("""
    int: session_id most_recent_session_id
    datetime: connect_time
    nvarchar: net_transport protocol_type
    int: protocol_version endpoint_id
    nvarchar: encrypt_option auth_scheme
    smallint: node_affinity
    int: num_reads num_writes
    datetime: last_read last_write
    int: net_packet_size
    nvarchar: client_net_address
    int: client_tcp_port
    nvarchar: local_net_address
    int: local_tcp_port
    uniqueidentifier: connection_id parent_connection_id
    varbinary: most_recent_sql_handle
""")
_REQUESTS = columns("""
    smallint: session_id
    int: request_id
    datetime: start_time
    nvarchar: status command
    varbinary: sql_handle
    int: statement_start_offset statement_end_offset
    varbinary: plan_handle
    smallint: database_id
    int: user_id
    uniqueidentifier: connection_id
    smallint: blocking_session_id
    nvarchar: wait_type
    int: wait_time
    nvarchar: last_wait_type wait_resource
    int: open_transaction_count open_resultset_count
    bigint: transaction_id
    varbinary: context_info
    real: percent_complete
    bigint: estimated_completion_time
    int: cpu_time total_elapsed_time scheduler_id
    varbinary: task_address
    bigint: reads writes logical_reads
    int: text_size
    nvarchar: language date_format
    smallint: date_first
    bit: quoted_identifier arithabort ansi_null_dflt_on ansi_defaults ansi_warnings ansi_padding
    bit: ansi_nulls concat_null_yields_null
    smallint: transaction_isolation_level
    int: lock_timeout deadlock_priority
    bigint: row_count
    int: prev_error nest_level granted_query_memory
    bit: executing_managed_code
    int: group_id
    varbinary: query_hash query_plan_hash statement_sql_handle
    bigint: statement_context_id
    int: dop parallel_worker_count
    uniqueidentifier: external_script_request_id
    bit: is_resumable
    varbinary: page_resource
    bigint: page_server_reads
    uniqueidentifier: dist_statement_id
""")
_TEXTS = columns("""
    varbinary: sql_handle
    smallint: dbid
    int: objectid
    smallint: number
    bit: encrypted
    nvarchar: text
""")
_FILES = columns("""
    int: file_id
    uniqueidentifier: file_guid
    tinyint: type
    nvarchar: type_desc
    int: data_space_id
    nvarchar: name physical_name
    tinyint: state
    nvarchar: state_desc
    int: size max_size growth
    bit: is_media_read_only is_read_only is_sparse is_percent_growth is_name_reserved
    bit: is_persistent_log_buffer
    decimal(25,0): create_lsn drop_lsn read_only_lsn read_write_lsn differential_base_lsn
    uniqueidentifier: differential_base_guid
    datetime: differential_base_time
    decimal(25,0): redo_start_lsn
    uniqueidentifier: redo_start_fork_guid
    decimal(25,0): redo_target_lsn
    uniqueidentifier: redo_target_fork_guid
    decimal(25,0): backup_lsn
""")
_OBJECTIVES = columns("""
    int: database_id
    nvarchar: edition service_objective elastic_pool_name
""")

SYSTEM_VIEWS: Mapping[str, Columns] = {
    "dm_db_resource_stats": _RESOURCE_STATS,
    "dm_exec_sessions": _SESSIONS,
    "dm_exec_connections": _CONNECTIONS,
    "dm_exec_requests": _REQUESTS,
    "dm_exec_sql_text": _TEXTS,
    "database_files": _FILES,
    "database_service_objectives": _OBJECTIVES,
    **INSIDE_VIEWS,
}
"""The views of the schema sys; dm_exec_sql_text is a function, and sql_handle its argument."""

_USER = columns("nvarchar: id email name role\n datetime2: createdAt")
_INTERACTION = columns("nvarchar: id type userId\n datetime2: createdAt")
_REPORT = columns("nvarchar: id type userId\n datetime2: createdAt\n int: durationMs")
_OPPORTUNITY = columns("""
    nvarchar: id stage
    decimal(12,2): value
    datetime2: createdAt closedAt
""")

BUSINESS_TABLES: Mapping[str, Columns] = {
    "User": _USER,
    "Session": columns("nvarchar: id userId\n datetime2: createdAt lastActivityAt"),
    "UserSession": columns("nvarchar: id userId\n datetime2: createdAt lastActivity"),
    "Interaction": _INTERACTION,
    "Report": _REPORT,
    "ReportExecution": _REPORT,
    "OfflineSync": columns("nvarchar: id status userId\n datetime2: updatedAt"),
    "OfflineSyncItem": columns("nvarchar: id syncStatus userId\n datetime2: updatedAt"),
    "Opportunity": _OPPORTUNITY,
}
"""The CRM's tables in the schema dbo, by the names that two versions of it have for them."""


def duckdb_type(kind: str) -> str:
    """DuckDB's type for a T-SQL type, whose length does not matter."""
    return DUCKDB_TYPES.get(kind) or kind.upper()


def sql_type(duckdb: str) -> str:
    """The T-SQL type of a result's column that no view documents."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb)
    return f"decimal({decimal[1]},{decimal[2]})" if decimal else _SQL_TYPES.get(duckdb, "nvarchar")


_SQL_TYPES = {
    "BOOLEAN": "bit",
    "TINYINT": "smallint",
    "UTINYINT": "tinyint",
    "SMALLINT": "smallint",
    "USMALLINT": "int",
    "INTEGER": "int",
    "UINTEGER": "bigint",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20,0)",
    # What SUM makes of a bigint; the server calls it bigint again.
    "HUGEINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "float",
    "VARCHAR": "nvarchar",
    "BLOB": "varbinary",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "datetime2",
    "TIMESTAMP WITH TIME ZONE": "datetimeoffset",
    "UUID": "uniqueidentifier",
    # A bare NULL is an int.
    '"NULL"': "int",
}
