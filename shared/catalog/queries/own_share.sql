-- What this connection has cost the database so far, the running batch included. Everybody may see
-- their own session. cpu_time is in milliseconds, logical_reads in pages of 8 KB.
-- learn.microsoft.com: sys.dm_exec_sessions, sys.dm_exec_requests.
SELECT /* pantry-monitor */
    s.cpu_time + ISNULL(r.cpu_time, 0) AS cpu_ms,
    s.logical_reads + ISNULL(r.logical_reads, 0) AS logical_reads
FROM sys.dm_exec_sessions AS s
LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = s.session_id
WHERE s.session_id = @@SPID;
