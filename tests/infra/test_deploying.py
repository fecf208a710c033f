"""azd's hooks and the workflows: run here with stand-ins for az, sqlcmd and curl."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.bicep_files import INFRA, parse
from shared.examinations import RUN_BY_THEMSELVES

ROOT = INFRA.parent
HOOKS = INFRA / "hooks"
DATABASE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/sql-crm/databases/crm"
OUTPUTS = {
    "functionAppName": "func-pantry-1",
    "clientId": "7c1a4f60-93a5-4a43-8a53-2f1de0a0c3b7",
    "functionAppId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func-1",
    "databaseId": DATABASE,
    "url": "https://func-pantry-1.azurewebsites.net",
}


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder for stand-ins, which comes first on PATH."""
    (tmp_path / "bin").mkdir()
    return tmp_path


def stand_in(bench: Path, name: str, script: str) -> None:
    """A program of that name; `$LOG` is a file for what it wants to remember."""
    file = bench / "bin" / name
    file.write_text(f"#!/bin/sh\nLOG={bench}/{name}.log\n{script}\n")
    file.chmod(0o755)


def run(bench: Path, hook: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{bench / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(HOOKS / hook)],
        env={"PATH": path, **OUTPUTS, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def log(bench: Path, name: str) -> str:
    file = bench / f"{name}.log"
    return file.read_text() if file.exists() else ""


def test_the_identity_is_let_into_the_database_and_master_is_left_alone(bench: Path) -> None:
    stand_in(bench, "sqlcmd", 'echo "$@" >> "$LOG"; cat >> "$LOG"')

    done = run(bench, "grant_sql.sh")

    assert done.returncode == 0, done.stderr
    said = log(bench, "sqlcmd")
    signing_in = "--authentication-method ActiveDirectoryAzCli"
    assert said.startswith(
        f"-S sql-crm.database.windows.net -d crm {signing_in} -b -i /dev/stdin\n"
    )
    assert f"CONVERT(uniqueidentifier, N'{OUTPUTS['clientId']}')" in said
    assert "@login bit = 0;" in said
    assert "GRANT VIEW DATABASE STATE TO [func-pantry-1];" in said
    assert "func-pantry-monitor" not in said
    assert "SERVER ROLE" not in said


def test_the_servers_role_is_given_when_it_is_wanted(bench: Path) -> None:
    stand_in(bench, "sqlcmd", 'echo "$@" >> "$LOG"; cat >> "$LOG"')

    assert run(bench, "grant_sql.sh", GRANT_SERVER_STATE="yes").returncode == 0

    _, _, said = log(bench, "sqlcmd").partition("-d master ")
    in_master, _, in_database = said.partition("-d crm ")
    assert "EXEC (N'CREATE LOGIN [func-pantry-1] FROM EXTERNAL PROVIDER');" in in_master
    assert f"N'{OUTPUTS['clientId']}'" in in_master
    assert "@login bit = 1;" in in_database
    assert "00000000-" not in in_master + in_database
    assert "ALTER SERVER ROLE [##MS_ServerStateReader##] ADD MEMBER [func-pantry-1];" in in_master


def test_a_database_that_takes_no_grants_fails_the_deployment_and_says_who_may(
    bench: Path,
) -> None:
    stand_in(bench, "sqlcmd", "cat > /dev/null; exit 1")

    done = run(bench, "grant_sql.sh")

    assert done.returncode == 1
    assert "crm on sql-crm did not take the grants" in done.stderr
    assert f"client id {OUTPUTS['clientId']}" in done.stderr


def test_who_is_not_the_servers_admin_can_leave_the_grants_to_somebody_else(bench: Path) -> None:
    stand_in(bench, "sqlcmd", 'echo "$@" >> "$LOG"')

    done = run(bench, "grant_sql.sh", GRANT_SQL="no")

    assert (done.returncode, log(bench, "sqlcmd")) == (0, "")
    assert "runs infra/sql/grant-monitor.sql for func-pantry-1" in done.stdout


def test_without_a_database_or_a_client_it_says_so(bench: Path) -> None:
    assert "nothing to grant" in run(bench, "grant_sql.sh", databaseId="").stdout
    (bench / "bin" / "sed").symlink_to("/bin/sed")

    done = subprocess.run(
        ["/bin/sh", str(HOOKS / "grant_sql.sh")],
        env={"PATH": str(bench / "bin"), **OUTPUTS},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "by hand" in done.stderr


LISTING = """
case "$*" in *syncs*|*"/host/default/sync"*) echo sync >> "$LOG"; exit 0;; esac
echo list >> "$LOG"
[ "$(grep -c list "$LOG")" -ge "${LISTED_FROM:-1}" ] && printf '%s\\n' {names} health
exit 0
"""


def test_triggers_are_synced_until_every_function_is_listed(bench: Path) -> None:
    stand_in(bench, "az", LISTING.replace("{names}", " ".join(RUN_BY_THEMSELVES)))

    done = run(bench, "sync_triggers.sh", LISTED_FROM="3", WAIT="0")

    assert done.returncode == 0, done.stderr
    assert log(bench, "az").split() == ["sync", "list"] * 3
    assert done.stdout.count("not listed yet: tick watch") == 2


def test_without_az_nothing_is_waited_for(bench: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(HOOKS / "sync_triggers.sh")],
        env={"PATH": str(bench / "bin"), **OUTPUTS},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "the Azure CLI is not here" in done.stderr


def test_a_function_that_is_never_listed_fails_the_deployment(bench: Path) -> None:
    stand_in(bench, "az", LISTING.replace("{names}", " ".join(RUN_BY_THEMSELVES[1:])))

    done = run(bench, "sync_triggers.sh", TRIES="2", WAIT="0")

    assert done.returncode == 1
    assert "does not list tick;" in done.stderr


ANSWERS = """
echo "$*" >> "$LOG"
case "$*" in
    *--fail*) cat "${0%/bin/curl}/answer.json";;
    */monitoring/health|*/dashboard) printf 200;;
    *) printf "${STRANGERS:-401}";;
esac
"""


def test_the_smoke_test_passes_what_answers_and_is_shut(bench: Path) -> None:
    stand_in(bench, "curl", ANSWERS)
    found = [{"verdict": "broken", "name": "mail", "said": "403", "mend": "az"}]
    (bench / "answer.json").write_text(json.dumps({"data": {"checkups": found}}))
    stand_in(bench, "python", 'case "$*" in *sign_in*) echo a-token;; *) exec python3 "$@";; esac')

    done = run(bench, "smoke_test.sh", CRM_TOKEN_KEY="k" * 32)

    assert done.returncode == 0, done.stderr
    assert "broken mail: 403\n    mend: az\nsmoke test passed" in done.stdout
    assert "Authorization: Bearer a-token" in log(bench, "curl")


def test_a_doctor_that_does_not_answer_yet_is_told_and_fails_nothing(bench: Path) -> None:
    stand_in(bench, "curl", ANSWERS.replace('cat "${0%/bin/curl}/answer.json"', "exit 22"))
    stand_in(bench, "python", "echo a-token")

    done = run(bench, "smoke_test.sh", CRM_TOKEN_KEY="k" * 32)

    assert done.returncode == 0, done.stderr
    assert "doctor does not answer yet" in done.stdout


def test_the_smoke_test_fails_on_an_open_door(bench: Path) -> None:
    stand_in(bench, "curl", ANSWERS)

    done = run(bench, "smoke_test.sh", STRANGERS="200")

    assert done.returncode == 1
    assert "GET metrics answers 200 to strangers, not 401" in done.stderr


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_azd_runs_hooks_that_are_there_and_deploys_to_what_is_tagged() -> None:
    found = read_yaml(ROOT / "azure.yaml")
    ran = " ".join(hook["run"] for hook in found["hooks"].values())
    app = parse("x", (INFRA / "modules" / "function_app.bicep").read_text()).resources["app"]

    assert set(ran.replace("&&", "").split()) == {
        f"infra/hooks/{file.name}" for file in HOOKS.glob("*.sh")
    }
    assert all(os.access(file, os.X_OK) for file in HOOKS.glob("*.sh"))
    assert app.value["tags"] == {"azd-service-name": next(iter(found["services"]))}
    assert (INFRA / f"{found['infra']['module']}.bicepparam").exists()


def test_hooks_take_what_the_deployment_gives() -> None:
    outputs = parse("x", (INFRA / "main.bicep").read_text()).outputs

    assert outputs.keys() >= OUTPUTS.keys()


def test_the_hook_waits_for_the_functions_that_nobody_calls() -> None:
    (wanted,) = re.findall(
        r'^wanted="(.*)"$', (HOOKS / "sync_triggers.sh").read_text(), re.MULTILINE
    )

    assert wanted.split() == list(RUN_BY_THEMSELVES)


def test_the_deployment_knows_no_password_and_shows_secrets_to_what_reads_them() -> None:
    deploy = read_yaml(ROOT / ".github" / "workflows" / "deploy.yml")
    job = deploy["jobs"]["deploy"]
    shown = {
        step.get("run", step.get("uses")): set(re.findall(r"secrets\.(\w+)", str(step)))
        for step in job["steps"]
    }
    read = re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text())

    assert deploy["permissions"] == {"contents": "read", "id-token": "write"}
    # Without it a group's template asks for the group, and nobody is there to answer.
    assert "vars." in job["env"]["AZURE_RESOURCE_GROUP"]
    assert "secrets." not in str(job["env"])
    assert shown.pop("azd provision --no-prompt") == set(read) - {"BUDGET_START"}
    assert shown.pop("azd deploy --no-prompt") == {"CRM_TOKEN_KEY"}
    assert not any(shown.values())


def test_the_deployment_has_what_its_hooks_need_in_time() -> None:
    steps = read_yaml(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]["deploy"]["steps"]
    (sqlcmd,) = [step["run"] for step in steps if "SHA256" in step.get("env", {})]
    # Later than five minutes after signing in no new token can be had.
    order = [
        next(place for place, step in enumerate(steps) if said in str(step))
        for said in ("azure/login@", "database.windows.net", "azd provision")
    ]

    assert order == sorted(order)
    assert "sha256sum --check" in sqlcmd.partition("sudo tar")[0]


@pytest.mark.parametrize("workflow", ["ci.yml", "deploy.yml"])
def test_actions_are_named_by_what_nobody_can_move(workflow: str) -> None:
    used = re.findall(r"uses: (.*)", (ROOT / ".github" / "workflows" / workflow).read_text())

    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize(
    ("az", "code"),
    [
        ("echo {}; echo 'WARNING: a new Bicep release is there' >&2", 0),
        ("echo {}; echo 'main.bicep(3,1) : Warning BCP037: The property' >&2", 1),
        ('case "$*" in *main.bicep\\ *) exit 1;; *) echo {};; esac', 1),
        ('case "$*" in *params*) exit 1;; *) echo {};; esac', 1),
    ],
)
def test_the_compilers_warnings_and_failures_fail_ci(bench: Path, az: str, code: int) -> None:
    jobs = read_yaml(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    (step,) = [one for one in jobs["infrastructure"]["steps"] if "az bicep" in one.get("run", "")]
    stand_in(bench, "az", az)

    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        env={"PATH": f"{bench / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(bench)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code, done.stdout + done.stderr


def test_ci_runs_what_the_project_calls_its_proof() -> None:
    jobs = read_yaml(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]

    assert any(".ci/run" in command for command in commands)
    assert "make scan" in (ROOT / ".ci" / "run").read_text()
    assert any("az bicep build --file infra/main.bicep" in command for command in commands)
