-- Lets the monitor read the CRM's database, and nothing else.
--
-- Run it as the server's Microsoft Entra admin, once. Put the function app's name in place of
-- func-pantry-monitor (its managed identity has that name), the identity's client id in place of the
-- zeros (the deployment's output clientId), and run each part where it says. Running it again changes
-- nothing. What is missing is left out of the figures and named by the monitor's health page, which
-- looks again every six hours.

-- 1. In the CRM's database ----------------------------------------------------------------------

-- With part 2, which then comes first: 1. A server's role is a login's, and the user must be that one's.
DECLARE @login bit = 0;
-- An app's SID is its client id: so nobody needs to look anything up in the directory, which whoever
-- deploys without being a person may not.
DECLARE @sid varbinary(16) =
    CONVERT(varbinary(16), CONVERT(uniqueidentifier, N'00000000-0000-0000-0000-000000000000'));
IF @sid = 0x00000000000000000000000000000000
    THROW 50000, N'Put the client id of the app''s identity in place of the zeros.', 1;

-- A user of that name may be an older app's, which had another identity; or may have no login yet.
IF EXISTS (
    SELECT 1 FROM sys.database_principals WHERE name = N'func-pantry-monitor'
    AND (SUBSTRING(sid, 1, 16) <> @sid OR (@login = 1 AND DATALENGTH(sid) = 16))
)
    DROP USER [func-pantry-monitor];

-- The identity becomes a user of this database; it has no password that could leak.
IF DATABASE_PRINCIPAL_ID(N'func-pantry-monitor') IS NULL
BEGIN
    DECLARE @create nvarchar(400) = N'CREATE USER [func-pantry-monitor] '
        + IIF(@login = 1, N'FROM LOGIN [func-pantry-monitor]',
            N'WITH SID = ' + CONVERT(nvarchar(34), @sid, 1) + N', TYPE = E');
    EXEC (@create);
END;

-- DTU with its parts, workers and sessions (sys.dm_db_resource_stats), connections
-- (sys.dm_exec_sessions), waits and Query Store. It shows no row of any table.
GRANT VIEW DATABASE STATE TO [func-pantry-monitor];

-- Optional: the names, indexes, sizes and statistics of tables (sys.indexes and others), for advice on
-- indexes. It shows how tables and procedures are defined, and no row of any table.
GRANT VIEW DEFINITION TO [func-pantry-monitor];

-- The CRM's own counts: sessions, interactions, reports and offline changes. Only the columns that
-- are counted by; a table that is not there or stays ungranted costs its own figure only. These are
-- the names of the set crm: the setting BUSINESS_NAMES may say others.
IF OBJECT_ID(N'dbo.Session') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Session] ([lastActivityAt]) TO [func-pantry-monitor];
IF OBJECT_ID(N'dbo.Interaction') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Interaction] ([createdAt]) TO [func-pantry-monitor];
IF OBJECT_ID(N'dbo.Report') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Report] ([createdAt]) TO [func-pantry-monitor];
IF OBJECT_ID(N'dbo.OfflineSync') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[OfflineSync] ([status], [updatedAt]) TO [func-pantry-monitor];

-- Its business, every fifteen minutes: interactions by type, how long reports took, deals. Indexes on
-- Interaction (createdAt), Report (createdAt) and Opportunity (closedAt) keep that cheap.
IF OBJECT_ID(N'dbo.Interaction') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Interaction] ([type]) TO [func-pantry-monitor];
IF OBJECT_ID(N'dbo.Report') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Report] ([type], [durationMs]) TO [func-pantry-monitor];
IF OBJECT_ID(N'dbo.Opportunity') IS NOT NULL
    GRANT SELECT ON OBJECT::[dbo].[Opportunity] ([stage], [value], [closedAt]) TO [func-pantry-monitor];

-- 2. In master, on the tiers Basic, S0 and S1 only: optional --------------------------------------

-- There VIEW DATABASE STATE does not show what other sessions execute. This role does: who blocks
-- whom, the query that an alert about a storm names, which indexes are used and which are missed, and
-- transactions that were forgotten. It reads the state of every database of this server in which the
-- identity is a user, and changes nothing.
-- Here the server itself looks the name up: where no person runs it, the server needs an identity with
-- the role Directory Readers.
IF EXISTS (
    SELECT 1 FROM sys.server_principals WHERE name = N'func-pantry-monitor'
    AND SUBSTRING(sid, 1, 16) <>
        CONVERT(varbinary(16), CONVERT(uniqueidentifier, N'00000000-0000-0000-0000-000000000000'))
)
    EXEC (N'DROP LOGIN [func-pantry-monitor]');
-- A login may be made and dropped in a batch of its own only, which EXEC is.
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'func-pantry-monitor')
    EXEC (N'CREATE LOGIN [func-pantry-monitor] FROM EXTERNAL PROVIDER');
ALTER SERVER ROLE [##MS_ServerStateReader##] ADD MEMBER [func-pantry-monitor];

-- To take it all back: in the database, DROP USER [func-pantry-monitor]; in master,
-- DROP LOGIN [func-pantry-monitor].
