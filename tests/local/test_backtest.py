"""The command `python -m local.backtest`, as a person or a script runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.backtest import backtest, parse_series
from shared.domain.errors import InvalidInput
from shared.domain.rules import Severity
from tests.domain import reference
from tests.domain.builders import a_rule, rule_json

ROOT = Path(__file__).parents[2]
BARE = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command without any setting of ours in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "local.backtest", *arguments],
        cwd=ROOT,
        env=BARE,
        capture_output=True,
        text=True,
        check=False,
    )


def run_on(
    folder: Path, rule: str | bytes, series: str | bytes
) -> subprocess.CompletedProcess[str]:
    for name, content in (("rule.json", rule), ("series.json", series)):
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
    return run("--rule", str(folder / "rule.json"), "--series", str(folder / "series.json"))


def a_rule_file(**changes: Any) -> str:
    return json.dumps(rule_json(**changes))


def test_the_series_of_an_anomaly_are_its_scores() -> None:
    rule = a_rule(condition="anomaly", threshold=0.6, duration=2, severity=Severity.HIGH)
    states = [state for state, _ in backtest(rule, [0.1, 0.61, 0.7, 0.6, None])]
    assert states == ["inactive", "pending", "firing", "inactive", "inactive"]


def test_it_prints_a_state_and_its_beginning_for_every_minute(tmp_path: Path) -> None:
    done = run_on(tmp_path, a_rule_file(duration=2), "[10, 96, null, 97, 10]")

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "states": [
            ["inactive", None],
            ["pending", "2026-01-01T00:01:00Z"],
            ["pending", "2026-01-01T00:01:00Z"],
            ["firing", "2026-01-01T00:01:00Z"],
            ["inactive", None],
        ]
    }
    assert done.stdout.count("\n") == 1


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    runs = [run_on(tmp_path, a_rule_file(), "[96, 96, 1]").stdout for _ in range(2)]

    assert runs[0] == runs[1] != ""


def test_an_empty_series_has_no_states(tmp_path: Path) -> None:
    assert json.loads(run_on(tmp_path, a_rule_file(), "[]").stdout) == {"states": []}


WRONG_RULES: dict[str, str | bytes] = {
    "not JSON": "{",
    "not UTF-8": b"\xff\xfe{}",
    "empty": "",
    "a list": "[]",
    "a number": "5",
    "unknown metric": a_rule_file(metric="dtuUtilisation"),
    "unknown condition": a_rule_file(condition="above"),
    "unknown field": a_rule_file(treshold=3),
    "unknown severity": a_rule_file(severity="fatal"),
    "a field of the wrong type": a_rule_file(duration="2 minutes"),
    "a field is missing": a_rule_file(name=...),
    "no threshold": a_rule_file(threshold=...),
    "minutes out of range": a_rule_file(duration=-1),
    "clear threshold on the wrong side": a_rule_file(clearThreshold=99),
    "NaN": a_rule_file(threshold=float("nan")),
    "beyond a float": a_rule_file().replace("95", "1e999"),
    "an integer beyond a float": a_rule_file().replace("95", "9" * 400),
    "composite beside a metric": a_rule_file(
        any=[{"metric": "dtuPeak", "condition": "absent"}] * 2
    ),
    "a line break in a value": a_rule_file(severity="hi\ngh"),
    "nested beyond reason": "[" * 100_000,
}

WRONG_SERIES: dict[str, str | bytes] = {
    "not JSON": "[1, 2",
    "not UTF-8": b"\xff\xfe[]",
    "empty": "",
    "an object": "{}",
    "a number": "5",
    "null": "null",
    "text in it": '[1, "2"]',
    "a boolean in it": "[true]",
    "a list in it": "[[1]]",
    "NaN": "[NaN]",
    "infinity": "[Infinity]",
    "beyond a float": "[1e999]",
    "an integer beyond a float": f"[{'9' * 400}]",
    "nested beyond reason": "[" * 100_000,
}


def assert_one_sentence(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 2, done.stderr[-300:]
    assert done.stdout == ""
    assert done.stderr.strip()
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("rule", WRONG_RULES.values(), ids=list(WRONG_RULES))
def test_a_wrong_rule_ends_with_2_and_one_sentence(tmp_path: Path, rule: str | bytes) -> None:
    assert_one_sentence(run_on(tmp_path, rule, "[1]"))


@pytest.mark.parametrize("series", WRONG_SERIES.values(), ids=list(WRONG_SERIES))
def test_a_wrong_series_ends_with_2_and_one_sentence(tmp_path: Path, series: str | bytes) -> None:
    assert_one_sentence(run_on(tmp_path, a_rule_file(), series))


@pytest.mark.parametrize("missing", ["rule.json", "series.json"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    run_on(tmp_path, a_rule_file(), "[1]")
    (tmp_path / missing).unlink()
    done = run("--rule", str(tmp_path / "rule.json"), "--series", str(tmp_path / "series.json"))

    assert_one_sentence(done)
    assert missing in done.stderr


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert_one_sentence(run("--rule", str(tmp_path), "--series", str(tmp_path)))


@pytest.mark.parametrize("arguments", [[], ["--rule", "r.json"], ["--colour"]])
def test_wrong_arguments_end_with_2_and_say_what_is_missing(arguments: list[str]) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "--series" in done.stderr.splitlines()[-1]


def test_a_wrong_element_is_named_by_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"series\[2\] is 'x'"):
        parse_series([1, None, "x"])


def test_a_null_is_a_missing_minute() -> None:
    rule = a_rule(duration=2, keep_firing=2)
    series = [None, 96.0, None, 96.0, 1.0, None, 96.0, 1.0, None, 1.0]
    theirs = reference.Rule("greater_than", 95, 2, 2)
    states = reference.states(theirs, ["missing" if v is None else v for v in series])

    assert [state for state, _ in backtest(rule, series)] == [state for state, _ in states]


def test_absent_takes_a_null_for_bad() -> None:
    rule = a_rule(condition="absent", threshold=None, duration=2)

    assert [state for state, _ in backtest(rule, [1.0, None, None, 1.0])] == [
        "inactive",
        "pending",
        "firing",
        "inactive",
    ]
