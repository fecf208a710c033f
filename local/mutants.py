"""Mutation testing: what the tests of the rule machine and of delivery decisions notice.

`python -m local.mutants` lets mutmut change the modules that pyproject.toml names, one place at a
time, and run the tests that reach it. A change that no test notices has survived; each stands
with its reason in tests/mutation/survivors.toml. Exit code 0 when at least 90 % are noticed and
no survivor is unlisted.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

LEAST = 0.9
"""Of all mutants, this share must be noticed: killed, or stopped because it would never end."""
MOST_CASES = "15"
"""Examples of each property: thousands of mutants are put to it, not one change."""
COPY = Path("mutants")
LISTED = Path("tests/mutation/survivors.toml")


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
        return self.verdict not in ("killed", "timeout", "not checked")


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


def verdicts_of(module: Path) -> Iterator[Mutant]:
    """What is known of a module's mutants."""
    data = SourceFileMutationData(path=module)
    data.load()
    for name, code in data.exit_code_by_key.items():
        mutant = Mutant(name, dotted(module), status_by_exit_code[code])
        yield _told(mutant, module) if mutant.survived else mutant


def _told(mutant: Mutant, module: Path) -> Mutant:
    """With its change: `domain.machine.step: the line as it was → as it became`."""
    place = mutant.name.rpartition(".")[2].partition("__mutmut")[0]
    function = place.removeprefix("x").strip("_ǁ").replace("ǁ", ".")
    lines = get_diff_for_mutant(mutant.name, path=module).split("\n")[2:]
    minus, plus = ([line[1:].strip() for line in lines if line[:1] == sign] for sign in "-+")
    was = " / ".join(line for line in minus if line not in plus)
    now = " / ".join(line for line in plus if line not in minus)
    change = f"{mutant.module}.{function}: {was} → {now or 'nothing'}"
    return Mutant(mutant.name, mutant.module, mutant.verdict, change)


def run_mutmut(patterns: Sequence[str], children: int) -> None:
    """Let it make and judge the mutants; what it judged before and nothing names, it keeps."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children), *patterns]
    subprocess.run(command, check=True, env={**os.environ, "MOST_CASES": MOST_CASES})


def chosen_modules(names: Sequence[str]) -> list[Path]:
    """The modules so called, `machine` or `domain.machine`; all when none is named."""
    modules = mutated_modules(Path("pyproject.toml").read_text("utf-8"))
    chosen = [one for one in modules if not names or {one.stem, dotted(one)} & set(names)]
    if not chosen:
        raise SystemExit(f"none of these is mutated: {', '.join(names)}")
    return chosen


def report(modules: Sequence[Path]) -> int:
    """Print the table and what the list of survivors lacks; answers the exit code."""
    mutants = [mutant for module in modules for mutant in verdicts_of(module)]
    here = {dotted(module) for module in modules}
    known = listed_survivors(LISTED.read_text("utf-8"))
    unlisted, gone = compared((one.change for one in mutants if one.survived), known)
    gone = [one for one in gone if one.partition(":")[0].startswith(tuple(f"{m}." for m in here))]
    print("\n".join(table(mutants, known)))
    for title, changes in ((f"not in {LISTED}", unlisted), ("listed, but gone", gone)):
        for change in changes:
            print(f"{title}: {json.dumps(change, ensure_ascii=False)},")
    unasked = sum(one.verdict == "not checked" for one in mutants)
    if unasked:
        print(f"{unasked} mutants were not judged; run again with --keep")
    return 1 if unlisted or unasked or score(mutants) < LEAST else 0


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when enough was noticed and every survivor has its reason."""
    parser = argparse.ArgumentParser(prog="python -m local.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="only these, such as machine; by default all")
    parser.add_argument("--keep", action="store_true", help="go on where the last run ended")
    parser.add_argument("--again", action="store_true", help="judge only the last survivors")
    parser.add_argument("--report", action="store_true", help="only print what is known")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    modules = chosen_modules(given.modules)
    if not given.report:
        _judge(modules, given)
    return report(modules)


def _judge(modules: Sequence[Path], given: argparse.Namespace) -> None:
    if given.again:
        mutants = (mutant for module in modules for mutant in verdicts_of(module))
        patterns = [one.name for one in mutants if one.survived]
    else:
        patterns = [f"shared.{dotted(one)}.*" for one in modules] if given.modules else []
        if not given.keep:
            shutil.rmtree(COPY, ignore_errors=True)
    if patterns or not given.again:
        run_mutmut(patterns, given.children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
