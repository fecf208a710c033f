-- Offline changes that failed in the window, by slots of five minutes since it began.
SELECT /* pantry-monitor */ slot, COUNT_BIG(*) AS failed
FROM (
    SELECT DATEDIFF(minute, @since, [syncs.updatedAt]) / 5 AS slot
    FROM [syncs]
    WHERE [syncs.updatedAt] >= @since AND [syncs.updatedAt] < @until AND [syncs.status] = @failed
) AS counted
GROUP BY slot;
