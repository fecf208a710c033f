-- Deals that were closed since the month began, and of these since the day began, by their end.
SELECT /* pantry-monitor */ stage, COUNT_BIG(*) AS deals, SUM(worth) AS worth, SUM(today) AS today
FROM (
    SELECT
        [deals.stage] AS stage,
        [deals.value] AS worth,
        CASE WHEN [deals.closedAt] >= @today THEN [deals.value] ELSE 0 END AS today
    FROM [deals]
    WHERE [deals.closedAt] >= @month AND [deals.closedAt] < @until
) AS closed
GROUP BY stage;
