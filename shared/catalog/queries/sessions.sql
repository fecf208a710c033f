-- Who is connected, the monitor itself left out. Without VIEW DATABASE STATE the view shows only our
-- own session and no error, so it is asked only when that grant was found.
-- learn.microsoft.com: sys.dm_exec_sessions.
SELECT /* pantry-monitor */ COUNT_BIG(*) AS connections
FROM sys.dm_exec_sessions
WHERE is_user_process = 1
    AND ISNULL(program_name, N'') <> N'pantry-monitor';
