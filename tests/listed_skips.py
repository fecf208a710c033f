"""A pytest plugin: under CI=true a skip that `tests/allowed_skips.txt` does not list is a failure.

A suite that skips what it cannot run looks green while it tests less and less. On a desk a skip
is printed and allowed; in CI, where everything can be installed, somebody must have listed it.
"""

import os
from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

LIST = Path(__file__).parent / "allowed_skips.txt"


class AllowedSkip(NamedTuple):
    """One line of the list: a glob over test ids and one over reasons."""

    test: str
    reason: str

    def covers(self, test: str, reason: str) -> bool:
        return fnmatchcase(test, self.test) and fnmatchcase(reason, self.reason)


def read_allowed(text: str) -> list[AllowedSkip]:
    """Read the list: per line a test id glob, spaces, a reason glob; `#` starts a comment."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [AllowedSkip(*pair) for pair in pairs]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_unlisted(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_unlisted(report)
    return report


def _refuse_unlisted(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure is reported as a skip, too, but it ran.
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = _reason(report)
    if not any(allowed.covers(report.nodeid, reason) for allowed in read_allowed(LIST.read_text())):
        report.outcome = "failed"
        report.longrepr = f"Skipped in CI, but not listed in {LIST.name}: {reason}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    _, _, message = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, "")
    return message.removeprefix("Skipped: ")
