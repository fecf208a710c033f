"""Processes of their own: forked from one with a single thread, so that forking is safe."""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_SAID = 250
"""What an exit code can say."""


def fork(work: Callable[[], int]) -> int:
    """Do `work` in a process of its own; answers its id.

    What its parent left to be thrown away is left alone there: to close a database whose threads
    are the parent's ends in a segmentation fault.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        gc.freeze()
        code = MOST_SAID
        try:
            code = min(work(), MOST_SAID)
        except Exception:  # noqa: BLE001 - the parent only sees the exit code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """How the process ended; negative when it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def forked(work: Callable[[], None]) -> Iterator[None]:
    """A process that works until the block ends."""

    def run() -> int:
        work()
        return 0

    child = fork(run)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        exit_code(child)
