"""`make run` is the whole product: its own triggers, the real SDKs, an Azure on the desk."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from local.azurite import Account
from local.clocks import wall_now
from local.desks import table_storage
from local.run import beginning, known_until, main, own_settings
from shared.adapters.chunk_store import ChunkStore
from shared.catalog.metrics import CATALOG
from shared.domain.errors import InvalidInput
from shared.domain.times import MINUTE, floor_minute, iso
from shared.services.collect import store
from tests.builders import TARGET, a_reading, at

ROOT = Path(__file__).parents[2]
MONDAY = "2026-03-02T09:00"
SPEED = "10"
# The storm is over and told 20 minutes after the start, which takes 2 at this speed.
STORY_S = 240.0
CALM_S = 90.0
PATIENCE_S = 180.0
# What it is at when it is told to end may take a busy machine its time.
END_S = 120.0

Where = Mapping[str, str]


# Of somebody who works behind a proxy, on other functions, signed in to Azure, on an old terminal.
ODD_ENVIRONMENT = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "AZURE_CLIENT_ID": "11111111-1111-1111-1111-111111111111",
    "AZURE_TENANT_ID": "22222222-2222-2222-2222-222222222222",
    "AZURE_CLIENT_SECRET": "not for us",
    "MONITOR_TARGETS": "another",
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "PYTHONIOENCODING": "ascii",
}


@contextmanager
def running(
    script: str,
    *,
    speed: str = SPEED,
    environment: Mapping[str, str] | None = None,
    port: int = 0,
    targets: int = 1,
) -> Iterator[tuple[subprocess.Popen[str], Where]]:
    """What `make run SPEED=10` runs, on free ports."""
    command = [sys.executable, "-m", "local.run", "--json", f"--port={port}", f"--at={MONDAY}"]
    process = subprocess.Popen(
        [*command, f"--script={script}", f"--speed={speed}", f"--targets={targets}"],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=END_S)


def requests_at(where: Where, answerer: str) -> list[dict[str, Any]]:
    """The raw requests that an answerer took, oldest first."""
    found = requests.get(f"{where['inbox']}/requests/{answerer}", timeout=60)
    return [one for one in found.json()["requests"] if one["method"] == "POST"]


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.5)


def ask(where: Where, path: str) -> Any:
    """The data that the API answers to an admin."""
    answer = requests.get(
        f"{where['api']}/{path}", headers={"Authorization": f"Bearer {where['token']}"}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def a_day_is_there(where: Where) -> bool:
    history = ask(where, "metrics?range=24h&metrics=dtuUtilization")["historical"]
    known = [one for one in history if one["dtuUtilization"] is not None]
    return len(known) > 0.95 * len(history)


def subjects_of_mails(where: Where) -> list[str]:
    return [json.loads(one["body"])["content"]["subject"] for one in requests_at(where, "email")]


def texts_of_slack(where: Where) -> list[str]:
    return [json.loads(one["body"])["text"] for one in requests_at(where, "slack")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_storm_of_the_default_story_is_told_by_mail_and_slack_and_resolved() -> None:
    with running("default") as (_, where):
        wait_for(lambda: a_day_is_there(where), PATIENCE_S)
        wait_for(lambda: len(texts_of_slack(where) + subjects_of_mails(where)) >= 4, STORY_S)

        firing, resolved = subjects_of_mails(where)
        assert firing.startswith("[CRITICAL] DTU ")
        assert resolved.startswith("[RESOLVED] DTU Usage Critical after 1")
        told = [text.partition("]")[0] for text in texts_of_slack(where)]
        assert told == ["[CRITICAL", "[RESOLVED"]
        assert [one["ruleId"] for one in ask(where, "alerts?state=resolved")] == ["dtu-critical"]
        mail = json.loads(requests_at(where, "email")[0]["body"])
        assert mail["recipients"]["to"] == [{"address": "admin@example.com"}]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_calm_world_under_the_same_command_sends_nothing() -> None:
    with running("calm") as (process, where):
        wait_for(lambda: a_day_is_there(where), PATIENCE_S)
        before = ask(where, "metrics?range=15m")["lastUpdated"]
        time.sleep(CALM_S)

        assert process.poll() is None
        assert ask(where, "metrics?range=15m")["lastUpdated"] > before
        assert requests_at(where, "email") == requests_at(where, "slack") == []
        assert ask(where, "alerts?state=all") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_else_is_in_the_environment_the_story_is_told() -> None:
    with running("default", speed="20", environment=ODD_ENVIRONMENT) as (process, where):
        wait_for(lambda: a_day_is_there(where), PATIENCE_S)
        wait_for(lambda: bool(texts_of_slack(where)), PATIENCE_S)

        assert process.stdout is not None
        told = process.stdout.readline()
        # Where a machine is so slow that the end overtakes the beginning, one message tells both.
        assert re.search(r"\[CRITICAL\] DTU |\[RESOLVED\] DTU .* after \d+ min", told)
        assert told.endswith("? pantry-crm\n")
        assert process.poll() is None


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_targets_go_through_the_queue_where_one_is_all_that_a_timer_sees_to() -> None:
    """Ticks and watches alike: without them no pass would ever end well."""
    alone = {"COLLECT_INLINE_MAX": "1"}
    with running("calm", environment=alone, targets=2) as (_, where):
        wait_for(lambda: last_passes(where) == {"well"}, PATIENCE_S)

        for target in ("pantry-crm", "pantry-crm-2"):
            told = ask(where, f"metrics?range=3h&metrics=dtuUtilization&target={target}")
            assert {one["dtuUtilization"] for one in told["historical"]} != {None}


def last_passes(where: Where) -> set[str]:
    """What the doctor says of them."""
    found = ask(where, "health?deep=1")["checkups"]
    return {one["verdict"] for one in found if one["name"].startswith("last pass over ")}


def test_the_end_of_the_terminal_ends_it_in_order() -> None:
    with running("calm") as (process, _):
        process.send_signal(signal.SIGHUP)

        assert process.wait(timeout=END_S) == 0


@pytest.mark.slow
def test_a_second_ctrl_c_waits_for_nothing() -> None:
    with running("calm") as (process, _):
        before = children_of(process.pid)
        assert len(before) > 1, "Azurite is one of them"
        os.kill(process.pid, signal.SIGSTOP)  # so that both come before either is looked at
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)

        assert process.wait(timeout=END_S) == 130
        wait_for(lambda: children_of(process.pid) == [], END_S)


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.3, 1.0, 3.0])
def test_ctrl_c_while_it_starts_leaves_no_traceback(after_s: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.run", "--port=0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=END_S)

    assert said in {"", "\nmake run: ending; once more ends it at once\n"}
    assert process.returncode in {0, -signal.SIGINT}


def test_a_busy_port_gets_a_sentence_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = subprocess.run(
            [sys.executable, "-m", "local.run", f"--port={port}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=END_S,
        )

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(f"make run: port {port} can't be had (Address already in use)")
    assert f"make run ARGS='--port {port + 1}'" in found.stderr


@pytest.mark.slow
def test_it_runs_twice_in_a_row_on_one_port_and_leaves_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    before = files_here()

    for _ in range(2):
        with running("calm", port=port) as (process, where):
            assert where["api"].startswith(f"http://127.0.0.1:{port}/")
            assert requests.get(f"{where['api']}/health", timeout=60).status_code == 200
        assert process.returncode == 0
        assert children_of(process.pid) == [], "Azurite ended with it"
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{where['api']}/health", timeout=60)

    assert files_here() == before


def files_here() -> set[Path]:
    """What stands in the repository, caches of bytecode left aside."""
    left_out = {"__pycache__", ".git", "node_modules", ".venv"}
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [one for one in folders if one not in left_out and not one.endswith("_cache")]
        found |= {Path(folder) / one for one in files}
    return found


def children_of(leader: int) -> list[int]:
    """The processes of that session which still live; Azurite has a group of its own in it."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, fields = each.read_text().rpartition(") ")
        except OSError:
            continue
        if int(fields.split()[3]) == leader:
            found.append(int(each.parent.name))
    return found


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--speed=0", "a speed is more than 0"),
        ("--at=yesterday", "a moment like 2026-03-02T09:00"),
        ("--at=0001-01-01", "in 1971 to 2199, not 0001-01-01"),
        ("--at=9999-12-31T23:59", "in 1971 to 2199, not 9999-12-31T23:59"),
        ("--storage=", "a folder, which is made where it is missing, not nothing"),
        ("--port=99999", "a port is 0 to 65535"),
        ("--port=-1", "a port is 0 to 65535"),
        ("--targets=0", "targets are 1 to 20"),
    ],
)
def test_a_wrong_option_gets_a_sentence(
    option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_world_goes_on_after_what_its_storage_knows() -> None:
    now = floor_minute(wall_now())
    ahead, moment = now + 45 * MINUTE, now - 5 * MINUTE

    assert beginning(moment, None) == moment
    assert beginning(moment, moment) == moment
    assert beginning(None, now - MINUTE) >= now
    assert beginning(None, ahead + timedelta(seconds=20)) == ahead + MINUTE
    with pytest.raises(InvalidInput, match=f"begin at {iso(ahead + MINUTE)} or later"):
        beginning(moment, ahead)


def test_what_a_storage_knows_is_what_a_monitor_wrote_there(storage: Account) -> None:
    assert known_until(storage.connection_string) is None
    tables = table_storage(storage.connection_string)
    store(
        [a_reading({8: 1.0}, covered=9)],
        TARGET,
        catalog=CATALOG,
        samples=ChunkStore(tables.samples),
        now=at(9),
    )

    assert known_until(storage.connection_string) == at(9)


def test_a_setting_of_ones_own_that_is_wrong_is_told_with_what_would_be_right() -> None:
    assert own_settings({"MAILS_PER_HOUR": "99", "SMS_FROM": "no setting of the desk's"}) == {
        "MAILS_PER_HOUR": "99"
    }
    with pytest.raises(InvalidInput, match=r"ALERT_EMAIL must be one e-mail address, not 'me'$"):
        own_settings({"ALERT_EMAIL": "me"})


def test_an_unknown_story_gets_a_sentence() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "local.run", "--script=storm"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=END_S,
    )

    assert found.returncode == 1
    assert "there are calm, default" in found.stderr
