-- What queries waited for in the last day, by category, and which of them waited longest for it. In
-- milliseconds. learn.microsoft.com: sys.query_store_wait_stats, _runtime_stats_interval, _plan,
-- _query, _query_text (VIEW DATABASE STATE).
WITH /* pantry-monitor */ waited AS (
    SELECT
        w.wait_category_desc AS category,
        q.query_hash,
        MAX(q.query_id) AS query_id,
        SUM(w.total_query_wait_time_ms) AS wait_ms
    FROM sys.query_store_wait_stats AS w
    INNER JOIN sys.query_store_runtime_stats_interval AS i
        ON i.runtime_stats_interval_id = w.runtime_stats_interval_id
    INNER JOIN sys.query_store_plan AS p ON p.plan_id = w.plan_id
    INNER JOIN sys.query_store_query AS q ON q.query_id = p.query_id
    WHERE i.end_time > @day
        AND q.is_internal_query = 0
        AND q.query_text_id NOT IN (
            SELECT ours.query_text_id
            FROM sys.query_store_query_text AS ours
            WHERE CHARINDEX(N'pantry-monitor', ours.query_sql_text) > 0
        )
    GROUP BY w.wait_category_desc, q.query_hash
),
placed AS (
    SELECT
        category,
        query_hash,
        query_id,
        wait_ms AS query_wait_ms,
        SUM(wait_ms) OVER (PARTITION BY category) AS wait_ms,
        ROW_NUMBER() OVER (PARTITION BY category ORDER BY wait_ms DESC) AS place
    FROM waited
)
SELECT TOP (24)
    category,
    wait_ms,
    CONVERT(varchar(18), query_hash, 1) AS query_hash,
    query_id,
    query_wait_ms
FROM placed
WHERE place = 1
ORDER BY wait_ms DESC;
