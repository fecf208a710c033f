"""Nothing is sent twice to who has it, and what is large is compressed for who takes that."""

import gzip
from typing import Any

import azure.functions as func
import pytest

from shared.web.auth import Role
from shared.web.doors import Asked, Reply, Route
from shared.web.metrics import METRICS
from shared.web.rules import RULE
from shared.web.transfer import LEAST_TO_COMPRESS, takes_gzip
from tests.builders import OK, a_desk
from tests.web.builders import REQUIRED_HEADERS, Counter, a_request, bearer, crm_token, told

LONG = "x" * LEAST_TO_COMPRESS


@pytest.fixture
def counter() -> Counter:
    desk = a_desk([OK] * 60)
    desk.ticks(0, 5)
    return Counter(desk)


def a_route(data: Any) -> Route:
    def say(_: Asked) -> Reply:
        return Reply(data)

    return Route(name="things", role=Role.READER, answer=say, says="what it is given")


def ask(
    counter: Counter, route: Route, minute: float = 5, method: str = "GET", **headers: str
) -> func.HttpResponse:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = a_request(method, headers={**bearer(crm_token()), **given}, alert_id="dtu-high")
    return counter.ask(route, minute, request)


def test_what_the_caller_has_is_not_sent_again(counter: Counter) -> None:
    tag = ask(counter, a_route("done")).headers["ETag"]

    answer = ask(counter, a_route("done"), If_None_Match=f'"other", {tag}', X_Request_Id="abc")

    assert (answer.status_code, answer.get_body()) == (304, b"")
    assert answer.headers["ETag"] == tag
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Request-Id"] == "abc"
    assert {name: answer.headers[name] for name in REQUIRED_HEADERS} == REQUIRED_HEADERS


@pytest.mark.parametrize(("given", "status"), [("*", 304), ('W/"0"', 200), ("", 200), ("x", 200)])
def test_another_tag_gets_the_answer(counter: Counter, given: str, status: int) -> None:
    assert ask(counter, a_route("done"), If_None_Match=given).status_code == status


def test_a_changed_answer_has_another_tag(counter: Counter) -> None:
    tags = {ask(counter, a_route(data)).headers["ETag"] for data in ("done", "more", "done")}

    assert len(tags) == 2


def test_metrics_that_only_grew_older_are_the_same(counter: Counter) -> None:
    first = ask(counter, METRICS, 5.1)
    later = ask(counter, METRICS, 5.9, If_None_Match=first.headers["ETag"])
    minute = ask(counter, METRICS, 6.1, If_None_Match=first.headers["ETag"])

    assert b"ageSeconds" in first.get_body()
    assert (later.status_code, minute.status_code) == (304, 200)


def test_a_rules_own_version_is_kept_and_always_answered(counter: Counter) -> None:
    version = told(ask(counter, RULE))["meta"]["etag"]

    answer = ask(counter, RULE, If_None_Match=f'"{version}"')

    assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{version}"')


def test_only_gets_have_tags(counter: Counter) -> None:
    answer = ask(counter, a_route(LONG), method="POST", If_None_Match="*", Accept_Encoding="gzip")

    assert answer.status_code == 200
    assert not {"ETag", "Content-Encoding"} & set(answer.headers.keys())


def test_a_failure_is_always_told(counter: Counter) -> None:
    answer = counter.ask(METRICS, 5, a_request(headers={"If-None-Match": "*"}))

    assert answer.status_code == 401
    assert "ETag" not in answer.headers


@pytest.mark.parametrize(("data", "coding"), [(LONG, "gzip"), ("short", None)])
def test_what_is_large_is_compressed(counter: Counter, data: str, coding: str | None) -> None:
    plain = ask(counter, a_route(data), X_Request_Id="abc")
    packed = ask(counter, a_route(data), X_Request_Id="abc", Accept_Encoding="br, gzip")

    body = packed.get_body()
    assert packed.headers.get("Content-Encoding") == coding
    assert (gzip.decompress(body) if coding else body) == plain.get_body()
    assert (packed.mimetype, packed.headers["ETag"]) == (plain.mimetype, plain.headers["ETag"])
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0, gzip", True),
        ("identity", False),
    ],
)
def test_who_takes_gzip(given: str, *, takes: bool) -> None:
    assert takes_gzip(given) is takes
