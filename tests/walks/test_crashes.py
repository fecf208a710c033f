"""Journey 5: whatever ends, is lost or comes thrice, every follower hears the whole story."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.azurite import PROGRAM
from local.chaos import counsel
from local.chaos.answers import every_lost_answer, told, undisturbed
from local.chaos.crashes import every_crash
from local.chaos.endings import Ending
from local.chaos.mishaps import EFFECTS, Mishap
from local.chaos.story import TARGET
from local.chaos.walks import Sample
from shared.domain.handling import AuditEntry
from shared.domain.recommendations.sayings import Status
from shared.domain.records import Insert, audit_key
from shared.services.advise import StatusWish, set_status

needs_azurite = pytest.mark.skipif(
    not PROGRAM.exists(), reason="Azurite is not installed: run `make setup` first."
)


def walk(*given: str) -> str:
    """The walk's words; it forks, which a threaded test runner must not do itself."""
    command = [sys.executable, "-m", "local.chaos", *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_azurite
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thirtieth_of_all_that_can_happen_loses_and_reorders_nothing() -> None:
    assert "0 wrong stories in all" in walk("--every", "30", "--seed", "20260102")


def test_a_killed_process_over_every_channel_loses_and_reorders_nothing() -> None:
    said = walk("--every", "1000", "--seed", "20260101", "--only", "processes", "services")

    assert said.count(", 0 wrong stories") == 2
    assert "0 wrong stories in all" in said


def test_a_process_that_is_killed_while_it_advises_loses_and_doubles_nothing() -> None:
    said = walk("--every", "80", "--seed", "20260104", "--only", "advice")

    assert "4 mishaps, 0 wrong stories" in said


def test_the_walk_sees_what_was_noted_twice(tmp_path: Path) -> None:
    """And what the last one said does not hold: a status that was lost."""
    _, calm_ending = counsel.undisturbed(tmp_path / "calm")
    assert calm_ending.flaws == []
    house = counsel.house_in(tmp_path / "calm")
    [entry] = [
        kept.value
        for kept in house.alerts.scan(TARGET, "audit:", AuditEntry)
        if kept.value.action == "advice_done"
    ]
    house.alerts.commit(TARGET, [Insert(audit_key(entry.at, "again"), entry)])
    wish = StatusWish(status=Status.SEEN, by="admin")
    set_status(TARGET, entry.subject, wish, house=house, now=entry.at)

    problems = counsel.ending_of(house).problems(calm_ending)

    assert f"noted 2 times: ('advice_done', '{entry.subject}')" in problems
    assert any(problem.startswith(f"states: {entry.subject} is") for problem in problems)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Ending]:
    effects, ending = undisturbed(tmp_path_factory.mktemp("calm") / "run")
    assert ending.problems(ending) == []
    assert ending.doubled == 0
    return effects, ending


def test_a_few_lost_answers_while_everything_comes_thrice(
    calm: tuple[int, Ending], tmp_path: Path
) -> None:
    effects, undisturbed_ending = calm
    for number, lost in enumerate(Sample(150, seed=20260103).of(every_lost_answer(effects))):
        ending = told(lost.mishap(), tmp_path / str(number))

        assert ending.problems(undisturbed_ending) == [], lost


class Swallowed(Mishap):
    """The effect of a call never happens, and the answer says that it did."""

    methods = EFFECTS

    def __init__(self, at: int, name: str) -> None:
        super().__init__()
        self._left = at
        self._name = name

    def counted(self, number: int, name: str, make: Callable[[], Any]) -> Any:
        """See Mishap.counted."""
        self._left -= name == self._name
        swallows = name == self._name and self._left == 0
        return None if swallows else super().counted(number, name, make)


def test_the_walk_sees_a_message_that_nobody_got(calm: tuple[int, Ending], tmp_path: Path) -> None:
    _, undisturbed_ending = calm

    problems = told(Swallowed(5, "send"), tmp_path / "run").problems(undisturbed_ending)

    assert any("was never told event" in problem for problem in problems)
    assert any(problem.startswith("heard: ") for problem in problems)


def test_a_process_is_killed_once_between_any_two_calls() -> None:
    crashes = every_crash(500, seed=4)

    assert [crash.at - (not crash.after) for crash in crashes] == list(range(501))
    assert {crash.after for crash in crashes} == {True, False}
    assert crashes == every_crash(500, seed=4)


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    crashes = every_crash(500, seed=4)
    some = Sample(10, seed=4).of(crashes)

    assert some == Sample(10, seed=4).of(crashes)
    assert len(some) == 51
    assert some == sorted(some)
    assert Sample(seed=4).of(crashes) == crashes
