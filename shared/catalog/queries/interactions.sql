-- Interactions that were logged in the window, by slots of five minutes since it began.
SELECT /* pantry-monitor */ slot, COUNT_BIG(*) AS logged
FROM (
    SELECT DATEDIFF(minute, @since, [interactions.createdAt]) / 5 AS slot
    FROM [interactions]
    WHERE [interactions.createdAt] >= @since AND [interactions.createdAt] < @until
) AS counted
GROUP BY slot;
