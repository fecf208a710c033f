"""What Microsoft's compiler would say of the Bicep of infra/ that a grammar alone can't.

Names that are declared twice, functions that do not exist, decorators in the wrong place, files
that are loaded and are not there, and values of another type than what they go to.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from local.bicep_files import INFRA, BicepFile, Declared, Name, parse

ANY = "any"
RETURNS = {
    "empty": "bool",
    "guid": "string",
    "json": ANY,
    "loadJsonContent": ANY,
    "loadTextContent": "string",
    "replace": "string",
    "resourceGroup": ANY,
    "split": "array",
    "string": "string",
    "subscription": ANY,
    "subscriptionResourceId": "string",
    "take": ANY,
    "toLower": "string",
    "union": ANY,
    "uniqueString": "string",
}
"""The functions that are used here, and the types of what they give."""

OPERATORS = {
    "and_op": "bool",
    "conditional": ANY,
    "deploy_condition": ANY,
    "greater_than": "bool",
    "index_accessor": ANY,
    "not_op": "bool",
    "or_op": "bool",
    "property": ANY,
}
DECORATORS = {
    "allowed": ("int", "string"),
    "description": ("array", "bool", "int", "object", "string"),
    "maxLength": ("array", "string"),
    "maxValue": ("int",),
    "minLength": ("array", "string"),
    "minValue": ("int",),
    "secure": ("object", "string"),
}
"""What may be said of a parameter, and of which types."""

_LITERALS: Mapping[type, str] = {
    bool: "bool",
    int: "int",
    str: "string",
    list: "array",
    dict: "object",
}
_DECLARATION = re.compile(r"^(?:param|var|resource|module) (\w+)", re.MULTILINE)
_CALL = re.compile(r"(?<![\w.])([A-Za-z]\w*)\(")

Files = Mapping[str, BicepFile]


def complaints(texts: Mapping[str, str]) -> list[str]:
    """Every one, with its file."""
    files = {path: parse(path, text) for path, text in texts.items()}
    found = []
    for path, file in files.items():
        checks = [_twice(texts[path]), _calls(file), _decorators(file), _types(file, files)]
        found += [f"{path}: {complaint}" for check in checks for complaint in check]
    return found


def _twice(text: str) -> Iterator[str]:
    names = _DECLARATION.findall(text)
    yield from (f"{name} is declared twice" for name in sorted(set(names)) if names.count(name) > 1)


def _calls(file: BicepFile) -> Iterator[str]:
    for name, loaded in _called([*file.declared.values(), *file.outputs.values()]):
        if name not in RETURNS.keys() | OPERATORS.keys():
            yield f"{name} is no function"
        if name.startswith("load"):
            wanted = INFRA / PurePosixPath(file.path).parent / str(loaded)
            if not wanted.is_file():
                yield f"{loaded} is loaded, and is not there"


def _called(value: Any) -> Iterator[tuple[str, Any]]:
    """Each function with its first argument."""
    if isinstance(value, Declared):
        yield from _called(value.value)
    elif isinstance(value, tuple):
        yield value[0], value[1] if len(value) > 1 else None
        for one in value[1:]:
            yield from _called(one)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _called(one)
    elif isinstance(value, str):
        for inner in re.findall(r"(?<!\\)\$\{([^}]*)\}", value):
            yield from ((name, None) for name in _CALL.findall(inner))


def _decorators(file: BicepFile) -> Iterator[str]:
    for name, param in file.params.items():
        for decorator in param.decorators:
            if param.type not in DECORATORS.get(decorator, ()):
                yield f"@{decorator} may not be said of {name}, of type {param.type}"
    for name, output in file.outputs.items():
        yield from (f"@{one} of {name}" for one in output.decorators if one != "description")


def _types(file: BicepFile, files: Files) -> Iterator[str]:
    for name, one in [*file.params.items(), *file.outputs.items()]:
        given = ANY if one.value is None else type_of(one.value, file, files)
        if not _fits(given, one.type):
            yield f"{name} is of type {one.type}, and its value of {given}"
    for name, module in file.modules.items():
        target = files.get(_path(file, module))
        for param, value in module.body.get("params", {}).items():
            wanted = target.params.get(param) if target else None
            given = type_of(value, file, files)
            if wanted and not _fits(given, wanted.type):
                yield f"{name} takes {param} as {wanted.type}, not as {given}"


def type_of(value: Any, file: BicepFile, files: Files) -> str:
    """The type of an expression; `any` where it can't be known from these files."""
    if isinstance(value, Name):
        return _type_of_name(value, file, files)
    if not isinstance(value, tuple):
        return _LITERALS[type(value)]
    if value[0] == "conditional":
        both = {type_of(one, file, files) for one in value[2:]}
        return both.pop() if len(both) == 1 else ANY
    return {**RETURNS, **OPERATORS}.get(value[0], ANY)


def _type_of_name(name: Name, file: BicepFile, files: Files) -> str:
    head, *asked = name.split(".")
    declared = file.declared.get(head)
    if declared is None or declared.kind == "resource":
        return "string" if declared and asked in (["id"], ["name"]) else ANY
    if declared.kind == "module" and asked[:1] == ["outputs"]:
        target = files.get(_path(file, declared))
        output = target.outputs.get(asked[1]) if target else None
        return output.type if output else ANY
    if declared.kind == "var" and not asked:
        return type_of(declared.value, file, files)
    return declared.type if declared.kind == "param" and not asked else ANY


def _path(file: BicepFile, module: Declared) -> str:
    return str(PurePosixPath(file.path).parent / module.type)


def _fits(given: str, wanted: str) -> bool:
    return ANY in (given, wanted) or given == wanted
