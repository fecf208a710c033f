"""The vault and the telemetry on the desk, asked by the doctor's own questions."""

import json
from collections.abc import Callable, Iterator

import pytest
import requests

from local.cloud import platform_metrics, telemetry, vault
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.inbox_page import answerer as inbox
from local.cloud.resources import MONITOR, REFERENCES
from local.cloud.telemetry import KEY, RESOURCE, environment
from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.senders import Management, ask_sender
from shared.adapters.checkups.telemetry import WORDS, Ingestion, read_ingestion, send_line
from shared.adapters.checkups.vaults import (
    Reference,
    ask_vaults,
    list_references,
    read_reference,
    scope_of,
)
from shared.domain.errors import Untried, Unwell
from tests.adapters.providers import running_provider
from tests.builders import T0

APP = Identity("7c1a", MONITOR)
SOMEBODY = Identity("me", MONITOR, is_app=False)


@pytest.fixture
def cloud(desk: Desk) -> Iterator[Cloud]:
    made = [platform_metrics.answerer, vault.answerer, telemetry.answerer, inbox]
    with running_cloud(desk, made) as running:
        yield running


def token(cloud: Cloud) -> Callable[[str], str]:
    """As azure-identity asks a managed identity: the scope without its end is the resource."""
    return lambda scope: cloud.desk.keys.token(scope.removesuffix("/.default"))


def listed(cloud: Cloud) -> list[Reference]:
    ask = token(cloud)
    return list_references(
        cloud.urls["platform"], APP, lambda: ask("https://management.azure.com/.default")
    )


def ask(cloud: Cloud, references: list[Reference], who: Identity = APP) -> str:
    return ask_vaults(references, token(cloud), lambda: who)


def test_every_secret_is_looked_for_however_many_the_vault_has(cloud: Cloud) -> None:
    cloud.desk.secrets |= {f"another-{number:02}" for number in range(60)}

    said = ask(cloud, listed(cloud))

    assert said == f"can be read: {', '.join(REFERENCES)}"
    assert len(cloud.desk.inbox.records("vault")) == 3


def test_a_secret_that_is_gone_is_put_in_again(cloud: Cloud) -> None:
    cloud.desk.secrets -= {"slack-webhooks", "action-keys"}

    with pytest.raises(Unwell, match=r"no secret slack-webhooks \(SLACK_WEBHOOKS\), act") as found:
        ask(cloud, listed(cloud))

    assert "--name action-keys --value '<value of ACTION_KEYS>' --output none && az rest" in (
        found.value.mend
    )
    assert f"&& az functionapp restart --ids {MONITOR}   # you need Key Vault" in found.value.mend


def test_a_role_that_was_taken_is_named_though_the_platform_still_has_the_secrets(
    cloud: Cloud,
) -> None:
    said = requests.post(f"{cloud.urls['desk']}/control/vault", json={"kind": "forbid"}, timeout=5)
    assert said.json() == {"vault": {"kind": "forbid"}}

    with pytest.raises(Unwell, match="answered 403: Key Vault Secrets User is lacking") as found:
        ask(cloud, listed(cloud))
    assert "az keyvault show --name vault --query id" in found.value.mend
    assert "/config/configreferences/appsettings/refresh?api-version=" in found.value.mend
    assert ask(cloud, listed(cloud), SOMEBODY).startswith("can be read: ACS")

    assert requests.delete(f"{cloud.urls['desk']}/control/vault", timeout=5).json() == {}
    assert ask(cloud, listed(cloud)).startswith("can be read: ACS")


def test_somebody_at_a_desk_is_told_what_the_platform_could_not_follow(cloud: Cloud) -> None:
    cloud.desk.forbidden.add("vault")
    cloud.desk.secrets.remove("webhooks")

    with pytest.raises(Unwell, match="answered 403"):
        ask(cloud, listed(cloud), SOMEBODY)


def test_a_secret_that_is_there_and_was_not_followed_is_followed_again(cloud: Cloud) -> None:
    late = [one._replace(status="SecretNotFound") for one in listed(cloud)[:1]]

    with pytest.raises(Unwell, match=r"has not followed ACS_CONNECTION_STRING \(Sec") as found:
        ask(cloud, late)

    assert found.value.mend.startswith("az rest --method post --url")


def test_without_references_nothing_is_asked(cloud: Cloud) -> None:
    cloud.desk.references.clear()

    assert ask(cloud, listed(cloud)) == "no setting refers to a vault"
    assert cloud.desk.inbox.records("vault") == []


def test_who_may_not_see_the_references_can_say_nothing_of_them(cloud: Cloud) -> None:
    with pytest.raises(Untried, match="--app names it"):
        list_references(cloud.urls["platform"], Identity(), str)
    cloud.desk.forbidden.add("platform")
    with pytest.raises(Untried, match="403 to who asks; whoever may: az rest --method get"):
        list_references(cloud.urls["platform"], SOMEBODY, str)
    with pytest.raises(Unwell, match="the app lacks Monitoring Reader on itself"):
        listed(cloud)


def management(cloud: Cloud) -> Management:
    ask = token(cloud)
    subscription = MONITOR.partition("/resourceGroups")[0]
    return Management(
        cloud.urls["platform"], subscription, lambda: ask("https://management.azure.com/.default")
    )


@pytest.mark.parametrize(
    ("sender", "host", "said"),
    [
        ("DoNotReply@MAIL.example.com", "mail.host", "mail.example.com is linked"),
        ("a@other.example.com", "MAIL.HOST", "not linked to the mail service, only mail.example"),
        ("a@guid.azurecomm.net", "mail.host", "guid.azurecomm.net is not linked"),
        ("a@mail.example.com", "elsewhere", "whoever may: the command"),
    ],
)
def test_a_sender_is_one_of_a_domain_that_is_linked(
    cloud: Cloud, sender: str, host: str, said: str
) -> None:
    cloud.desk.urls["email"] = "http://mail.host"

    try:
        found = ask_sender(sender, host, management(cloud), see="the command", mend=str)
    except Unwell as unwell:
        found = str(unwell)

    assert said in found


def test_a_domain_that_azure_manages_is_known_by_its_end() -> None:
    linked = ["/…/domains/AzureManagedDomain"]
    with running_provider() as provider:
        said = {
            "value": [{"id": "/mail"}],
            "properties": {"hostName": "h", "linkedDomains": linked},
        }
        provider.answers(200, json.dumps(said).encode())
        where = Management(provider.url, "/subscriptions/s", lambda: "token")

        assert "is linked" in ask_sender("a@1-2.azurecomm.net", "h", where, see="", mend=str)
        with pytest.raises(Unwell, match="only AzureManagedDomain"):
            ask_sender("a@example.com", "h", where, see="", mend=str)
        with pytest.raises(Untried, match="--app names the app"):
            ask_sender("a@x.y", "h", where._replace(subscription=""), see="", mend=str)


@pytest.mark.parametrize(
    ("text", "vault_name", "endpoint"),
    [
        ("VaultName=kv-1;SecretName=key", "kv-1", "https://kv-1.vault.azure.net"),
        (
            "SecretName=key; VaultName=kv-1; SecretVersion=e1",
            "kv-1",
            "https://kv-1.vault.azure.net",
        ),
        (
            "SecretUri=https://kv.vault.azure.cn/secrets/key/e1f2",
            "kv",
            "https://kv.vault.azure.cn",
        ),
    ],
)
def test_a_reference_is_read_in_either_form(text: str, vault_name: str, endpoint: str) -> None:
    found = read_reference("CRM_TOKEN_KEY", f"@Microsoft.KeyVault({text})")

    assert found == Reference("CRM_TOKEN_KEY", "key", vault_name, endpoint)


def test_a_vault_of_another_cloud_is_asked_there() -> None:
    text = "@Microsoft.KeyVault(VaultName=kv;SecretName=key)"
    found = read_reference("X", text, management="https://management.usgovcloudapi.net")

    assert found is not None
    assert found.endpoint == "https://kv.vault.usgovcloudapi.net"
    assert scope_of(found.endpoint) == "https://vault.usgovcloudapi.net/.default"
    assert scope_of("http://127.0.0.1:1") == "https://vault.azure.net/.default"


def test_a_reference_that_the_platform_could_not_read_is_told_by_its_status() -> None:
    said = [
        {"name": "ACTION_KEYS", "properties": {"status": "InvalidSyntax", "reference": "?"}},
        {"name": "WEBHOOKS", "properties": None},
    ]
    with running_provider() as provider:
        provider.answers(200, json.dumps({"value": said}).encode())
        found = list_references(provider.url, APP, lambda: "token")

    told = r"ACTION_KEYS \(InvalidSyntax\), WEBHOOKS \(not followed\)"
    with pytest.raises(Unwell, match=f"has not followed {told}"):
        ask_vaults(found, str, lambda: APP)


@pytest.mark.parametrize(
    "text", ["", "VaultName=kv", "SecretUri=https://evil.example.com/secrets/key", "SecretUri=x"]
)
def test_nobody_else_gets_a_token(text: str) -> None:
    assert read_reference("CRM_TOKEN_KEY", f"@Microsoft.KeyVault({text})") is None


def ingestion(cloud: Cloud) -> Ingestion:
    said = environment(cloud.desk)
    return read_ingestion(*said.values())


def send(cloud: Cloud, to: Ingestion) -> str:
    return send_line(to, T0, token(cloud), lambda: APP)


def test_a_line_is_sent_as_the_app_would(cloud: Cloud) -> None:
    assert send(cloud, ingestion(cloud)) == "a line was taken"

    [record] = cloud.desk.inbox.records("telemetry")
    assert WORDS.encode() in record.body


def test_a_missing_role_is_named(cloud: Cloud) -> None:
    cloud.desk.forbidden.add("telemetry")

    with pytest.raises(Unwell, match="403: Monitoring Metrics Publisher is lacking") as found:
        send(cloud, ingestion(cloud))

    assert f"[?appId=='{RESOURCE}'].id" in found.value.mend
    with pytest.raises(Untried, match="of the app's own role GET health"):
        send_line(ingestion(cloud), T0, token(cloud), lambda: SOMEBODY)


def test_whoever_sends_without_a_token_is_told_to_have_one(cloud: Cloud) -> None:
    with pytest.raises(Unwell, match="nothing without the app's identity"):
        send(cloud, ingestion(cloud)._replace(by_identity=False))


def test_another_resources_key_is_refused(cloud: Cloud) -> None:
    with pytest.raises(Unwell, match=r"answered 400$"):
        send(cloud, ingestion(cloud)._replace(key="0" * 36))


@pytest.mark.parametrize("text", ["", f"InstrumentationKey={KEY}", "IngestionEndpoint=https://x/"])
def test_half_a_connection_string_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be in it"):
        read_ingestion(text, "")


def test_the_host_may_use_another_clouds_audience() -> None:
    said = f"InstrumentationKey={KEY};IngestionEndpoint=https://x/;AADAudience=https://m.us/"

    assert read_ingestion(said, "ClientId=1;Authorization=AAD")[3:] == ("https://m.us/", True)
