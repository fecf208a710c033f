"""Asks `promtool test rules` whether it sees the states that we say a rule goes through.

With one sample a minute and none missing, `for` = max(duration, 1) - 1 minutes and
`keep_firing_for` = max(keepFiring, 1) - 1 minutes give the same states (docs/semantics.md 2).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from shared.domain.rules import Rule
from tests.domain.builders import T0, a_rule

ROOT = Path(__file__).parents[2]

SIGNS = {
    "greater_than": ">",
    "less_than": "<",
    "greater_or_equal": ">=",
    "less_or_equal": "<=",
    "equals": "==",
    "not_equals": "!=",
}

States = Sequence[tuple[str, str | None]]


@dataclass(frozen=True)
class Case:
    """A rule and a value for each minute."""

    rule: Rule
    values: list[float]


def find_promtool() -> str | None:
    """PROMTOOL, else what was fetched into .tools, else the one on PATH."""
    fetched = sorted(path for path in ROOT.glob(".tools/**/promtool") if path.is_file())
    given = shutil.which(os.environ.get("PROMTOOL") or "promtool")
    found = given if os.environ.get("PROMTOOL") else next(map(str, fetched), given)
    # It runs in another folder, where a relative path would lead nowhere.
    return found and str(Path(found).absolute())


def random_cases(count: int, seed: int) -> list[Case]:
    """Rules of every condition in turn, and series that hover about their thresholds."""
    random = Random(seed)
    return [_case(random, [*SIGNS][n % len(SIGNS)]) for n in range(count)]


def _case(random: Random, condition: str) -> Case:
    threshold = random.choice([2.0, 2.5, 3.0, -1.5, 0.0])
    rule = a_rule(
        condition=condition,
        threshold=threshold,
        duration=random.randint(0, 6),
        keep_firing=random.randint(0, 5),
    )
    # Runs, not noise: clocks of several minutes must have the time to go off.
    values: list[float] = []
    while len(values) < 36:
        steps = random.choice([-2.0, -0.5, 0.0, 0.0, 0.25, 1.0])
        values += [threshold + steps] * random.choice([1, 1, 1, 2, 3, 4, 7])
    return Case(rule, values[: random.randint(20, 36)])


def disagreements(
    promtool: str, folder: Path, cases: Sequence[Case], claimed: Sequence[States]
) -> str:
    """What promtool says against the claimed states; empty when it agrees to every minute."""
    (folder / "rules.yml").write_text(json.dumps(_rules(cases)))
    (folder / "test.yml").write_text(json.dumps(_tests(cases, claimed)))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert ("SUCCESS" in said) is (done.returncode == 0), said
    assert done.returncode == 0 or "FAILED" in said, said
    # A file that it cannot read fails, too, and would pass for a caught mutant.
    assert done.returncode == 0 or "expr:" in said, said
    return "" if done.returncode == 0 else said


def _rules(cases: Sequence[Case]) -> dict[str, Any]:
    rules = [
        {
            "alert": f"a{n}",
            "expr": f"m{n} {SIGNS[case.rule.condition]} {case.rule.threshold}",
            "for": f"{max(case.rule.duration, 1) - 1}m",
            "keep_firing_for": f"{max(case.rule.keep_firing, 1) - 1}m",
        }
        for n, case in enumerate(cases)
    ]
    return {"groups": [{"name": "all", "interval": "1m", "rules": rules}]}


def _tests(cases: Sequence[Case], claimed: Sequence[States]) -> dict[str, Any]:
    longest = max(len(case.values) for case in cases)
    series = [
        {"series": f"m{n}", "values": " ".join(f"{value}" for value in _padded(case, longest))}
        for n, case in enumerate(cases)
    ]
    expected = [one for minute in range(longest) for one in _expected(minute, claimed)]
    return {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": expected}],
    }


def _padded(case: Case, longest: int) -> list[float]:
    return case.values + [case.values[-1]] * (longest - len(case.values))


def _expected(minute: int, claimed: Sequence[States]) -> list[dict[str, Any]]:
    """All alerts of a minute at once: their states, and since when."""
    open_now = [
        (n, *states[minute])
        for n, states in enumerate(claimed)
        if minute < len(states) and states[minute][0] != "inactive"
    ]
    # A series that is over goes on with its last value, which nobody made a claim about.
    over = "|".join(f"a{n}" for n, states in enumerate(claimed) if minute >= len(states))
    judged = f'{{alertname!~"{over}"}}' if over else ""
    states = [
        {"labels": f'ALERTS{{alertname="a{n}",alertstate="{state}"}}', "value": 1}
        for n, state, _ in open_now
    ]
    since = [
        {"labels": f'ALERTS_FOR_STATE{{alertname="a{n}"}}', "value": _seconds(active_at)}
        for n, _, active_at in open_now
    ]
    return [
        {"expr": f"ALERTS{judged}", "eval_time": f"{minute}m", "exp_samples": states},
        {"expr": f"ALERTS_FOR_STATE{judged}", "eval_time": f"{minute}m", "exp_samples": since},
    ]


def _seconds(active_at: str | None) -> int:
    """As promtool counts: its clock begins at 0."""
    assert active_at is not None
    return int((datetime.fromisoformat(active_at) - T0).total_seconds())
