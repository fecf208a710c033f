-- Since when the optimiser's statistics have not been refreshed, the oldest first. Changes since then
-- are shown only to who may SELECT the columns. learn.microsoft.com: sys.stats, stats_columns, columns,
-- objects, STATS_DATE (VIEW DEFINITION), dm_db_stats_properties.
SELECT /* pantry-monitor */ TOP (100)
    SCHEMA_NAME(o.schema_id) AS schema_name,
    o.name AS table_name,
    s.name AS statistics_name,
    c.name AS column_name,
    STATS_DATE(s.object_id, s.stats_id) AS updated_at,
    p.rows AS row_count,
    p.modification_counter
FROM sys.stats AS s
INNER JOIN sys.objects AS o ON o.object_id = s.object_id
INNER JOIN sys.stats_columns AS k
    ON k.object_id = s.object_id AND k.stats_id = s.stats_id AND k.stats_column_id = 1
INNER JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
OUTER APPLY sys.dm_db_stats_properties(s.object_id, s.stats_id) AS p
WHERE o.type_desc = N'USER_TABLE' AND o.is_ms_shipped = 0
ORDER BY STATS_DATE(s.object_id, s.stats_id);
