-- Lets the monitor read the CRM's database, and nothing else.
--
-- Run it as the server's Microsoft Entra admin, once. Put the function app's name in place of
-- func-pantry-monitor (the name of its managed identity), and run each part where it says.
-- Running it again changes nothing. What is missing is left out of the figures and named by the
-- monitor's health page, which looks again every six hours.

-- 1. In the CRM's database ----------------------------------------------------------------------

-- The identity becomes a user of this database alone; it has no password that could leak. With part 2
-- run that one first, and write FROM LOGIN [func-pantry-monitor] here in place of FROM EXTERNAL PROVIDER:
-- a server's role is a login's, and a user of this database alone has none. DROP USER one made before.
IF DATABASE_PRINCIPAL_ID(N'func-pantry-monitor') IS NULL
    CREATE USER [func-pantry-monitor] FROM EXTERNAL PROVIDER;

-- DTU with its parts, workers and sessions (sys.dm_db_resource_stats), connections
-- (sys.dm_exec_sessions), waits and Query Store. It shows no row of any table.
GRANT VIEW DATABASE STATE TO [func-pantry-monitor];

-- Optional: the names, indexes, sizes and statistics of tables (sys.indexes and others), for advice on
-- indexes. It shows how tables and procedures are defined, and no row of any table.
GRANT VIEW DEFINITION TO [func-pantry-monitor];

-- The CRM's own counts: sessions, interactions, reports and offline changes. Only the columns that
-- are counted by; a table that stays ungranted costs its own figure only. These are the names of
-- the set crm: the setting BUSINESS_NAMES may say others.
GRANT SELECT ON OBJECT::[dbo].[Session] ([lastActivityAt]) TO [func-pantry-monitor];
GRANT SELECT ON OBJECT::[dbo].[Interaction] ([createdAt]) TO [func-pantry-monitor];
GRANT SELECT ON OBJECT::[dbo].[Report] ([createdAt]) TO [func-pantry-monitor];
GRANT SELECT ON OBJECT::[dbo].[OfflineSync] ([status], [updatedAt]) TO [func-pantry-monitor];

-- Its business, every fifteen minutes: interactions by type, how long reports took, deals. Indexes on
-- Interaction (createdAt), Report (createdAt) and Opportunity (closedAt) keep that cheap.
GRANT SELECT ON OBJECT::[dbo].[Interaction] ([type]) TO [func-pantry-monitor];
GRANT SELECT ON OBJECT::[dbo].[Report] ([type], [durationMs]) TO [func-pantry-monitor];
GRANT SELECT ON OBJECT::[dbo].[Opportunity] ([stage], [value], [closedAt]) TO [func-pantry-monitor];

-- 2. In master, on the tiers Basic, S0 and S1 only: optional --------------------------------------

-- There VIEW DATABASE STATE does not show what other sessions execute. This role does: who blocks
-- whom, the query that an alert about a storm names, which indexes are used and which are missed, and
-- transactions that were forgotten. It reads the state of every database of
-- this server in which the identity is a user, and changes nothing.
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'func-pantry-monitor')
    CREATE LOGIN [func-pantry-monitor] FROM EXTERNAL PROVIDER;
ALTER SERVER ROLE [##MS_ServerStateReader##] ADD MEMBER [func-pantry-monitor];

-- To take it all back: in the database, DROP USER [func-pantry-monitor]; in master,
-- DROP LOGIN [func-pantry-monitor].
