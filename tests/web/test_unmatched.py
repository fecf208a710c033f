"""What no other door answers: a path that is none, or that has other methods."""

import azure.functions as func
import pytest

from shared.web.unmatched import unmatched
from tests.web.builders import error_of


def ask(method: str, path: str) -> func.HttpResponse:
    url = f"/api/monitoring/{path}"
    return unmatched(func.HttpRequest(method, url, route_params={"path": path}, body=b""))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "metrics", "GET"),
        ("HEAD", "Metrics/", "GET"),
        ("PUT", "alerts", "GET, POST"),
        ("POST", "health", "GET, HEAD"),
        ("POST", "rules/dtu-high", "DELETE, GET, PUT"),
        ("PATCH", "rules/backtest", "DELETE, GET, POST, PUT"),
        ("GET", "channels/path-test", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_those_that_it_does(
    method: str, path: str, allowed: str
) -> None:
    answer = ask(method, path)

    assert error_of(answer)[:2] == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["", "metric", "rules/a/b", "metrics2", "alerts/x/y"])
def test_a_path_that_is_none_is_not_found(path: str) -> None:
    answer = ask("GET", path)

    assert error_of(answer)[:2] == (404, "unknown_route")
    assert "Allow" not in answer.headers
