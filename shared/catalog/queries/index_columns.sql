-- The columns of every index of the CRM's tables, in the order of their keys; included ones have no
-- ordinal. learn.microsoft.com: sys.indexes, index_columns, columns, objects (VIEW DEFINITION).
SELECT /* pantry-monitor */ TOP (4000)
    SCHEMA_NAME(o.schema_id) AS schema_name,
    o.name AS table_name,
    i.object_id,
    i.index_id,
    i.name AS index_name,
    i.type_desc,
    i.is_primary_key,
    i.is_unique,
    i.is_unique_constraint,
    i.is_disabled,
    i.filter_definition,
    k.key_ordinal,
    k.is_descending_key,
    k.is_included_column,
    c.name AS column_name
FROM sys.indexes AS i
INNER JOIN sys.objects AS o ON o.object_id = i.object_id
INNER JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
INNER JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE o.type_desc = N'USER_TABLE'
    AND o.is_ms_shipped = 0
    AND i.index_id > 0
    AND i.is_hypothetical = 0
ORDER BY i.object_id, i.index_id, k.is_included_column, k.key_ordinal, c.name;
