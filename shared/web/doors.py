"""The way of every request: its id, who asks, the answer or the error as one, a line in the log."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import azure.functions as func
from msgspec import Struct, field

from shared.domain.links import LinkMaker
from shared.domain.paces import PER_MINUTE
from shared.ports import House
from shared.services.paces import count_write
from shared.web.answers import JSON, document, failure, success
from shared.web.asking import no_body, query, request_id, wish
from shared.web.auth import Gate, Principal, Role, demand
from shared.web.problems import Problem, problem_of
from shared.web.transfer import conveyed

_log = logging.getLogger("pantry.web")


class Office(Struct, frozen=True, kw_only=True):
    """What answers are made of; `house` is opened only for who was let in.

    `links`: reads the links that act without a login; None while there are none.
    """

    gate: Gate
    targets: Sequence[str]
    house: Callable[[], House]
    now: datetime
    links: LinkMaker | None = None


class Visit(Struct):
    """One request on its way through; `principal` once somebody was let in."""

    request: func.HttpRequest
    id: str
    principal: Principal | None = None


class NoQuery(Struct, frozen=True):
    """A query without parameters."""


class NoMeta(Struct, frozen=True):
    """Nothing to say beside the data."""


class Reply(Struct, frozen=True):
    """What a route says; `meta` goes beside the data, `headers` on top of the usual ones."""

    data: Any
    meta: Struct = NoMeta()
    headers: Mapping[str, str] = field(default_factory=dict)


class Document(Struct, frozen=True):
    """What a route says when that is no JSON; `media_type` with its parameters."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Asked(Struct, frozen=True, kw_only=True):
    """A request whose caller is known and may do this.

    `query` and `body` are what the route says that it takes; a body that it reads itself, and the
    one of a route that takes none, are None.
    """

    request: func.HttpRequest
    principal: Principal
    office: Office
    query: Any
    body: Any = None

    @property
    def name(self) -> str:
        """What the address names in the place of {id}."""
        return str(self.request.route_params.get("id", ""))


class Body(Struct, frozen=True):
    """What a route takes; `fields` say of each field what would be right.

    Without them the route reads the JSON itself, and refuses it in words of its own.
    `said_already`: what may be left out, because the address says it.
    """

    kind: type[Struct]
    fields: Mapping[str, str] | None = None
    said_already: tuple[str, ...] = ()


WITH_BODY = ("POST", "PUT", "PATCH")


class Door(Struct, frozen=True, kw_only=True):
    """One route: what it is called, who may ask for what, and what can be answered.

    `name` is its path and its name in the log. `role` None: anybody. `data` and `meta`: the types
    of a JSON answer; `media_type`: of one that is not JSON, `page`: of one
    that is asked for beside the JSON. `conditions`: the headers by which a
    caller says what he has seen; `sends`: those of its own that an answer can have. `also`:
    statuses beside those that follow from the rest; `exactly`: the only ones. openapi.json is made
    from this.
    """

    name: str
    says: str
    role: Role | None = None
    method: str = "GET"
    query: type[Struct] = NoQuery
    body: Body | None = None
    data: Any = None
    meta: type[Struct] = NoMeta
    media_type: str = JSON
    page: str = ""
    conditions: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    exactly: tuple[int, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it does more than answer."""
        return self.method not in ("GET", "HEAD")

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every status that it can answer."""
        found = {200, 400, 401, 403, 500, 503, *self.also}
        found |= {404} if "{" in self.name else set()
        found |= {413, 415} if self.method in WITH_BODY else set()
        found |= {429} if self.changes else {304}
        return self.exactly or tuple(sorted(found))


class Route(Door, frozen=True, kw_only=True):
    """A door behind which somebody who must be known is answered; what it says is checked."""

    answer: Callable[[Asked], Reply | Document]


def serve(
    request: func.HttpRequest, route: Route, open_office: Callable[[], Office]
) -> func.HttpResponse:
    """Answer a request of somebody who must be known."""

    def attend(visit: Visit) -> Reply | Document:
        office = open_office()
        visit.principal = office.gate.admit(request.headers)
        demand(visit.principal, route.role)
        if route.changes:
            _hold_back(visit.principal, office)
        return route.answer(_asked(request, route, visit.principal, office))

    return answered(request, route.name, attend)


def _hold_back(principal: Principal, office: Office) -> None:
    """Count the write; a Problem (429) for who writes too fast."""
    too_fast = count_write(principal.id, house=office.house())
    if too_fast is not None:
        seconds = math.ceil(too_fast.wait.total_seconds())
        raise Problem(
            429,
            "too_many_requests",
            f"at most {PER_MINUTE} writes a minute; try again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )


def _asked(request: func.HttpRequest, route: Route, principal: Principal, office: Office) -> Asked:
    return Asked(
        request=request,
        principal=principal,
        office=office,
        query=query(request, route.query),
        body=_body(request, route, must_say_json=principal.by_cookie),
    )


def _body(request: func.HttpRequest, route: Route, *, must_say_json: bool) -> Any:
    """A caller known by a cookie must say that it sends JSON: see `json_object`."""
    if route.body is not None and route.body.fields is not None:
        kind, fields = route.body.kind, route.body.fields
        return wish(request, kind, fields, must_say_json=must_say_json)
    if route.body is None and route.method in WITH_BODY:
        no_body(request, must_say_json=must_say_json)
    return None


def answered(
    request: func.HttpRequest, name: str, attend: Callable[[Visit], Reply | Document]
) -> func.HttpResponse:
    """Answer anybody's request; nothing that goes wrong leaves without an envelope."""
    began = time.perf_counter()
    visit = Visit(request, request_id(request.headers))
    try:
        answer = _said(attend(visit), visit.id)
    except Exception as error:  # noqa: BLE001 - what is wrong with one request is its answer
        answer = _failed(error, visit)
    if request.method == "GET":
        answer = conveyed(request.headers, answer)
    log_access(visit, name, answer.status_code, began)
    return answer


def _said(reply: Reply | Document, request_id: str) -> func.HttpResponse:
    if isinstance(reply, Document):
        return document(reply.body, reply.media_type, request_id=request_id, headers=reply.headers)
    return success(reply.data, request_id=request_id, meta=reply.meta, headers=reply.headers)


def _failed(error: Exception, visit: Visit) -> func.HttpResponse:
    problem = problem_of(error)
    log_problem(error, problem, visit)
    return failure(
        problem.status,
        problem.code,
        problem.message,
        request_id=visit.id,
        details=problem.details,
        headers=problem.headers,
    )


def log_problem(error: Exception, problem: Problem, visit: Visit) -> None:
    """A line about what broke, or what was out of reach; nothing about mistakes of callers."""
    if problem.status == 500:
        _log.error("request %s broke", visit.id, exc_info=error)
    elif problem.status > 500:
        _log.warning("request %s: %s: %s", visit.id, problem.code, error)


def log_access(visit: Visit, name: str, status: int, began: float) -> None:
    """A line about every request, without what it asked for: that may hold a secret."""
    who = visit.principal.shown if visit.principal is not None else "-"
    took = (time.perf_counter() - began) * 1000
    method = visit.request.method
    _log.info("%s %s %d %.0f ms by %s, request %s", method, name, status, took, who, visit.id)
