-- What this login may read. The role's membership shows as the permission that it carries.
-- learn.microsoft.com: HAS_PERMS_BY_NAME, server roles of Azure SQL Database.
SELECT /* pantry-monitor */
    HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'VIEW DATABASE STATE') AS view_database_state,
    HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER STATE') AS view_server_state,
    HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'VIEW DEFINITION') AS view_definition;
