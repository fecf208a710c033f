"""HTTP triggers, asked over the wire."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest

from local.host.host import Host
from local.host.invocations import Outcome
from tests.local.host.making import a_host, an_app, ask


def the_app() -> func.FunctionApp:
    app = an_app()

    @app.route(route="echo/{id:int}/{rest?}")
    def echo(req: func.HttpRequest) -> func.HttpResponse:
        return as_json(told(req))

    @app.route(route="things", methods=["GET"])
    async def show(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse("shown", headers={"ETag": '"1"'})

    @app.route(route="things", methods=["POST", "HEAD"])
    def make(req: func.HttpRequest) -> func.HttpResponse:
        answer = func.HttpResponse(req.get_body(), status_code=201, mimetype="text/csv")
        answer.headers.add("Set-Cookie", "a=1")
        answer.headers.add("Set-Cookie", "b=2; Path=/")
        return answer

    @app.route(route="words/{word}")
    def b_any(req: func.HttpRequest) -> str:
        return "any"

    @app.route(route="words/exact")
    def c_exact(req: func.HttpRequest) -> str:
        return "never reached"

    @app.route(route="words/a_exact")
    def a_exact(req: func.HttpRequest) -> str:
        return "exact"

    return with_broken_ones(app)


def with_broken_ones(app: func.FunctionApp) -> func.FunctionApp:
    @app.route(route="broken/sync")
    def broken(req: func.HttpRequest) -> str:
        raise ValueError("the secret is 42")

    @app.route(route="broken/async")
    async def broken_async(req: func.HttpRequest) -> str:
        raise ValueError("the secret is 42")

    @app.route(route="broken/answer")
    def broken_answer(req: func.HttpRequest) -> Any:
        return {"neither": "text nor an answer"}

    @app.route(route="broken/exit")
    def broken_exit(req: func.HttpRequest) -> str:
        raise SystemExit(1)

    return app


def told(req: func.HttpRequest) -> dict[str, Any]:
    return {
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "headers": {name: req.headers[name] for name in req.headers},
        "body": req.get_body().decode(),
    }


def as_json(body: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body), mimetype="application/json")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with a_host(the_app()) as running:
        yield running


def test_the_function_gets_the_request(host: Host) -> None:
    answer = ask(host, "/api/echo/7", "PUT", headers={"X-Who": "Me"}, body=b'{"a":1}')

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["method"] == "PUT"
    assert answer.json["url"] == f"{host.url}/api/echo/7"
    assert answer.json["route"] == {"id": "7"}
    assert answer.json["headers"]["x-who"] == "Me"
    assert answer.json["body"] == '{"a":1}'


def test_repeated_query_values_are_joined_and_empty_ones_dropped(host: Host) -> None:
    answer = ask(host, "/api/echo/7?a=1&b=&a=x%20y&c=3")

    assert answer.json["params"] == {"a": "1,x y", "c": "3"}


def test_route_values_are_decoded(host: Host) -> None:
    assert ask(host, "/api/echo/7/caf%C3%A9").json["route"] == {"id": "7", "rest": "café"}


def test_the_answer_carries_status_type_cookies_and_bytes(host: Host) -> None:
    connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=60)
    connection.request("POST", "/api/things", body=b"\xff\x00")
    came = connection.getresponse()

    assert (came.status, came.read()) == (201, b"\xff\x00")
    assert came.getheader("content-type") == "text/csv; charset=utf-8"
    assert came.headers.get_all("set-cookie") == ["a=1", "b=2; Path=/"]
    connection.close()


def test_an_async_function_answers_like_any_other(host: Host) -> None:
    answer = ask(host, "/api/things")

    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"shown", '"1"')


def test_head_is_answered_without_a_body(host: Host) -> None:
    answer = ask(host, "/api/things", "HEAD")

    assert (answer.status, answer.body) == (201, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/things"),
        ("GET", "/api/echo/seven"),
        ("DELETE", "/api/things"),
        ("HEAD", "/api/broken/nowhere/at/all"),
    ],
)
def test_an_unknown_route_or_method_is_404(host: Host, method: str, path: str) -> None:
    answer = ask(host, path, method)

    assert (answer.status, answer.body) == (404, b"")


def test_overlapping_routes_are_asked_in_the_order_of_their_functions_names(host: Host) -> None:
    assert ask(host, "/api/words/a_exact").body == b"exact"
    assert ask(host, "/api/words/exact").body == b"any"


@pytest.mark.parametrize("how", ["sync", "async", "answer", "exit"])
def test_a_function_that_breaks_is_500_without_a_reason(host: Host, how: str) -> None:
    answer = ask(host, f"/api/broken/{how}")

    assert (answer.status, answer.body) == (500, b"")
    assert ask(host, "/api/things").status == 200


def test_every_call_is_recorded(host: Host) -> None:
    ask(host, "/api/broken/sync")

    last = host.invocations.of("broken")[-1]
    assert (last.outcome, last.error) == (Outcome.FAILED, "ValueError: the secret is 42")
