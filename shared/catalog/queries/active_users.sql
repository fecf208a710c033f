-- Sessions of the CRM with activity since the window began. [sessions] and its columns are logical
-- names: the settings say what the CRM calls them. No *: the grant is for the column alone.
SELECT /* pantry-monitor */ COUNT_BIG([sessions.seenAt]) AS active
FROM [sessions]
WHERE [sessions.seenAt] >= @since;
