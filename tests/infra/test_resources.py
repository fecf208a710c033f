"""The resources of infra/ are what the code expects, and as closed as they can be."""

import re
from typing import Any

from local.bicep_files import INFRA, Name, parse, read_infra
from shared.furnishing.storage import ALERTS, CONFIG, SAMPLES
from shared.services import minute

TEXTS = read_infra()


def resources(path: str) -> dict[str, Any]:
    return {name: one.value for name, one in parse(path, TEXTS[path]).resources.items()}


def names_of(path: str, kind: str) -> set[str]:
    found = parse(path, TEXTS[path]).resources.values()
    return {one.value["name"] for one in found if one.type.partition("@")[0].endswith(kind)}


def test_the_tables_and_queues_are_those_of_the_code() -> None:
    path = "modules/storage.bicep"

    assert names_of(path, "/tables") == {SAMPLES, ALERTS, CONFIG}
    assert names_of(path, "/queues") == {minute.COLLECT_QUEUE, minute.DELIVERIES_QUEUE}


def test_the_storage_account_takes_no_key_and_shows_nothing_to_the_public() -> None:
    account = resources("modules/storage.bicep")["account"]

    assert account["sku"] == {"name": "Standard_LRS"}
    assert account["properties"]["allowSharedKeyAccess"] is False
    assert account["properties"]["allowBlobPublicAccess"] is False
    assert account["properties"]["supportsHttpsTrafficOnly"] is True
    assert account["properties"]["minimumTlsVersion"] == "TLS1_2"


def test_telemetry_takes_no_key_and_its_own_workspace_is_capped() -> None:
    found = resources("modules/monitoring.bicep")
    _, _, workspace = found["workspace"]

    assert found["applicationInsights"]["properties"]["DisableLocalAuth"] is True
    assert workspace["properties"]["workspaceCapping"]["dailyQuotaGb"] == ("json", "dailyCapGb")


def test_the_app_runs_on_flex_by_its_own_identity() -> None:
    found = resources("modules/function_app.bicep")
    app = found["app"]["properties"]
    config = app["functionAppConfig"]

    assert found["plan"]["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert found["app"]["identity"] == {"type": "SystemAssigned"}
    assert app["httpsOnly"] is True
    assert config["deployment"]["storage"]["authentication"] == {"type": "SystemAssignedIdentity"}
    assert config["runtime"] == {"name": "python", "version": Name("pythonVersion")}


def test_references_into_the_vault_come_after_its_secrets_and_the_role_that_reads_them() -> None:
    main = parse("main.bicep", TEXTS["main.bicep"]).modules
    configured = resources("modules/settings.bicep")["settings"]
    _, _, login = main["login"].value

    assert configured["properties"] == Name("appSettings")
    assert set(main["settings"].value["dependsOn"]) == {"keyVault", "ownRoles"}
    assert "appSettings" not in main["functionApp"].value["params"]
    assert login["params"]["appName"] == Name("settings.outputs.appName")


def test_browsers_may_call_from_the_crm_only() -> None:
    cors = resources("modules/function_app.bicep")["app"]["properties"]["siteConfig"]["cors"]

    assert cors["allowedOrigins"] == ("conditional", ("empty", "crmOrigin"), [], ["crmOrigin"])
    assert cors["supportCredentials"] is False


def test_the_defaults_are_the_smallest_that_the_platform_takes() -> None:
    params = parse("main.bicep", TEXTS["main.bicep"]).params

    assert params["maximumInstanceCount"].value == 40
    assert params["maximumInstanceCount"].decorators["minValue"] == 40
    assert params["instanceMemoryMB"].value == 512
    assert params["pythonVersion"].decorators["allowed"] == ["3.11", "3.12"]
    assert params["pythonVersion"].value == "3.12"


def test_names_begin_as_the_cloud_adoption_framework_has_it() -> None:
    named = {
        "appName": "func-",
        "storageName": "st",
        "keyVaultName": "kv-",
        "workspaceName": "log-",
        "applicationInsightsName": "appi-",
        "planName": "asp-",
    }
    main = TEXTS["main.bicep"]

    for name, beginning in named.items():
        assert re.search(rf"{name}( string = |: )(take\()?'{beginning}", main), name


def test_names_that_are_derived_fit_and_end_as_azure_wants_them() -> None:
    params = parse("main.bicep", TEXTS["main.bicep"]).params
    hashed, workload = "a" * 13, "w" * params["workload"].decorators["maxLength"]

    # A vault's name has at most 24 characters and ends with a letter or a digit.
    assert "-${take(replace(workload, '-', ''), 7)}'" in TEXTS["main.bicep"]
    assert len(f"kv-{hashed}-{workload[:7]}") <= params["keyVaultName"].decorators["maxLength"]
    assert len(f"func-{workload}-{hashed}") <= params["appName"].decorators["maxLength"]


def test_the_vault_is_opened_by_roles_alone_and_keeps_what_is_deleted() -> None:
    properties = resources("modules/key_vault.bicep")["vault"]["properties"]

    assert properties["enableRbacAuthorization"] is True
    assert properties["enablePurgeProtection"] is True
    assert "accessPolicies" not in properties


def test_azure_itself_notices_silence_failures_and_money() -> None:
    found = resources("modules/supervision.bicep")
    silent, failing = found["silent"]["properties"], found["failing"]["properties"]
    _, _, budget = found["budget"]
    start = parse("main.bicep", TEXTS["main.bicep"]).params["budgetStart"]

    assert (silent["windowSize"], silent["criteria"]["allOf"][0]["operator"]) == (
        "PT10M",
        "LessThan",
    )
    assert failing["criteria"]["allOf"][0]["operator"] == "GreaterThan"
    assert budget["properties"]["amount"] == Name("monthlyBudget")
    # Azure refuses to move the start of a budget that exists: no clock may have a say in it.
    assert start.value == ""
    assert silent["actions"] == failing["actions"] == {"actionGroups": [Name("operators.id")]}


def test_whoever_is_not_signed_in_on_the_platform_is_left_to_the_app() -> None:
    found = resources("modules/login.bicep")["authentication"]["properties"]

    assert found["globalValidation"] == {
        "requireAuthentication": False,
        "unauthenticatedClientAction": "AllowAnonymous",
    }


def test_whoever_is_signed_in_on_the_platform_is_let_through_to_the_app() -> None:
    found = resources("modules/login.bicep")["authentication"]["properties"]
    validation = found["identityProviders"]["azureActiveDirectory"]["validation"]

    assert validation["defaultAuthorizationPolicy"] == {
        "allowedApplications": ("union", ["clientId"], Name("applications"))
    }


def test_every_skip_of_the_scan_says_why() -> None:
    inline = [line for text in TEXTS.values() for line in text.splitlines() if "checkov:" in line]
    _, _, listed = (INFRA / ".checkov.yaml").read_text().partition("skip-check:\n")

    assert inline
    for line in inline:
        assert re.search(r"// checkov:skip=CKV2?_AZURE_\d+:\S.{5,}", line), line
    for line in listed.splitlines():
        assert re.fullmatch(r"  - CKV2?_AZURE_\d+ +# \S.{20,}", line), line
