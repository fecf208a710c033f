"""What no other door answers: a path that is none, or that has other methods.

The platform would answer 404 to both, without a word.
"""

import re

import azure.functions as func

from shared.web.doors import Reply, Visit, answered
from shared.web.problems import Problem
from shared.web.routes import ROUTES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""All but OPTIONS, which the platform answers for the browsers of other origins."""

_PARAMETER = re.compile(r"\\\{\w+\\\}")


def _pattern(name: str) -> re.Pattern[str]:
    """Of the paths that a route's name fits, as the platform reads it."""
    return re.compile(_PARAMETER.sub("[^/]+", re.escape(name)), re.IGNORECASE)


_DOORS = [(_pattern(one.name), one) for one in ROUTES]


def unmatched(request: func.HttpRequest) -> func.HttpResponse:
    """405 with the methods that the path takes, else 404."""
    return answered(request, "unmatched", _refuse)


def _refuse(visit: Visit) -> Reply:
    path = str(visit.request.route_params.get("path") or "").strip("/")
    methods = sorted({door.method for pattern, door in _DOORS if pattern.fullmatch(path)})
    if methods:
        raise Problem(
            405,
            "method_not_allowed",
            f"{path} takes {' and '.join(methods)}, not {visit.request.method}",
            headers={"Allow": ", ".join(methods)},
        )
    raise Problem(404, "unknown_route", f"there is no {path!r} here; openapi.json lists what is")
