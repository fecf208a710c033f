-- How often indexes were read and written since the server started; one that was not touched has no
-- row. learn.microsoft.com: sys.dm_db_index_usage_stats (on Basic: ##MS_ServerStateReader##).
SELECT /* pantry-monitor */ TOP (2000)
    object_id,
    index_id,
    user_seeks + user_scans + user_lookups AS reads,
    user_updates AS writes,
    last_user_seek,
    last_user_scan,
    last_user_lookup
FROM sys.dm_db_index_usage_stats
WHERE database_id = DB_ID()
ORDER BY object_id, index_id;
