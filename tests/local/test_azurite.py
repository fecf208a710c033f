"""The harness around Azurite: starting, isolation, and never being left behind."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

from local import azurite as harness
from local.azurite import Account, Azurite, AzuriteMissingError, AzuriteStartError, running_azurite

ROOT = Path(__file__).parents[2]
ENTITY = {"PartitionKey": "kitchen", "RowKey": "latest", "dtu": 42.5}


def write_entity(account: Account) -> None:
    with TableServiceClient.from_connection_string(account.connection_string) as service:
        service.create_table("Samples").upsert_entity(ENTITY)


def read_entities(account: Account) -> list[dict[str, object]]:
    with TableServiceClient.from_connection_string(account.connection_string) as service:
        return [dict(e) for e in service.get_table_client("Samples").list_entities()]


def table_names(account: Account) -> list[str]:
    with TableServiceClient.from_connection_string(account.connection_string) as service:
        return [table.name for table in service.list_tables()]


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    # Ended, but nobody has asked for its exit code: a zombie where the first process reaps late.
    status = Path(f"/proc/{process_id}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def wait_until_gone(process_id: int, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(process_id)


def test_a_written_entity_is_read_back(storage: Account) -> None:
    write_entity(storage)

    assert read_entities(storage) == [ENTITY]


def test_a_sent_message_is_received(storage: Account) -> None:
    with QueueClient.from_connection_string(storage.connection_string, "deliveries") as queue:
        queue.create_queue()
        queue.send_message("episode-1")

        assert [message.content for message in queue.receive_messages()] == ["episode-1"]


def test_every_fresh_account_is_empty(azurite: Azurite) -> None:
    write_entity(azurite.fresh_account())

    assert table_names(azurite.fresh_account()) == []


def test_the_default_account_is_the_one_every_emulator_has(azurite: Azurite) -> None:
    assert "AccountName=devstoreaccount1;" in azurite.connection_string
    assert azurite.table_endpoint.startswith("http://127.0.0.1:")
    with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        assert service.create_table_if_not_exists("Samples").table_name == "Samples"


def test_it_ends_with_its_context() -> None:
    with running_azurite() as azurite:
        process_id = azurite.process_id
        assert is_running(process_id)

    assert not is_running(process_id)


def test_a_folder_keeps_the_data(tmp_path: Path) -> None:
    with running_azurite(tmp_path) as azurite:
        write_entity(azurite.account)

    with running_azurite(tmp_path) as azurite:
        assert read_entities(azurite.account) == [ENTITY]


def test_a_terminals_ctrl_c_is_not_for_it() -> None:
    with running_azurite() as azurite:
        assert os.getpgid(azurite.process_id) != os.getpgid(0)


def test_no_proxy_stands_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    with running_azurite() as azurite:
        write_entity(azurite.account)
        assert read_entities(azurite.account) == [ENTITY]

    assert "no_proxy" not in os.environ


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_parent(ending: signal.Signals) -> None:
    program = (
        "import time; from local.azurite import running_azurite\n"
        "with running_azurite() as azurite: print(azurite.process_id, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        process_id = int(parent.stdout.readline())
        parent.send_signal(ending)

    assert wait_until_gone(process_id)


def test_the_program_prints_a_connection_string_and_ends_on_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local.azurite"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("DefaultEndpointsProtocol=http;AccountName=")
        program.send_signal(signal.SIGINT)

        assert program.wait(timeout=60) == 0


def test_when_it_is_not_installed_it_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(harness, "PROGRAM", tmp_path / "azurite.js")

    with pytest.raises(AzuriteMissingError, match="run `make setup` first"), running_azurite():
        pass


def test_when_it_does_not_start_it_shows_what_azurite_said(tmp_path: Path) -> None:
    (tmp_path / "__azurite_db_table__.json").write_text("{broken")

    with (
        pytest.raises(AzuriteStartError, match=r"(?s)holds is damaged, name another.*JSON"),
        running_azurite(tmp_path),
    ):
        pass


def test_a_folder_that_can_hold_nothing_is_named_at_once(tmp_path: Path) -> None:
    a_file = tmp_path / "file"
    a_file.touch()

    for folder, why in [
        (a_file, "File exists"),
        (a_file / "x", "Not a directory"),
        (Path("/proc/x"), "No such file or directory"),
        (Path("a\0b"), r"embedded null .*"),
    ]:
        with (
            pytest.raises(AzuriteStartError, match=rf"{why}\): name a folder that you may write"),
            running_azurite(folder),
        ):
            pass


def test_two_do_not_overwrite_each_other_in_one_folder(tmp_path: Path) -> None:
    with (tmp_path / ".azurite.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with (
            pytest.raises(AzuriteStartError, match="another program keeps its data in"),
            running_azurite(tmp_path),
        ):
            pass


def test_the_program_says_in_a_sentence_why_it_does_not_run() -> None:
    with pytest.raises(SystemExit, match="nothing can be kept in /proc/x"):
        harness.main(["--folder=/proc/x"])


@pytest.mark.slow
def test_many_start_side_by_side_without_fighting_for_ports() -> None:
    def write_and_read(_: int) -> list[dict[str, object]]:
        with running_azurite() as azurite:
            write_entity(azurite.account)
            return read_entities(azurite.account)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write_and_read, range(32)))

    assert answers == [[ENTITY]] * 32
