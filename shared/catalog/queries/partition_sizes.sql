-- Rows and reserved pages of 8 KB of every index and heap of the CRM's tables.
-- learn.microsoft.com: sys.dm_db_partition_stats (VIEW DATABASE STATE and VIEW DEFINITION),
-- sys.objects (VIEW DEFINITION).
SELECT /* pantry-monitor */ TOP (2000)
    SCHEMA_NAME(o.schema_id) AS schema_name,
    o.name AS table_name,
    p.object_id,
    p.index_id,
    SUM(p.row_count) AS row_count,
    SUM(p.reserved_page_count) AS pages
FROM sys.dm_db_partition_stats AS p
INNER JOIN sys.objects AS o ON o.object_id = p.object_id
WHERE o.type_desc = N'USER_TABLE' AND o.is_ms_shipped = 0
GROUP BY o.schema_id, o.name, p.object_id, p.index_id
ORDER BY pages DESC;
