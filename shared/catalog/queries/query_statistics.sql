-- The first ten queries by CPU, duration, reads and executions of the last hour, day and week; a
-- query may be among the first of several. An interval that is still open has several rows for each
-- plan, so averages are weighted by executions. CPU and duration are in microseconds there, reads in
-- pages of 8 KB. A query_hash gathers what differs in literals or settings only. Our own statements
-- are known by their mark. learn.microsoft.com: sys.query_store_runtime_stats, _interval, _plan,
-- _query, _query_text (VIEW DATABASE STATE).
WITH /* pantry-monitor */ executed AS (
    SELECT
        q.query_hash,
        q.query_id,
        q.initial_compile_start_time,
        r.plan_id,
        r.last_execution_time,
        i.start_time,
        CASE WHEN i.end_time > @hour THEN 1 ELSE 0 END AS in_hour,
        CASE WHEN i.end_time > @day THEN 1 ELSE 0 END AS in_day,
        r.count_executions AS executions,
        r.count_executions * r.avg_cpu_time / 1000 AS cpu_ms,
        r.count_executions * r.avg_duration / 1000 AS duration_ms,
        r.count_executions * r.avg_logical_io_reads AS logical_reads,
        r.count_executions * r.avg_physical_io_reads AS physical_reads
    FROM sys.query_store_runtime_stats AS r
    INNER JOIN sys.query_store_runtime_stats_interval AS i
        ON i.runtime_stats_interval_id = r.runtime_stats_interval_id
    INNER JOIN sys.query_store_plan AS p ON p.plan_id = r.plan_id
    INNER JOIN sys.query_store_query AS q ON q.query_id = p.query_id
    WHERE i.end_time > @week
        AND q.is_internal_query = 0
        AND q.query_text_id NOT IN (
            SELECT ours.query_text_id
            FROM sys.query_store_query_text AS ours
            WHERE CHARINDEX(N'pantry-monitor', ours.query_sql_text) > 0
        )
),
by_plan AS (
    SELECT
        query_hash,
        plan_id,
        ROW_NUMBER() OVER (PARTITION BY query_hash ORDER BY plan_id DESC) AS place,
        MAX(query_id) AS query_id,
        MIN(initial_compile_start_time) AS first_seen_at,
        MAX(last_execution_time) AS last_executed_at,
        MIN(CASE WHEN in_hour = 1 THEN start_time END) AS hour_since,
        MIN(CASE WHEN in_day = 1 THEN start_time END) AS day_since,
        MIN(start_time) AS week_since,
        SUM(in_hour * executions) AS hour_executions,
        SUM(in_hour * cpu_ms) AS hour_cpu_ms,
        SUM(in_hour * duration_ms) AS hour_duration_ms,
        SUM(in_hour * logical_reads) AS hour_logical_reads,
        SUM(in_hour * physical_reads) AS hour_physical_reads,
        SUM(in_day * executions) AS day_executions,
        SUM(in_day * cpu_ms) AS day_cpu_ms,
        SUM(in_day * duration_ms) AS day_duration_ms,
        SUM(in_day * logical_reads) AS day_logical_reads,
        SUM(in_day * physical_reads) AS day_physical_reads,
        SUM(executions) AS week_executions,
        SUM(cpu_ms) AS week_cpu_ms,
        SUM(duration_ms) AS week_duration_ms,
        SUM(logical_reads) AS week_logical_reads,
        SUM(physical_reads) AS week_physical_reads
    FROM executed
    GROUP BY query_hash, plan_id
),
by_query AS (
    SELECT
        query_hash,
        MAX(query_id) AS query_id,
        STRING_AGG(CASE WHEN place <= 20 THEN CAST(plan_id AS nvarchar(max)) END, N',') AS plans,
        MIN(first_seen_at) AS first_seen_at,
        MAX(last_executed_at) AS last_executed_at,
        MIN(hour_since) AS hour_since,
        MIN(day_since) AS day_since,
        MIN(week_since) AS week_since,
        SUM(hour_executions) AS hour_executions,
        SUM(hour_cpu_ms) AS hour_cpu_ms,
        SUM(hour_duration_ms) AS hour_duration_ms,
        SUM(hour_logical_reads) AS hour_logical_reads,
        SUM(hour_physical_reads) AS hour_physical_reads,
        SUM(day_executions) AS day_executions,
        SUM(day_cpu_ms) AS day_cpu_ms,
        SUM(day_duration_ms) AS day_duration_ms,
        SUM(day_logical_reads) AS day_logical_reads,
        SUM(day_physical_reads) AS day_physical_reads,
        SUM(week_executions) AS week_executions,
        SUM(week_cpu_ms) AS week_cpu_ms,
        SUM(week_duration_ms) AS week_duration_ms,
        SUM(week_logical_reads) AS week_logical_reads,
        SUM(week_physical_reads) AS week_physical_reads
    FROM by_plan
    GROUP BY query_hash
),
ranked AS (
    SELECT
        query_hash,
        query_id,
        plans,
        first_seen_at,
        last_executed_at,
        MIN(hour_since) OVER () AS hour_since,
        MIN(day_since) OVER () AS day_since,
        MIN(week_since) OVER () AS week_since,
        hour_executions,
        hour_cpu_ms,
        hour_duration_ms,
        hour_logical_reads,
        hour_physical_reads,
        day_executions,
        day_cpu_ms,
        day_duration_ms,
        day_logical_reads,
        day_physical_reads,
        week_executions,
        week_cpu_ms,
        week_duration_ms,
        week_logical_reads,
        week_physical_reads,
        ROW_NUMBER() OVER (ORDER BY hour_executions DESC) AS hour_by_executions,
        ROW_NUMBER() OVER (ORDER BY hour_cpu_ms DESC) AS hour_by_cpu,
        ROW_NUMBER() OVER (ORDER BY hour_duration_ms DESC) AS hour_by_duration,
        ROW_NUMBER() OVER (ORDER BY hour_logical_reads DESC) AS hour_by_reads,
        ROW_NUMBER() OVER (ORDER BY day_executions DESC) AS day_by_executions,
        ROW_NUMBER() OVER (ORDER BY day_cpu_ms DESC) AS day_by_cpu,
        ROW_NUMBER() OVER (ORDER BY day_duration_ms DESC) AS day_by_duration,
        ROW_NUMBER() OVER (ORDER BY day_logical_reads DESC) AS day_by_reads,
        ROW_NUMBER() OVER (ORDER BY week_executions DESC) AS week_by_executions,
        ROW_NUMBER() OVER (ORDER BY week_cpu_ms DESC) AS week_by_cpu,
        ROW_NUMBER() OVER (ORDER BY week_duration_ms DESC) AS week_by_duration,
        ROW_NUMBER() OVER (ORDER BY week_logical_reads DESC) AS week_by_reads
    FROM by_query
)
SELECT
    CONVERT(varchar(18), f.query_hash, 1) AS query_hash,
    f.query_id,
    SUBSTRING(t.query_sql_text, 1, 1000) AS statement,
    f.plans,
    f.first_seen_at,
    f.last_executed_at,
    f.hour_since,
    f.day_since,
    f.week_since,
    f.hour_executions,
    f.hour_cpu_ms,
    f.hour_duration_ms,
    f.hour_logical_reads,
    f.hour_physical_reads,
    f.day_executions,
    f.day_cpu_ms,
    f.day_duration_ms,
    f.day_logical_reads,
    f.day_physical_reads,
    f.week_executions,
    f.week_cpu_ms,
    f.week_duration_ms,
    f.week_logical_reads,
    f.week_physical_reads
FROM ranked AS f
INNER JOIN sys.query_store_query AS q ON q.query_id = f.query_id
INNER JOIN sys.query_store_query_text AS t ON t.query_text_id = q.query_text_id
WHERE (
        f.hour_executions > 0
        AND (
            f.hour_by_executions <= 10
            OR f.hour_by_cpu <= 10
            OR f.hour_by_duration <= 10
            OR f.hour_by_reads <= 10
        )
    )
    OR (
        f.day_executions > 0
        AND (
            f.day_by_executions <= 10
            OR f.day_by_cpu <= 10
            OR f.day_by_duration <= 10
            OR f.day_by_reads <= 10
        )
    )
    OR f.week_by_executions <= 10
    OR f.week_by_cpu <= 10
    OR f.week_by_duration <= 10
    OR f.week_by_reads <= 10
ORDER BY f.day_cpu_ms DESC, f.week_cpu_ms DESC;
