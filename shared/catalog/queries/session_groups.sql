-- Who keeps sessions: by program and host, how many execute, are idle for long, or have just
-- logged in. learn.microsoft.com: sys.dm_exec_sessions (VIEW DATABASE STATE).
SELECT /* pantry-monitor */ TOP (20)
    ISNULL(program_name, N'') AS program,
    ISNULL(host_name, N'') AS host,
    COUNT_BIG(*) AS sessions,
    SUM(CASE WHEN status = N'running' THEN 1 ELSE 0 END) AS running,
    SUM(CASE WHEN status = N'sleeping' AND last_request_end_time < @idle THEN 1 ELSE 0 END) AS idle,
    SUM(CASE WHEN login_time > @young THEN 1 ELSE 0 END) AS young,
    SUM(CASE WHEN open_transaction_count > 0 THEN 1 ELSE 0 END) AS in_transaction,
    MIN(login_time) AS oldest_login_at
FROM sys.dm_exec_sessions
WHERE is_user_process = 1
    AND ISNULL(program_name, N'') <> N'pantry-monitor'
GROUP BY ISNULL(program_name, N''), ISNULL(host_name, N'')
ORDER BY sessions DESC;
