"""What is said of chains, transactions, sessions and the store of queries."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.sessions import (
    blocking_chains,
    connection_churn,
    noticed_blocking,
)
from shared.domain.recommendations.upkeep import query_store, stale_statistics
from shared.domain.recommendations.values import (
    Priority,
)
from tests.domain.advised import chain, churning, only, seen, statistics, store, transaction
from tests.domain.advising import (
    a_situation,
    ago,
)


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
