-- Queries of which an execution has cost at least half as much again in CPU, duration or reads in the
-- last day as in the days before; or, in the last hour, twice as much CPU or reads and more than in any
-- hour of those days. Over at least five executions on either side; a row for each plan, the query that
-- costs most more first. worse_since is the first execution of a plan in an interval
-- in which it was so dear. Nothing is divided by what may be 0: a server may divide before it filters.
-- Times are in microseconds there, reads in pages of 8 KB. learn.microsoft.com:
-- sys.query_store_runtime_stats, _interval, _plan, _query, _query_text (VIEW DATABASE STATE).
WITH /* pantry-monitor */ executed AS (
    SELECT
        q.query_hash,
        p.plan_id,
        i.start_time,
        CASE WHEN i.end_time > @hour THEN 1 ELSE 0 END AS is_newest,
        CASE WHEN i.end_time > @day THEN 1 ELSE 0 END AS is_recent,
        MAX(q.query_id) AS query_id,
        MIN(r.first_execution_time) AS first_execution_time,
        SUM(r.count_executions) AS executions,
        SUM(r.count_executions * r.avg_cpu_time) / 1000 AS cpu_ms,
        SUM(r.count_executions * r.avg_duration) / 1000 AS duration_ms,
        SUM(r.count_executions * r.avg_logical_io_reads) AS logical_reads,
        SUM(r.count_executions * r.avg_physical_io_reads) AS physical_reads
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
    GROUP BY q.query_hash, p.plan_id, i.start_time, i.end_time
),
beside AS (
    SELECT
        e.query_hash,
        e.plan_id,
        e.query_id,
        e.start_time,
        e.is_newest,
        e.is_recent,
        e.first_execution_time,
        e.executions,
        e.cpu_ms,
        e.duration_ms,
        e.logical_reads,
        e.physical_reads,
        SUM(e.is_newest * e.executions) OVER (PARTITION BY e.query_hash) AS newest_all,
        SUM(e.is_newest * e.cpu_ms) OVER (PARTITION BY e.query_hash) AS newest_cpu_ms,
        SUM(e.is_newest * e.logical_reads) OVER (PARTITION BY e.query_hash) AS newest_reads,
        SUM(e.is_recent * e.executions) OVER (PARTITION BY e.query_hash) AS recent_all,
        SUM(e.is_recent * e.cpu_ms) OVER (PARTITION BY e.query_hash) AS recent_cpu_ms,
        SUM(e.is_recent * e.duration_ms) OVER (PARTITION BY e.query_hash) AS recent_ms,
        SUM(e.is_recent * e.logical_reads) OVER (PARTITION BY e.query_hash) AS recent_reads,
        SUM((1 - e.is_recent) * e.executions) OVER (PARTITION BY e.query_hash) AS before_all,
        SUM((1 - e.is_recent) * e.cpu_ms) OVER (PARTITION BY e.query_hash) AS before_cpu_ms,
        SUM((1 - e.is_recent) * e.duration_ms) OVER (PARTITION BY e.query_hash) AS before_ms,
        SUM((1 - e.is_recent) * e.logical_reads) OVER (PARTITION BY e.query_hash) AS before_reads,
        MAX(
            CASE
                WHEN e.is_recent = 0 AND e.executions >= 5 THEN e.cpu_ms / NULLIF(e.executions, 0)
            END
        ) OVER (PARTITION BY e.query_hash) AS dearest_cpu_ms,
        MAX(
            CASE
                WHEN e.is_recent = 0 AND e.executions >= 5
                    THEN e.logical_reads / NULLIF(e.executions, 0)
            END
        ) OVER (PARTITION BY e.query_hash) AS dearest_reads
    FROM executed AS e
),
worse AS (
    SELECT
        query_hash,
        plan_id,
        query_id,
        start_time,
        is_newest,
        is_recent,
        executions,
        cpu_ms,
        duration_ms,
        logical_reads,
        physical_reads,
        recent_cpu_ms - before_cpu_ms * recent_all / NULLIF(before_all, 0) AS more_cpu_ms,
        CASE
            WHEN is_recent = 1
                AND (
                    cpu_ms * before_all >= 1.5 * before_cpu_ms * executions
                    OR duration_ms * before_all >= 1.5 * before_ms * executions
                    OR logical_reads * before_all >= 1.5 * before_reads * executions
                )
                THEN first_execution_time
        END AS worse_at
    FROM beside
    WHERE recent_all >= 5
        AND before_all >= 5
        AND (
            recent_cpu_ms * before_all >= 1.5 * before_cpu_ms * recent_all
            OR recent_ms * before_all >= 1.5 * before_ms * recent_all
            OR recent_reads * before_all >= 1.5 * before_reads * recent_all
            OR (
                newest_all >= 5
                AND newest_cpu_ms * before_all >= 2 * before_cpu_ms * newest_all
                AND newest_cpu_ms > dearest_cpu_ms * newest_all
            )
            OR (
                newest_all >= 5
                AND newest_reads * before_all >= 2 * before_reads * newest_all
                AND newest_reads > dearest_reads * newest_all
            )
        )
),
by_plan AS (
    SELECT
        query_hash,
        plan_id,
        MAX(query_id) AS query_id,
        MAX(more_cpu_ms) AS more_cpu_ms,
        MIN(worse_at) AS worse_since,
        MIN(CASE WHEN is_newest = 1 THEN start_time END) AS newest_since,
        MIN(CASE WHEN is_recent = 1 THEN start_time END) AS recent_since,
        MIN(CASE WHEN is_recent = 0 THEN start_time END) AS before_since,
        SUM(is_newest * executions) AS newest_executions,
        SUM(is_newest * cpu_ms) AS newest_cpu_ms,
        SUM(is_newest * duration_ms) AS newest_duration_ms,
        SUM(is_newest * logical_reads) AS newest_logical_reads,
        SUM(is_newest * physical_reads) AS newest_physical_reads,
        SUM(is_recent * executions) AS recent_executions,
        SUM(is_recent * cpu_ms) AS recent_cpu_ms,
        SUM(is_recent * duration_ms) AS recent_duration_ms,
        SUM(is_recent * logical_reads) AS recent_logical_reads,
        SUM(is_recent * physical_reads) AS recent_physical_reads,
        SUM((1 - is_recent) * executions) AS before_executions,
        SUM((1 - is_recent) * cpu_ms) AS before_cpu_ms,
        SUM((1 - is_recent) * duration_ms) AS before_duration_ms,
        SUM((1 - is_recent) * logical_reads) AS before_logical_reads,
        SUM((1 - is_recent) * physical_reads) AS before_physical_reads
    FROM worse
    GROUP BY query_hash, plan_id
)
SELECT TOP (60)
    CONVERT(varchar(18), b.query_hash, 1) AS query_hash,
    b.query_id,
    SUBSTRING(t.query_sql_text, 1, 1000) AS statement,
    b.plan_id,
    b.worse_since,
    b.newest_since,
    b.recent_since,
    b.before_since,
    b.newest_executions,
    b.newest_cpu_ms,
    b.newest_duration_ms,
    b.newest_logical_reads,
    b.newest_physical_reads,
    b.recent_executions,
    b.recent_cpu_ms,
    b.recent_duration_ms,
    b.recent_logical_reads,
    b.recent_physical_reads,
    b.before_executions,
    b.before_cpu_ms,
    b.before_duration_ms,
    b.before_logical_reads,
    b.before_physical_reads
FROM by_plan AS b
INNER JOIN sys.query_store_query AS q ON q.query_id = b.query_id
INNER JOIN sys.query_store_query_text AS t ON t.query_text_id = q.query_text_id
ORDER BY b.more_cpu_ms DESC, b.query_hash, b.plan_id DESC;
