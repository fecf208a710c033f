"""openapi.json says what the code says, and its examples are true."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

from shared.web.advice import CHANGE
from shared.web.answers import JSON
from shared.web.asking import fields_of
from shared.web.doors import Door, Route
from shared.web.export import EXPORT
from shared.web.openapi import PHRASES, description, examples, openapi
from shared.web.routes import ROUTES
from tests.builders import BAD, OK, a_desk, a_rule
from tests.web.builders import Counter, a_request, as_described
from tests.web.test_advice_routes import LOOKED, counter_with

DESCRIBED = [door for door in ROUTES if door.data is not None]
TAKING = [door for door in ROUTES if door.body is not None and isinstance(door, Route)]


def key(door: Door) -> str:
    return f"{door.method} {door.name}"


@cache
def whole() -> dict[str, Any]:
    return description()


def operation(door: Door) -> dict[str, Any]:
    found: dict[str, Any] = whole()["paths"][f"/{door.name}"][door.method.lower()]
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node["$ref"] for _ in [0] if isinstance(node.get("$ref"), str))
    for inner in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from references(inner)


def test_everybody_may_read_it_and_keep_it() -> None:
    answer = openapi(a_request())
    again = openapi(a_request(headers={"If-None-Match": answer.headers["ETag"]}))

    assert (answer.status_code, answer.mimetype) == (200, JSON)
    assert json.loads(answer.get_body()) == json.loads(msgspec.json.encode(whole()))
    assert again.status_code == 304


def test_all_that_it_refers_to_is_there() -> None:
    told = json.loads(msgspec.json.encode(whole()))

    for reference in set(references(told)):
        node = told
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation(door)["operationId"] for door in ROUTES]

    assert len(set(ids)) == len(ids) == len(ROUTES)


@pytest.mark.parametrize("door", ROUTES, ids=key)
def test_every_route_is_described_with_its_parameters_and_statuses(door: Door) -> None:
    found = operation(door)

    assert found["responses"].keys() == {str(status) for status in door.statuses}
    named = {one["name"] for one in found["parameters"] if one["in"] == "query"}
    assert named == {one.encode_name for one in fields_of(door.query)}
    assert {one["name"] for one in found["parameters"] if one["in"] == "path"} == set(
        re.findall(r"\{(\w+)\}", door.name)
    )
    assert bool(found["security"]) == (door.role is not None)


def test_the_headers_of_an_answer_are_described() -> None:
    told = operation(EXPORT)["responses"]["200"]["headers"]
    busy = whole()["components"]["responses"]["429"]["headers"]

    assert told.keys() == {"X-Request-Id", "ETag", "Link", "Content-Disposition"}
    assert busy.keys() == {"X-Request-Id", "Retry-After"}


def test_every_status_is_said_in_words() -> None:
    assert {status for door in ROUTES for status in door.statuses} - {200} <= PHRASES.keys()


@pytest.mark.parametrize("door", DESCRIBED, ids=key)
def test_every_example_of_an_answer_is_what_the_route_answers(door: Door) -> None:
    example = examples()[key(door)]

    assert as_described(example["data"], door.data) == example["data"]
    assert as_described(example.get("meta", {}), door.meta) == example.get("meta", {})


def a_scene(door: Door) -> tuple[Counter, int]:
    """Half an hour in which the rule of the examples fired; for advice, an hour to advise about."""
    if door is CHANGE:
        return counter_with(), LOOKED
    desk = a_desk([OK] * 20 + [BAD] * 9, rules=[a_rule("dtu-critical")])
    desk.ticks(0, 25)
    return Counter(desk), 25


@pytest.mark.parametrize("door", TAKING, ids=key)
def test_every_example_of_a_body_is_taken_as_it_stands(door: Route) -> None:
    counter, minute = a_scene(door)
    example = examples()[key(door)]

    answer = counter.send(
        door,
        minute,
        example.get("path", {}).get("id", ""),
        method=door.method,
        body=example["body"],
    )

    assert answer.status_code == 200, answer.get_body()
    assert operation(door)["requestBody"]["content"][JSON]["example"] == example["body"]


@pytest.mark.parametrize("door", [one for one in DESCRIBED if "{" in one.name], ids=key)
def test_every_path_has_an_example(door: Door) -> None:
    named = [one for one in operation(door)["parameters"] if one["in"] == "path"]

    assert {one["name"]: one["example"] for one in named} == examples()[key(door)]["path"]


def test_there_is_no_example_of_what_is_gone() -> None:
    assert examples().keys() <= {key(door) for door in ROUTES}


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def choices(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that one stands for, none of which refers to another."""
    if "$ref" in schema:
        yield from choices(whole()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for part in ("anyOf", "allOf"):
        for one in schema.get(part, ()):
            yield from choices(one)
    yield schema


def times_in(value: Any, schemas: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Every time in an example, and whether its schema says that it is one."""
    told = [one for schema in schemas for one in choices(schema)]
    if isinstance(value, str) and TIME.fullmatch(value):
        yield value, any(one.get("format") == "date-time" for one in told)
    for item in value if isinstance(value, list) else ():
        yield from times_in(item, [one["items"] for one in told if one.get("items")])
    for name, inner in value.items() if isinstance(value, dict) else ():
        found = [one.get("properties", {}).get(name) for one in told]
        more = [one.get("additionalProperties") for one in told]
        yield from times_in(inner, [one for one in (*found, *more) if isinstance(one, dict)])


def test_every_time_is_described_as_one() -> None:
    found = [
        (key(door), *said)
        for door in DESCRIBED
        for content in [operation(door)["responses"]["200"]["content"].get(JSON)]
        if content is not None
        for said in times_in(content["example"], [content["schema"]])
    ]

    assert len(found) > 100
    assert [one for one in found if not one[2]] == []
