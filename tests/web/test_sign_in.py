"""The first token: it opens the door, says who it is for, and ends by itself."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.sign_in import main
from shared.web.auth import Gate, Role
from shared.web.problems import Problem
from tests.web.builders import CRM_KEY, bearer

ROOT = Path(__file__).parents[2]
ME = "you@example.com"


def token_of(capsys: pytest.CaptureFixture[str], *arguments: str, **environment: str) -> str:
    assert main(["--as", ME, *arguments], {"CRM_TOKEN_KEY": CRM_KEY, **environment}) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out.strip()


def test_it_lets_its_owner_in_as_an_admin_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    principal = Gate(crm_key=CRM_KEY).admit(bearer(token_of(capsys)))

    assert (principal.id, principal.name, principal.roles) == (ME, ME, frozenset({"admin"}))


@pytest.mark.parametrize("role", Role)
def test_it_gives_no_more_than_what_is_asked_for(
    capsys: pytest.CaptureFixture[str], role: Role
) -> None:
    token = token_of(capsys, "--role", role)

    assert Gate(crm_key=CRM_KEY).admit(bearer(token)).roles == {role}


def test_roles_stand_where_the_app_looks_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    token = token_of(capsys, AUTH_ROLE_CLAIM="groups")

    assert Gate(crm_key=CRM_KEY, role_claim="groups").admit(bearer(token)).may(Role.ADMIN)


def test_it_ends_by_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real - 20 * 60)

    token = token_of(capsys)

    with pytest.raises(Problem, match="expired"):
        Gate(crm_key=CRM_KEY).admit(bearer(token))


def test_an_hour_is_the_most_and_the_gate_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert Gate(crm_key=CRM_KEY).admit(bearer(token_of(capsys, "--minutes", "60"))).name == ME


@pytest.mark.parametrize("minutes", ["0", "61", "x"])
def test_a_longer_life_is_refused(capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    with pytest.raises(SystemExit):
        main(["--as", ME, "--minutes", minutes], {"CRM_TOKEN_KEY": CRM_KEY})

    assert f"whole minutes from 1 to 60, not {minutes}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201])
def test_a_token_for_nobody_is_refused(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit):
        main(["--as", name], {"CRM_TOKEN_KEY": CRM_KEY})

    assert "a name or an address of 1 to 200 letters" in capsys.readouterr().err


def test_a_role_that_is_none_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--as", ME, "--role", "boss"], {"CRM_TOKEN_KEY": CRM_KEY})

    said = capsys.readouterr().err.replace("'", "")
    assert "(choose from admin, reader, deployer)" in said


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "is not set"),
        ("short", "at least 32 bytes"),
        ("@Microsoft.KeyVault(SecretUri=https://vault.example.com/secrets/key)", "a reference"),
    ],
)
def test_without_the_key_there_is_a_sentence_and_no_token(
    capsys: pytest.CaptureFixture[str], key: str, said: str
) -> None:
    assert main(["--as", ME], {"CRM_TOKEN_KEY": key}) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err


def test_it_is_run_as_documented() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "shared.sign_in", "--as", ME, "--role", "admin", "--minutes", "15"],
        cwd=ROOT,
        env={"CRM_TOKEN_KEY": CRM_KEY},
        capture_output=True,
        text=True,
        check=True,
    )

    assert Gate(crm_key=CRM_KEY).admit(bearer(shown.stdout.strip())).may(Role.ADMIN)
