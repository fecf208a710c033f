-- Offline changes that wait to be synchronised now. No *: the grant is for the column alone.
SELECT /* pantry-monitor */ COUNT_BIG([syncs.status]) AS pending
FROM [syncs]
WHERE [syncs.status] = @pending;
