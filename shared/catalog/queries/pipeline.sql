-- Deals that are not closed yet, by stage. Values are summed as floats, because the sum of whole numbers
-- may be more than an int holds, which is an error.
SELECT /* pantry-monitor */ stage, COUNT_BIG(*) AS deals, SUM(worth) AS worth
FROM (
    SELECT [deals.stage] AS stage, CAST([deals.value] AS FLOAT) AS worth
    FROM [deals]
    WHERE [deals.closedAt] IS NULL
) AS waiting
GROUP BY stage;
