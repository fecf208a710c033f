-- Who waits for whom, and whom nobody keeps waiting: a session that sleeps in an open transaction has
-- no request, so its text is what it executed last. Offsets count bytes of two-byte characters; -1
-- means to the end. learn.microsoft.com: sys.dm_exec_sessions, dm_exec_requests, dm_exec_connections,
-- dm_exec_sql_text (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ TOP (60)
    s.session_id,
    ISNULL(r.blocking_session_id, 0) AS blocked_by,
    ISNULL(r.wait_time, 0) AS wait_ms,
    CASE WHEN r.session_id IS NULL THEN 1 ELSE 0 END AS is_idle,
    s.program_name,
    s.host_name,
    SUBSTRING(
        t.text,
        ISNULL(r.statement_start_offset, 0) / 2 + 1,
        (CASE ISNULL(r.statement_end_offset, -1) WHEN -1 THEN 16000 ELSE r.statement_end_offset END
            - ISNULL(r.statement_start_offset, 0)) / 2 + 1
    ) AS statement
FROM sys.dm_exec_sessions AS s
LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
LEFT JOIN sys.dm_exec_connections AS c ON c.session_id = s.session_id
OUTER APPLY sys.dm_exec_sql_text(ISNULL(r.sql_handle, c.most_recent_sql_handle)) AS t
WHERE s.is_user_process = 1
    AND ISNULL(s.program_name, N'') <> N'pantry-monitor'
    AND (
        r.blocking_session_id > 0
        OR s.session_id IN (
            SELECT b.blocking_session_id
            FROM sys.dm_exec_requests AS b
            WHERE b.blocking_session_id > 0
        )
    )
ORDER BY wait_ms DESC;
