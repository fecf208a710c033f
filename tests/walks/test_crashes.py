"""Journey 5: the process is killed between any two of its calls, and no story is lost."""

import subprocess
import sys

import pytest

from local.azurite import PROGRAM
from local.chaos import chosen
from local.crash_world import in_order

needs_azurite = pytest.mark.skipif(
    not PROGRAM.exists(), reason="Azurite is not installed: run `make setup` first."
)


def walk(*, every: int, seed: int) -> str:
    """The walk's words; it forks, which a threaded test runner must not do itself."""
    command = [sys.executable, "-m", "local.chaos", "--every", str(every), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_azurite
@pytest.mark.timeout(300)
def test_a_few_seeded_crashes_lose_and_reorder_nothing() -> None:
    assert "0 wrong stories" in walk(every=400, seed=20260101)


@needs_azurite
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_tenth_of_all_crashes_lose_and_reorder_nothing() -> None:
    assert "0 wrong stories" in walk(every=10, seed=20260102)


def test_every_call_is_crashed_at_before_and_after_when_all_are_asked_for() -> None:
    assert chosen(3, 1, seed=1) == [(k, after) for k in (1, 2, 3) for after in (False, True)]


def test_a_sample_of_crashes_is_the_same_for_the_same_seed() -> None:
    assert chosen(500, 10, seed=4) == chosen(500, 10, seed=4)
    assert len(chosen(500, 10, seed=4)) == 100


@pytest.mark.parametrize(
    ("messages", "ordered"),
    [
        ([(1,), (2,)], True),
        ([(1,), (1, 2)], True),
        ([(1, 2), (1, 2)], True),
        ([(2,), (1,)], False),
        ([(1, 2), (1,)], False),
        ([(2, 1)], False),
    ],
)
def test_a_message_may_come_twice_but_never_go_back(
    messages: list[tuple[int, ...]], *, ordered: bool
) -> None:
    assert in_order(messages) is ordered
