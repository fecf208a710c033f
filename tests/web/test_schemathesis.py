"""The running app does what openapi.json says, whatever it is asked."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Account
from local.clocks import WorldClock
from local.desks import table_storage
from local.host.host import running_host
from local.host.world_time import world_time
from shared import bootstrap
from shared.catalog.rules import default_rules
from shared.web.routes import ROUTES
from tests.builders import BAD, OK, a_desk, at, checked
from tests.services.test_deployments import mark
from tests.web.builders import CRM_KEY

ROOT = Path(__file__).parents[2]
STANDS_STILL = 0.0001
"""So slow that no timer fires: what is asked does not change by itself."""


def play(storage: Account) -> None:
    """Half an hour in which a deployment leads to an alert, as the examples tell it."""
    rules = [rule for rule in default_rules() if rule.metric == "dtuUtilization"]
    rooms = checked(table_storage(storage.connection_string))
    desk = a_desk([OK] * 20 + [BAD] * 20, storage=rooms, rules=rules)
    mark(desk, 6)
    desk.ticks(0, 30)


@pytest.fixture
def api(storage: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the app's API on the desk's host."""
    play(storage)
    monkeypatch.setenv("AzureWebJobsStorage", storage.connection_string)
    monkeypatch.setenv("CRM_TOKEN_KEY", CRM_KEY)
    monkeypatch.setenv("ALERT_EMAIL", "admin@example.com")
    import function_app  # noqa: PLC0415 - after its environment is set

    forget()
    clock = WorldClock(origin=at(30), speed=STANDS_STILL)
    connection = storage.connection_string
    with (
        world_time(bootstrap, clock),
        running_host(function_app.app, clock=clock, storage=connection) as host,
    ):
        yield f"{host.url}/{host.route_prefix}/monitoring"
    forget()


def forget() -> None:
    """What the process remembers of another environment."""
    for remembered in vars(bootstrap).values():
        if hasattr(remembered, "cache_clear"):
            remembered.cache_clear()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_schemathesis_finds_nothing(api: str, tmp_path: Path) -> None:
    shown = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", f"{api}/openapi.json", "--no-color"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert shown.returncode == 0, shown.stdout + shown.stderr
    # The description itself is only read.
    assert f"Tested: {len(ROUTES) - 1}" in shown.stdout
    generated = re.search(r"([\d,]+) generated", shown.stdout)
    assert generated is not None
    assert int(generated[1].replace(",", "")) > 1000
