"""The Bicep of infra/ agrees with the code; nothing of it was deployed, all of it is parsed."""

import json
import re

import pytest

from local.bicep_files import INFRA, BicepFile, parse, read_infra
from local.cloud.resources import REFERENCES
from shared.examinations.changes import IN_THE_VAULT
from shared.setting_table import TABLE, Setting
from tests.infra.infra_checks import EXCUSED, MAIN, ROLES, ROLES_FILE, problems

TEXTS = read_infra()
STORAGE = "modules/storage.bicep"
APP = "modules/function_app.bicep"
CONFIG = "modules/settings.bicep"
OWN = "modules/own_roles.bicep"
PLAN = "modules/plan_role.bicep"


def spoiled(path: str, old: str, new: str) -> dict[str, str]:
    """The files with one place changed; the place must be there."""
    assert old in TEXTS[path]
    return {**TEXTS, path: TEXTS[path].replace(old, new, 1)}


def read(path: str) -> BicepFile:
    return parse(path, TEXTS[path])


def test_nothing_disagrees() -> None:
    assert problems(TEXTS) == []


def test_the_doctor_knows_which_settings_lie_in_the_vault() -> None:
    found = re.findall(r"^      (\w+): .*'\$\{secretIn\}([a-z-]+)\)'", TEXTS[MAIN], re.MULTILINE)

    assert dict(found) == IN_THE_VAULT == REFERENCES


def test_an_excused_setting_is_one_that_exists() -> None:
    assert EXCUSED.keys() <= {setting.name for setting in TABLE}


@pytest.mark.parametrize("name", [one.name for one in TABLE if one.name not in EXCUSED])
def test_a_setting_that_is_dropped_is_missed(name: str) -> None:
    line = re.search(rf"^      {name}: .*\n", TEXTS[MAIN], re.MULTILINE)
    assert line is not None

    found = problems(spoiled(MAIN, line[0], ""))

    assert f"the app is not given the setting {name}" in found


def test_a_new_setting_of_the_code_is_missed() -> None:
    new = Setting("NEW_SETTING", "new", "", "A setting that infra does not know of yet.")

    assert problems(TEXTS, [*TABLE, new]) == ["the app is not given the setting NEW_SETTING"]


SPOILED = [
    (MAIN, "HEALTH_URL: healthUrl", "HEALTH_URI: healthUrl", "is given HEALTH_URI, unknown to it"),
    (MAIN, "SMS_FROM: smsFrom", "SMS_FROM: alertEmail", "is given the parameter of ALERT_EMAIL"),
    (MAIN, "param mailsPerHour int = 10", "param mailsPerHour int = 100", "defaults to '10'"),
    (
        MAIN,
        "HEALTH_URL: healthUrl",
        "HEALTH_URL: healthUrl\n      WEBSITE_TIME_ZONE: 'UTC'",
        "WEBSITE_TIME_ZONE must not be given",
    ),
    (APP, "minTlsVersion: '1.2'", "alwaysOn: true", "alwaysOn is refused on Flex"),
    (MAIN, "HEALTH_URL: healthUrl", "HEALTH_URL: ''", "healthUrl is not used"),
    (MAIN, "HEALTH_URL: healthUrl", "HEALTH_URL: healthUri", "healthUri is not declared"),
    (MAIN, "'https://${communication!.p", "'https://${comunication!.p", "comunication is not decl"),
    (MAIN, "modules/storage.bicep", "modules/storages.bicep", "which does not exist"),
    (MAIN, "modules/storage.bicep", "modules/storages.bicep", "storage.bicep is used by nobody"),
    (MAIN, "    pythonVersion: pythonVersion\n", "", "functionApp needs pythonVersion"),
    (MAIN, "planId: crmPlanId", "plan: crmPlanId", "targetRoles knows no plan"),
    (MAIN, "functionApp.outputs.url", "functionApp.outputs.uri", "has no output uri"),
    (STORAGE, "@description('Region of the account.')\n", "", "location has no description"),
    (PLAN, "ns', roles.monitoringReader)", "ns', roles.owner)", "gives roles.owner, which is no"),
    (
        PLAN,
        "var roles",
        "var own = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'\nvar roles",
        "belongs into",
    ),
    (PLAN, "guid(plan.id, ", "guid(name, ", "must be named guid(plan.id, principalId, "),
    (PLAN, "scope: plan", "scope: resourceGroup()", "is not scoped to a resource"),
    (PLAN, "principalType: 'ServicePrincipal'", "description: ''", "the principal is a service's"),
    (
        OWN,
        "'Microsoft.Authorization/roleDefinitions', roles.storageTableDataContributor",
        "'Microsoft.Authorization/roleDefinitions', roles.storageQueueDataContributor",
        "storageTableDataContributor on Microsoft.Storage/storageAccounts is not granted",
    ),
    (MAIN, "@secure()\nparam crmTokenKey", "param crmTokenKey", "CRM_TOKEN_KEY is a secret"),
    (CONFIG, "@secure()\nparam appSettings", "param appSettings", "given to appSettings"),
    (MAIN, "= functionApp.outputs.url", "= slackBotToken", "url would show a secret"),
    (APP, "serverfarms@2024-04-01", "serverfarms@2022-03-01", "needs the API 2023-12-01"),
    (APP, "reserved: true", "reserved = true", "can't be parsed"),
]


@pytest.mark.parametrize(("path", "old", "new", "problem"), SPOILED)
def test_what_is_spoiled_is_found(path: str, old: str, new: str, problem: str) -> None:
    found = problems(spoiled(path, old, new))

    assert any(problem in one for one in found), found


def test_the_ids_of_roles_are_the_documented_ones() -> None:
    assert json.loads((INFRA / ROLES_FILE).read_text()) == ROLES


def test_a_secret_goes_into_the_vault_and_only_a_reference_to_the_app() -> None:
    secrets = {one.name: one.name.lower().replace("_", "-") for one in TABLE if one.secret}
    vault = read("modules/key_vault.bicep").resources.values()
    stored = {one.value[2]["name"] for one in vault if one.type.count("/") > 1}

    assert stored == {name for setting, name in secrets.items() if setting not in EXCUSED}
    for setting in secrets.keys() - EXCUSED.keys():
        reference = rf"empty\(\w+\) \? '' : '\${{secretIn}}{secrets[setting]}\)'$"
        assert re.search(rf"^      {setting}: {reference}", TEXTS[MAIN], re.MULTILINE), setting


def test_the_example_names_parameters_that_exist_and_none_that_is_required_is_left_out() -> None:
    example = (INFRA / "main.bicepparam").read_text()
    given = dict(re.findall(r"^param (\w+) = (.+)$", example, re.MULTILINE))
    params = read(MAIN).params

    assert example.startswith("using './main.bicep'\n")
    assert given.keys() <= params.keys()
    assert {name for name, param in params.items() if param.value is None} <= given.keys()


def test_the_example_takes_secrets_from_the_environment_only() -> None:
    example = (INFRA / "main.bicepparam").read_text()
    secret = [name for name, param in read(MAIN).params.items() if "secure" in param.decorators]

    assert secret
    for name in secret:
        assert re.search(rf"^param {name} = readEnvironmentVariable\(", example, re.MULTILINE), name
