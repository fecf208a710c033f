"""HTTP triggers as an ASGI app: routing, the request the worker makes, the answer it gives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.functions.http import HttpRequest, HttpResponseConverter
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.host.invoking import InvocationError, Invoker
from local.host.routes import Template, compile_template, decoded
from local.host.triggers import Function, HttpTrigger, of_type


@dataclass(frozen=True)
class Route:
    """One HTTP function and the requests that reach it."""

    function: Function
    methods: frozenset[str]
    template: Template

    def match(self, method: str, path: str) -> dict[str, str] | None:
        return self.template.match(path) if not self.methods or method in self.methods else None


def routes(functions: Iterable[Function], prefix: str) -> list[Route]:
    """In the order in which the host asks them: by the function's name, whatever the template.

    See github.com/Azure/azure-functions-host issues 3153 and 6062.
    """
    found = of_type(list(functions), HttpTrigger)
    ordered = sorted(found, key=lambda pair: pair[0].name.upper())
    return [
        Route(one, trigger.methods, compile_template(f"{prefix}/{trigger.route}"))
        for one, trigger in ordered
    ]


class Front:
    """The ASGI app.

    An unknown route is 404, and so is a known one with a method it does not have, HEAD beside GET
    included: the host knows no 405 (github.com/Azure/azure-functions-host issues 10098, 11625).
    """

    def __init__(self, ordered: list[Route], invoker: Invoker) -> None:
        self._routes = ordered
        self._invoker = invoker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = decoded(request.scope["raw_path"])
        for route in self._routes:
            values = route.match(request.method, path)
            if values is not None:
                return await self._invoked(route.function, await as_delivered(request, values))
        return Response(status_code=404)

    async def _invoked(self, function: Function, request: HttpRequest) -> Response:
        try:
            response: Response = await self._invoker.invoke(function, request, as_sent)
        except InvocationError:
            # Why is in the log; the caller learns nothing.
            return Response(status_code=500)
        return response


async def as_delivered(request: Request, values: Mapping[str, str]) -> HttpRequest:
    """The request as the worker hands it to the function."""
    return HttpRequest(
        request.method,
        str(request.url),
        headers=_joined(request.headers),
        params={name: value for name, value in _joined(request.query_params).items() if value},
        route_params=values,
        body_type="bytes",
        body=await request.body(),
    )


def as_sent(answer: Any) -> Response:
    """What goes over the wire for what a function returned; the worker's own converter decides."""
    try:
        datum = HttpResponseConverter.encode(answer, expected_type=None)
    except NotImplementedError as error:
        kind = type(answer).__name__
        raise TypeError(f"a function answers text or an HttpResponse, not {kind}") from error
    if datum.type == "string":
        return Response(datum.value, media_type="text/plain")
    given: dict[str, Any] = datum.value
    headers = {name: value.value for name, value in given["headers"].items()}
    response = Response(given["body"].value, int(given["status_code"].value), headers)
    for cookies in given["cookies"] or ():
        for cookie in cookies.values():
            response.headers.append("set-cookie", cookie.OutputString())
    return response


def _joined(given: Headers | QueryParams) -> dict[str, str]:
    """Repeated keys become one, their values joined by a comma."""
    joined: dict[str, str] = {}
    for name, value in given.multi_items() if isinstance(given, QueryParams) else given.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
