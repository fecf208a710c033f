"""The doctor's own words: what it says of settings, how it writes, and what it ends with."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from local.architecture_page import functions
from shared import doctor
from shared.adapters.checkups import mends
from shared.adapters.checkups.identities import Credentials, Identity, identity_of
from shared.domain.checkups import Checkup, Verdict
from shared.examinations import RUN_BY_THEMSELVES, app_id_in, examinations
from shared.examinations.account import mend_storage
from shared.examinations.rounds import Round
from shared.settings import load
from tests.builders import T0, a_desk
from tests.test_settings import GOOD

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/pantry-monitor"
DATABASE = "/subscriptions/s/resourceGroups/crm/providers/Microsoft.Sql/servers/sql/databases/db"
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
        "nothing works",
    )
    assert "'MAILS_PER_HOUR=…' 'CRM_TOKEN_KEY=…'" in found["mend"]
    assert "s3cret" not in json.dumps(found)


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
    assert "--resource-group crm --server sql --name" in mends.open_firewall(DATABASE)
    assert "CREATE USER [pantry-monitor] FROM EXTERNAL PROVIDER" in mends.let_in("h,1", "db", who)
    assert f"https://management.azure.com{APP}/host/default/sync" in mends.sync_triggers(who)


def test_an_account_that_is_opened_by_identity_has_its_roles_examined() -> None:
    given = load({"AzureWebJobsStorage__accountName": "pantry"})
    home = replace(a_desk().house, measured={})

    nobody = SimpleNamespace(get_token=lambda _: None)

    wanted = examinations(given, home, now=T0, wall=lambda: T0, identity=lambda: nobody)

    after = {one.name: one.after for one in wanted}
    assert after["tables"] == after["blobs"] == after["queues"] == ("identity",)


@pytest.mark.parametrize("kind", ["Table", "Queue", "Blob"])
def test_a_role_that_is_missing_on_the_account_is_named(kind: str) -> None:
    degree = "Owner" if kind == "Blob" else "Contributor"
    given = load({"AzureWebJobsStorage__accountName": "pantry"})
    on = Round(given, a_desk().house, Credentials(lambda: None, "s", APP), T0, lambda: T0)

    mend = mend_storage(on, kind, degree)

    assert f'--role "Storage {kind} Data {degree}"' in mend(403)
    assert "az storage account show --name pantry --query id" in mend(403)
    assert "statusOfPrimary" in mend(None)
