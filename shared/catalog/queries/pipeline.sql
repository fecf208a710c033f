-- Deals that are not closed yet, by stage.
SELECT /* pantry-monitor */ stage, COUNT_BIG(*) AS deals, SUM(worth) AS worth
FROM (
    SELECT [deals.stage] AS stage, [deals.value] AS worth
    FROM [deals]
    WHERE [deals.closedAt] IS NULL
) AS waiting
GROUP BY stage;
