"""Templates: names are filled in, everything else about them is refused or harmless."""

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.errors import InvalidRule
from shared.domain.rules import parse_rule
from shared.domain.templates import PLACEHOLDERS, fill, template_problem

VALUES = {name: f"<{name}>" for name in PLACEHOLDERS}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("no placeholder", "no placeholder"),
        ("{value} {unit}", "<value> <unit>"),
        ("{{value}}", "{value}"),
        ("{{{value}}}", "{<value>}"),
        ("{value}}}", "<value>}"),
        ("a {{ b }} c", "a { b } c"),
        ("", ""),
    ],
)
def test_a_right_template_is_filled_in(text: str, filled: str) -> None:
    assert template_problem(text) == ""
    assert fill(text, VALUES) == filled


WRONG = [
    "{",
    "}",
    "{}",
    "{0}",
    "{name}",
    "{ value }",
    "{value!r}",
    "{value:>9}",
    "{value.__class__}",
    "{value[0]}",
    "{{{value}}",
    "{va{lue}}",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_template_is_refused_and_left_as_it_is(text: str) -> None:
    assert template_problem(text)
    assert fill(text, VALUES) == text


def test_a_value_that_looks_like_a_placeholder_is_not_filled_in_again() -> None:
    assert fill("{rule}", {**VALUES, "rule": "{target} {{"}) == "{target} {{"


def test_a_value_that_nobody_gave_leaves_its_placeholder() -> None:
    assert fill("{rule}", {}) == "{rule}"


@pytest.mark.parametrize("place", ["actions", "escalateTo"])
def test_a_rule_with_an_unknown_placeholder_is_refused_with_those_that_exist(place: str) -> None:
    action = {"type": "email", "target": "a@example.com", "message": "{treshold}"}
    rule = {
        "id": "r",
        "name": "R",
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "threshold": 95,
        "duration": 2,
        "severity": "high",
        "actions": [],
        place: [action],
    }

    with pytest.raises(InvalidRule, match=r"there is no \{treshold\} to fill in") as refusal:
        parse_rule(rule, CATALOG)

    assert all(f"{{{name}}}" in str(refusal.value) for name in PLACEHOLDERS)
