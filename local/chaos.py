"""The crash walk: end a process before and after every call it makes, and compare the stories.

`python -m local.chaos` runs a small world once undisturbed and counts its port calls, N. Then, for
each k of 1..N, a real process is killed (SIGKILL) right before call k, and another right after it;
a new process goes on with the next pass of the clock. Every event must have reached its channel at
least once and in order, states must equal the undisturbed ones, and nothing may be left behind.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.crash_world import PASSES, Ending, Reaper, Run, ending_of, live, new_run
from local.desks import table_storage


def _fork(work: Callable[[], int]) -> int:
    """Do `work` in a process of its own; answers its id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 250
        try:
            code = min(work(), 250)
        except Exception:  # noqa: BLE001 - the parent only sees the exit code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child


def _exit_code(child: int) -> int:
    """How the process ended; negative when it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crash(run: Run, connection: str, kill_at: int, *, after: bool) -> None:
    """Live, be killed at the call, and live on in a new process."""

    def first_life() -> int:
        live(run, table_storage(connection), Reaper(kill_at, after=after))
        return 0

    def second_life() -> int:
        live(run, table_storage(connection), Reaper())
        return 0

    if _exit_code(_fork(first_life)) != -signal.SIGKILL:
        raise AssertionError(f"call {kill_at} was never made")
    if _exit_code(_fork(second_life)) != 0:
        raise AssertionError("the process after the crash failed")


@dataclass
class Walk:
    """All crashes of one walk; each has an account of its own, or the tables grow and slow down."""

    folder: Path
    connections: Sequence[str]

    def calm(self) -> tuple[int, Ending]:
        """The undisturbed run: how many calls it makes, and how it ends."""
        run, reaper = new_run(self.folder, "calm"), Reaper()
        storage = table_storage(self.connections[0])
        live(run, storage, reaper)
        return reaper.calls, ending_of(run, storage)

    def crash_at(self, kill_at: int, *, after: bool, calm: Ending) -> list[str]:
        """One crash; answers what went wrong with its story."""
        run = new_run(self.folder, f"{'after' if after else 'before'}-{kill_at}")
        connection = self.connections[(2 * kill_at + after) % len(self.connections)]
        try:
            crash(run, connection, kill_at, after=after)
        except AssertionError as error:
            return [str(error)]
        return ending_of(run, table_storage(connection)).problems(calm)


@contextmanager
def walking() -> Iterator[Walk]:
    """A walk over a fresh Azurite."""
    from local.azurite import SPARE_ACCOUNTS, running_azurite  # noqa: PLC0415 - needs Node

    with tempfile.TemporaryDirectory() as folder, running_azurite() as azurite:
        accounts = [azurite.fresh_account() for _ in range(SPARE_ACCOUNTS)]
        yield Walk(Path(folder), [account.connection_string for account in accounts])


def chosen(calls: int, every: int, seed: int, first: int = 1) -> list[tuple[int, bool]]:
    """(call, after?) for all crashes from call `first` on, or a seeded one of every `every`."""
    all_of_them = [(k, after) for k in range(first, calls + 1) for after in (False, True)]
    if every == 1:
        return all_of_them
    return sorted(random.Random(seed).sample(all_of_them, len(all_of_them) // every))


def walk(every: int, seed: int, first: int, say: Callable[[str], None]) -> int:
    """Walk and answer how many crashes told a wrong story."""
    began = time.monotonic()
    with walking() as crashing:
        calls, calm = crashing.calm()
        say(f"N = {calls} port calls in {PASSES} passes, {len(calm.heard)} stories on channels")
        problems = calm.problems(calm)
        crashes = chosen(calls, every, seed, first)
        failed = _in_two(crashes, crashing, calm, say)
    say(f"{len(crashes)} crashes, {failed} wrong stories, {time.monotonic() - began:.0f} s")
    return failed + len(problems)


def _in_two(
    crashes: Sequence[tuple[int, bool]], crashing: Walk, calm: Ending, say: Callable[[str], None]
) -> int:
    """Two processes share the crashes; each is a single thread, so that forking is safe."""
    halves = [crashes[0::2], crashes[1::2]]
    children = [_fork(partial(_crash_all, half, crashing, calm, say)) for half in halves]
    return sum(map(_exit_code, children))


def _crash_all(
    crashes: Sequence[tuple[int, bool]], crashing: Walk, calm: Ending, say: Callable[[str], None]
) -> int:
    failed = 0
    for done, (kill_at, after) in enumerate(crashes):
        if done % 50 == 49:
            say(f"... {done + 1} of {len(crashes)}")
        problems = crashing.crash_at(kill_at, after=after, calm=calm)
        failed += bool(problems)
        for problem in problems:
            say(f"killed {'after' if after else 'before'} call {kill_at}: {problem}")
    return failed


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when every story was told right."""
    parser = argparse.ArgumentParser(prog="python -m local.chaos", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="crash at a seeded one of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="begin with this call")
    given = parser.parse_args(arguments)
    return 1 if walk(given.every, given.seed, given.first, print) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
