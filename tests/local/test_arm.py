"""The judge of infra/, on models of the form of Microsoft's; `make scan` has the real ones."""

import re
from enum import StrEnum
from types import ModuleType
from typing import Any, ClassVar, ForwardRef

import pytest

from local.arm.checks import look_at_object, misspelt, unanswered
from local.arm.judges import EXCUSED, JUDGES, UNJUDGED
from local.arm.shapes import shape_of
from local.bicep_files import INFRA, Name, parse, read_infra


class Tier(StrEnum):
    HOT = "Hot"
    COOL = "Cool"


class Rule:
    _validation: ClassVar = {"days": {"required": True, "minimum": 1}}
    _attribute_map: ClassVar = {
        "days": {"key": "days", "type": "int"},
        "after": {"key": "after", "type": "duration"},
    }

    def __init__(self, *, days: int, after: str) -> None: ...


class Account:
    _validation: ClassVar = {
        "state": {"readonly": True},
        "location": {"required": True},
        "label": {"max_length": 4, "pattern": "^[a-z]*$"},
    }
    _attribute_map: ClassVar = {
        "location": {"key": "location", "type": "str"},
        "tags": {"key": "tags", "type": "{str}"},
        "state": {"key": "properties.state", "type": "str"},
        "tier": {"key": "properties.accessTier", "type": "str"},
        "label": {"key": "properties.label", "type": "str"},
        "share": {"key": "properties.share", "type": "float"},
        "is_open": {"key": "properties.isOpen", "type": "bool"},
        "rules": {"key": "properties.rules", "type": "[Rule]"},
        "named": {"key": "properties.named", "type": "{Rule}"},
        "odata": {"key": "odata\\.type", "type": "str"},
    }

    def __init__(self, *, location: str, tier: str, **_others: Any) -> None: ...


# As the SDKs write it: the models' own module does not exist yet where the class is read.
Account.__init__.__annotations__["tier"] = str | ForwardRef("_models.Tier") | None

MODELS = ModuleType("models")
MODELS.__dict__.update(Account=Account, Rule=Rule, Tier=Tier)
SHAPE = shape_of(MODELS, "Account")
FILE = parse(
    "x.bicep",
    "@allowed(['Hot', 'Warm'])\nparam tier string\nparam open string\nparam count int\n",
)
SOUND = {
    "location": "here",
    "tags": {"anything": "goes"},
    "odata.type": "x",
    "properties": {
        "accessTier": "Cool",
        "label": "abc",
        "share": Name("count"),
        "isOpen": ("conditional", Name("open"), True, False),
        "rules": [{"days": 1, "after": "PT5M"}],
        "named": {"first": {"days": 2}},
    },
}


def complaints(**changes: Any) -> list[str]:
    properties = {**SOUND["properties"], **changes}  # type: ignore[dict-item]
    looks = look_at_object({**SOUND, "properties": properties}, SHAPE, FILE)
    return [f"{look.where} {look.problem}" for look in looks if look.problem]


def test_what_is_right_is_believed() -> None:
    assert complaints() == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"accesTier": "Hot"}, "properties.accesTier is unknown to Account.properties (is accessTier"),
    ({"accessTier": "Warm"}, "properties.accessTier 'Warm' is none of Cool, Hot"),
    ({"accessTier": Name("tier")}, "properties.accessTier allows 'Warm', which is none of Cool"),
    ({"state": "done"}, "properties.state is read-only"),
    ({"label": "abcde"}, "properties.label 'abcde' breaks max_length 4"),
    ({"label": "ABC"}, "properties.label 'ABC' breaks pattern"),
    ({"label": 3}, "properties.label must be str, not 3"),
    ({"share": True}, "properties.share must be float, not True"),
    ({"isOpen": "yes"}, "properties.isOpen must be bool, not 'yes'"),
    ({"isOpen": Name("open")}, "properties.isOpen is a parameter of type string, not bool"),
    ({"isOpen": ("conditional", Name("open"), True, "no")}, "properties.isOpen must be bool"),
    ({"rules": {"days": 1}}, "properties.rules must be a list"),
    ({"rules": ["daily"]}, "properties.rules must be an object of Rule"),
    ({"rules": [{"after": "PT5M"}]}, "properties.rules.days is required by Rule"),
    ({"rules": [{"days": 0}]}, "properties.rules.days 0 breaks minimum 1"),
    ({"rules": [{"days": 1, "after": "5m"}]}, "properties.rules.after must be a duration"),
    ({"named": {"first": {"days": 1, "afters": "PT1M"}}}, "properties.named.first.afters is unkn"),
]


@pytest.mark.parametrize(("change", "complaint"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_told(change: dict[str, Any], complaint: str) -> None:
    (told,) = complaints(**change)

    assert told.startswith(complaint)


def test_what_is_required_is_missed() -> None:
    looks = look_at_object({"tags": {}}, SHAPE, FILE)

    assert "is required by Account" in [look.problem for look in looks]


def test_every_property_and_word_can_be_misspelt_and_is_noticed() -> None:
    looks = list(look_at_object(SOUND, SHAPE, FILE))
    spoiled = [one for one in (misspelt(SOUND, look) for look in looks) if one is not None]

    assert len(spoiled) == len(looks) == 14
    for copy, where in spoiled:
        assert where in {one.path for one in look_at_object(copy, SHAPE, FILE) if one.problem}


def test_what_is_asked_must_be_answered() -> None:
    assert unanswered(["properties", "state"], SHAPE) == ""
    assert unanswered(["properties", "stat"], SHAPE) == "stat"
    assert unanswered(["location", "city"], SHAPE) == "city"


def test_every_resource_has_its_judge_and_every_judge_and_excuse_its_resource() -> None:
    files = [parse(path, text) for path, text in read_infra().items()]
    resources = [one for file in files for one in file.resources.values()]
    kinds = {one.type.partition("@")[0] for one in resources}
    judged = {re.sub(r"/config/\w+$", "/config", kind) for kind in JUDGES}

    assert judged | UNJUDGED.keys() == kinds
    assert {kind for kind, _ in EXCUSED} <= kinds
    # Who is judged by nobody may set nothing.
    assert all(one.exists for one in resources if one.type.partition("@")[0] in UNJUDGED)


def test_the_judges_packages_are_pinned() -> None:
    pinned = (INFRA / "scan.txt").read_text()
    needed = {judge.package.partition(".")[0] for judge in JUDGES.values()}

    assert {f"azure-mgmt-{one}" for one in needed} == set(
        re.findall(r"^(azure-mgmt-\w+)==[\d.b]+$", pinned, re.MULTILINE)
    )
