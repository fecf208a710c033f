-- Interactions that were logged in the window, by slots of fifteen minutes since it began, by type.
SELECT /* pantry-monitor */ slot, kind, COUNT_BIG(*) AS logged
FROM (
    SELECT
        DATEDIFF(minute, @since, [interactions.createdAt]) / 15 AS slot,
        [interactions.type] AS kind
    FROM [interactions]
    WHERE [interactions.createdAt] >= @since AND [interactions.createdAt] < @until
) AS counted
GROUP BY slot, kind;
