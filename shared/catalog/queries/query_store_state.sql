-- Whether Query Store still writes, and how full it is: on Basic it has 10 MB and seven days.
-- learn.microsoft.com: sys.database_query_store_options (VIEW DATABASE STATE).
SELECT /* pantry-monitor */
    actual_state_desc,
    desired_state_desc,
    readonly_reason,
    current_storage_size_mb,
    max_storage_size_mb,
    stale_query_threshold_days,
    interval_length_minutes,
    query_capture_mode_desc
FROM sys.database_query_store_options;
