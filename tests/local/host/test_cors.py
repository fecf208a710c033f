"""CORS in front of the app, and none where nobody asked for it."""

from collections.abc import Iterator

import azure.functions as func
import pytest

from local.host.cors import Cors
from local.host.host import Host
from tests.local.host.making import a_host, an_app, ask

CRM = "https://crm.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type",
}


def the_app() -> func.FunctionApp:
    app = an_app()

    @app.route(route="things")
    def things(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(req.method, headers={"Vary": "Accept"})

    return app


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with a_host(the_app(), cors=[CRM, "http://localhost:3000"]) as running:
        yield running


def test_a_preflight_is_answered_without_the_function(host: Host) -> None:
    before = host.invocations.count("things")

    answer = ask(host, "/api/things", "OPTIONS", headers=PREFLIGHT | {"Origin": CRM})

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == CRM
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert host.invocations.count("things") == before


def test_a_preflight_from_elsewhere_is_answered_with_nothing(host: Host) -> None:
    elsewhere = PREFLIGHT | {"Origin": "https://crm.example.com.evil.example"}
    answer = ask(host, "/api/things", "OPTIONS", headers=elsewhere)

    assert answer.status == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_answer_to_an_allowed_origin_is_marked(host: Host) -> None:
    answer = ask(host, "/api/things", headers={"Origin": CRM})

    assert (answer.status, answer.body) == (200, b"GET")
    assert answer.headers["access-control-allow-origin"] == CRM
    assert answer.headers["vary"] == "Accept, Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://elsewhere.example"}])
def test_other_answers_are_not_marked(host: Host, headers: dict[str, str]) -> None:
    answer = ask(host, "/api/things", headers=headers)

    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


def test_an_options_that_is_no_preflight_reaches_the_function(host: Host) -> None:
    assert ask(host, "/api/things", "OPTIONS", headers={"Origin": CRM}).body == b"OPTIONS"


def test_without_origins_the_function_sees_the_preflight() -> None:
    with a_host(the_app()) as host:
        answer = ask(host, "/api/things", "OPTIONS", headers=PREFLIGHT | {"Origin": CRM})

    assert (answer.status, answer.body) == (200, b"OPTIONS")


def test_a_star_allows_everybody_but_never_with_credentials() -> None:
    assert Cors(["*"]).headers(CRM) == {"access-control-allow-origin": "*"}
    with pytest.raises(ValueError, match="credentials"):
        Cors(["*"], credentials=True)


def test_credentials_are_allowed_to_a_named_origin() -> None:
    assert Cors([CRM], credentials=True).headers(CRM)["access-control-allow-credentials"] == "true"
