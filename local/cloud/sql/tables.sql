-- DuckDB: what minutes leave (schema kept), and the CRM's tables as they are at a connection's
-- moment (schema dbo), by the names that two versions of the CRM have for them.

CREATE SCHEMA kept;
CREATE SCHEMA dbo;

CREATE TABLE kept.activity (id VARCHAR, moment TIMESTAMP, user_id VARCHAR);
CREATE TABLE kept.interactions (id VARCHAR, moment TIMESTAMP, kind VARCHAR, user_id VARCHAR);
CREATE TABLE kept.reports (
    id VARCHAR, moment TIMESTAMP, kind VARCHAR, user_id VARCHAR, took_ms INTEGER
);
CREATE TABLE kept.syncs (id VARCHAR, moment TIMESTAMP, kind VARCHAR, user_id VARCHAR);
CREATE TABLE kept.opportunities (
    id VARCHAR, moment TIMESTAMP, stage VARCHAR, worth INTEGER, closed_at TIMESTAMP
);

-- A session lasts a day.
CREATE VIEW dbo."Session" AS
SELECT
    id,
    any_value(user_id) AS "userId",
    date_trunc('day', min(moment)) AS "createdAt",
    max(moment) AS "lastActivityAt"
FROM kept.activity
WHERE moment <= sysutcdatetime()
GROUP BY id;

CREATE VIEW dbo."UserSession" AS
SELECT id, "userId", "createdAt", "lastActivityAt" AS "lastActivity" FROM dbo."Session";

CREATE VIEW dbo."Interaction" AS
SELECT id, kind AS "type", user_id AS "userId", moment AS "createdAt"
FROM kept.interactions
WHERE moment <= sysutcdatetime();

CREATE VIEW dbo."Report" AS
SELECT
    id, kind AS "type", user_id AS "userId", moment AS "createdAt", took_ms AS "durationMs"
FROM kept.reports
WHERE moment <= sysutcdatetime();

CREATE VIEW dbo."ReportExecution" AS SELECT * FROM dbo."Report";

-- Those that wait are known by their number alone: each gets a time of the last minutes.
CREATE VIEW dbo."OfflineSync" AS
SELECT id, kind AS "status", user_id AS "userId", moment AS "updatedAt"
FROM kept.syncs
WHERE moment <= sysutcdatetime()
UNION ALL
SELECT
    'waiting-' || i,
    'pending',
    printf('u-%03d', i),
    date_trunc('minute', sysutcdatetime()) - i * INTERVAL 20 SECOND
FROM range(1, 1000) AS waiting(i)
WHERE i <= getvariable('moment').pending;

CREATE VIEW dbo."OfflineSyncItem" AS
SELECT id, "status" AS "syncStatus", "userId", "updatedAt" FROM dbo."OfflineSync";

-- Until it is closed, nobody knows whether an opportunity will be won.
CREATE VIEW dbo."Opportunity" AS
SELECT
    id,
    CASE WHEN closed_at > sysutcdatetime() THEN 'proposal' ELSE stage END AS stage,
    CAST(worth AS DECIMAL(12, 2)) AS "value",
    moment AS "createdAt",
    CASE WHEN closed_at <= sysutcdatetime() THEN closed_at END AS "closedAt"
FROM kept.opportunities
WHERE moment <= sysutcdatetime();

CREATE VIEW dbo."User" AS
SELECT
    printf('u-%03d', i) AS id,
    printf('user%d@crm.example.com', i) AS email,
    printf('User %d', i) AS "name",
    'sales' AS "role",
    TIMESTAMP '2025-01-06 08:00:00' AS "createdAt"
FROM range(1, getvariable('moment').users + 1) AS numbered(i);
