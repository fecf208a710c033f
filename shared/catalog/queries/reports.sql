-- Reports that were generated in the window, by slots of five minutes since it began.
SELECT /* pantry-monitor */ slot, COUNT_BIG(*) AS generated
FROM (
    SELECT DATEDIFF(minute, @since, [reports.createdAt]) / 5 AS slot
    FROM [reports]
    WHERE [reports.createdAt] >= @since AND [reports.createdAt] < @until
) AS counted
GROUP BY slot;
