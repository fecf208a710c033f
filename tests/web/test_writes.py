"""What every route that changes something has in common: limits, known fields, a role."""

from typing import Any

import azure.functions as func
import pytest

from shared.web.asking import LARGEST_BODY
from shared.web.doors import WITH_BODY, Route
from shared.web.openapi import examples
from shared.web.routes import ROUTES
from tests.builders import a_desk
from tests.web.builders import Counter, bearer, crm_token, error_of

WRITES = [one for one in ROUTES if isinstance(one, Route) and one.changes]
READERS = [one for one in WRITES if one.method in WITH_BODY]


def key(route: Route) -> str:
    return f"{route.method} {route.name}"


def send(route: Route, body: Any, **headers: str) -> func.HttpResponse:
    name = examples()[key(route)].get("path", {}).get("id", "")
    counter = Counter(a_desk())
    return counter.send(route, 1, name, method=route.method, body=body, headers=headers)


def test_there_are_routes_that_write() -> None:
    assert len(WRITES) > 10


@pytest.mark.parametrize("route", READERS, ids=key)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(route: Route) -> None:
    answer = send(route, b"{" + b" " * LARGEST_BODY + b"}")

    assert error_of(answer)[:2] == (413, "body_too_large")


@pytest.mark.parametrize("route", READERS, ids=key)
def test_a_field_that_nobody_knows_is_refused(route: Route) -> None:
    body = examples()[key(route)].get("body", {})

    status, _, message = error_of(send(route, {**body, "surprise": 1}))

    assert status == 400
    assert "'surprise'" in message


@pytest.mark.parametrize("route", READERS, ids=key)
def test_only_json_is_read(route: Route) -> None:
    answer = send(route, b"a=1", **{"Content-Type": "application/x-www-form-urlencoded"})

    assert error_of(answer)[:2] == (415, "unsupported_media_type")


@pytest.mark.parametrize("route", WRITES, ids=key)
def test_a_reader_changes_nothing(route: Route) -> None:
    answer = send(route, {}, **bearer(crm_token(roles="reader")))

    assert error_of(answer)[:2] == (403, "forbidden")
