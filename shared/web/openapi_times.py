"""In the API's description a time is said to be one.

msgspec says `date-time` only of a type that demands a zone; the types of answers need not, as all
of this project's times have one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import inspect

Node = dict[str, Any]


def with_times(kinds: Iterable[Any], components: Mapping[str, Node]) -> dict[str, Node]:
    """The components, in which every time of these types and of those inside has its format."""
    structs: dict[str, inspect.StructType] = {}
    for info in inspect.multi_type_info(kinds):
        _collect(info, structs)
    return {
        name: _struct(structs[name], schema) if name in structs else schema
        for name, schema in components.items()
    }


def _collect(info: inspect.Type, found: dict[str, inspect.StructType]) -> None:
    if isinstance(info, inspect.StructType):
        if info.cls.__name__ in found:
            return
        found[info.cls.__name__] = info
        inner: Iterable[inspect.Type] = (field.type for field in info.fields)
    else:
        inner = _inner(info)
    for one in inner:
        _collect(one, found)


def _inner(info: inspect.Type) -> Iterable[inspect.Type]:
    match info:
        case inspect.Metadata():
            return (info.type,)
        case inspect.UnionType():
            return info.types
        case inspect.DictType():
            return (info.value_type,)
        case inspect.TupleType():
            return info.item_types
        case inspect.CollectionType():
            return (info.item_type,)
    return ()


def _struct(info: inspect.StructType, schema: Node) -> Node:
    properties = schema.get("properties", {})
    timed = {
        one.encode_name: _timed(one.type, properties[one.encode_name])
        for one in info.fields
        if one.encode_name in properties
    }
    return {**schema, "properties": {**properties, **timed}} if timed else schema


def _timed(info: inspect.Type, schema: Node) -> Node:
    match info:
        case inspect.DateTimeType():
            return {**schema, "format": "date-time"}
        case inspect.Metadata():
            return _timed(info.type, schema)
        case inspect.UnionType() if len(schema.get("anyOf", ())) == len(info.types):
            pairs = zip(info.types, schema["anyOf"], strict=True)
            return {**schema, "anyOf": [_timed(one, its) for one, its in pairs]}
        case inspect.DictType() if isinstance(schema.get("additionalProperties"), dict):
            more = _timed(info.value_type, schema["additionalProperties"])
            return {**schema, "additionalProperties": more}
        case inspect.CollectionType() if "items" in schema:
            return {**schema, "items": _timed(info.item_type, schema["items"])}
    return schema
