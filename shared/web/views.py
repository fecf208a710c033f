"""How stored values are answered: their fields but the inner ones, and what goes beside them."""

from collections.abc import Collection, Mapping
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import Struct

Json = dict[str, Any]


class View:
    """A stored kind as callers see it; `kind` is the type of what `shown` answers.

    `beside`: further fields by name, with their types; they come first.
    """

    def __init__(
        self,
        name: str,
        of: type[Struct],
        *,
        without: Collection[str] = (),
        beside: Mapping[str, Any],
    ) -> None:
        own = {one.name: one for one in msgspec.structs.fields(of)}
        kept = [(one.name, one.type) for one in own.values() if one.name not in (*without, *beside)]
        self._hidden = {own[inner].encode_name for inner in without}
        self.kind = msgspec.defstruct(
            name,
            [*beside.items(), *kept],
            kw_only=True,
            rename="camel",
            namespace={"__doc__": of.__doc__},
        )

    def shown(self, value: Struct, **beside: Any) -> Json:
        """The value's JSON; `beside` under the names of the wire."""
        fields: Json = msgspec.to_builtins(value)
        own = {name: field for name, field in fields.items() if name not in self._hidden}
        return {**beside, **own, **beside}


def list_of(kind: Any) -> Any:
    """The type of a list of these, where the kind is made at run time."""
    return GenericAlias(list, (kind,))
