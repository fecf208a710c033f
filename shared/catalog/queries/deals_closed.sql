-- Deals that were closed in the window, by slots of fifteen minutes since it began, and by their end.
-- Values are summed as floats: see pipeline.sql.
SELECT /* pantry-monitor */ slot, stage, COUNT_BIG(*) AS deals, SUM(worth) AS worth
FROM (
    SELECT
        DATEDIFF(minute, @since, [deals.closedAt]) / 15 AS slot,
        [deals.stage] AS stage,
        CAST([deals.value] AS FLOAT) AS worth
    FROM [deals]
    WHERE [deals.closedAt] >= @since AND [deals.closedAt] < @until
) AS closed
GROUP BY slot, stage;
