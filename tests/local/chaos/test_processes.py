"""A forked process does its work, and leaves alone what is its parent's."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.chaos.processes import MOST_SAID, exit_code, fork

CLOSED_BY_A_CHILD = 77


class Held:
    """Something that only the process that opened it may close."""

    def __init__(self) -> None:
        self.opened_by = os.getpid()
        self.itself = self

    def __del__(self) -> None:
        if os.getpid() != self.opened_by:
            os._exit(CLOSED_BY_A_CHILD)


@contextmanager
def nothing_thrown_away() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def collecting() -> int:
    gc.enable()
    gc.collect()
    return 3


def test_what_the_parent_threw_away_is_not_closed_by_the_child() -> None:
    with nothing_thrown_away():
        Held()

        assert exit_code(fork(collecting)) == 3


def breaking() -> int:
    raise ZeroDivisionError


def test_a_child_that_breaks_says_so_by_its_code(capfd: pytest.CaptureFixture[str]) -> None:
    assert exit_code(fork(breaking)) == MOST_SAID
    assert "ZeroDivisionError" in capfd.readouterr().err
