"""A walk: the story under each of many mishaps, beside the undisturbed one, in two processes."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from local.chaos.endings import Ending
from local.chaos.processes import exit_code, fork

T = TypeVar("T")

WORKERS = 2
SAY_EVERY = 100

Say = Callable[[str], None]
Told = Callable[[Any, Path], Ending]
"""How to tell the story under a mishap, in a folder of its own."""


class Result(Struct, frozen=True):
    """What came of one mishap."""

    problems: list[str]
    doubled: int


@dataclass(frozen=True)
class Walk:
    """Mishaps of one sort, how the story is told under one, and how it is told without any."""

    name: str
    mishaps: Sequence[Any]
    told: Told
    calm: Ending

    def run(self, folder: Path, say: Say) -> int:
        """Tell the story under each; answers how many were told wrongly."""
        if self.calm.flaws:
            say(f"{self.name}: undisturbed: {'; '.join(self.calm.flaws)}")
            return 1
        folder.mkdir()
        began = time.monotonic()
        children = [fork(partial(self._work, folder, one, say)) for one in range(WORKERS)]
        broken = [child for child in children if exit_code(child) != 0]
        results = list(_results(folder))
        wrong = sum(bool(one.problems) for one in results) + len(broken)
        wrong += len(self.mishaps) - len(results)
        doubled = sum(one.doubled for one in results)
        say(
            f"{self.name}: {len(self.mishaps)} mishaps, {wrong} wrong stories, "
            f"{doubled} messages came twice, {time.monotonic() - began:.0f} s"
        )
        return wrong

    def _work(self, folder: Path, worker: int, say: Say) -> int:
        """One of the processes that share the mishaps."""
        with _file(folder, worker).open("a", encoding="utf-8") as file:
            for number, mishap in enumerate(self.mishaps[worker::WORKERS], start=1):
                ending = self.told(mishap, folder / f"{worker}-{number}")
                result = Result(ending.problems(self.calm), ending.doubled)
                file.write(msgspec.json.encode(result).decode() + "\n")
                for problem in result.problems:
                    say(f"{self.name}: {mishap}: {problem}")
                if number % SAY_EVERY == 0:
                    say(f"{self.name}: {WORKERS * number} of {len(self.mishaps)} ...")
        return 0


def _file(folder: Path, worker: int) -> Path:
    return folder / f"results-{worker}"


def _results(folder: Path) -> Iterator[Result]:
    for worker in range(WORKERS):
        for line in _file(folder, worker).read_text(encoding="utf-8").splitlines():
            yield msgspec.json.decode(line, type=Result)


@dataclass(frozen=True)
class Sample:
    """How much of a walk is walked: all of it, or a seeded one of `every`."""

    every: int = 1
    seed: int = 1

    def of(self, mishaps: Sequence[T], share: int = 1) -> list[T]:
        """Those that are walked, in order; of a walk with a share, so many fewer."""
        one_of = self.every * share
        numbers = random.Random(self.seed).sample(range(len(mishaps)), -(-len(mishaps) // one_of))
        return [mishaps[number] for number in sorted(numbers)]
