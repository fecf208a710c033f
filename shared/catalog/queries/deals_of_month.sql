-- Deals that were closed since the month began, and of these since the day began, by their end.
-- Values are summed as floats: see pipeline.sql.
SELECT /* pantry-monitor */ stage, COUNT_BIG(*) AS deals, SUM(worth) AS worth, SUM(today) AS today
FROM (
    SELECT
        [deals.stage] AS stage,
        CAST([deals.value] AS FLOAT) AS worth,
        CASE WHEN [deals.closedAt] >= @today THEN CAST([deals.value] AS FLOAT) ELSE 0 END AS today
    FROM [deals]
    WHERE [deals.closedAt] >= @month AND [deals.closedAt] < @until
) AS closed
GROUP BY stage;
