"""Queries that cost too much, that got worse, or that fail."""

from collections.abc import Iterable, Sequence

from shared.domain.deployments import RecentDeploy
from shared.domain.inspections import FailedQuery, QueryStatistics, QueryUse, Regression
from shared.domain.quantities import clock, quantity
from shared.domain.recommendations.indexes import relief_of
from shared.domain.recommendations.loads import (
    NO_WORK,
    WORD_OF,
    Load,
    Resource,
    Work,
    load_of,
    measure_of,
    work_of,
)
from shared.domain.recommendations.situations import Situation, use_of_day
from shared.domain.recommendations.values import (
    Confidence,
    Estimate,
    Fact,
    Gist,
    Measure,
    Recommendation,
    Remedy,
    Text,
    percent,
    recommend,
)

QUERY_STORE = (
    "https://learn.microsoft.com/sql/relational-databases/performance/"
    "monitoring-performance-by-using-the-query-store"
)
BAD_QUERY = Gist(kind="bad_query", type="query_optimization", link=QUERY_STORE)
REGRESSION = Gist(
    kind="plan_regression",
    type="plan_regression",
    link="https://learn.microsoft.com/sql/relational-databases/system-stored-procedures/"
    "sp-query-store-force-plan-transact-sql",
)
FAILING = Gist(kind="failing_query", type="query_optimization", link=QUERY_STORE)

LEAST_POINTS = 1.0
MOST = 5
REWRITE = 0.5
"""What working on a query is taken to save: half of its work. A guess, the same for all."""
OFTEN, CHEAP_MS = 10_000, 20.0
"""Executions a day from which a query of so few ms costs by being called, not by its plan."""
LEAST_FAILURES = 5
MOST_TIMES = 1_000
ENOUGH = 5
"""Executions of an hour that say what the query costs now."""


def bad_queries(situation: Situation) -> Iterable[Recommendation]:
    """The queries that make up most of the load.

    Points = 0.5 × load.points(the query's work of the last 24 hours, less what a missing index or
    its old plan would save), urgency = points / 100: rewriting is taken to halve the work, and
    never counts what an easier remedy does.
    """
    load = load_of(situation)
    found = []
    for query in situation.queries:
        use = use_of_day(query)
        left = work_of(use).without(_other_relief(query, situation)) if use else NO_WORK
        points = REWRITE * load.points(left)
        if use is not None and points >= LEAST_POINTS:
            found.append((points, query, use))
    found.sort(key=lambda one: -one[0])
    for points, query, use in found[:MOST]:
        yield _bad_query(points, query, use, load, situation)


def _other_relief(query: QueryStatistics, situation: Situation) -> Work:
    mine = [
        saved_by_old_plan(one)
        for one in situation.regressions
        if one.query_hash == query.query_hash
    ]
    return max([*mine, relief_of(query, situation)], key=lambda one: (one.reads, one.cpu_ms))


def _bad_query(
    points: float, query: QueryStatistics, use: QueryUse, load: Load, situation: Situation
) -> Recommendation:
    resource = load.resource(work_of(use))
    share = load.share(work_of(use), resource)
    deploy = situation.deploy_before(query.first_seen_at)
    return recommend(
        BAD_QUERY,
        query.query_hash,
        Text(
            f"Query {query.query_id} takes {percent(share)} of the database's {WORD_OF[resource]}",
            f"In 24 hours it ran {use.executions:,} times, with "
            f"{quantity(round(use.average_cpu_ms, 1), 'ms')} CPU and "
            f"{quantity(round(use.average_logical_reads), 'pages')} read each."
            f"{_newness(deploy)}",
            _what_to_do(use),
            _facts(use),
        ),
        urgency=points / 100,
        size=points,
        confidence=Confidence.MEDIUM,
        remedy=Remedy(
            statement=query.text,
            estimate=Estimate(round(points, 1), "% DTU"),
            deploy=deploy,
            measure=measure_of(query, resource),
        ),
    )


def _newness(deploy: RecentDeploy | None) -> str:
    if deploy is None:
        return ""
    return f" It is new: first seen {deploy.minutes_before} min after deploy {deploy.version}."


def _what_to_do(use: QueryUse) -> Sequence[str]:
    if use.executions >= OFTEN and use.average_cpu_ms <= CHEAP_MS:
        return (
            "Call it less often: keep its answer for a minute, or ask once for many rows.",
            "Look for a loop in the CRM that asks for each row by itself.",
        )
    return (
        "Read only the columns and rows that are shown; page long lists.",
        "Make its conditions searchable: no function on a column, no leading wildcard.",
        "Keep its answer in the CRM where a minute's age does no harm.",
    )


def _facts(use: QueryUse) -> Sequence[Fact]:
    return (
        Fact("executions in 24 h", f"{use.executions:,}"),
        Fact("CPU of each", quantity(round(use.average_cpu_ms, 1), "ms")),
        Fact("reads of each", quantity(round(use.average_logical_reads), "pages")),
        Fact("CPU in all", quantity(round(use.cpu_ms / 1000), "s")),
        Fact("read in all", quantity(round(use.logical_reads_mb), "MB")),
    )


def plan_regressions(situation: Situation) -> Iterable[Recommendation]:
    """Queries whose last day, or last hour, cost more for each execution than the week before.

    Points = load.points(executions of the last 24 hours × (mean now - mean before), for CPU and
    reads each), urgency = points / 100. Now is the last hour where that is dearer than the day's
    mean, so that a young regression weighs what it will cost in a day. Where another plan was
    cheaper, the script forces it.
    """
    load = load_of(situation)
    for one in situation.regressions:
        saved = saved_by_old_plan(one)
        points = load.points(saved)
        if points >= LEAST_POINTS:
            yield _regression(points, one, load.resource(saved), situation)


def saved_by_old_plan(regression: Regression) -> Work:
    """What a day's executions would cost less at the price of the days before."""
    more = _price_now(regression).without(_price(regression.before))
    return more.scaled(regression.recent.executions)


def _price(use: QueryUse) -> Work:
    """Of an execution."""
    return work_of(use).scaled(1 / max(use.executions, 1))


def _price_now(one: Regression) -> Work:
    """The day's, or the last hour's where that is dearer, and no matter of a few executions."""
    day = _price(one.recent)
    if one.newest is None or one.newest.executions < ENOUGH:
        return day
    hour = _price(one.newest)
    return Work(
        max(day.cpu_ms, hour.cpu_ms),
        max(day.reads, hour.reads),
        max(day.disk_reads, hour.disk_reads),
    )


def _regression(
    points: float, one: Regression, resource: Resource, situation: Situation
) -> Recommendation:
    another = one.best_plan != one.plan
    deploy = situation.deploy_before(one.worse_since)
    now, before = (_part(each, resource) for each in (_price_now(one), _price(one.before)))
    force = f"@query_id = {one.query_id}, @plan_id = {one.best_plan};"
    return recommend(
        REGRESSION,
        one.query_hash,
        Text(
            f"Query {one.query_id} needs {_times(now, before)} {WORD_OF[resource]} of the week "
            "before",
            _since(one, situation),
            _mend(another=another, deployed=deploy is not None),
            _regression_facts(one, resource),
        ),
        urgency=points / 100,
        size=points,
        confidence=Confidence.HIGH if another else Confidence.MEDIUM,
        remedy=Remedy(
            statement=one.text,
            script=f"EXEC sys.sp_query_store_force_plan {force}" if another else None,
            reversal=f"EXEC sys.sp_query_store_unforce_plan {force}" if another else None,
            estimate=Estimate(round(points, 1), "% DTU"),
            deploy=deploy,
            measure=_measure(one, resource),
        ),
    )


def _times(now: float, before: float) -> str:
    """Beside next to nothing a factor is a long number that says nothing."""
    return f"{now / before:.1f} times the" if now < MOST_TIMES * before else "far more than the"


def _since(one: Regression, situation: Situation) -> str:
    deploy = situation.deploy_before(one.worse_since)
    if deploy is not None:
        said = f"It regressed {deploy.minutes_before} min after deploy {deploy.version}"
    elif one.worse_since is not None:
        said = f"It regressed at {clock(one.worse_since)}"
    else:
        said = "It regressed within the last day"
    if not one.plans_before:
        return f"{said}, when it was compiled anew: with other types of its parameters, perhaps."
    if one.plan == one.best_plan:
        return f"{said}, with the plan that it had before."
    return f"{said}: plan {one.plan} took the place of plan {one.best_plan}."


def _mend(*, another: bool, deployed: bool) -> Sequence[str]:
    first = (
        "Force the old plan by the script, and look a day later whether it still is the cheaper."
        if another
        else "Compare its parameters and the table's size with last week's: no cheaper plan is "
        "known."
    )
    second = "See what the deploy changed about this query or its table." if deployed else None
    third = "Update the statistics of its tables; then the forced plan may be let go."
    return [one for one in (first, second, third) if one is not None]


def _part(price: Work, resource: Resource) -> float:
    return price.cpu_ms if resource is Resource.CPU else price.reads


def _regression_facts(one: Regression, resource: Resource) -> Sequence[Fact]:
    unit = "ms" if resource is Resource.CPU else "pages"
    prices = {
        f"{WORD_OF[resource]} of an execution": _price_now(one),
        "on average in 24 h": _price(one.recent),
        "in the week before": _price(one.before),
    }
    return (
        *(
            Fact(label, quantity(round(_part(price, resource), 1), unit))
            for label, price in prices.items()
        ),
        Fact("executions in 24 h", f"{one.recent.executions:,}"),
        Fact("plan now", str(one.plan)),
        Fact("cheapest plan", str(one.best_plan)),
    )


def _measure(one: Regression, resource: Resource) -> Measure:
    unit = "ms" if resource is Resource.CPU else "pages"
    return Measure(
        f"query:{one.query_hash}:{resource}",
        f"{WORD_OF[resource]} of query {one.query_id}",
        _part(_price_now(one), resource),
        unit,
    )


def failing_queries(situation: Situation) -> Iterable[Recommendation]:
    """Queries that time out or fail, at least 5 times a day.

    Urgency = 0.3 × the share of the executions that failed: people met each of them.
    """
    failures = (situation.inspection and situation.inspection.failures) or ()
    for one in failures:
        failed = one.aborted + one.exceptions
        if failed >= LEAST_FAILURES:
            share = min(failed / max(one.executions, failed), 1.0)
            yield recommend(
                FAILING,
                one.query_hash,
                _failure(one, share),
                urgency=0.3 * share,
                size=failed,
                remedy=Remedy(statement=one.text),
            )


def _failure(one: FailedQuery, share: float) -> Text:
    mostly_aborted = one.aborted >= one.exceptions
    return Text(
        f"Query {one.query_id} fails in {percent(share)} of its executions",
        f"In 24 hours {one.aborted:,} executions were given up by the CRM and {one.exceptions:,} "
        f"ended in an error, of {one.executions:,}.",
        (
            "See what it waits for: a time-out is more often a lock than a plan."
            if mostly_aborted
            else "Read the CRM's exceptions of these minutes: they tell the error's number.",
            "Let the CRM try again once, and say so to whoever waits.",
        ),
        (
            Fact("given up", f"{one.aborted:,}"),
            Fact("ended in an error", f"{one.exceptions:,}"),
        ),
    )
