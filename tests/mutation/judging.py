"""The pytest plugin of `make mutants`: one session collects the tests and judges every mutant.

The tests run once unmutated, which says what each reaches and how long it takes. Then every mutant
gets a forked process and the tests that reach its function, the quickest first, until one fails.
So a mutant costs milliseconds, not a start of pytest.
"""

import gc
import json
import os
import resource
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

WANTED = "MUTANTS_WANTED"
"""Names a file: the mutants to judge, one a line."""
VERDICTS = "MUTANTS_VERDICTS"
"""Names a file: for each judged mutant a line of JSON, its name and its verdict."""
AT_ONCE = "MUTANTS_AT_ONCE"
PATIENCE = 10
"""A mutant may take so many times the processor time of its tests, and so many seconds more."""
LONGEST_WAIT = 600


@dataclass
class Reach:
    """What every test reaches, and the seconds of processor time that it takes."""

    tests: dict[str, list[pytest.Item]] = field(default_factory=lambda: defaultdict(list))
    took: dict[str, float] = field(default_factory=dict)

    def of(self, mutant: str) -> list[pytest.Item]:
        """The tests that reach it, the quickest first."""
        found = self.tests.get(mangled_name_from_mutant_name(mutant), [])
        return sorted(found, key=lambda item: self.took[item.nodeid])

    def seconds(self, items: Sequence[pytest.Item]) -> float:
        """What these tests take together."""
        return sum(self.took[item.nodeid] for item in items)


def passes(items: Sequence[pytest.Item]) -> bool:
    """Run them up to the first that fails."""
    following = [*items[1:], None]
    return not any(
        report.failed
        for item, after in zip(items, following, strict=False)
        for report in runtestprotocol(item, nextitem=after, log=False)
    )


def reach_of(items: Sequence[pytest.Item]) -> Reach:
    """Run them all unmutated; a test that fails already can't judge anything."""
    reach = Reach()
    set_mutant_under_test("stats")
    for item in items:
        began = time.process_time()
        if not passes([item]):
            raise pytest.UsageError(f"{item.nodeid} fails without any mutant")
        reach.took[item.nodeid] = time.process_time() - began
        for function in state()._stats:
            reach.tests[function].append(item)
        state()._stats.clear()
    set_mutant_under_test("")
    return reach


def judged_apart(mutant: str, items: Sequence[pytest.Item], seconds: float) -> int:
    """Begin to judge it in a forked process; answers its id."""
    child = os.fork()
    if child:
        return child
    code = 3
    try:
        limit = int(time.process_time() + seconds * PATIENCE + PATIENCE)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        signal.alarm(LONGEST_WAIT)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        set_mutant_under_test(mutant)
        code = 0 if passes(items) else 1
    finally:
        os._exit(code)


def verdict_of(status: int) -> str:
    """What the end of a judging process says; one that breaks pytest itself is noticed, too."""
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL):
        return "timeout"
    return {0: "survived", 1: "killed", 3: "killed"}.get(code, "unclear")


def verdicts(mutants: Sequence[str], reach: Reach, at_once: int) -> Iterator[tuple[str, str]]:
    """Judge all of them, so many at once."""
    running: dict[int, str] = {}
    for mutant in mutants:
        items = reach.of(mutant)
        if not items:
            yield mutant, "untested"
            continue
        if len(running) == at_once:
            yield _next(running)
        running[judged_apart(mutant, items, reach.seconds(items))] = mutant
    while running:
        yield _next(running)


def _next(running: dict[int, str]) -> tuple[str, str]:
    child, status = os.wait()
    return running.pop(child), verdict_of(status)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Judge mutants in place of running the tests."""
    mutants = Path(os.environ[WANTED]).read_text("utf-8").split()
    reach = reach_of(session.items)
    gc.freeze()  # or each child's first collection copies all that it inherits
    _, status = os.waitpid(judged_apart("", session.items, LONGEST_WAIT), 0)
    if verdict_of(status) != "survived":
        raise pytest.UsageError("in a forked process the tests fail without any mutant")
    with Path(os.environ[VERDICTS]).open("w", encoding="utf-8") as out:
        for mutant, verdict in verdicts(mutants, reach, int(os.environ[AT_ONCE])):
            print(json.dumps([mutant, verdict]), file=out, flush=True)
    return True
