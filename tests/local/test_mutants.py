"""The figures of mutation testing are counted honestly, and every survivor wants a reason."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from local.mutants import (
    LISTED,
    Listed,
    Mutant,
    chosen_modules,
    compared,
    listed_survivors,
    mutated_modules,
    score,
    table,
)

ROOT = Path(__file__).parents[2]
CAP = "domain.deliveries.backoff: at most 10 → at most 11"


def mutants(**verdicts: int) -> list[Mutant]:
    """So many mutants of each verdict, in one module."""
    return [
        Mutant(f"{verdict}_{n}", "domain.machine", verdict)
        for verdict, count in verdicts.items()
        for n in range(count)
    ]


def test_only_what_was_killed_or_stopped_counts_as_noticed() -> None:
    found = mutants(killed=6, timeout=1, survived=1, untested=1, unclear=1)

    assert score(found) == pytest.approx(0.7)
    assert [one.verdict for one in found if one.survived] == ["survived", "untested", "unclear"]


def test_a_mutant_that_changes_nothing_stays_in_the_count_and_is_shown() -> None:
    same = Mutant("m", "domain.deliveries", "survived", CAP)
    known = [Listed("more is capped anyway", (CAP,), equivalent=True)]

    lines = [line.split() for line in table([*mutants(killed=3), same], known)]

    assert lines == [
        ["module", "mutants", "killed", "timeout", "survived", "equal", "score"],
        ["domain.deliveries", "1", "0", "0", "1", "1", "0.0%"],
        ["domain.machine", "3", "3", "0", "0", "0", "100.0%"],
        ["all", "4", "3", "0", "1", "1", "75.0%"],
    ]


def test_a_survivor_without_a_reason_and_a_reason_without_its_survivor_are_named() -> None:
    known = [Listed("a reason", ("a", "b")), Listed("another", ("c",))]

    assert compared(["a", "c", "d"], known) == (["d"], ["b"])


def test_the_same_change_twice_in_a_function_is_listed_twice() -> None:
    assert compared(["a", "a"], [Listed("once", ("a",))]) == (["a"], [])
    assert compared(["a", "a"], [Listed("twice", ("a", "a"))]) == ([], [])


def test_every_survivor_on_the_list_has_a_reason_and_a_module_that_is_mutated() -> None:
    modules = mutated_modules((ROOT / "pyproject.toml").read_text("utf-8"))
    names = {f"domain.{one.stem}" for one in modules}
    listed = listed_survivors((ROOT / LISTED).read_text("utf-8"))

    assert all((ROOT / one).is_file() for one in modules)
    assert all(len(group.why) > 10 for group in listed)
    assert all(change.startswith(tuple(names)) for group in listed for change in group.mutants)


def test_the_tests_that_are_asked_exist() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]

    asked = settings["pytest_add_cli_args_test_selection"]
    assert [one for one in asked if not (ROOT / one).exists()] == []


def test_modules_are_chosen_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert chosen_modules(["machine"]) == chosen_modules(["domain.machine"])
    assert chosen_modules(["machine"]) == [Path("shared/domain/machine.py")]
    with pytest.raises(SystemExit, match=r"^none of these is mutated: machines$"):
        chosen_modules(["machines"])


SMALL_HOUSE = {
    "pyproject.toml": """
        [tool.mutmut]
        source_paths = ["shared"]
        only_mutate = ["shared/sums.py"]
        also_copy = []
        pytest_add_cli_args = ["-p", "no:cacheprovider"]
        pytest_add_cli_args_test_selection = ["tests"]
    """,
    "shared/__init__.py": "",
    "tests/__init__.py": "",
    "shared/sums.py": """
        def after(x):
            return x + 1


        def greeting():
            return "hello"


        def unheard_of():
            return 1
    """,
    "tests/test_sums.py": """
        from shared.sums import after, greeting


        def test_one_more():
            assert after(1) == 2


        def test_a_greeting():
            assert greeting()
    """,
    "tests/mutation/survivors.toml": """
        [[survivors]]
        why = "nobody calls it"
        mutants = ["sums.unheard_of: return 1 → return 2", "sums.after: gone → gone"]
    """,
}


@pytest.mark.slow
def test_the_mutants_of_a_small_house_are_made_and_judged(tmp_path: Path) -> None:
    for name, text in SMALL_HOUSE.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), "utf-8")
    plugin = "tests/mutation/judging.py"
    (tmp_path / plugin).write_text((ROOT / plugin).read_text("utf-8"), "utf-8")

    run = subprocess.run(
        [sys.executable, "-m", "local.mutants", "--at-once", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    said = [" ".join(line.split()) for line in run.stdout.splitlines()]
    assert "sums 5 2 0 3 0 40.0%" in said, run.stdout + run.stderr
    unlisted = "not in tests/mutation/survivors.toml: "
    assert [line for line in said if "→" in line] == [
        unlisted + r'"sums.greeting: return \"hello\" → return \"HELLO\"",',
        unlisted + r'"sums.greeting: return \"hello\" → return \"XXhelloXX\"",',
        'listed, but gone: "sums.after: gone → gone",',
    ]
    assert run.returncode == 1
