-- The columns of every foreign key, in the table that refers: an index that begins with them supports
-- it. learn.microsoft.com: sys.foreign_key_columns, sys.columns (VIEW DEFINITION).
SELECT /* pantry-monitor */ TOP (1000)
    f.parent_object_id,
    f.constraint_object_id,
    c.name AS column_name
FROM sys.foreign_key_columns AS f
INNER JOIN sys.columns AS c
    ON c.object_id = f.parent_object_id AND c.column_id = f.parent_column_id
ORDER BY f.constraint_object_id, f.constraint_column_id;
