"""Slow code is found; a machine that stood still is not taken for it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stopwatch import seconds_at_most

STOPPED = """
import os, signal
from tests.stopwatch import seconds_at_most
with seconds_at_most(1.0):
    print(flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_code_that_waits_is_too_slow() -> None:
    with pytest.raises(AssertionError, match="it took"), seconds_at_most(0.2):
        time.sleep(0.5)


def test_what_the_process_stood_still_is_left_out() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.waitpid(child.pid, os.WUNTRACED)
        time.sleep(1.5)
        child.send_signal(signal.SIGCONT)

    assert child.returncode == 0
