-- Indexes that the optimiser would have used, those that would have saved most first; the view keeps
-- at most 600 and forgets them with a restart. learn.microsoft.com: sys.dm_db_missing_index_details,
-- _groups, _group_stats (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ TOP (50)
    d.statement,
    d.equality_columns,
    d.inequality_columns,
    d.included_columns,
    s.user_seeks,
    s.user_scans,
    s.avg_total_user_cost,
    s.avg_user_impact,
    s.last_user_seek
FROM sys.dm_db_missing_index_details AS d
INNER JOIN sys.dm_db_missing_index_groups AS g ON g.index_handle = d.index_handle
INNER JOIN sys.dm_db_missing_index_group_stats AS s ON s.group_handle = g.index_group_handle
WHERE d.database_id = DB_ID()
ORDER BY (s.user_seeks + s.user_scans) * s.avg_total_user_cost * s.avg_user_impact DESC;
