"""Reads the Bicep of infra/ as plain values, for whoever compares them with something.

An identifier becomes a `Name` (`storage.outputs.name` is one), a call or an operator a tuple of
its name and operands, everything else what it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import Token, Tree
from pycep import BicepParser

INFRA = Path(__file__).parents[1] / "infra"

_INTERPOLATED = re.compile(r"(?<!\\)\$\{([^}]*)\}")
_HEAD = re.compile(r"(?<![\w.'])[A-Za-z_]\w*(?![\w(])")
_DOTTED = re.compile(r"(?<![\w.'])[A-Za-z_]\w*(?:!?\.\w+)+(?![\w(])")
_PARSER = BicepParser()


class Name(str):
    """A reference to something declared."""

    __slots__ = ()

    @property
    def head(self) -> str:
        """What is declared, without the properties asked of it."""
        return self.partition(".")[0]


@dataclass(frozen=True)
class Declared:
    """One statement: `kind` is param, var, resource, module or output, `type` its type or path.

    A resource `exists` when it is only named here, and made elsewhere.
    """

    kind: str
    type: str
    value: Any
    decorators: Mapping[str, Any]
    exists: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The object of a resource or module, conditional or not."""
        found: dict[str, Any] = self.value[-1] if isinstance(self.value, tuple) else self.value
        return found


@dataclass(frozen=True)
class BicepFile:
    """One file's statements by kind and name."""

    path: str
    params: Mapping[str, Declared]
    vars: Mapping[str, Declared]
    resources: Mapping[str, Declared]
    modules: Mapping[str, Declared]
    outputs: Mapping[str, Declared]

    @property
    def declared(self) -> dict[str, Declared]:
        """Everything that an expression may name."""
        return {**self.params, **self.vars, **self.resources, **self.modules}

    @property
    def used(self) -> set[str]:
        """Every name that some expression uses."""
        everything = [*self.declared.values(), *self.outputs.values()]
        return {name for one in everything for name in heads(one.value)}


def read_infra() -> dict[str, str]:
    """The texts of all Bicep files, by path below infra/."""
    return {str(file.relative_to(INFRA)): file.read_text() for file in INFRA.rglob("*.bicep")}


@cache
def parse(path: str, text: str) -> BicepFile:
    """One file; raises what the parser raises."""
    found: dict[str, dict[str, Declared]] = {}
    for statement in _PARSER.lark_parser.parse(text).children:
        if isinstance(statement, Tree) and statement.data != "metadata":
            name, declared = _statement(statement)
            found.setdefault(declared.kind, {})[name] = declared
    kinds = ("param", "var", "resource", "module", "output")
    return BicepFile(path, *(found.get(kind, {}) for kind in kinds))


def heads(value: Any) -> Iterator[str]:
    """The declared names that a value uses."""
    if isinstance(value, Name):
        yield value.head
    elif isinstance(value, str):
        for inner in _INTERPOLATED.findall(value):
            yield from _HEAD.findall(inner)
    elif isinstance(value, dict):
        for one in value.values():
            yield from heads(one)
    elif isinstance(value, tuple | list):
        for one in value[1:] if isinstance(value, tuple) else value:
            yield from heads(one)


def references(value: Any) -> Iterator[str]:
    """The properties that a value asks of what is declared, such as `app.properties.sku`."""
    if isinstance(value, Name):
        yield value
    elif isinstance(value, str):
        for inner in _INTERPOLATED.findall(value):
            yield from (one.replace("!", "") for one in _DOTTED.findall(inner))
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from references(one)


def names(value: Any) -> Iterator[Name]:
    """The references in a value, with the properties asked of them."""
    if isinstance(value, Name):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from names(one)


def _statement(tree: Tree[Token]) -> tuple[str, Declared]:
    decorators, name, kind, *rest = tree.children
    value = rest[-1] if rest else None
    declared = Declared(
        kind=str(tree.data),
        type=_type(kind),
        value=_value(value),
        decorators=dict(_decorators(decorators)),
        exists=len(rest) > 1 and str(rest[0]) == "existing",
    )
    return str(name), declared


def _type(tree: Any) -> str:
    """The type of a parameter or resource, or a module's path."""
    tokens = [] if tree is None else list(tree.scan_values(lambda one: isinstance(one, Token)))
    return str(tokens[0]).strip("'") if tokens else ""


def _decorators(tree: Any) -> Iterator[tuple[str, Any]]:
    for decorator in [] if tree is None else tree.children:
        name, *argument = decorator.children
        yield str(name), _value(argument[0]) if argument else None


def _value(tree: Any) -> Any:
    if not isinstance(tree, Tree):
        return None if tree is None else str(tree)
    kind, parts = str(tree.data), tree.children
    return _READERS[kind](parts) if kind in _READERS else (kind, *map(_value, parts))


_READERS: Mapping[str, Callable[[list[Any]], Any]] = {
    "string": lambda parts: _word(parts[0]),
    "int_type": lambda parts: int(parts[0]),
    "true": lambda _: True,
    "false": lambda _: False,
    "object": lambda parts: dict(_pair(one) for one in parts if isinstance(one, Tree)),
    "array": lambda parts: [_value(one) for one in parts],
    "operator": lambda parts: _value(parts[0]),
    "property_accessor": lambda parts: _property(*map(_value, parts)),
    "function": lambda parts: (str(parts[0]).rstrip("("), *map(_value, parts[1:])),
}


def _property(owner: Any, asked: Any) -> Any:
    is_plain = isinstance(owner, Name) and isinstance(asked, Name)
    return Name(f"{owner}.{asked}") if is_plain else ("property", owner, str(asked))


def _word(token: Any) -> Any:
    text = str(token)
    if text.startswith("'"):
        return text[1:-1].replace("\\'", "'")
    return Name(text)


def _pair(tree: Tree[Token]) -> tuple[str, Any]:
    key, value = tree.children[:2]
    return str(_value(key.children[0]) if isinstance(key, Tree) else key).strip("'"), _value(value)
