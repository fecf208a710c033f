"""A rule's JSON: what is accepted, and one clear sentence for everything that is not."""

import hashlib
import json
import math
from typing import Any

import msgspec
import pytest

from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.errors import InvalidRule
from shared.domain.rules import Action, ActionType, NoDataPolicy, Rule, Severity
from shared.domain.rules import parse_rule as parse
from shared.domain.rules import parse_rules as parse_all
from tests.domain.builders import a_rule, rule_json

E_MAIL = Action(ActionType.EMAIL, "${ALERT_EMAIL}")


def refusal(**changes: Any) -> str:
    with pytest.raises(InvalidRule) as refused:
        parse(rule_json(**changes), CATALOG)
    return str(refused.value)


def test_the_rule_of_the_brief_is_read_as_it_stands() -> None:
    assert parse(rule_json(), CATALOG) == a_rule()


def test_every_field_has_its_name_of_the_contract() -> None:
    full = {
        "enabled": False,
        "targets": ["pantry-crm"],
        "keepFiring": 3,
        "clearThreshold": 80,
        "noData": "alert",
        "noDataAfter": 7,
        "repeatEvery": 60,
        "escalateAfter": 15,
        "escalateTo": [{"type": "sms", "target": "+4912345"}],
        "inhibitedBy": ["site-down"],
        "runbook": "https://example.com/dtu",
        "actions": [{"type": "slack", "target": "#alerts", "message": "look"}],
    }
    rule = parse(rule_json(**full), CATALOG)

    assert rule.no_data is NoDataPolicy.ALERT
    assert rule.actions == (Action(ActionType.SLACK, "#alerts", "look"),)
    windows = {"window", "withinHours", "any", "all"}
    assert msgspec.to_builtins(rule).keys() == rule_json(**full).keys() | windows


def test_what_is_left_out_has_the_value_of_the_contract() -> None:
    rule = parse(rule_json(), CATALOG)

    assert rule.enabled
    assert rule.targets is None
    assert rule.keep_firing == 0
    assert rule.no_data is NoDataPolicy.KEEP
    assert rule.repeat_every == 240
    assert rule.no_data_after is None


def test_actions_may_be_empty() -> None:
    assert parse(rule_json(actions=[]), CATALOG).actions == ()


@pytest.mark.parametrize("minutes", [0, 10080])
@pytest.mark.parametrize(
    "field", ["duration", "keepFiring", "noDataAfter", "repeatEvery", "escalateAfter"]
)
def test_minutes_from_0_to_seven_days_are_accepted(field: str, minutes: int) -> None:
    parse(rule_json(**{field: minutes}), CATALOG)


@pytest.mark.parametrize("minutes", [-1, 10081])
@pytest.mark.parametrize(
    "field", ["duration", "keepFiring", "noDataAfter", "repeatEvery", "escalateAfter"]
)
def test_minutes_beyond_seven_days_are_refused(field: str, minutes: int) -> None:
    said = refusal(**{field: minutes})

    assert field in said
    assert "from 0 to 10080" in said


def test_a_rule_for_no_target_at_all_is_refused() -> None:
    assert "targets must name one at least; leave it out for all" in refusal(targets=[])


def test_an_unknown_metric_is_answered_with_near_names() -> None:
    assert "did you mean dtuUtilization" in refusal(metric="dtuUtilisation")
    assert "did you mean responseTime." in refusal(metric="responseTime")


def test_a_metric_like_no_other_is_answered_with_where_to_look() -> None:
    said = refusal(metric="zzz")

    assert "'zzz'" in said
    assert "lists them all" in said


def test_an_unknown_field_is_answered_with_the_near_one() -> None:
    assert refusal(treshold=3) == (
        "rule 'dtu-critical': unknown field 'treshold'; did you mean 'threshold'?"
    )


def test_an_unknown_field_like_no_other_is_answered_with_all_of_them() -> None:
    said = refusal(colour="red")

    assert "unknown field 'colour'" in said
    assert "clearThreshold" in said


MEMORY: dict[str, Any] = {"metric": "memoryUsage", "condition": "greater_than", "threshold": 1600}
PROCESS = MEMORY | {"metric": "memoryProcess"}


def composite_json(**changes: Any) -> dict[str, Any]:
    """Any of two memories above 1,600 MB, unless told otherwise."""
    alone: dict[str, Any] = dict.fromkeys(("metric", "condition", "threshold"), ...)
    return rule_json(**{**alone, "any": [MEMORY, PROCESS], **changes})


def composite_refusal(**changes: Any) -> str:
    with pytest.raises(InvalidRule) as refused:
        parse(composite_json(**changes), CATALOG)
    return str(refused.value)


def test_a_composite_names_its_members_in_place_of_a_metric() -> None:
    rule = parse(composite_json(), CATALOG)

    assert rule.is_composite
    assert [(one.metric, one.threshold) for one in rule.members] == [
        ("memoryUsage", 1600),
        ("memoryProcess", 1600),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"any": [MEMORY]}, "a composite rule has 2 to 8 members"),
        ({"any": [MEMORY] * 9}, "a composite rule has 2 to 8 members"),
        ({"all": [MEMORY, PROCESS]}, "give any or all, not both"),
        ({"metric": "memoryUsage"}, "metric makes no sense beside any or all"),
        ({"threshold": 5}, "threshold makes no sense beside any or all"),
        ({"clearThreshold": 5}, "clearThreshold makes no sense beside any or all"),
        ({"window": 5}, "window makes no sense beside any or all"),
        ({"withinHours": 5}, "withinHours makes no sense beside any or all"),
        ({"any": [MEMORY, {**PROCESS, "metric": "memoryProces"}]}, "member 2: there is no metric"),
        ({"any": [MEMORY, {**PROCESS, "condition": "above"}]}, "member 2: there is no condition"),
        ({"any": [MEMORY, {**PROCESS, "window": 5}]}, "window makes no sense with greater_than"),
        ({"any": [MEMORY, {"any": [MEMORY, PROCESS]}]}, "unknown field `any`"),
        (
            {"any": [MEMORY, {**PROCESS, "condition": "forecast", "withinHours": 6}]},
            "member 2: forecast stands alone",
        ),
        ({"any": []}, "name a metric and its condition, or members in any or all"),
    ],
)
def test_what_is_wrong_with_a_composite_is_named(changes: dict[str, Any], said: str) -> None:
    assert said in composite_refusal(**changes)


def test_a_rate_may_stand_in_a_composite() -> None:
    rising = {**PROCESS, "condition": "rate_of_change", "window": 10}

    assert parse(composite_json(any=[MEMORY, rising]), CATALOG).members[1].minutes == 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window": 5}, "window makes no sense with greater_than"),
        ({"withinHours": 5}, "withinHours makes no sense with greater_than"),
        ({"condition": "rate_of_change", "threshold": 0}, "a threshold that is not 0"),
        ({"condition": "rate_of_change", "window": 1}, "whole minutes from 2 to 360"),
        ({"condition": "rate_of_change", "window": 361}, "whole minutes from 2 to 360"),
        ({"condition": "rate_of_change", "withinHours": 1}, "withinHours makes no sense"),
        ({"condition": "rate_of_change", "clearThreshold": -1}, "strictly between 0 and the"),
        ({"condition": "rate_of_change", "threshold": ...}, "rate_of_change needs a threshold"),
        ({"condition": "forecast"}, "forecast needs withinHours, a number above 0 and up to 720"),
        ({"condition": "forecast", "withinHours": 0}, "forecast needs withinHours"),
        ({"condition": "forecast", "withinHours": 721}, "forecast needs withinHours"),
        ({"condition": "forecast", "withinHours": 6, "window": 29}, "minutes from 30 to 10080"),
        (
            {"condition": "forecast", "withinHours": 6, "clearThreshold": 1},
            "no sense with forecast",
        ),
        ({"condition": "forecast", "withinHours": 6, "metric": "throughput"}, "has no bad side"),
        (
            {"condition": "anomaly", "metric": "dtuPeak"},
            "no detector says how unusual dtuPeak is; docs/metrics.md names",
        ),
        ({"condition": "anomaly", "threshold": 1}, "a score lies from 0 to 1"),
        ({"condition": "anomaly", "threshold": -0.1}, "a score lies from 0 to 1"),
        ({"condition": "anomaly"}, "an anomaly alone is never critical"),
    ],
)
def test_what_is_wrong_with_a_window_or_a_forecast_is_named(
    changes: dict[str, Any], said: str
) -> None:
    assert said in refusal(**changes)


def test_an_anomaly_is_accepted_where_a_detector_writes_scores() -> None:
    rule = parse(rule_json(condition="anomaly", threshold=0.65, severity="high"), CATALOG)
    assert rule.condition == "anomaly"


@pytest.mark.parametrize(
    ("condition", "clear", "side"),
    [
        ("greater_than", 95, "below"),
        ("greater_than", 96, "below"),
        ("greater_or_equal", 95, "below"),
        ("greater_or_equal", 96, "below"),
        ("less_than", 95, "above"),
        ("less_than", 94, "above"),
        ("less_or_equal", 95, "above"),
        ("less_or_equal", 94, "above"),
    ],
)
def test_a_clear_threshold_on_the_wrong_side_is_refused(
    condition: str, clear: float, side: str
) -> None:
    said = refusal(condition=condition, clearThreshold=clear)

    assert f"clearThreshold must lie strictly {side} the threshold 95" in said


@pytest.mark.parametrize(
    ("condition", "clear"),
    [("greater_than", 94), ("greater_or_equal", 94), ("less_than", 96), ("less_or_equal", 96)],
)
def test_a_clear_threshold_strictly_on_the_ok_side_is_accepted(
    condition: str, clear: float
) -> None:
    parse(rule_json(condition=condition, clearThreshold=clear), CATALOG)


@pytest.mark.parametrize("condition", ["equals", "not_equals", "absent"])
def test_a_clear_threshold_makes_no_sense_with(condition: str) -> None:
    assert f"no sense with {condition}" in refusal(condition=condition, clearThreshold=80)


@pytest.mark.parametrize("field", ["threshold", "clearThreshold"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_threshold_is_a_finite_number(field: str, number: float) -> None:
    assert "finite numbers" in refusal(**{field: number})


def test_a_condition_that_compares_needs_a_threshold() -> None:
    assert "greater_than needs a threshold" in refusal(threshold=...)


def test_absent_needs_no_threshold() -> None:
    assert parse(rule_json(condition="absent", threshold=...), CATALOG).threshold is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"condition": "above"}, "the conditions are greater_than, less_than"),
        ({"severity": "fatal"}, "one of low, medium, high, critical"),
        ({"noData": "panic"}, "one of keep, alert, ok"),
        ({"actions": [{"type": "fax", "target": "1"}]}, "one of email, slack, webhook, sms"),
        ({"actions": [{"type": "email", "target": " "}]}, "must not be empty"),
        ({"actions": [{"type": "email"}]}, "actions[0]: target is missing"),
        ({"actions": [{"type": "email", "target": "a", "colour": "red"}]}, "colour"),
        ({"id": "DTU critical"}, "id must be 1-63 of a-z, 0-9 and -"),
        ({"id": "a" * 64}, "id must be 1-63"),
        ({"id": "-a"}, "not starting with -"),
        ({"id": ...}, "id"),
        ({"name": " "}, "name must not be empty"),
        ({"name": ...}, "name"),
        ({"duration": ...}, "duration is missing"),
        ({"duration": "2 minutes"}, "duration"),
        ({"duration": 1.5}, "duration must be a whole number, not a fraction"),
        ({"duration": True}, "duration must be a whole number, not true or false"),
        ({"threshold": "95"}, "threshold must be a number or null, not text"),
        ({"actions": ["a@b"]}, "actions[0] must be an object, not text"),
        ({"targets": ["Pantry CRM"]}, "target 'Pantry CRM'"),
        ({"enabled": "yes"}, "enabled"),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(changes: dict[str, Any], said: str) -> None:
    sentence = refusal(**changes)

    assert said in sentence
    assert "\n" not in sentence
    assert "$." not in sentence


def test_several_problems_are_told_together() -> None:
    said = refusal(metric="dtuUtilisation", duration=-1, clearThreshold=99)

    assert all(word in said for word in ("dtuUtilization", "duration", "clearThreshold"))


@pytest.mark.parametrize("given", [None, 5, "rule", [], [{}]])
def test_a_rule_is_a_json_object(given: Any) -> None:
    with pytest.raises(InvalidRule, match="a rule is a JSON object"):
        parse(given, CATALOG)


def test_two_rules_with_one_id_are_refused() -> None:
    with pytest.raises(InvalidRule, match="more than one rule is called 'dtu-critical'"):
        parse_all([rule_json(), rule_json()], CATALOG)


def test_one_rule_alone_is_a_list_of_one() -> None:
    assert parse_all(rule_json(), CATALOG) == (a_rule(),)


# What changes a rule so much that its story starts anew.


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": "memoryUsage"},
        {"condition": "less_than"},
        {"threshold": 90},
        {"duration": 3},
        {"clear_threshold": 80},
        {"targets": ("pantry-crm",)},
        {"window": 10},
        {"within_hours": 6},
        {"any_of": a_rule().members * 2},
        {"all_of": a_rule().members * 2},
    ],
)
def test_a_rule_that_measures_something_else_has_another_fingerprint(
    changes: dict[str, Any],
) -> None:
    assert a_rule(**changes).fingerprint != a_rule().fingerprint


def test_the_fingerprint_of_a_plain_rule_is_what_it_always_was() -> None:
    measured = ["dtuUtilization", "greater_than", 95, 2, None, None]
    said = json.dumps(measured, separators=(",", ":"))

    assert a_rule().fingerprint == hashlib.sha256(said.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "DTU"},
        {"severity": Severity.LOW},
        {"actions": (E_MAIL,)},
        {"keep_firing": 5},
        {"repeat_every": 5},
        {"no_data": NoDataPolicy.ALERT},
        {"no_data_after": 9},
        {"runbook": "https://example.com"},
    ],
)
def test_any_other_edit_keeps_the_fingerprint(changes: dict[str, Any]) -> None:
    assert a_rule(**changes).fingerprint == a_rule().fingerprint


@pytest.mark.parametrize(
    ("rule", "applies"),
    [
        (a_rule(), True),
        (a_rule(enabled=False), False),
        (a_rule(targets=("pantry-crm",)), True),
        (a_rule(targets=("other",)), False),
    ],
)
def test_a_rule_applies_to_its_targets_and_only_while_enabled(rule: Rule, *, applies: bool) -> None:
    assert rule.applies_to("pantry-crm") is applies


def test_the_first_default_rules_are_the_briefs() -> None:
    slack = ActionType.SLACK
    shipped = [
        (r.id, r.name, r.metric, r.condition, r.threshold, r.duration, r.severity, r.actions)
        for r in default_rules()[:4]
    ]

    # fmt: off
    assert shipped == [
        ("dtu-critical", "DTU Usage Critical", "dtuUtilization", "greater_than", 95, 2,
         "critical", (E_MAIL, Action(slack, "#alerts"))),
        ("memory-warning", "Memory Usage High", "memoryUsage", "greater_than", 1400, 5,
         "medium", (E_MAIL,)),
        ("response-time-slow", "Slow Response Times", "responseTime.avg", "greater_than", 3000, 3,
         "medium", (Action(slack, "#performance"),)),
        ("storage-warning", "Storage Space Low", "storagePercent", "greater_than", 85, 10,
         "high", (E_MAIL,)),
    ]
    # fmt: on


def test_the_default_rules_of_the_brief_set_nothing_that_it_does_not_ask_for() -> None:
    for rule in default_rules()[:4]:
        assert rule.enabled
        assert (rule.targets, rule.clear_threshold, rule.keep_firing) == (None, None, 0)
        assert (rule.escalate_to, rule.no_data) == ((), NoDataPolicy.KEEP)
