"""Each recommendation: when it speaks, when it does not, and what it says."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from shared.domain.blockings import SeenChain
from shared.domain.inspections import (
    BlockingChain,
    FailedQuery,
    OpenTransaction,
    QueryStoreState,
    QueryUse,
    SessionGroup,
    Statistics,
    TableSize,
)
from shared.domain.recommendations.general import (
    expensive_queries,
    high_dtu,
    high_memory,
    many_connections,
    slow_responses,
)
from shared.domain.recommendations.idle_indexes import duplicate_indexes, unused_indexes
from shared.domain.recommendations.indexes import missing_indexes, wanted_indexes
from shared.domain.recommendations.memory import memory_leak, restart_saw_tooth, restarts_of
from shared.domain.recommendations.plan import (
    app_disk,
    bandwidth,
    cpu_saturation,
    outbound_sockets,
)
from shared.domain.recommendations.queries import (
    bad_queries,
    failing_queries,
    plan_regressions,
    saved_by_old_plan,
)
from shared.domain.recommendations.registry import ADVISERS, Adviser, judge
from shared.domain.recommendations.sessions import (
    blocking_chains,
    connection_churn,
    frequent_blocking,
    noticed_blocking,
    open_transactions,
)
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.upkeep import query_store, stale_statistics, table_growth
from shared.domain.recommendations.values import (
    Estimate,
    Priority,
    Recommendation,
    rank_of,
)
from shared.domain.times import HOUR
from tests.domain.advising import (
    NOW,
    Level,
    a_deploy,
    a_missing,
    a_query,
    a_regression,
    a_situation,
    a_use,
    ago,
    an_index,
    stretch,
)

BUSY = {"dtuCpu": 30.0, "dtuDataIo": 60.0, "dtuUtilization": 60.0}
HOURS = range(7 * 24)
WAVE = [100.0 if 8 <= hour % 24 < 18 else 0.0 for hour in HOURS]
SAW = [700 + 50.0 * (hour % 18) for hour in HOURS]


def chain(**changes: Any) -> BlockingChain:
    given: dict[str, Any] = {"head": 61, "text": "UPDATE dbo.Visit SET Status = ?"}
    return BlockingChain(**{**given, "blocked": 4, "wait_ms": 45_000, **changes})


def seen(**changes: Any) -> SeenChain:
    given: dict[str, Any] = {"looks": 2, "first_at": ago(hours=6), "last_at": ago(hours=5)}
    return SeenChain(**{**given, "chain": chain(), **changes})


def transaction(**changes: Any) -> OpenTransaction:
    given: dict[str, Any] = {"session": 61, "began_at": ago(minutes=30), "text": "UPDATE x"}
    return OpenTransaction(**{**given, "idle_since": ago(minutes=29), **changes})


def store(**changes: Any) -> QueryStoreState:
    given: dict[str, Any] = {"actual": "READ_ONLY", "desired": "READ_WRITE", "used_mb": 10}
    return QueryStoreState(**{**given, "limit_mb": 10, **changes})


def statistics(**changes: Any) -> Statistics:
    given: dict[str, Any] = {"table": "dbo.Visit", "name": "_WA_1", "updated_at": ago(days=20)}
    return Statistics(**{**given, "rows": 10_000, "changes": 9_000, **changes})


def churning(**changes: Any) -> SessionGroup:
    given: dict[str, Any] = {"program": "node", "host": "crm-1", "sessions": 20, "young": 18}
    return SessionGroup(**{**given, **changes})


SPEAKING: dict[Adviser, Situation] = {
    high_dtu: a_situation(day={"dtuUtilization": 70.5}),
    expensive_queries: a_situation(
        day={"dtuUtilization": 90.0}, queries=(a_query(use=a_use(20, cpu_ms=800)),)
    ),
    many_connections: a_situation(day={"sessionsPercent": 85.0}),
    bad_queries: a_situation(day=BUSY, queries=(a_query(),)),
    plan_regressions: a_situation(day=BUSY, queries=(a_query(),), regressions=(a_regression(),)),
    failing_queries: a_situation(
        failures=(
            FailedQuery(
                query_hash="0x1", query_id=42, text="x", aborted=5, exceptions=1, executions=60
            ),
        )
    ),
    missing_indexes: a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(),)),
    unused_indexes: a_situation(indexes=(an_index(),)),
    duplicate_indexes: a_situation(
        indexes=(an_index(reads=3), an_index("IX_wide", includes=("Note",), reads=9))
    ),
    blocking_chains: a_situation(blocking=(chain(),)),
    noticed_blocking: replace(a_situation(), noticed=(seen(),)),
    frequent_blocking: a_situation(day={"blockedSessions": [1.0] * 20 + [0.0] * 268}),
    open_transactions: a_situation(transactions=(transaction(),)),
    connection_churn: a_situation(day={"workersPercent": 80.0}, sessions=(churning(),)),
    query_store: a_situation(query_store=store()),
    stale_statistics: a_situation(statistics=(statistics(),)),
    table_growth: a_situation(
        week={"storageUsage": [1 + 0.001 * hour for hour in HOURS]},
        tables=(TableSize(table="dbo.Log", rows=9, size_mb=400, grown_mb=20),),
    ),
    high_memory: a_situation(day={"memoryUsage": 1_201.0}),
    slow_responses: a_situation(day={"responseTime.avg": 2_500.0}),
    memory_leak: a_situation(
        day={"memoryUsage": 900.0},
        week={"memoryProcess": [400 + 3.0 * hour + WAVE[hour] for hour in HOURS]},
    ),
    restart_saw_tooth: a_situation(day={"memoryUsage": 1_300.0}, week={"memoryProcess": SAW}),
    cpu_saturation: a_situation(day={"cpuUtilization": [95.0] * 40 + [20.0] * 248}),
    outbound_sockets: a_situation(day={"outboundSockets": 1_400.0}),
    bandwidth: a_situation(week={"bytesOut": 5e6}),
    app_disk: a_situation(day={"appDiskUsage": 9.0}),
}


def only(adviser: Adviser, situation: Situation) -> Recommendation:
    (found,) = adviser(situation)
    return found


def test_every_adviser_has_its_situation_here() -> None:
    assert SPEAKING.keys() == set(ADVISERS)


@pytest.mark.parametrize("adviser", ADVISERS, ids=lambda one: one.__name__)
def test_each_speaks_when_it_should_and_is_silent_when_nothing_is_known(adviser: Adviser) -> None:
    one = only(adviser, SPEAKING[adviser])

    assert one in judge(SPEAKING[adviser])
    assert one.actions
    assert one.title
    assert 1 <= one.rank <= 255
    assert (one.link or "").startswith("https://")
    assert list(adviser(a_situation())) == []
    assert list(adviser(Situation(now=NOW, day={}, week={}))) == []


@pytest.mark.parametrize("adviser", ADVISERS, ids=lambda one: one.__name__)
def test_each_is_the_same_again_later(adviser: Adviser) -> None:
    situation = SPEAKING[adviser]
    later = msgspec.structs.replace(situation, now=NOW + timedelta(hours=6))

    assert {one.id for one in adviser(later)} == {one.id for one in adviser(situation)}


@pytest.mark.parametrize("adviser", ADVISERS, ids=lambda one: one.__name__)
def test_its_formula_is_told(adviser: Adviser) -> None:
    assert "rgency" in (adviser.__doc__ or "")


def test_ranks_run_from_1_to_255() -> None:
    assert [rank_of(urgency) for urgency in (2, 1, 0.25, 0, -1)] == [1, 1, 128, 255, 255]


@pytest.mark.parametrize(
    ("adviser", "metric", "limit"),
    [
        (high_dtu, "dtuUtilization", 70.0),
        (high_memory, "memoryUsage", 1_200.0),
        (slow_responses, "responseTime.avg", 2_000.0),
        (many_connections, "workersPercent", 80.0),
        (many_connections, "sessionsPercent", 80.0),
    ],
)
def test_the_clients_thresholds_are_exceeded_not_met(
    adviser: Adviser, metric: str, limit: float
) -> None:
    assert list(adviser(a_situation(day={metric: limit}))) == []
    assert len(list(adviser(a_situation(day={metric: limit + 0.1})))) == 1


def test_the_clients_own_advice_keeps_its_types_and_priorities() -> None:
    given = {
        one.kind: (one.type, one.priority)
        for adviser in (
            *(high_dtu, high_memory, slow_responses),
            *(many_connections, expensive_queries),
        )
        for one in adviser(SPEAKING[adviser])
    }
    assert given == {
        "high_dtu": ("performance", "high"),
        "high_memory": ("memory", "medium"),
        "slow_responses": ("performance", "medium"),
        "many_connections": ("connection_pooling", "medium"),
        "expensive_queries": ("query_optimization", "high"),
    }


def test_a_few_minutes_are_no_day() -> None:
    assert list(high_dtu(a_situation(day={"dtuUtilization": [None] * 283 + [99.0] * 5}))) == []


def test_general_advice_stands_behind_what_names_a_cause() -> None:
    situation = a_situation(
        day={**BUSY, "dtuUtilization": 100.0, "dtuDataIo": 100.0}, queries=(a_query(),)
    )

    assert [one.kind for one in judge(situation)][:2] == ["bad_query", "high_dtu"]


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


def test_a_missing_index_comes_with_its_script_and_reversal() -> None:
    missing = a_missing("Status", inequality=("DueOn", "Kind"), included=("Odd]Name",))
    one = only(
        missing_indexes, a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(missing,))
    )

    assert one.script == (
        "CREATE NONCLUSTERED INDEX [IX_Visit_Status_DueOn_7233] ON [dbo].[Visit] "
        "([Status], [DueOn]) INCLUDE ([Odd]]Name]) WITH (ONLINE = ON, MAXDOP = 1);"
    )
    assert one.reversal == "DROP INDEX [IX_Visit_Status_DueOn_7233] ON [dbo].[Visit];"
    assert one.measure is not None
    assert (one.measure.label, one.measure.value) == ("IO of query 42", 2_000)


@pytest.mark.parametrize(
    ("suggested", "made"),
    [
        ([("A",), ("A", "B")], [("A", "B")]),
        ([("B",), ("A", "B")], [("B", "A")]),
        ([("A",), ("B",)], [("A",), ("B",)]),
        ([("A",), ("B",), ("A", "B")], [("A", "B"), ("B",)]),
        ([("A",), ("B", "C"), ("A", "B", "C")], [("B", "C", "A"), ("A",)]),
    ],
)
def test_one_index_takes_the_place_of_those_that_it_can_serve(
    suggested: list[tuple[str, ...]], made: list[tuple[str, ...]]
) -> None:
    situation = a_situation(missing_indexes=tuple(a_missing(*one) for one in suggested))

    assert [one.equality for one in wanted_indexes(situation)] == made


def test_a_range_comes_after_what_is_compared_for_equality() -> None:
    wide = a_missing("A", inequality=("B",), included=("C",))
    narrow = a_missing("A", included=("D",), seeks=10_000)
    (one,) = wanted_indexes(a_situation(missing_indexes=(narrow, wide)))

    assert (one.equality, one.included) == (("A", "B"), ("C", "D"))
    assert one.seeks == 40_000


def test_an_index_that_was_made_meanwhile_is_not_asked_for_again() -> None:
    missing = a_missing("Status", inequality=("DueOn",), included=("Note",))
    made = an_index("IX_new", "Status", "DueOn", includes=("Note", "Kind"))
    narrower = an_index("IX_new", "Status", "DueOn")

    assert wanted_indexes(a_situation(missing_indexes=(missing,), indexes=(made,))) == []
    assert wanted_indexes(a_situation(missing_indexes=(missing,), indexes=(narrower,))) != []


@pytest.mark.parametrize(
    "changes",
    [
        {"seeks": 3},
        {"impact": 0.5},
        {"table": "dbo.Donor"},
        {"cost": 0.001},
        {"last_seek_at": ago(hours=25)},
    ],
    ids=str,
)
def test_a_suggestion_that_saves_nothing_is_not_made(changes: dict[str, Any]) -> None:
    situation = a_situation(day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(**changes),))
    assert list(missing_indexes(situation)) == []


def test_what_a_new_query_asks_for_counts_from_its_first_day() -> None:
    """1,500 seeks are little in a month since the restart, and all of a query's one day."""
    day, missing = {"dtuDataIo": 60.0}, a_missing(seeks=1_500)

    def points(**changes: Any) -> float:
        queries = (a_query(**changes),)
        one = only(
            missing_indexes, a_situation(day=day, queries=queries, missing_indexes=(missing,))
        )
        assert one.estimate is not None
        return one.estimate.value

    assert points(first_seen_at=ago(days=1)) == 54.0
    assert points(first_seen_at=ago(days=90)) == 2.7


def test_an_index_on_a_table_that_is_mostly_written_is_not_made() -> None:
    def advised(writes: int) -> int:
        primary = an_index("PK", "Id", kind="CLUSTERED", is_primary_key=True, writes=writes)
        situation = a_situation(
            day=BUSY, queries=(a_query(),), missing_indexes=(a_missing(),), indexes=(primary,)
        )
        return len(list(missing_indexes(situation)))

    assert (advised(30 * 1_000), advised(30 * 1_000_000)) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_primary_key": True},
        {"is_unique": True},
        {"is_unique_constraint": True},
        {"supports_foreign_key": True},
        {"is_disabled": True},
        {"kind": "CLUSTERED"},
        {"reads": 1},
        {"reads": None},
        {"writes": 0},
    ],
    ids=str,
)
def test_what_guards_something_or_is_used_is_not_dropped(changes: dict[str, Any]) -> None:
    assert list(unused_indexes(a_situation(indexes=(an_index(**changes),)))) == []


@pytest.mark.parametrize("started_at", [None, ago(days=13)])
def test_without_proof_of_two_weeks_no_index_is_called_idle(started_at: Any) -> None:
    indexes = (an_index(), an_index("IX_twin"))
    situation = a_situation(indexes=indexes, started_at=started_at)

    assert list(unused_indexes(situation)) == []
    assert list(duplicate_indexes(situation)) == []


def test_of_two_equal_indexes_one_goes_and_can_come_back() -> None:
    keys = {"keys": ("Kind", "DueOn DESC"), "filter": "([IsOpen]=(1))", "includes": ("Note",)}
    twins = (an_index("IX_a", reads=9, **keys), an_index("IX_b", reads=4, **keys))
    one = only(duplicate_indexes, a_situation(indexes=twins))

    assert one.script == "DROP INDEX [IX_b] ON [dbo].[Visit];"
    assert one.reversal == (
        "CREATE NONCLUSTERED INDEX [IX_b] ON [dbo].[Visit] ([Kind], [DueOn] DESC) "
        "INCLUDE ([Note]) WHERE ([IsOpen]=(1)) WITH (ONLINE = ON);"
    )


def test_an_index_is_no_duplicate_of_one_with_a_filter_or_fewer_columns() -> None:
    kept = an_index("IX_a", reads=9, includes=("Note",))

    for other in ({"filter": "x"}, {"includes": ()}, {"keys": ("Kind", "Id")}):
        pair = (kept, an_index("IX_b", **{"reads": 99, "includes": ("Note",), **other}))
        assert "IX_a" not in {
            one.title.split()[1] for one in duplicate_indexes(a_situation(indexes=pair))
        }


def test_the_head_of_a_chain_is_told_once() -> None:
    situation = a_situation(blocking=(chain(is_idle=True),), transactions=(transaction(),))
    (one,) = judge(situation)

    assert one.kind == "blocking_chain"
    assert (one.script or "").endswith(" KILL 61;")
    assert "sleeps in a transaction" in one.description


def test_a_chain_is_the_more_urgent_the_longer_and_the_more_wait() -> None:
    ranks = [
        only(blocking_chains, a_situation(blocking=(chain(blocked=blocked, wait_ms=wait),))).rank
        for blocked, wait in [(1, 2_000), (1, 30_000), (5, 30_000), (5, 60_000)]
    ]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == 4


def test_a_chain_of_now_stands_before_one_that_is_over() -> None:
    now = replace(a_situation(blocking=(chain(),)), noticed=(seen(),))
    [one] = judge(now)

    assert one.script == (
        "IF EXISTS (SELECT 1 FROM sys.dm_exec_sessions WHERE session_id = 61 "
        "AND last_request_start_time <= '2026-11-24T12:02:00' "
        "AND (status <> 'sleeping' OR open_transaction_count > 0)) KILL 61;"
    )
    [over] = judge(replace(a_situation(), noticed=(seen(),)))
    assert over.id == one.id
    assert over.rank > one.rank
    assert over.script is None


def test_a_single_wait_that_is_over_is_no_great_matter() -> None:
    once = seen(looks=1, chain=chain(blocked=1))
    often = seen(looks=4, chain=chain(blocked=5))
    [low, high] = [
        only(noticed_blocking, replace(a_situation(), noticed=(one,))).priority
        for one in (once, often)
    ]

    assert (low, high) == (Priority.LOW, Priority.HIGH)


def test_short_transactions_and_waits_are_left_alone() -> None:
    situation = a_situation(
        blocking=(chain(wait_ms=900),),
        transactions=(
            transaction(began_at=ago(minutes=4), idle_since=ago(minutes=4)),
            transaction(session=9, began_at=ago(minutes=29), idle_since=None),
        ),
    )
    assert judge(situation) == []


@pytest.mark.parametrize("changes", [{"young": 9}, {"sessions": 4, "young": 4}], ids=str)
def test_a_pool_and_a_handful_are_no_churn(changes: dict[str, Any]) -> None:
    situation = a_situation(day={"workersPercent": 95.0}, sessions=(churning(**changes),))

    assert list(connection_churn(situation)) == []


def test_the_same_app_on_another_instance_is_the_same_advice() -> None:
    ids = {
        only(connection_churn, a_situation(sessions=(churning(host=host),))).id
        for host in ("crm-1", "crm-27")
    }
    assert len(ids) == 1


def test_query_store_says_when_it_is_nearly_full() -> None:
    full = only(query_store, a_situation(query_store=store(actual="READ_WRITE", used_mb=9.2)))
    roomy = a_situation(query_store=store(actual="READ_WRITE", used_mb=8.9))

    assert (full.title, full.priority) == ("Query Store is 92 % full", "low")
    assert list(query_store(roomy)) == []


@pytest.mark.parametrize(
    "changes",
    [{"changes": 2_000}, {"updated_at": ago(days=6)}, {"rows": 900}, {"changes": None}],
    ids=str,
)
def test_statistics_that_the_engine_itself_takes_for_good_are_left_alone(
    changes: dict[str, Any],
) -> None:
    assert list(stale_statistics(a_situation(statistics=(statistics(**changes),)))) == []


def test_growth_names_the_day_and_the_table() -> None:
    one = only(table_growth, SPEAKING[table_growth])

    assert one.title == "The database is full in about 35 days"
    assert "24.6 MB a day" in one.description
    assert "most of it in dbo.Log" in one.description


def test_a_database_that_does_not_grow_is_never_full() -> None:
    assert list(table_growth(a_situation(week={"storageUsage": 1.9}))) == []


@pytest.mark.parametrize(
    "process",
    [
        [900 + wave for wave in WAVE],
        [900 + 2 * wave if hour >= 120 else 900.0 for hour, wave in zip(HOURS, WAVE, strict=True)],
        [400 + 3.0 * hour for hour in range(30)],
        [400 + 0.5 * hour for hour in HOURS],
        [1_500 - 3.0 * hour for hour in HOURS],
    ],
    ids=["a daily wave", "higher waves of late", "a day alone", "80 MB in a week", "it falls"],
)
def test_what_is_no_leak_is_not_called_one(process: list[float]) -> None:
    situation = a_situation(day={"memoryUsage": 1_000.0}, week={"memoryProcess": process})

    assert list(memory_leak(situation)) == []


def test_a_leak_counts_from_the_last_restart_and_names_its_deploy() -> None:
    before, since = [1_500.0] * 100, [400 + 8.0 * hour for hour in range(68)]
    deploys = [a_deploy("1.8.2", ago(hours=68, minutes=5))]
    situation = a_situation(
        day={"memoryUsage": 1_200.0},
        week={"memoryProcess": before + since},
        deployments=deploys,
    )
    one = only(memory_leak, situation)

    assert one.title == "Memory leak: 1,600 MB in about 50 h"
    assert "192 MB a day" in one.description
    assert "This began with deploy 1.8.2" in one.description
    assert one.priority is Priority.HIGH


def test_a_leak_without_a_restart_in_sight_counts_from_the_first_figure() -> None:
    process: list[float | None] = [None] * 60 + [
        400 + 3.0 * hour + WAVE[hour] for hour in HOURS[60:]
    ]
    deploys = [a_deploy("1.8.2", ago(hours=168 - 60, minutes=5))]
    one = only(
        memory_leak,
        a_situation(
            day={"memoryUsage": 900.0}, week={"memoryProcess": process}, deployments=deploys
        ),
    )

    assert one.description.startswith("Since 2026-11-20 00:00 UTC memory has grown by 72 MB a day")
    assert one.deploy is None


@pytest.mark.parametrize(
    ("falls", "found"),
    [([900, 400], [1]), ([900, 650, 400], [2]), ([900, 880, 400, 390, 900, 300], [2, 5])],
)
def test_a_restart_within_an_hour_is_one(falls: list[float], found: list[int]) -> None:
    line = stretch(falls, timedelta(hours=len(falls)), HOUR)

    assert [(at - line.start) // HOUR for at in restarts_of(line)] == found


def test_a_saw_tooth_is_as_high_as_the_plan_not_as_the_process() -> None:
    process = [one - 430 for one in SAW]
    alone = a_situation(week={"memoryProcess": process})
    both = a_situation(week={"memoryProcess": process, "memoryUsage": SAW})

    assert (list(restart_saw_tooth(alone)), len(list(restart_saw_tooth(both)))) == ([], 1)


def test_a_leak_outside_the_heap_is_sought_elsewhere() -> None:
    growing = [400 + 3.0 * hour for hour in HOURS]
    week: dict[str, Level] = {"memoryProcess": growing, "memoryHeap": 200.0}
    one = only(memory_leak, a_situation(day={"memoryUsage": 900.0}, week=week))

    assert one.actions[0].startswith("The heap does not grow with it")


def test_restarts_by_deploys_make_no_saw_tooth() -> None:
    restarts = [hour for hour in HOURS if hour and hour % 18 == 0]
    deploys = [a_deploy(str(hour), ago(hours=168 - hour, minutes=-10)) for hour in restarts]
    situation = a_situation(
        day={"memoryUsage": 1_300.0}, week={"memoryProcess": SAW}, deployments=deploys
    )

    assert list(restart_saw_tooth(situation)) == []
    assert only(restart_saw_tooth, SPEAKING[restart_saw_tooth]).title.endswith("about every 18 h")
