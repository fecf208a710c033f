-- Offline changes that wait to be synchronised now.
SELECT COUNT_BIG(*) AS pending
FROM [syncs]
WHERE [syncs.status] = @pending;
