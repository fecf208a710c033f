"""What a request to Azure's resource manager may hold, read out of the models of Microsoft's SDKs.

The classes of the `azure-mgmt-*` packages carry each property's name in REST and its type
(`_attribute_map`), what is read-only, required or bounded (`_validation`), and the words of an
enumeration (the annotations of `__init__`). Nothing here imports such a package by itself.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import ModuleType
from typing import Any

ANYTHING = "object"
"""The type of what the model says nothing about."""

_BETWEEN = re.compile(r"(?<!\\)\.")
_NAMED = re.compile(r"ForwardRef\('(?:_models\.)?(\w+)'")


@dataclass(frozen=True)
class Field:
    """One property: a scalar, `[T]` a list, `{T}` a dictionary, or an object of `shape`."""

    type: str
    shape: "Shape | None" = None
    words: frozenset[Any] = frozenset()
    is_read_only: bool = False
    is_required: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def items(self) -> "Field":
        """What a list or dictionary holds."""
        return Field(self.type[1:-1], self.shape, self.words)


class Shape:
    """An object's properties by their names in REST; nested ones are read when asked for."""

    def __init__(self, name: str, models: ModuleType, rows: Mapping[str, Any]) -> None:
        self.name = name
        self._models = models
        self._rows = rows

    @property
    def names(self) -> set[str]:
        return set(self._rows)

    @property
    def required(self) -> set[str]:
        """What a request must hold."""
        return {name for name, row in self._rows.items() if "type" in row and _is(row, "required")}

    def field(self, name: str) -> Field | None:
        """The property of that name, or None when there is none."""
        row = self._rows.get(name)
        if row is None:
            return None
        if "type" not in row:
            return Field(ANYTHING, Shape(f"{self.name}.{name}", self._models, row))
        limits = {key: value for key, value in row["limits"].items() if not isinstance(value, bool)}
        return Field(
            type=row["type"],
            shape=self._nested(row["type"].strip("[]{}")),
            words=row["words"],
            is_read_only=_is(row, "readonly"),
            is_required=_is(row, "required"),
            limits=limits,
        )

    def _nested(self, name: str) -> "Shape | None":
        model = getattr(self._models, name, None)
        is_model = hasattr(model, "_attribute_map")
        return shape_of(self._models, name) if is_model else None


@cache
def shape_of(models: ModuleType, name: str) -> Shape:
    """The shape of one model class; raises AttributeError when there is no such class.

    REST's `properties` that the class has flattened become an object of their own again.
    """
    model = getattr(models, name)
    rows: dict[str, Any] = {}
    limits = getattr(model, "_validation", {})
    words = dict(_words(models, model))
    for attribute, told in model._attribute_map.items():  # noqa: SLF001 - what this reads it for
        *path, last = (one.replace("\\.", ".") for one in _BETWEEN.split(told["key"]))
        row = {"type": told["type"], "limits": limits.get(attribute, {})}
        inner = rows
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = row | {"words": words.get(attribute, frozenset())}
    return Shape(name, models, rows)


def _words(models: ModuleType, model: type) -> Iterator[tuple[str, frozenset[Any]]]:
    """The words of each attribute that is an enumeration."""
    for attribute, parameter in inspect.signature(model.__init__).parameters.items():  # type: ignore[misc]
        for named in _NAMED.findall(str(parameter.annotation)):
            found = getattr(models, named, None)
            if isinstance(found, type) and issubclass(found, Enum):
                yield attribute, frozenset(one.value for one in found)


def _is(row: Mapping[str, Any], what: str) -> bool:
    return bool(row["limits"].get(what, False))
