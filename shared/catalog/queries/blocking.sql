-- Requests that wait for another session; negative ids are latches and orphans, not blockers.
-- learn.microsoft.com: sys.dm_exec_requests (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ COUNT_BIG(*) AS blocked
FROM sys.dm_exec_requests
WHERE blocking_session_id > 0;
