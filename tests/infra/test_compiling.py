"""The Bicep of infra/ as its compiler would take it, which is not to be had here."""

import re

import pytest

from local.bicep_files import INFRA, parse, read_infra
from tests.infra.compiler_checks import complaints

TEXTS = read_infra()
MAIN = "main.bicep"
STORAGE = "modules/storage.bicep"
QUERIES = "modules/saved_queries.bicep"

SPOILED = [
    (MAIN, "uniqueString(resource", "uniqeString(resource", "main.bicep: uniqeString is no fun"),
    (MAIN, "empty(crmWorkspaceId) ?", "isEmpty(crmWorkspaceId) ?", "isEmpty is no function"),
    (
        MAIN,
        "param crmOrigin string",
        "param crmOrigin string\nvar crmOrigin = ''",
        "declared twice",
    ),
    (MAIN, "@minValue(40)", "@minLength(40)", "@minLength may not be said of maximumInstanceCount"),
    (MAIN, "@minValue(40)", "@leastValue(40)", "@leastValue may not be said of maximumInstanceC"),
    (
        MAIN,
        "bool = false",
        "bool = 'false'",
        "useCrmWorkspace is of type bool, and its value of st",
    ),
    (
        MAIN,
        "location: location",
        "location: retentionDays",
        "storage takes location as string, not",
    ),
    (MAIN, "output url string", "output url int", "url is of type int, and its value of string"),
    (
        MAIN,
        "monthlyBudget: monthlyBudget",
        "monthlyBudget: functionApp.outputs.id",
        "supervision takes monthlyBudget as int, not as string",
    ),
    (
        MAIN,
        "useCrmWorkspace ? crmWorkspaceId : ''",
        "useCrmWorkspace ? 1 : 2",
        "monitoring takes existingWorkspaceId as string, not as int",
    ),
    (
        STORAGE,
        "@description('The account",
        "@secure()\n@description('The account",
        "@secure of name",
    ),
    (
        QUERIES,
        "/heartbeats.kql",
        "/heartbeat.kql",
        "../queries/heartbeat.kql is loaded, and is not",
    ),
]


def test_the_compiler_would_have_nothing_to_say() -> None:
    assert complaints(TEXTS) == []


@pytest.mark.parametrize(("path", "old", "new", "complaint"), SPOILED)
def test_it_would_complain_of_what_is_spoiled(
    path: str, old: str, new: str, complaint: str
) -> None:
    assert old in TEXTS[path]

    found = complaints({**TEXTS, path: TEXTS[path].replace(old, new, 1)})

    assert any(complaint in one for one in found), found


def test_the_example_gives_each_parameter_a_value_of_its_type() -> None:
    params = parse(MAIN, TEXTS[MAIN]).params
    example = (INFRA / "main.bicepparam").read_text()
    given = re.findall(r"^param (\w+) = (.+)$", example, re.MULTILINE)
    forms = {
        "bool": r"true|false",
        "int": r"\d+",
        "string": r"'[^']*'|readEnvironmentVariable\('\w+', '[^']*'\)",
    }

    assert len(given) > 15
    for name, value in given:
        assert re.fullmatch(forms[params[name].type], value), f"{name} = {value}"
