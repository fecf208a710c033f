-- What the database has waited for since its counters began, in milliseconds; the signal is the part
-- in which it waited for a CPU. learn.microsoft.com: sys.dm_db_wait_stats (VIEW DATABASE STATE).
SELECT /* pantry-monitor */ TOP (100)
    wait_type,
    waiting_tasks_count,
    wait_time_ms,
    max_wait_time_ms,
    signal_wait_time_ms
FROM sys.dm_db_wait_stats
WHERE wait_time_ms > 0
ORDER BY wait_time_ms DESC;
