-- Transactions that sessions opened a while ago and have not ended, the oldest first; the text is what
-- the session executed last. learn.microsoft.com: sys.dm_tran_session_transactions,
-- dm_tran_active_transactions, dm_exec_sessions, dm_exec_connections, dm_exec_sql_text (on Basic:
-- ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ TOP (20)
    x.session_id,
    a.transaction_begin_time,
    s.status,
    s.last_request_end_time,
    s.program_name,
    s.host_name,
    SUBSTRING(t.text, 1, 1000) AS statement
FROM sys.dm_tran_session_transactions AS x
INNER JOIN sys.dm_tran_active_transactions AS a ON a.transaction_id = x.transaction_id
INNER JOIN sys.dm_exec_sessions AS s ON s.session_id = x.session_id
LEFT JOIN sys.dm_exec_connections AS c ON c.session_id = x.session_id
OUTER APPLY sys.dm_exec_sql_text(c.most_recent_sql_handle) AS t
WHERE x.is_user_transaction = 1
    AND a.transaction_begin_time < @before
    AND ISNULL(s.program_name, N'') <> N'pantry-monitor'
ORDER BY a.transaction_begin_time;
