-- The storm snapshot: what runs now, the hungriest first, with the statement that is being executed.
-- Offsets count bytes of two-byte characters; -1 means to the end. Times are in milliseconds.
-- learn.microsoft.com: sys.dm_exec_requests, sys.dm_exec_sql_text (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ TOP (5)
    r.session_id,
    r.status,
    r.command,
    r.cpu_time,
    r.total_elapsed_time,
    r.logical_reads,
    r.wait_type,
    r.blocking_session_id,
    s.program_name,
    s.host_name,
    SUBSTRING(
        t.text,
        r.statement_start_offset / 2 + 1,
        (CASE r.statement_end_offset WHEN -1 THEN 16000 ELSE r.statement_end_offset END
            - r.statement_start_offset) / 2 + 1
    ) AS statement
FROM sys.dm_exec_requests AS r
INNER JOIN sys.dm_exec_sessions AS s ON s.session_id = r.session_id
CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) AS t
WHERE s.is_user_process = 1
    AND ISNULL(s.program_name, N'') <> N'pantry-monitor'
ORDER BY r.cpu_time DESC;
