"""The app, and two broken ones, in the hands of Microsoft's own worker core."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import function_app
from local.azurite import Account, Azurite
from local.host.triggers import HttpTrigger, QueueTrigger, TimerTrigger, read_functions

ROOT = Path(__file__).parents[3]
TYPES = {TimerTrigger: "timerTrigger", QueueTrigger: "queueTrigger", HttpTrigger: "httpTrigger"}

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="the worker's core is a package from Python 3.13 on"
)

HEAD = """
import typing
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
"""
GOOD = """
@app.route(route="things/{id}", methods=["GET"])
def things(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["id"])
"""
MISNAMED = """
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def tick(clock: func.TimerRequest) -> None:
    pass
"""
OUTPUT = """
@app.queue_output(arg_name="out", queue_name="things", connection="AzureWebJobsStorage")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def tick(timer: func.TimerRequest, out: func.Out[{annotation}]) -> None:
    pass
"""
RAISES = """
@app.route(route="things")
def things(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("no things")
"""
RETURNS = """
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def tick(timer: func.TimerRequest) -> str:
    return "done"
"""


@dataclass(frozen=True)
class Shown:
    """What the check printed, and how it ended."""

    exit_code: int
    rejected: str | None
    functions: dict[str, dict[str, Any]]


def conformance(folder: Path, storage: str) -> Shown:
    done = subprocess.run(
        [sys.executable, "-m", "local.host.conformance", "--app", str(folder)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "AzureWebJobsStorage": storage},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    functions = {one["name"]: one for one in report["functions"]}
    return Shown(done.returncode, report["rejected"], functions)


def written(folder: Path, function: str) -> Shown:
    (folder / "function_app.py").write_text(HEAD + function)
    return conformance(folder, "never used")


@pytest.fixture(scope="module")
def shown(azurite: Azurite) -> Shown:
    account: Account = azurite.fresh_account()
    return conformance(ROOT, account.connection_string)


def test_the_worker_lists_every_function_with_its_trigger(shown: Shown) -> None:
    assert shown.rejected is None
    assert {name: one["trigger"] for name, one in shown.functions.items()} == {
        one.name: TYPES[type(one.trigger)] for one in read_functions(function_app.app)
    }


def test_the_worker_can_invoke_every_function(shown: Shown) -> None:
    problems = {name: one["problem"] for name, one in shown.functions.items() if one["problem"]}

    assert problems == {}
    assert shown.exit_code == 0


def test_health_answers_in_the_envelope(shown: Shown) -> None:
    health = shown.functions["health"]

    assert health["status"] == 200
    assert json.loads(health["answer"])["success"] is True


def test_a_good_small_app_passes(tmp_path: Path) -> None:
    found = written(tmp_path, GOOD)

    assert (found.exit_code, found.functions["things"]["answer"]) == (0, "1")


@pytest.mark.parametrize(
    ("function", "why"),
    [(MISNAMED, "clock"), (OUTPUT.format(annotation="list[str]"), "invalid non-type annotation")],
    ids=["misnamed", "list[str]"],
)
def test_one_defect_costs_the_whole_app(tmp_path: Path, function: str, why: str) -> None:
    found = written(tmp_path, GOOD + function)

    assert found.exit_code == 1
    assert found.functions == {}
    assert found.rejected is not None
    assert why in found.rejected


def test_the_output_that_is_written_right_passes(tmp_path: Path) -> None:
    assert written(tmp_path, OUTPUT.format(annotation="typing.List[str]")).exit_code == 0


@pytest.mark.parametrize("function", [RAISES, RETURNS], ids=["raises", "returns"])
def test_a_function_that_cannot_be_invoked_is_found(tmp_path: Path, function: str) -> None:
    found = written(tmp_path, function)

    (one,) = found.functions.values()
    assert found.exit_code == 1
    assert one["problem"]
