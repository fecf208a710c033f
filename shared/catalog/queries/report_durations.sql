-- How long reports took that were generated in the window, by slots of fifteen minutes, by type.
SELECT /* pantry-monitor */
    slot,
    kind,
    COUNT_BIG(took) AS generated,
    SUM(took) AS took_ms,
    MAX(took) AS longest_ms
FROM (
    SELECT
        DATEDIFF(minute, @since, [reports.createdAt]) / 15 AS slot,
        [reports.type] AS kind,
        CAST([reports.durationMs] AS FLOAT) AS took
    FROM [reports]
    WHERE [reports.createdAt] >= @since AND [reports.createdAt] < @until
) AS timed
GROUP BY slot, kind;
