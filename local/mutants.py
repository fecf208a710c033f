"""Mutation testing: what the tests of the rule machine and of delivery decisions notice.

`python -m local.mutants` changes a copy of the modules that pyproject.toml names, with mutmut's
operators, one place at a time, and runs the tests that reach it (tests/mutation/judging.py). A
change that no test notices has survived; each stands with its reason in
tests/mutation/survivors.toml. Exit code 0 when at least 90 % are noticed and no survivor is
unlisted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LEAST = 0.9
"""Of all mutants, this share must be noticed: killed, or stopped because it would never end."""
MOST_CASES = "15"
"""Examples of each property: thousands of mutants are put to it, not one change."""
COPY = Path("build/mutants")
VERDICTS = COPY / "verdicts.jsonl"
LISTED = Path("tests/mutation/survivors.toml")
PYPROJECT = Path("pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """One change, and what the tests made of it. `change` tells it without mutmut's numbering."""

    name: str
    module: str
    verdict: str
    change: str = ""

    @property
    def survived(self) -> bool:
        """Whether no test noticed it; what ended in any unclear way counts as unnoticed."""
        return self.verdict not in ("killed", "timeout")


@dataclass(frozen=True)
class Listed:
    """Survivors with one reason; `equivalent` when no test could ever notice them."""

    why: str
    mutants: tuple[str, ...]
    equivalent: bool = False


def listed_survivors(text: str) -> list[Listed]:
    """What the file says."""
    return [
        Listed(one["why"], tuple(one["mutants"]), one.get("equivalent", False))
        for one in tomllib.loads(text).get("survivors", [])
    ]


def compared(survived: Iterable[str], known: Iterable[Listed]) -> tuple[list[str], list[str]]:
    """The survivors that no reason names, and the named ones that are gone."""
    found = Counter(survived)
    named = Counter(one for group in known for one in group.mutants)
    return sorted((found - named).elements()), sorted((named - found).elements())


def table(mutants: Sequence[Mutant], known: Sequence[Listed]) -> Iterator[str]:
    """One line a module and one of all; `equal`: of the survivors, those that change nothing."""
    titles = ("mutants", "killed", "timeout", "survived", "equal", "score")
    yield f"{'module':<24}" + "".join(f"{title:>9}" for title in titles)
    modules = sorted({one.module for one in mutants})
    for module in modules:
        yield _line(module, [one for one in mutants if one.module == module], known)
    if len(modules) > 1:
        yield _line("all", mutants, known)


def score(mutants: Sequence[Mutant]) -> float:
    """The share of all mutants that was noticed, equivalent ones included in all."""
    return sum(one.verdict in ("killed", "timeout") for one in mutants) / max(len(mutants), 1)


def _line(name: str, mutants: Sequence[Mutant], known: Sequence[Listed]) -> str:
    verdicts = Counter("survived" if one.survived else one.verdict for one in mutants)
    equal = {change for group in known if group.equivalent for change in group.mutants}
    same = sum(one.survived and one.change in equal for one in mutants)
    figures = [len(mutants), *(verdicts[one] for one in ("killed", "timeout", "survived")), same]
    return f"{name:<24}" + "".join(f"{one:>9}" for one in figures) + f"{score(mutants):>9.1%}"


def mutated_modules(pyproject: str) -> list[Path]:
    """The files that pyproject.toml names for mutmut."""
    return [Path(one) for one in tomllib.loads(pyproject)["tool"]["mutmut"]["only_mutate"]]


def dotted(module: Path) -> str:
    """`domain.machine` of shared/domain/machine.py."""
    return ".".join(module.with_suffix("").parts[1:])


def copied(modules: Sequence[Path], settings: Mapping[str, Any]) -> list[str]:
    """Make the mutated copy of the repository anew; answers the mutants' names."""
    shutil.rmtree(COPY, ignore_errors=True)
    for place in ("shared", "tests", PYPROJECT, *settings["also_copy"]):
        copy = COPY / place
        if Path(place).is_dir():
            shutil.copytree(
                place, copy, ignore=shutil.ignore_patterns("node_modules", "__pycache__")
            )
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(place, copy)
    return [name for module in modules for name in _mutated(module)]


def _mutated(module: Path) -> Iterator[str]:
    """Write all mutants of a module into its copy, where a name chooses one; answers the names."""
    # Slow to import, and who reads only figures and lists needs none of it: the same below.
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415

    made = mutate_file_contents(str(module), module.read_text("utf-8"))
    (COPY / module).write_text(made.code, "utf-8")
    for name in made.mutant_names:
        yield f"shared.{dotted(module)}.{name}"


def judge(names: Sequence[str], settings: Mapping[str, Any], at_once: int) -> None:
    """Let the tests judge the mutants, in the copy; the verdicts are in VERDICTS then."""
    wanted = COPY / "wanted.txt"
    wanted.write_text("\n".join(names), "utf-8")
    asked = [*settings["pytest_add_cli_args"], *settings["pytest_add_cli_args_test_selection"]]
    # Nobody reads how a test failed, and to explain it takes longer than the test.
    quiet = ["-q", "-s", "--assert=plain", "--tb=no"]
    command = [sys.executable, "-m", "pytest", *quiet, "-p", "tests.mutation.judging", *asked]
    environment = {
        **os.environ,
        "MOST_CASES": MOST_CASES,
        "MUTANT_UNDER_TEST": "",
        "MUTANTS_WANTED": str(wanted.absolute()),
        "MUTANTS_VERDICTS": str(VERDICTS.absolute()),
        "MUTANTS_AT_ONCE": str(at_once),
    }
    subprocess.run(command, check=True, env=environment, cwd=COPY)


def judged(modules: Sequence[Path]) -> Iterator[Mutant]:
    """What the last run found about these modules."""
    by_prefix = {f"shared.{dotted(module)}.": module for module in modules}
    for line in VERDICTS.read_text("utf-8").splitlines():
        name, verdict = json.loads(line)
        module = by_prefix.get(f"{name.rpartition('.')[0]}.")
        if module is not None:
            mutant = Mutant(name, dotted(module), verdict)
            yield _told(mutant, module) if mutant.survived else mutant


def _told(mutant: Mutant, module: Path) -> Mutant:
    """With its change: `domain.machine.step: the line as it was → as it became`."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415

    place = mutant.name.rpartition(".")[2].partition("__mutmut")[0]
    function = place.removeprefix("xǁ").removeprefix("x_").replace("ǁ", ".")
    made = (COPY / module).read_text("utf-8")
    lines = get_diff_for_mutant(mutant.name, source=made, path=module).split("\n")[2:]
    minus, plus = ([line[1:].strip() for line in lines if line[:1] == sign] for sign in "-+")
    was = " / ".join(line for line in minus if line not in plus)
    now = " / ".join(line for line in plus if line not in minus)
    change = f"{mutant.module}.{function}: {was} → {now or 'nothing'}"
    return Mutant(mutant.name, mutant.module, mutant.verdict, change)


def chosen_modules(names: Sequence[str]) -> list[Path]:
    """The modules so called, `machine` or `domain.machine`; all when none is named."""
    modules = mutated_modules(PYPROJECT.read_text("utf-8"))
    chosen = [one for one in modules if not names or {one.stem, dotted(one)} & set(names)]
    if not chosen:
        raise SystemExit(f"none of these is mutated: {', '.join(names)}")
    return chosen


def report(modules: Sequence[Path]) -> int:
    """Print the table and what the list of survivors lacks; answers the exit code."""
    mutants = list(judged(modules))
    here = tuple(f"{dotted(module)}." for module in modules)
    known = listed_survivors(LISTED.read_text("utf-8"))
    unlisted, gone = compared((one.change for one in mutants if one.survived), known)
    print("\n".join(table(mutants, known)))
    for title, changes in ((f"not in {LISTED}", unlisted), ("listed, but gone", gone)):
        for change in changes:
            if change.startswith(here):
                print(f"{title}: {json.dumps(change, ensure_ascii=False)},")
    return 1 if unlisted or score(mutants) < LEAST else 0


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when enough was noticed and every survivor has its reason."""
    parser = argparse.ArgumentParser(prog="python -m local.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="only these, such as machine; by default all")
    parser.add_argument("--report", action="store_true", help="only print what is known")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    modules = chosen_modules(given.modules)
    if not given.report:
        settings = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["mutmut"]
        judge(copied(modules, settings), settings, given.at_once)
    return report(modules)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
