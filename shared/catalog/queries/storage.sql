-- The quota counts data files, not the log; pages are of 8 KB. MaxSizeInBytes is a sql_variant, which
-- not every driver can read: hence the CAST. learn.microsoft.com: manage file space, DATABASEPROPERTYEX.
SELECT /* pantry-monitor */
    SUM(CAST(FILEPROPERTY(name, 'SpaceUsed') AS bigint)) * 8192 AS used_bytes,
    MAX(CAST(DATABASEPROPERTYEX(DB_NAME(), 'MaxSizeInBytes') AS bigint)) AS limit_bytes
FROM sys.database_files
WHERE type_desc = N'ROWS';
