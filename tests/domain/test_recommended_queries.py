"""What is said of queries: expensive ones, regressions and their deploys."""

import pytest

from shared.domain.inspections import (
    QueryUse,
)
from shared.domain.recommendations.general import (
    expensive_queries,
)
from shared.domain.recommendations.queries import (
    bad_queries,
    plan_regressions,
    saved_by_old_plan,
)
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.values import (
    Estimate,
)
from tests.domain.advised import BUSY, only
from tests.domain.advising import (
    a_deploy,
    a_missing,
    a_query,
    a_regression,
    a_situation,
    a_use,
    ago,
)


def test_expensive_queries_are_named_one_by_one() -> None:
    queries = [a_query(n, a_use(10, cpu_ms=400 + n)) for n in (90, 99, 101, 130)]
    one = only(expensive_queries, a_situation(day={"dtuUtilization": 90.0}, queries=queries))

    assert [action.split(" (")[0] for action in one.actions] == [
        "Optimise query 130",
        "Optimise query 101",
    ]


def test_a_query_counts_by_the_part_of_the_dtu_that_is_highest() -> None:
    reader, thinker = a_query(1, a_use(reads=9_000, cpu_ms=1)), a_query(2, a_use(cpu_ms=90))
    busy_disk = {"dtuCpu": 10.0, "dtuDataIo": 80.0}
    busy_cpu = {"dtuCpu": 80.0, "dtuDataIo": 10.0}

    def first(day: dict[str, float]) -> str:
        return next(iter(bad_queries(a_situation(day=day, queries=(reader, thinker))))).title

    assert first(busy_disk) == "Query 1 takes 82 % of the database's IO"
    assert first(busy_cpu) == "Query 2 takes 99 % of the database's CPU"


def test_what_an_index_would_save_is_not_laid_to_the_query() -> None:
    day, query = {"dtuDataIo": 80.0}, a_query()
    alone = only(bad_queries, a_situation(day=day, queries=(query,)))
    situation = a_situation(day=day, queries=(query,), missing_indexes=(a_missing(),))
    index, rewritten = judge(situation)

    assert alone.estimate == Estimate(40.0, "% DTU")
    assert index.kind == "missing_index"
    assert (index.estimate, rewritten.estimate) == (Estimate(72.0, "% DTU"), Estimate(4.0, "% DTU"))


def test_a_query_that_came_with_a_deploy_says_so() -> None:
    query = a_query(first_seen_at=ago(hours=5))
    deploys = [a_deploy("1.8.2", ago(hours=5, minutes=22)), a_deploy("1.8.1", ago(hours=9))]
    one = only(bad_queries, a_situation(day=BUSY, queries=(query,), deployments=deploys))

    assert "first seen 22 min after deploy 1.8.2" in one.description
    assert one.deploy is not None
    assert one.deploy.version == "1.8.2"


def test_a_query_that_is_called_too_often_is_to_be_called_less() -> None:
    chatty = a_query(use=a_use(90_000, cpu_ms=1, reads=3))
    one = only(bad_queries, a_situation(day=BUSY, queries=(chatty,)))

    assert one.actions[0].startswith("Call it less often")


def test_a_regression_names_the_deploy_and_forces_the_plan_before() -> None:
    deploys = [a_deploy("1.8.2", ago(hours=10, minutes=22))]
    one = only(
        plan_regressions,
        a_situation(
            day=BUSY, queries=(a_query(),), regressions=(a_regression(),), deployments=deploys
        ),
    )
    plan = "@query_id = 42, @plan_id = 7;"

    assert one.title == "Query 42 needs 5.0 times the IO of the week before"
    assert one.description == (
        "It regressed 22 min after deploy 1.8.2: plan 8 took the place of plan 7."
    )
    assert one.script == f"EXEC sys.sp_query_store_force_plan {plan}"
    assert one.reversal == f"EXEC sys.sp_query_store_unforce_plan {plan}"
    assert one.estimate is not None
    assert one.estimate.value == 48.0


def test_a_young_regression_weighs_what_it_will_cost_in_a_day() -> None:
    """A tenth of the day's executions read five times as much: the mean is 1.4 times as high."""
    day, hour = a_use(1_000, cpu_ms=10, reads=560), a_use(100, cpu_ms=10, reads=2_000)
    young = a_regression(recent=day, newest=hour, before=a_use(7_000, cpu_ms=10, reads=400))
    one = only(plan_regressions, a_situation(day=BUSY, queries=(a_query(),), regressions=(young,)))

    assert one.title == "Query 42 needs 5.0 times the IO of the week before"
    assert one.estimate == Estimate(48.0, "% DTU")
    assert one.measure is not None
    assert one.measure.value == 2_000


@pytest.mark.parametrize(
    "newest", [None, a_use(4, reads=9_000), a_use(100, reads=300)], ids=["none", "few", "cheap"]
)
def test_a_regression_of_yesterday_is_judged_by_the_day(newest: QueryUse | None) -> None:
    by_day, with_hour = (a_regression(newest=hour) for hour in (None, newest))

    assert saved_by_old_plan(with_hour) == saved_by_old_plan(by_day)


def test_a_regression_with_the_same_plan_has_nothing_to_force() -> None:
    same = a_regression(plans_before=(8,), best_plan=8)
    one = only(plan_regressions, a_situation(day=BUSY, queries=(a_query(),), regressions=(same,)))

    assert (one.script, one.reversal) == (None, None)
    assert "with the plan that it had before" in one.description


def test_a_query_that_was_compiled_anew_has_no_plan_of_before_to_force() -> None:
    anew = a_regression(plans_before=(), best_plan=8)
    one = only(plan_regressions, a_situation(day=BUSY, queries=(a_query(),), regressions=(anew,)))

    assert (one.script, one.reversal) == (None, None)
    assert "compiled anew" in one.description


@pytest.mark.parametrize(
    ("before", "said"), [(2.0, "1000.0 times"), (1.0, "far more than"), (0.0, "far more than")]
)
def test_what_needed_next_to_nothing_has_no_factor(before: float, said: str) -> None:
    worse = a_regression(
        recent=a_use(1_000, cpu_ms=0, reads=1_999.9), before=a_use(7_000, cpu_ms=0, reads=before)
    )
    one = only(plan_regressions, a_situation(day=BUSY, queries=(a_query(),), regressions=(worse,)))

    assert one.title == f"Query 42 needs {said} the IO of the week before"
