"""What programs for a terminal share: forms of their options, and an end without a traceback."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path

ENDED_BY_HAND = 130
"""The exit code of whoever was interrupted, as shells count."""
ENDED_BY_READER = 141
"""The exit code of whoever has nobody left to write to, as shells count."""


def ending_in_peace(main: Callable[[], int | None]) -> int:
    """The program's exit code: Ctrl-C and a reader that has gone unwind it without a traceback."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # what a terminal can't show must not end a run
    try:
        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ENDED_BY_HAND
    except BrokenPipeError:
        # Python would try once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ENDED_BY_READER
    return code or 0


def a_folder(text: str) -> Path:
    """The form of an option that names one; an empty name would be the folder one stands in."""
    if not text:
        raise argparse.ArgumentTypeError("a folder, which is made where it is missing, not nothing")
    return Path(text)


def from_one(text: str) -> int:
    """The form of an option that counts."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to 1,000,000, not {text}")
    return int(text)
