"""The rule machine is Prometheus' own wherever no minute is missing: promtool is the judge."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from local.backtest import backtest
from shared.domain import backtests
from shared.domain.machine import Input, RuleState, State
from shared.domain.machine import step as real_step
from tests.domain.promtool import SIGNS, States, disagreements, find_promtool, random_cases

CASES = int(os.environ.get("PROMTOOL_CASES", "400"))
TOGETHER = 100

Step = Callable[..., RuleState]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = find_promtool()
    if found is None:
        pytest.skip("promtool is not installed; .ci/run fetches it")
    return found


def judge(promtool: str, folder: Path, count: int, seed: int) -> str:
    cases = random_cases(count, seed)
    claimed: list[States] = [backtest(case.rule, case.values) for case in cases]
    return disagreements(promtool, folder, cases, claimed)


@pytest.mark.parametrize("seed", range((CASES + TOGETHER - 1) // TOGETHER))
def test_backtest_shows_the_states_of_prometheus_at_every_minute(
    promtool: str, tmp_path: Path, seed: int
) -> None:
    count = min(TOGETHER, CASES - seed * TOGETHER)

    assert judge(promtool, tmp_path, count, seed) == ""


def fires_a_minute_late(
    state: RuleState, given: Input, minute: datetime, **clocks: int
) -> RuleState:
    """The firing comparison with > in place of >=."""
    clocks["duration"] += 1
    return real_step(state, given, minute, **clocks)


def forgets_the_relapse(
    state: RuleState, given: Input, minute: datetime, **clocks: int
) -> RuleState:
    """A bad minute does not reset keepSince."""
    after = real_step(state, given, minute, **clocks)
    if given is Input.BAD and after.state is State.FIRING:
        return replace(after, keep_since=state.keep_since, keep_missed=state.keep_missed)
    return after


@pytest.mark.parametrize("mutant", [fires_a_minute_late, forgets_the_relapse])
def test_promtool_catches_a_machine_that_is_slightly_wrong(
    promtool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Step
) -> None:
    monkeypatch.setattr(backtests, "step", mutant)

    assert "FAILED" in judge(promtool, tmp_path, TOGETHER, seed=0)


def test_the_random_cases_reach_every_condition_and_every_state() -> None:
    cases = random_cases(TOGETHER, seed=0)
    states = {state for case in cases for state, _ in backtest(case.rule, case.values)}

    assert {case.rule.condition for case in cases} == set(SIGNS)
    assert states == {State.INACTIVE, State.PENDING, State.FIRING}
    assert {case.rule.duration for case in cases} == set(range(7))
    assert {case.rule.keep_firing for case in cases} == set(range(6))
