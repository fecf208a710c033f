-- Sessions of the CRM with activity since the window began. [sessions] and its columns are logical
-- names: the settings say what the CRM calls them.
SELECT COUNT_BIG(*) AS active
FROM [sessions]
WHERE [sessions.seenAt] >= @since;
