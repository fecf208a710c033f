"""GET openapi.json: the API in OpenAPI 3.1, made of the types that check requests and answers."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import azure.functions as func
import msgspec

from shared.web.answers import JSON, REQUEST_ID, Failure
from shared.web.doors import Body, Document, Door, NoMeta, answered
from shared.web.openapi_times import with_times
from shared.web.routes import OPENAPI, ROUTES

EXAMPLES = Path(__file__).with_name("examples.json")
VERSION = "0.1.0"
BASE = "/api/monitoring"
PHRASES = {
    304: "What you have is what there is.",
    400: "Something in the request is wrong; the message says what would be right.",
    401: "Nobody is known by what was sent.",
    403: "Not with these roles, or not with this link.",
    404: "There is nothing of that name.",
    409: "Somebody acted since the link was sent.",
    410: "It is over, or the link is too old.",
    412: "It is not what you saw any more.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    428: "Say which version you replace.",
    429: "Too many writes; try again after Retry-After seconds.",
    500: "Something broke; the log knows the request by its id.",
    503: "Out of reach just now; try again after Retry-After seconds.",
}

BESIDE = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
"""The headers of these answers, beside those that all have."""

Node = dict[str, Any]

_COMPONENT = "#/components/schemas/{name}"
_SNAKE = re.compile(r"`([a-z]+(?:_[a-z]+)+)`")


def openapi(request: func.HttpRequest) -> func.HttpResponse:
    """For everybody: it says what there is, not what is watched."""
    return answered(request, OPENAPI.name, lambda _: Document(document(), JSON))


@cache
def document() -> bytes:
    """The description as it is sent; made once per process."""
    return msgspec.json.encode(description())


def description() -> Node:
    """All routes with their schemas, examples and statuses."""
    kinds, schemas = _schemas(ROUTES)
    inner = {"NoMeta", *(door.query.__name__ for door in ROUTES)}
    paths: Node = {}
    for door in ROUTES:
        path = paths.setdefault(f"/{door.name}", {})
        path[door.method.lower()] = _operation(door, kinds, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pantry Monitor",
            "version": VERSION,
            "description": "What the words mean is in docs/api.md and docs/semantics.md.",
        },
        "servers": [{"url": BASE}],
        "paths": paths,
        "components": {
            "schemas": {name: one for name, one in schemas.items() if name not in inner},
            "responses": _problems(kinds),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _schemas(doors: Iterable[Door]) -> tuple[Mapping[str, Node], Node]:
    """The schema of every type by how it prints, and the components that they refer to."""
    named = {str(kind): kind for door in doors for kind in _kinds(door)}
    named[str(Failure)] = Failure
    found, components = msgspec.json.schema_components(named.values(), ref_template=_COMPONENT)
    timed = with_times(named.values(), components)
    return dict(zip(named, found, strict=True)), {
        name: _told_in_camel(schema) for name, schema in timed.items()
    }


def _kinds(door: Door) -> list[Any]:
    body = [door.body.kind] if door.body is not None else []
    data = [door.data] if door.data is not None else []
    return [door.query, door.meta, *body, *data]


def _told_in_camel(schema: Node) -> Node:
    """A docstring as callers read it: on one line, with the names of the wire."""
    told = " ".join(schema.get("description", "").split())
    words = _SNAKE.sub(lambda found: f"`{_camel(found[1])}`", told).replace("None", "null")
    return {**schema, "description": words}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _operation(door: Door, kinds: Mapping[str, Node], schemas: Node) -> Node:
    example = examples().get(f"{door.method} {door.name}", {})
    found: Node = {
        "operationId": _camel(re.sub(r"\W+", "_", f"{door.method.lower()}_{door.name}").strip("_")),
        "tags": [door.name.split("/", maxsplit=1)[0]],
        "summary": door.says,
        "security": [{"bearer": [door.role]}] if door.role is not None else [],
        "parameters": [*_path(door, example), *_query(door, schemas), *_headers(door)],
        "responses": {str(one): _response(one, door, kinds, example) for one in door.statuses},
    }
    if door.body is not None:
        schema = _body_schema(door.body, kinds, schemas)
        content = {JSON: {"schema": schema, "example": example.get("body")}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _path(door: Door, example: Node) -> list[Node]:
    schema = {"type": "string", "minLength": 1}
    names = re.findall(r"\{(\w+)\}", door.name)
    known = {name: {"example": value} for name, value in example.get("path", {}).items()}
    return [
        {"name": one, "in": "path", "required": True, "schema": schema, **known.get(one, {})}
        for one in names
    ]


def _query(door: Door, schemas: Node) -> list[Node]:
    properties = schemas[door.query.__name__]["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "allowEmptyValue": True,
            "schema": _without_null(schema),
        }
        for name, schema in properties.items()
    ]


def _without_null(schema: Node) -> Node:
    """A parameter is left out, not null; the platform leaves out an empty one, too."""
    if schema.get("default", "") is None:
        return next(one for one in schema["anyOf"] if one != {"type": "null"})
    return schema


def _headers(door: Door) -> list[Node]:
    names = [*door.conditions, *(["If-None-Match"] if 304 in door.statuses else [])]
    return [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in names
    ]


def _body_schema(body: Body, kinds: Mapping[str, Node], schemas: Node) -> Node:
    """The body's type; what the address says already may be left out."""
    if not body.said_already:
        return kinds[str(body.kind)]
    schema = schemas[body.kind.__name__]
    needed = [name for name in schema["required"] if name not in body.said_already]
    return {**schema, "required": needed}


def _response(status: int, door: Door, kinds: Mapping[str, Node], example: Node) -> Node:
    if door.method == "HEAD":
        told = PHRASES.get(status, "Done.")
        return {"description": told, "headers": _answer_headers(door)}
    if status == 200:
        return {
            "description": "Done.",
            "headers": _answer_headers(door),
            "content": {
                door.media_type: _content(door, kinds, example),
                **({door.page: _TEXT} if door.page else {}),
            },
        }
    if door.media_type.startswith("text/html"):
        return {"description": PHRASES[status], "content": {door.media_type: _TEXT}}
    if status == 304:
        return {"description": PHRASES[304], "headers": _answer_headers(door)}
    return {"$ref": f"#/components/responses/{status}"}


_TEXT: Node = {"schema": {"type": "string"}}
_HEADER: Node = {"schema": {"type": "string"}}


def _answer_headers(door: Door) -> Node:
    names = [REQUEST_ID, *(["ETag"] if 304 in door.statuses else []), *door.sends]
    return dict.fromkeys(names, _HEADER)


def _content(door: Door, kinds: Mapping[str, Node], example: Node) -> Node:
    if door.media_type != JSON:
        return {**_TEXT, **({"example": example["text"]} if "text" in example else {})}
    if door.data is None:
        return {"schema": {"type": "object"}}
    meta = {"requestId": _REQUEST_ID, **example.get("meta", {})}
    return {
        "schema": _envelope(door, kinds),
        "example": {"success": True, "data": example.get("data"), "meta": meta},
    }


_REQUEST_ID = "5f0c1b9e-6a3d-4d53-9d0f-2b1c7a8e4f10"


def _envelope(door: Door, kinds: Mapping[str, Node]) -> Node:
    request_id: Node = {
        "type": "object",
        "properties": {"requestId": {"type": "string"}},
        "required": ["requestId"],
    }
    meta = request_id if door.meta is NoMeta else {"allOf": [request_id, kinds[str(door.meta)]]}
    return {
        "type": "object",
        "properties": {
            "success": {"const": True},
            "data": kinds[str(door.data)],
            "meta": meta,
        },
        "required": ["success", "data", "meta"],
    }


def _problems(kinds: Mapping[str, Node]) -> Node:
    """One answer for each status that is no success."""
    content = {JSON: {"schema": kinds[str(Failure)]}}
    return {
        str(status): {
            "description": phrase,
            "headers": dict.fromkeys([REQUEST_ID, *BESIDE.get(status, ())], _HEADER),
            "content": content,
        }
        for status, phrase in PHRASES.items()
        if status >= 400
    }


@cache
def examples() -> Mapping[str, Node]:
    """What each route takes and answers, by method and name."""
    found: Mapping[str, Node] = msgspec.json.decode(EXAMPLES.read_bytes())
    return found
