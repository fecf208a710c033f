"""The way of every request: its id, who asks, the answer or the error as one, a line in the log."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import azure.functions as func
from msgspec import Struct, field

from shared.domain.links import LinkMaker
from shared.ports import House
from shared.web.answers import document, failure, success
from shared.web.asking import request_id
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


class Reply(Struct, frozen=True):
    """What a route says; `meta` goes beside the data, `headers` on top of the usual ones."""

    data: Any
    meta: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Document(Struct, frozen=True):
    """What a route says when that is no JSON; `media_type` with its parameters."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Asked(Struct, frozen=True):
    """A request whose caller is known and may do this."""

    request: func.HttpRequest
    principal: Principal
    office: Office


class Route(Struct, frozen=True):
    """One route: its name in the log, the role it takes, and what answers."""

    name: str
    role: Role
    answer: Callable[[Asked], Reply | Document]


def serve(
    request: func.HttpRequest, route: Route, open_office: Callable[[], Office]
) -> func.HttpResponse:
    """Answer a request of somebody who must be known."""

    def attend(visit: Visit) -> Reply | Document:
        office = open_office()
        visit.principal = office.gate.admit(request.headers)
        demand(visit.principal, route.role)
        return route.answer(Asked(request, visit.principal, office))

    return answered(request, route.name, attend)


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
