-- Queries whose executions were aborted by the client (3, mostly time-outs) or ended in an
-- exception (4) in the last day. learn.microsoft.com: sys.query_store_runtime_stats, _interval, _plan, _query,
-- _query_text (VIEW DATABASE STATE).
WITH /* pantry-monitor */ ended AS (
    SELECT
        q.query_hash,
        MAX(q.query_id) AS query_id,
        SUM(CASE WHEN r.execution_type = 3 THEN r.count_executions ELSE 0 END) AS aborted,
        SUM(CASE WHEN r.execution_type = 4 THEN r.count_executions ELSE 0 END) AS exceptions,
        SUM(r.count_executions) AS executions
    FROM sys.query_store_runtime_stats AS r
    INNER JOIN sys.query_store_runtime_stats_interval AS i
        ON i.runtime_stats_interval_id = r.runtime_stats_interval_id
    INNER JOIN sys.query_store_plan AS p ON p.plan_id = r.plan_id
    INNER JOIN sys.query_store_query AS q ON q.query_id = p.query_id
    WHERE i.end_time > @day
        AND q.is_internal_query = 0
        AND q.query_text_id NOT IN (
            SELECT ours.query_text_id
            FROM sys.query_store_query_text AS ours
            WHERE CHARINDEX(N'pantry-monitor', ours.query_sql_text) > 0
        )
    GROUP BY q.query_hash
)
SELECT TOP (10)
    CONVERT(varchar(18), e.query_hash, 1) AS query_hash,
    e.query_id,
    SUBSTRING(t.query_sql_text, 1, 1000) AS statement,
    e.aborted,
    e.exceptions,
    e.executions
FROM ended AS e
INNER JOIN sys.query_store_query AS q ON q.query_id = e.query_id
INNER JOIN sys.query_store_query_text AS t ON t.query_text_id = q.query_text_id
WHERE e.aborted + e.exceptions > 0
ORDER BY e.aborted + e.exceptions DESC;
