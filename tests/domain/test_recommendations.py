"""Each recommendation: when it speaks, when it does not; the advice that the client asked for."""

from datetime import timedelta

import msgspec
import pytest

from shared.domain.recommendations.general import (
    expensive_queries,
    high_dtu,
    high_memory,
    many_connections,
    slow_responses,
)
from shared.domain.recommendations.registry import ADVISERS, Adviser, judge
from shared.domain.recommendations.situations import Situation
from shared.domain.recommendations.values import (
    rank_of,
)
from tests.domain.advised import BUSY, SPEAKING, only
from tests.domain.advising import (
    NOW,
    a_query,
    a_situation,
)


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
