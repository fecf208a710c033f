"""What an inspection's answers are made into, where a desk's database has no such rows."""

from datetime import UTC, datetime
from typing import Any

from shared.adapters.sql.findings import CUT_AT, regressions, statement_of
from shared.catalog import inspection_queries as ask
from shared.domain.inspections import Regression

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SIDES, COSTS = ("newest", "recent", "before"), ("cpu_ms", "duration_ms", "logical_reads")


def plan(query_id: int, plan_id: int, each: float, **executions: int) -> dict[str, Any]:
    """A row: what an execution costs, and how often it ran on which side; dear from 10 on."""
    counts = {side: executions.get(side, 0) for side in SIDES}
    return {
        **dict.fromkeys(ask.QUERY_REGRESSIONS.columns, 0),
        **{f"{side}_executions": count for side, count in counts.items()},
        **{f"{side}_{cost}": each * count for side, count in counts.items() for cost in COSTS},
        **{f"{side}_since": NOW if count else None for side, count in counts.items()},
        "query_hash": "0x2A",
        "query_id": query_id,
        "plan_id": plan_id,
        "statement": "SELECT 1",
        "worse_since": NOW if each >= 10 and counts["recent"] else None,
    }


def found(*rows: dict[str, Any]) -> Regression:
    [one] = regressions({ask.QUERY_REGRESSIONS: list(rows)})
    return one


def test_the_dear_plan_that_is_used_now_is_blamed_not_the_one_of_most_of_the_day() -> None:
    one = found(
        plan(42, 8, 50, newest=20, recent=20), plan(42, 7, 5, newest=9, recent=900, before=7_000)
    )

    assert (one.query_id, one.plan, one.best_plan) == (42, 8, 7)
    assert one.newest is not None
    assert one.newest.executions == 29


def test_a_plan_of_another_query_with_the_same_hash_is_not_for_this_one() -> None:
    """The server would refuse to force it."""
    one = found(plan(43, 8, 50, newest=20, recent=200), plan(42, 7, 5, before=7_000))

    assert (one.query_id, one.plan, one.best_plan) == (43, 8, 8)
    assert (one.plans, one.plans_before) == ((8,), ())
    assert one.before.executions == 7_000


def test_a_plan_that_was_used_a_few_times_only_is_not_taken_for_the_best() -> None:
    one = found(
        plan(42, 9, 50, newest=20, recent=20),
        plan(42, 8, 4, before=4),
        plan(42, 7, 5, before=7_000),
    )

    assert one.best_plan == 7


def test_a_statement_that_the_server_cut_says_so_however_short_it_is_without_its_literals() -> None:
    """Advice must not take what it names for all that it names."""
    many = ("SELECT Id FROM dbo.Visit WHERE Id IN (" + "1234567890, " * 90)[:CUT_AT]
    whole = many[:-1]

    assert statement_of({"statement": many}).endswith("?, ?…")
    assert statement_of({"statement": whole}).endswith("?, ?")
