"""The program: reads infra/, tells each problem on a line, and proves that it would have."""

import sys
from collections.abc import Iterator
from typing import Any

from local.arm.checks import Look, look_at_object, misspelt, unanswered
from local.arm.judges import EXCUSED, JUDGES, UNJUDGED
from local.arm.shapes import Shape, shape_of
from local.bicep_files import BicepFile, Declared, parse, read_infra, references

_BICEPS_OWN = frozenset(["name", "parent", "scope", "dependsOn"])
_ASKED_OF_ALL = frozenset(["id", "name", "type"])


def main() -> int:
    """Exit code 1 when something is wrong, or when a deliberate mistake was not noticed."""
    files = [parse(path, text) for path, text in sorted(read_infra().items())]
    problems = [problem for file in files for problem in _versions(file)]
    problems = problems or [problem for file in files for problem in _problems(file)]
    problems = problems or [problem for file in files for problem in _unnoticed(file)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        count = sum(1 for file in files for _ in _looks(file))
        print(f"{count} properties and words agree with Microsoft's models; each was then")
        print("misspelt, and that was noticed")
    return 1 if problems else 0


def _judged(file: BicepFile) -> Iterator[tuple[str, Declared, Shape, Shape]]:
    """The file's resources with what a request for them may hold, and with what they answer."""
    for name, one in file.resources.items():
        judge = JUDGES.get(_key(one))
        if judge is not None:
            models = judge.models()
            body = shape_of(models, judge.body)
            yield name, one, body, shape_of(models, judge.answer) if judge.answer else body


def _key(one: Declared) -> str:
    """A resource's type, with its name where that decides what it holds."""
    kind = one.type.partition("@")[0]
    return f"{kind}/{one.body['name']}" if kind.endswith("/config") else kind


def _versions(file: BicepFile) -> Iterator[str]:
    for name, one in file.resources.items():
        judge, version = JUDGES.get(_key(one)), one.type.partition("@")[2]
        if judge is None:
            if _key(one) not in UNJUDGED:
                yield f"{file.path}: {name}: nobody judges {_key(one)}"
        elif judge.version() != version:
            yield f"{file.path}: {name} is of {version}, its judge of {judge.version()}"


def _looks(file: BicepFile) -> Iterator[tuple[str, Declared, Shape, Look]]:
    for name, one, body, _ in _judged(file):
        if not one.exists:
            for look in look_at_object(_sent(one), body, file):
                yield name, one, body, look


def _problems(file: BicepFile) -> Iterator[str]:
    for name, one, _, look in _looks(file):
        if look.problem and (_key(one), look.where) not in EXCUSED:
            yield f"{file.path}: {name}: {look.where} {look.problem}"
    for reference, asked, shape in _asked(file):
        if unanswered(asked, shape):
            yield f"{file.path}: {reference}: {unanswered(asked, shape)} is not answered"


def _asked(file: BicepFile) -> Iterator[tuple[str, list[str], Shape]]:
    """What expressions ask of resources, beside what Bicep knows by itself."""
    answers = {name: answer for name, _, _, answer in _judged(file)}
    everything = [*file.declared.values(), *file.outputs.values()]
    for reference in sorted({each for one in everything for each in references(one.value)}):
        head, *asked = reference.split(".")
        if head in answers and asked and asked[0] not in _ASKED_OF_ALL:
            yield reference, asked, answers[head]


def _unnoticed(file: BicepFile) -> Iterator[str]:
    """Every place that could be misspelt without a word of complaint."""
    for name, one, body, look in _looks(file):
        spoiled = None if look.problem else misspelt(_sent(one), look)
        if spoiled and not _complains(*spoiled, body, file):
            yield f"{file.path}: {name}: {look.where} can be misspelt unnoticed"
    for reference, asked, shape in _asked(file):
        if not unanswered([*asked[:-1], f"{asked[-1]}x"], shape):
            yield f"{file.path}: {reference} can be misspelt unnoticed"


def _complains(
    sent: dict[str, Any], where: tuple[str | int, ...], body: Shape, file: BicepFile
) -> bool:
    return any(look.problem and look.path == where for look in look_at_object(sent, body, file))


def _sent(one: Declared) -> dict[str, Any]:
    return {name: value for name, value in one.body.items() if name not in _BICEPS_OWN}


if __name__ == "__main__":
    sys.exit(main())
