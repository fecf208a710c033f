"""Route templates against paths."""

import re

import pytest

import function_app
from local.host.front import routes
from local.host.routes import compile_template, decoded
from local.host.triggers import BindingError, HttpTrigger, of_type, read_functions

FUNCTIONS = read_functions(function_app.app)
GUID = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("route", "path", "values"),
    [
        ("api/things", "/api/things", {}),
        ("api/things", "/API/Things/", {}),
        ("api/things", "/api/thing", None),
        ("api/things", "/api/things/7", None),
        ("api/things/{id}", "/api/things/7", {"id": "7"}),
        ("api/things/{id}", "/api/things", None),
        ("api/things/{id}", "/api/things/7/8", None),
        ("api/things/{id?}", "/api/things", {}),
        ("api/things/{id?}", "/api/things/7", {"id": "7"}),
        ("api/{kind}/{id:int}", "/api/things/-7", {"kind": "things", "id": "-7"}),
        ("api/{kind}/{id:int}", "/api/things/seven", None),
        ("api/{id:int?}", "/api", {}),
        ("api/{id:guid}", f"/api/{GUID}", {"id": GUID}),
        ("api/{id:alpha:maxlength(3)}", "/api/abc", {"id": "abc"}),
        ("api/{id:alpha:maxlength(3)}", "/api/abcd", None),
        ("api/static/{*path}", "/api/static/js/app.js", {"path": "js/app.js"}),
        ("api/static/{*path}", "/api/static", {}),
        ("api/report.{ext}", "/api/report.html", {"ext": "html"}),
        ("/{*path}", "/", {}),
        ("{id?}", "/7", {"id": "7"}),
    ],
)
def test_a_template_fits_or_does_not(route: str, path: str, values: dict[str, str] | None) -> None:
    assert compile_template(route).match(path) == values


@pytest.mark.parametrize("route", ["api/{id:range(1,2)}", "api/{id=7}", "api/{id", "api/{7}"])
def test_what_this_host_cannot_do_is_said(route: str) -> None:
    with pytest.raises(BindingError, match="this host does not"):
        compile_template(route)


def test_an_escaped_slash_is_not_a_slash() -> None:
    assert decoded(b"/api/a%2Fb%20c/%C3%A9?x=1") == "/api/a%2Fb c/é"


@pytest.mark.parametrize(
    ("name", "method", "route"),
    [
        (function.name, method, trigger.route)
        for function, trigger in of_type(FUNCTIONS, HttpTrigger)
        for method in sorted(trigger.methods) or ["GET"]
    ],
)
def test_no_route_of_the_app_hides_behind_another(name: str, method: str, route: str) -> None:
    path = "/api/" + re.sub(r"\{[^}]*\}", "1", route)

    reached = [
        one.function.name for one in routes(FUNCTIONS, "api") if one.match(method, path) is not None
    ]

    assert reached[:1] == [name]
