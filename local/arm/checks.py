"""Holds one resource of the parsed Bicep against a shape: what is wrong, and what was looked at."""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from local.arm.shapes import Field, Shape
from local.bicep_files import BicepFile, Declared, Name

Path = tuple[str | int, ...]

_DURATION = re.compile(r"P(?=\d|T\d)(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "iso-8601": (str,),
    "duration": (str,),
}
_TYPES_OF_BICEP = {"string": "", "int": 0, "bool": False}
_BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "max_length": lambda value, bound: len(value) <= bound,
    "min_length": lambda value, bound: len(value) >= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
    "maximum": lambda value, bound: value <= bound,
    "minimum": lambda value, bound: value >= bound,
}


@dataclass(frozen=True)
class Look:
    """A place that was looked at, a property or an enumeration's word, and what is wrong there."""

    path: Path
    problem: str = ""
    is_word: bool = False

    @property
    def where(self) -> str:
        return ".".join(one for one in self.path if isinstance(one, str))


def look_at_object(
    value: Mapping[str, Any], shape: Shape, file: BicepFile, at: Path = ()
) -> Iterator[Look]:
    """Every property of an object that goes into a request."""
    for name, inner in value.items():
        path, found = (*at, name), shape.field(name)
        if found is None:
            near = get_close_matches(name, shape.names, 1)
            hint = f" (is {near[0]} meant?)" if near else ""
            yield Look(path, f"is unknown to {shape.name}{hint}")
        elif found.is_read_only:
            yield Look(path, "is read-only")
        else:
            yield Look(path)
            yield from _look_at(inner, found, file, path)
    for name in sorted(shape.required - set(value)):
        yield Look((*at, name), f"is required by {shape.name}")


def misspelt(value: Mapping[str, Any], look: Look) -> tuple[dict[str, Any], Path] | None:
    """A copy with that place misspelt, and where that is; None for a word that isn't literal."""
    copy = deepcopy(dict(value))
    *way, last = look.path
    owner: Any = copy
    for step in way:
        owner = list(owner) if isinstance(owner, tuple) else owner
        owner = owner[step]
    if look.is_word:
        if isinstance(owner, tuple) or isinstance(owner[last], Name):
            return None
        owner[last] = f"{owner[last]}x"
        return copy, look.path
    owner[f"{last}x"] = owner.pop(last)
    return copy, (*way, f"{last}x")


def unanswered(asked: list[str], shape: Shape) -> str:
    """The first of the properties, each asked of the last, that is not answered; or nothing."""
    inside: Shape | None = shape
    for step in asked:
        found = inside.field(step) if inside else None
        if found is None:
            return step
        inside = found.shape
    return ""


def _look_at(value: Any, wanted: Field, file: BicepFile, at: Path) -> Iterator[Look]:
    """One value; what is computed is believed, unless it is a choice of two."""
    if isinstance(value, tuple):
        if value[0] == "conditional":
            for place in (2, 3):
                yield from _look_at(value[place], wanted, file, (*at, place))
    elif isinstance(value, Name):
        yield from _look_at_declared(file.declared.get(value), wanted, at)
    elif wanted.type.startswith("["):
        yield from _look_at_items(value, list, wanted, file, at)
    elif wanted.type.startswith("{"):
        yield from _look_at_items(value, dict, wanted, file, at)
    elif wanted.shape is None:
        yield from _look_at_plain(value, wanted, at)
    elif isinstance(value, dict):
        yield from look_at_object(value, wanted.shape, file, at)
    else:
        yield Look(at, f"must be an object of {wanted.shape.name}")


def _look_at_items(
    value: Any, kind: type[list[Any] | dict[str, Any]], wanted: Field, file: BicepFile, at: Path
) -> Iterator[Look]:
    if not isinstance(value, kind):
        yield Look(at, f"must be a {kind.__name__}")
        return
    for place, one in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _look_at(one, wanted.items, file, (*at, place))


def _look_at_declared(one: Declared | None, wanted: Field, at: Path) -> Iterator[Look]:
    """A parameter, by its type and the words that it allows."""
    if one is None or one.type not in _TYPES_OF_BICEP:
        return
    like = _TYPES_OF_BICEP[one.type]
    if wanted.shape is not None or not _fits(like, wanted.type):
        yield Look(at, f"is a parameter of type {one.type}, not {wanted.type}")
    for word in one.decorators.get("allowed", []) if wanted.words else []:
        if word not in wanted.words:
            yield Look(at, f"allows {word!r}, which is none of {_listed(wanted)}")


def _look_at_plain(value: Any, wanted: Field, at: Path) -> Iterator[Look]:
    if not _fits(value, wanted.type):
        yield Look(at, f"must be {wanted.type}, not {value!r}")
        return
    if isinstance(value, str) and "${" in value:
        return
    if wanted.type == "duration" and not _DURATION.fullmatch(value):
        yield Look(at, f"must be a duration of ISO 8601, not {value!r}")
    if wanted.words:
        problem = "" if value in wanted.words else f"{value!r} is none of {_listed(wanted)}"
        yield Look(at, problem, is_word=True)
    for name, bound in wanted.limits.items():
        if name in _BOUNDS and not _BOUNDS[name](value, bound):
            yield Look(at, f"{value!r} breaks {name} {bound}")


def _fits(value: Any, wanted: str) -> bool:
    types = _TYPES.get(wanted)
    if types is None:
        # An object whose properties nobody tells, or a dictionary: no scalar.
        return wanted == "object" or isinstance(value, dict | list)
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _listed(wanted: Field) -> str:
    return ", ".join(sorted(map(str, wanted.words)))
