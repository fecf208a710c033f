"""The resources of infra/ are what the code expects, and as closed as they can be."""

from typing import Any

from shared import bootstrap
from shared.services import minute
from tests.infra.bicep_files import Name, parse, read_infra

TEXTS = read_infra()


def resources(path: str) -> dict[str, Any]:
    return {name: one.value for name, one in parse(path, TEXTS[path]).resources.items()}


def names_of(path: str, kind: str) -> set[str]:
    found = parse(path, TEXTS[path]).resources.values()
    return {one.value["name"] for one in found if one.type.partition("@")[0].endswith(kind)}


def test_the_tables_and_queues_are_those_of_the_code() -> None:
    path = "modules/storage.bicep"

    assert names_of(path, "/tables") == {bootstrap.SAMPLES, bootstrap.ALERTS, bootstrap.CONFIG}
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
    assert found["settings"]["properties"] == Name("appSettings")


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
