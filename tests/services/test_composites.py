"""Rules over several metrics and several minutes, through the evaluator and its store."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from shared.domain.machine import State
from shared.domain.members import Member
from shared.domain.rules import NoDataPolicy, Rule
from shared.domain.times import MINUTE
from tests.builders import Desk, ScriptedSource, Values, a_desk, a_rule, at

DTU = Member(metric="dtuUtilization", condition="greater_than", threshold=95)
MEMORY = Member(metric="memoryUsage", condition="greater_than", threshold=1600)
SETTLE = 3


def both(kind: str, **changes: Any) -> Rule:
    members = {f"{kind}_of": (DTU, MEMORY)}
    return a_rule("both", metric="", condition="", threshold=None, duration=1, **members, **changes)


def watching(rule: Rule, dtu: Values, memory: Values) -> Desk:
    """The DMV speaks at once, the plan three minutes later."""
    plan = ScriptedSource(memory, metric="memoryUsage", name="plan", settle=SETTLE)
    return a_desk(rules=[rule], sources=[ScriptedSource(dtu), plan])


def test_a_composite_is_folded_as_far_as_its_last_metric_is_covered() -> None:
    desk = watching(both("any"), [99.0] * 20, [1000.0] * 20)
    desk.ticks(0, 10)

    assert desk.state("both").last_folded + MINUTE == at(9 - SETTLE)
    assert desk.alert().active_at == at(0)


@pytest.mark.parametrize(("kind", "fired"), [("any", 5), ("all", 8)])
def test_any_fires_with_the_first_and_all_with_the_last(kind: str, fired: int) -> None:
    desk = watching(both(kind), [1.0] * 5 + [99.0] * 30, [1000.0] * 8 + [1650.0] * 30)
    desk.ticks(0, 20)
    alert = desk.alert()

    assert alert.fired_at == at(fired) + MINUTE
    assert alert.metric == "dtuUtilization"
    assert len(alert.breaches) == (1 if kind == "any" else 2)


def test_the_message_names_the_member_that_is_bad() -> None:
    desk = watching(both("any"), [1.0] * 30, [1000.0] * 5 + [1650.0] * 30)
    desk.ticks(0, 12)
    (message,) = desk.messages()

    assert message.subject == "[CRITICAL] Memory 1,650 MB for 1 min — pantry-crm"
    assert "Memory was 1,650 MB (> 1,600 MB) since" in message.text


def test_of_several_metrics_the_oldest_silence_counts() -> None:
    rule = both("any", no_data=NoDataPolicy.ALERT)
    plan = ScriptedSource([1000.0] * 5, metric="memoryUsage", name="plan")
    desk = a_desk(rules=[rule], sources=[ScriptedSource([1.0] * 60), plan])
    desk.ticks(0, 20)
    alert = desk.alert()

    assert (alert.kind, alert.metric, alert.active_at) == ("no_data", "memoryUsage", at(5))
    assert desk.messages()[0].subject.startswith("[CRITICAL] Memory: no data since")


def climbing(minutes: int) -> list[float]:
    return [500.0] * 20 + [500.0 + 12 * n for n in range(minutes - 20)]


@pytest.mark.parametrize(
    "rule",
    [
        a_rule("w", metric="memoryUsage", condition="rate_of_change", threshold=10, window=10),
        a_rule(
            "w",
            metric="memoryUsage",
            condition="forecast",
            threshold=1600,
            within_hours=1,
            window=60,
        ),
    ],
    ids=lambda rule: rule.condition,
)
def test_a_window_decides_the_same_by_the_minute_and_after_an_outage(rule: Rule) -> None:
    def story(ticks: Iterable[int]) -> tuple[State, datetime | None, int]:
        plan = ScriptedSource(climbing(100), metric="memoryUsage", name="plan")
        desk = a_desk(rules=[rule], sources=[plan])
        for minute in ticks:
            desk.tick(minute)
        alert = desk.alert()
        return desk.state("w").state, alert.active_at, alert.count

    assert story(range(100)) == story([0, 37, 38, 99])


def test_a_window_looks_back_beyond_the_beginning_of_the_rule() -> None:
    rule = a_rule("w", metric="memoryUsage", condition="rate_of_change", threshold=10, window=60)
    plan = ScriptedSource(climbing(300), metric="memoryUsage", name="plan")
    desk = a_desk(rules=[], sources=[plan])
    desk.ticks(0, 200)
    desk.edit(rule, created=at(200))
    desk.ticks(200, 205)

    assert desk.alert().active_at == at(200)


def test_the_hours_of_a_long_window_are_read_in_their_own_column() -> None:
    week = a_rule(
        "week",
        metric="memoryUsage",
        condition="forecast",
        threshold=1600,
        within_hours=99,
        window=600,
    )
    desk = watching(week, [1.0] * 900, [1000.0] * 900)
    desk.shipped(week, a_rule())
    desk.ticks(0, 1)
    desk.tick(700)
    reads: list[tuple[datetime, datetime, list[str]]] = []
    hours = desk.house.samples.hours

    def watched(target: str, first: datetime, last: datetime, **which: Any) -> Any:
        reads.append((first, last, list(which.get("columns") or [])))
        return hours(target, first, last, **which)

    desk.house.samples.hours = watched  # type: ignore[method-assign]
    desk.tick(701)

    folding = [read for read in reads if "memoryUsage" in read[2]]
    assert [(read[0], read[2]) for read in folding[-2:]] == [
        (at(60), ["memoryUsage"]),
        (at(660), ["dtuUtilization", "memoryUsage"]),
    ]
