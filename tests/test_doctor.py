"""The doctor's own words: what it says of settings, how it writes, and what it ends with."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from azure.core.credentials import AccessToken
from msgspec.structs import replace as replace_struct

from local.architecture_page import functions
from shared import doctor
from shared.adapters.checkups import database_mends, mends, setting_mends
from shared.adapters.checkups.identities import Credentials, Identity, identity_of
from shared.adapters.checkups.telemetry import WORDS
from shared.adapters.checkups.vault_mends import set_secret_entry
from shared.adapters.checkups.vaults import Reference
from shared.domain.checkups import Checkup, Verdict
from shared.domain.errors import Unwell
from shared.examinations import RUN_BY_THEMSELVES, app_id_in, examinations
from shared.examinations.account import mend_storage
from shared.examinations.bill import bill
from shared.examinations.itself import itself
from shared.examinations.rounds import Round, is_inside
from shared.examinations.unusable import unusable
from shared.examinations.veils import veiled
from shared.ports import Examination
from shared.services.examine import PATIENCE, examine
from shared.settings import SettingsError, load
from tests.adapters.providers import running_provider
from tests.builders import T0, a_desk
from tests.test_settings import GOOD

ROOT = Path(__file__).parents[1]
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/pantry-monitor"
DATABASE = "/subscriptions/s/resourceGroups/crm/providers/Microsoft.Sql/servers/sql/databases/db"
STORAGE_KEY = "c2VjcmV0IGtleQ=="
STORAGE = f"AccountName=pantry;AccountKey={STORAGE_KEY}"
WHO = (
    "--assignee-object-id '<object id of the identity>' --assignee-principal-type ServicePrincipal"
)
COUNTING = ("counting executions", "counting transactions", "counting log bytes")
PRINCIPAL = "7c1a4f60-93a5-4a43-8a53-2f1de0a0c3b7"
WELL = Checkup(name="tables", verdict=Verdict.WELL, said="take a row")
ILL = Checkup(
    name="login to pantry-crm", verdict=Verdict.BROKEN, said="no", breaks="DTU", mend="sqlcmd …"
)


def test_settings_that_cannot_be_used_are_the_only_finding(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = doctor.main(["--json"], {**GOOD, "MAILS_PER_HOUR": "many", "CRM_TOKEN_KEY": "s3cret"})

    [found] = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (found["name"], found["verdict"], found["breaks"]) == (
        "settings",
        "broken",
        "nothing works: no pass, no alert, no answer but this",
    )
    assert "'MAILS_PER_HOUR=<what would be right>' --output none && az" in found["mend"]
    assert "s3cret" not in json.dumps(found)


REFERENCE = "@Microsoft.KeyVault(VaultName=kv-pantry;SecretName=crm-token-key)"


@dataclass
class Nobody:
    """A credential that has no token to give."""

    said: str = "az login first"

    def get_token(self, _: str) -> SimpleNamespace:
        raise ValueError(self.said)


def test_a_reference_that_was_not_followed_has_its_vault_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "open_identity", Nobody)
    inside = {"WEBSITE_SITE_NAME": "pantry-monitor"}

    found = doctor.diagnose({**GOOD, **inside, "CRM_TOKEN_KEY": REFERENCE}, app_id=APP)

    assert [(one.name, one.verdict) for one in found] == [
        ("settings", Verdict.BROKEN),
        ("identity", Verdict.BROKEN),
        ("secrets", Verdict.UNTRIED),
    ]
    assert REFERENCE in found[0].said
    assert "Key Vault Secrets User" in found[0].said
    assert f"{APP}/config/configreferences/appsettings/refresh?api" in found[0].mend


@pytest.mark.parametrize(
    ("inside", "mend"),
    [(True, f"az functionapp identity assign --ids {APP} "), (False, "az login ")],
)
def test_who_has_no_token_is_told_what_to_do_where_he_is(*, inside: bool, mend: str) -> None:
    with pytest.raises(Unwell, match="no token for scope: az login first") as found:
        Credentials(Nobody, "scope", APP, inside=inside).examine()

    assert found.value.mend.startswith(mend)
    assert is_inside({"IDENTITY_ENDPOINT": "http://127.0.0.1/msi"})
    assert not is_inside({"PATH": "/bin"})


def test_what_nobody_measures_or_hears_is_mended_by_its_setting() -> None:
    desk = {"AzureWebJobsStorage": STORAGE, "MONITOR_APP_ID": APP, "HEALTH_URL": "https://crm/"}
    given = load(desk)
    home = replace(a_desk().house, measured={"pantry-crm": frozenset({"probe"})}, channels={})

    wanted = examinations(given, home, now=T0, wall=lambda: T0, identity=Nobody, host=desk)
    asked = {one.name: one.ask for one in wanted}

    with pytest.raises(Unwell, match="nothing measures") as found:
        asked["rules"]()
    assert "'APP_SERVICE_PLAN_ID=<resource id>' 'APP_SERVICE_ID=" in found.value.mend
    assert "HEALTH_URL" not in found.value.mend
    with pytest.raises(Unwell, match="nobody can be told") as found:
        asked["followers"]()
    assert f"--ids {APP} --settings 'ALERT_EMAIL=<address>' 'ACS_ENDPOINT=" in found.value.mend


def test_a_key_that_the_account_refuses_is_replaced_by_its_own() -> None:
    mend = mend_storage(a_round({"AzureWebJobsStorage": STORAGE}, references=None), "Table")

    shown = "az storage account show-connection-string --name pantry --query connectionString"
    assert mend(403).startswith(f'new="$({shown} --output tsv)" && az functionapp config')
    assert '--settings "AzureWebJobsStorage=$new" --output none' in mend(403)


def test_no_comment_swallows_the_command_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = {"AzureWebJobsStorage__accountName": "pantry", "WEBSITE_SITE_NAME": "pantry-monitor"}
    wrong = {"CRM_TOKEN_KEY": "short", "MAILS_PER_HOUR": "x", "ACTION_KEYS": REFERENCE}

    monkeypatch.setattr(doctor, "open_identity", Nobody)
    [found, *_] = doctor.diagnose({**inside, **wrong}, app_id=APP)

    commands, _, comments = found.mend.partition("   # ")
    assert commands.count("az keyvault secret set --vault-name '<vault>' --name crm-token-key") == 1
    assert commands.count("'MAILS_PER_HOUR=<what would be right>'") == 1
    assert commands.endswith(f"az functionapp restart --ids {APP}")
    assert "Key Vault Secrets Officer" in comments
    assert "when what is broken below is mended" in comments
    assert "az" not in comments.split()


def test_at_a_desk_a_reference_is_followed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_identity", Nobody)

    [found, *_] = doctor.diagnose({**GOOD, "CRM_TOKEN_KEY": REFERENCE})

    shown = "az keyvault secret show --vault-name kv-pantry --name crm-token-key"
    assert found.mend == f'export CRM_TOKEN_KEY="$({shown} --query value --output tsv)"'


def test_a_reference_in_no_known_form_is_named() -> None:
    with pytest.raises(SettingsError) as refused:
        load({**GOOD, "CRM_TOKEN_KEY": "@Microsoft.KeyVault(crm)"})
    asked = {one.name: one.ask for one in unusable(refused.value, {}, Nobody)}

    with pytest.raises(Unwell, match="CRM_TOKEN_KEY refers to no vault: the forms") as found:
        asked["secrets"]()
    assert "@Microsoft.KeyVault(VaultName=<vault>;SecretName=crm-token-key)'" in found.value.mend


def test_a_target_that_is_described_wrongly_is_told_beside_everything_else() -> None:
    wrong = {"MONITOR_TARGETS": "one,two", "MORE_TARGETS": '{"two": {"plan": "p"}}'}
    on = a_round({**GOOD, **wrong, "MONITOR_APP_ID": APP}, references=None)

    [settings] = examine([*itself(on)][:1])

    assert settings.verdict is Verdict.BROKEN
    assert settings.said.startswith("MORE_TARGETS must be right for two: its plan must be")
    assert settings.breaks == "what they describe is not watched, and there is no heartbeat"
    assert settings.mend.endswith("--settings 'MORE_TARGETS=<what would be right>' --output none")


@pytest.mark.parametrize(("found", "code"), [([WELL], 0), ([WELL, ILL], 1)])
def test_the_exit_code_says_whether_anything_is_broken(
    monkeypatch: pytest.MonkeyPatch, found: list[Checkup], code: int
) -> None:
    monkeypatch.setattr(doctor, "_examined", lambda *_, **__: found)

    assert doctor.main([], GOOD) == code


def test_the_text_says_what_breaks_and_what_mends_it() -> None:
    assert doctor.as_text([WELL, ILL]).splitlines() == [
        "well     tables               take a row",
        "BROKEN   login to pantry-crm  no",
        "                              breaks: DTU",
        "                              mend:   sqlcmd …",
        "broken: login to pantry-crm",
    ]
    assert doctor.as_text([WELL]).endswith("nothing is broken")


def test_the_operating_page_shows_what_is_told() -> None:
    page = (ROOT / "docs" / "operate.md").read_text()
    found = [
        Checkup(name="identity", verdict=Verdict.WELL, said=f"has a token as {PRINCIPAL}"),
        Checkup(
            name="logs of pantry-crm",
            verdict=Verdict.BROKEN,
            said="it needs the role Log Analytics Reader on its workspace",
            breaks="no figures of throughput, errorRate, …",
            mend='az role assignment create --role "Log Analytics Reader" …',
        ),
        Checkup(
            name="functions",
            verdict=Verdict.UNTRIED,
            said="the app's resource id is not known here: --app names it",
        ),
    ]

    assert doctor.as_text(found) == page.split("```")[3].strip()
    verdicts = re.findall(r"^\| `(\w+)` \|", page.partition("## What")[0], re.MULTILINE)
    assert set(verdicts) == set(Verdict)
    assert f"within {PATIENCE.total_seconds():.0f} s, whatever hangs" in page
    assert f'"{WORDS}"' in page


def test_a_wrong_command_line_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        doctor.main(["--all"], GOOD)

    assert ended.value.code == 2
    assert "--all" in capsys.readouterr().err


def test_the_functions_that_nobody_calls_are_those_of_the_app() -> None:
    found = {one.name for one in functions() if one.kind != "http"}

    assert found == set(RUN_BY_THEMSELVES)


def test_the_app_learns_who_it_is_from_the_platform() -> None:
    told = {
        "WEBSITE_OWNER_NAME": "s+g-WestEuropewebspace-Linux",
        "WEBSITE_RESOURCE_GROUP": "g",
        "WEBSITE_SITE_NAME": "pantry-monitor",
    }

    assert app_id_in(told) == APP
    assert app_id_in({}) == ""


def test_a_token_that_says_nothing_leaves_placeholders() -> None:
    assert identity_of("no token") == Identity()
    assert identity_of("a.b!.c", APP).app_id == APP
    assert Identity().name == "<name of the app>"


def test_commands_name_what_they_are_about() -> None:
    who = Identity("7c1a", APP)
    assert mends.grant_role("Monitoring Reader", DATABASE, who) == (
        'az role assignment create --role "Monitoring Reader" --assignee-object-id 7c1a '
        f"--assignee-principal-type ServicePrincipal --scope {DATABASE}"
    )
    assert "--resource-group crm --server sql --name" in database_mends.open_firewall(DATABASE)
    assert "USER [pantry-monitor] FROM EXTERNAL PROVIDER" in database_mends.let_in("h", "db", who)
    known = replace_struct(who, client="1f0c9d5e-5b7a-4f0e-9c1b-3a2d4e6f8091")
    sid = "0x5E9D0C1F7A5B0E4F9C1B3A2D4E6F8091"
    assert f"USER [pantry-monitor] WITH SID = {sid}, TYPE = E; GRANT" in database_mends.let_in(
        "h", "db", known
    )
    assert f"https://management.azure.com{APP}/host/default/sync" in mends.sync_triggers(who)
    listed = setting_mends.set_entry("WEBHOOKS", "ops", "https://x", who)
    assert "appsettings list --resource-group g --name pantry-monitor --query" in listed
    assert "--resource-group '<its group>' --name '<the app>'" in mends.list_functions("")


AZ = """#!/bin/sh
echo "$*" >> {log}
case "$*" in
    *"secret show"*) printf '%s' '{held}';;
    *"appsettings list"*) printf '%s' '{held}';;
esac
"""
HELD = '{"ops": {"url": "https://old", "key": "k"}, "its": "https://other"}'


def pasted(command: str, bench: Path, held: str = HELD) -> list[str]:
    """What az was told when somebody pasted the command into a shell."""
    az = bench / "az"
    az.write_text(AZ.format(log=bench / "log", held=held))
    az.chmod(0o755)
    path = f"{bench}:{os.environ['PATH']}"
    subprocess.run(["sh", "-c", command], env={"PATH": path}, check=True)
    return (bench / "log").read_text().splitlines()


CHANGING: list[Callable[[str, Identity], str]] = [
    partial(setting_mends.set_entry, "WEBHOOKS", "ops"),
    partial(set_secret_entry, "kv", "webhooks", "ops"),
]


@pytest.mark.parametrize("change", CHANGING, ids=["setting", "secret"])
def test_one_entry_is_changed_and_the_others_stay(
    tmp_path: Path, change: Callable[[str, Identity], str]
) -> None:
    told = pasted(change("https://new/$x", Identity("7c1a", APP)), tmp_path)

    changed = '{"ops": {"url": "https://new/$x", "key": "k"}, "its": "https://other"}'
    assert changed in told[1]


@pytest.mark.parametrize("change", CHANGING, ids=["setting", "secret"])
def test_nothing_is_overwritten_where_nothing_was_read(
    tmp_path: Path, change: Callable[[str, Identity], str]
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        pasted(change("https://new", Identity("7c1a", APP)), tmp_path, held="")

    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_at_a_desk_without_settings_the_apps_are_put_into_the_shell(tmp_path: Path) -> None:
    [found] = doctor.diagnose({"PATH": "/bin"}, app_id=APP)
    held = [{"name": "A", "value": "it's $HOME"}, {"name": "AzureWebJobs.x.Disabled", "value": "1"}]
    shown = json.dumps(held).replace("'", "'\\''")

    told = pasted(f'{found.mend}; az "$A"', tmp_path, held=shown)

    assert "set AzureWebJobsStorage" in found.said
    named = "--resource-group g --name pantry-monitor"
    assert told == [f"functionapp config appsettings list {named} --output json", "it's $HOME"]


def test_whatever_stands_in_a_value_can_be_pasted(tmp_path: Path) -> None:
    value = """{"a": "it's $HOME `id` \\ \"q\" <url>"}"""

    told = pasted(setting_mends.set_setting("BUSINESS_NAMES", value, Identity()), tmp_path)

    ids = "--ids <resource id of the function app>"
    assert told == [
        f"functionapp config appsettings set {ids} --settings BUSINESS_NAMES={value} --output none"
    ]


def a_round(environment: dict[str, str], *, references: list[Reference] | None) -> Round:
    who = Credentials(lambda: None, "s", APP)
    made = Round(load(environment), a_desk().house, who, T0, lambda: T0, {})
    made.changes.references.known = references
    return made


def test_a_setting_is_changed_where_it_lies() -> None:
    here, there = {"AzureWebJobsStorage": STORAGE}, {"AzureWebJobsStorage__accountName": "pantry"}
    kept = [Reference("WEBHOOKS", "hooks", "kv", "https://kv.vault.azure.net")]

    known = a_round(there, references=kept).setting
    unknown = a_round(there, references=None).setting

    assert "--vault-name kv --name hooks --value '<url>'" in known("WEBHOOKS", "<url>")()
    assert "appsettings set" in known("HEARTBEAT_URL", "<url>")()
    assert "--vault-name '<vault>' --name heartbeat-url" in unknown("HEARTBEAT_URL", "<url>")()
    assert "appsettings set" in unknown("AUTH_JWKS_URL", "<url>")()
    assert "appsettings set" in a_round(here, references=None).setting("WEBHOOKS", "<url>")()


def test_secrets_in_others_words_are_veiled() -> None:
    host = {
        "SLACK_WEBHOOKS": '{"#ops": "https://hooks.slack.com/services/T1/B1/s3cr3t"}',
        "ACTION_KEYS": f"{'a' * 32}, {'b' * 32}",
        "AzureWebJobsStorage": STORAGE,
        "SQL_HOST": "shown.database.windows.net",
    }
    said = (
        "ValueError: url: /services/T1/B1/s3cr3t, "
        f"{'b' * 32}, {STORAGE_KEY}, shown.database.windows.net, hooks.slack.com"
    )

    [found] = veiled([replace_struct(ILL, said=said, mend=f"use {'a' * 32}")], host)

    assert found.said == (
        "ValueError: url: ***, ***, ***, shown.database.windows.net, hooks.slack.com"
    )
    assert found.mend == "use ***"


def test_an_account_that_is_opened_by_identity_has_its_roles_examined() -> None:
    given = load({"AzureWebJobsStorage__accountName": "pantry"})
    home = replace(a_desk().house, measured={})

    nobody = SimpleNamespace(get_token=lambda _: None)

    wanted = examinations(given, home, now=T0, wall=lambda: T0, identity=lambda: nobody)

    after = {one.name: one.after for one in wanted}
    assert (
        after["secrets"]
        == after["telemetry"]
        == after["tables"]
        == after["blobs"]
        == after["queues"]
        == ("identity",)
    )


@pytest.mark.parametrize("kind", ["Table", "Queue", "Blob"])
def test_a_role_that_is_missing_on_the_account_is_named(kind: str) -> None:
    degree = "Owner" if kind == "Blob" else "Contributor"
    given = load({"AzureWebJobsStorage__accountName": "pantry"})
    on = Round(given, a_desk().house, Credentials(lambda: None, "s", APP), T0, lambda: T0, {})

    mend = mend_storage(on, kind, degree)

    assert f'--role "Storage {kind} Data {degree}"' in mend(403)
    assert "az storage account show --name pantry --query id" in mend(403)
    assert "statusOfPrimary" in mend(None)


OWN = {
    "MONITOR_APP_ID": APP,
    "MONITOR_STORAGE_ID": "/subscriptions/s/resourceGroups/g/providers/"
    "Microsoft.Storage/storageAccounts/pantry",
    "MONITOR_WORKSPACE_ID": "9a1f6f3c-2b64-4f0e-8a57-61c0f2d7b3e4",
}


@pytest.mark.parametrize(
    ("status", "mends_it"),
    [
        (
            403,
            {
                "counting executions": f'--role "Monitoring Reader" {WHO} --scope {APP}',
                "counting transactions": f'--role "Monitoring Reader" {WHO} --scope '
                f"{OWN['MONITOR_STORAGE_ID']}",
                "counting log bytes": f'--role "Log Analytics Reader" {WHO} --scope "$(az monitor',
            },
        ),
        (404, dict.fromkeys(COUNTING, "az resource list")),
        (500, dict.fromkeys(COUNTING, mends.NOTHING)),
    ],
)
def test_what_the_monitor_costs_is_lacking_where_its_own_resources_refuse_to_tell(
    status: int, mends_it: dict[str, str]
) -> None:
    with running_provider() as provider:
        provider.answers(status)
        ends = dict.fromkeys(("AZURE_MONITOR_ENDPOINT", "LOG_ANALYTICS_ENDPOINT"), provider.url)
        found = {
            one.name: one
            for one in examine(_counting({**GOOD, **OWN, **ends}))
            if one.name in COUNTING
        }

    assert found.keys() == set(COUNTING)
    for name, one in found.items():
        assert one.verdict is Verdict.LACKING
        assert one.breaks.startswith("optional: ")
        assert str(status) in one.said
        assert mends_it[name] in one.mend


def test_nothing_is_examined_of_what_no_setting_names() -> None:
    one = {"MONITOR_APP_ID": APP}

    assert [found.name for found in _counting({**GOOD, **one})] == ["counting executions"]
    assert _counting(GOOD) == []


def _counting(environment: dict[str, str]) -> list[Examination]:
    """The examinations of a round as somebody known."""
    who = Credentials(lambda: SimpleNamespace(get_token=lambda _: AccessToken("token", 0)), "s")
    return [*bill(Round(load(environment), a_desk().house, who, T0, lambda: T0, {}))]
