"""A rule that can never fire, or never end, on this tier is told with the reason."""

from typing import Any

import pytest

from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.limits import impossible
from shared.domain.members import Member
from shared.domain.rules import Rule
from tests.domain.builders import a_rule


def judged(metric: str, condition: str, threshold: float, **changes: Any) -> str | None:
    rule = a_rule(metric=metric, condition=condition, threshold=threshold, **changes)
    return impossible(rule, CATALOG)


@pytest.mark.parametrize(
    ("metric", "condition", "threshold"),
    [
        ("dtuUtilization", "greater_than", 100),
        ("dtuUtilization", "greater_or_equal", 100.1),
        ("memoryUsage", "greater_than", 1750),
        ("outboundSockets", "greater_than", 2000),
        ("availability", "less_than", 0),
        ("availability", "less_or_equal", -1),
        ("errorRate", "less_than", 0),
        ("errorRate", "equals", 97.3),
        ("dtuUtilization", "equals", 101),
        ("dtuUtilization", "rate_of_change", 100),
        ("dtuUtilization", "rate_of_change", -100),
        ("storagePercent", "forecast", 101),
        ("availability", "forecast", -1),
    ],
)
def test_a_rule_beyond_the_limits_can_never_fire(
    metric: str, condition: str, threshold: float
) -> None:
    said = judged(metric, condition, threshold)

    assert said is not None
    assert said.startswith(metric)
    assert said.endswith("the rule could never fire")


@pytest.mark.parametrize(
    ("metric", "condition", "threshold"),
    [
        ("storagePercent", "greater_or_equal", 0),
        ("throughput", "greater_than", -1),
        ("dtuUtilization", "less_or_equal", 100),
        ("dtuUtilization", "less_than", 101),
        ("errorRate", "not_equals", 0.5),
        ("dtuUtilization", "not_equals", -3),
        ("storagePercent", "forecast", 0),
        ("availability", "forecast", 100),
    ],
)
def test_a_rule_that_every_value_breaks_would_always_be_on(
    metric: str, condition: str, threshold: float
) -> None:
    said = judged(metric, condition, threshold)

    assert said is not None
    assert said.endswith("the rule would always be on")


@pytest.mark.parametrize(
    ("metric", "condition", "threshold"),
    [
        ("dtuUtilization", "greater_or_equal", 100),
        ("availability", "less_than", 100),
        ("availability", "less_or_equal", 0),
        ("certificateDaysLeft", "less_than", -3),
        ("errorRate", "equals", 97),
        ("errorRate", "not_equals", 0),
        ("storagePercent", "forecast", 100),
        ("throughput", "greater_than", 1e9),
        ("responseTime.avg", "equals", 97.3),
        ("dtuUtilization", "rate_of_change", 99),
    ],
)
def test_a_rule_at_the_edge_of_the_limits_is_possible(
    metric: str, condition: str, threshold: float
) -> None:
    assert judged(metric, condition, threshold) is None


def test_a_clear_threshold_that_every_value_breaks_could_never_end() -> None:
    said = judged("errorRate", "greater_than", 5, clear_threshold=-1)

    assert said == (
        "errorRate is never below 0/min and whole, so with clearThreshold -1 "
        "the alert could never end"
    )


def test_the_sentence_names_the_span_and_what_was_asked() -> None:
    assert judged("dtuUtilization", "greater_than", 100) == (
        "dtuUtilization lies from 0 % to 100 %, so with > 100 % the rule could never fire"
    )


def test_each_member_of_a_composite_is_looked_at() -> None:
    sane = Member(metric="memoryUsage", condition="greater_than", threshold=1600)
    wild = Member(metric="memoryProcess", condition="greater_than", threshold=1800)

    assert impossible(_any(sane, sane), CATALOG) is None
    said = impossible(_any(sane, wild), CATALOG)
    assert said is not None
    assert said.startswith("memoryProcess")


def _any(*members: Member) -> Rule:
    return a_rule(metric="", condition="", threshold=None, any_of=members)


def _all(*members: Member) -> Rule:
    return a_rule(metric="", condition="", threshold=None, all_of=members)


def _dtu(condition: str, threshold: float | None = None) -> Member:
    return Member(metric="dtuUtilization", condition=condition, threshold=threshold)


def _errors(condition: str, threshold: float) -> Member:
    return Member(metric="errorRate", condition=condition, threshold=threshold)


SLOW = Member(metric="responseTime.avg", condition="greater_than", threshold=2000)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            _all(_dtu("greater_than", 90), SLOW, _dtu("less_than", 10)),
            "no dtuUtilization is > 90 % and < 10 % at once, so the rule could never fire",
        ),
        (
            _all(_dtu("absent"), _dtu("greater_than", 90)),
            "no dtuUtilization is absent and > 90 % at once, so the rule could never fire",
        ),
        (
            _all(_errors("less_than", 2), _errors("greater_than", 1)),
            ("no errorRate is < 2/min and > 1/min at once, so the rule could never fire"),
        ),
        (
            _any(SLOW, _dtu("greater_than", 50), _dtu("less_or_equal", 50)),
            "every dtuUtilization is > 50 % or ≤ 50 %, so the rule would always be on",
        ),
        (
            _any(_errors("less_or_equal", 1), _errors("greater_or_equal", 2)),
            "every errorRate is ≤ 1/min or ≥ 2/min, so the rule would always be on",
        ),
    ],
)
def test_members_that_contradict_each_other_are_told(rule: Rule, said: str) -> None:
    assert impossible(rule, CATALOG) == said


@pytest.mark.parametrize(
    "rule",
    [
        _all(_dtu("greater_than", 10), _dtu("less_than", 90)),
        _all(_dtu("greater_or_equal", 50), _dtu("less_or_equal", 50)),
        _all(_dtu("greater_than", 99.9), SLOW),
        _all(_errors("greater_than", 1), _errors("less_than", 3)),
        _any(_dtu("greater_than", 50), _dtu("less_than", 50)),
        _any(_dtu("absent"), _dtu("greater_than", 90)),
        _any(_dtu("greater_than", 90), _dtu("rate_of_change", 5)),
        _any(_errors("less_than", 1), _errors("greater_than", 1)),
    ],
)
def test_members_of_one_metric_that_leave_it_a_choice_are_possible(rule: Rule) -> None:
    assert impossible(rule, CATALOG) is None


def test_no_limits_are_known_of_absence_and_of_a_metric_that_left() -> None:
    assert impossible(a_rule(condition="absent", threshold=None), CATALOG) is None
    assert judged("gone", "greater_than", -1) is None


@pytest.mark.parametrize("rule", default_rules(), ids=lambda rule: rule.id)
def test_no_shipped_rule_is_impossible_or_permanent(rule: Rule) -> None:
    assert impossible(rule, CATALOG) is None
