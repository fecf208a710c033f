-- The database's own load: a row for every fifteen seconds, kept for about an hour, end_time in UTC.
-- learn.microsoft.com: sys.dm_db_resource_stats (VIEW DATABASE STATE).
SELECT /* pantry-monitor */ TOP (240)
    end_time,
    avg_cpu_percent,
    avg_data_io_percent,
    avg_log_write_percent,
    max_worker_percent,
    max_session_percent
FROM sys.dm_db_resource_stats
WHERE end_time > @since
ORDER BY end_time;
