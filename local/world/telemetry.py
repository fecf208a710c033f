"""What Application Insights keeps of a minute's requests, and what it records beside them."""

from collections.abc import Iterable
from dataclasses import replace

from local.world.conduct import events_of, is_kept
from local.world.events import CustomEvent, ExceptionEvent, PageView, Request
from local.world.failures import Failure
from local.world.traffic import OPERATIONS

_PAGES = frozenset(operation.name for operation in OPERATIONS if operation.is_page)
_RENDER_MS = 350


def sampled(requests: Iterable[Request]) -> list[Request]:
    """Every failure, and half of the rest by operation: each of those stands for two requests."""
    return [
        request if request.status >= 500 else replace(request, item_count=2)
        for request in requests
        if request.status >= 500 or is_kept(request.operation_id)
    ]


def exceptions(requests: Iterable[Request], failure: Failure) -> tuple[ExceptionEvent, ...]:
    """The exception behind every failed request."""
    return tuple(
        ExceptionEvent(
            at=request.at,
            operation_id=request.operation_id,
            problem_id=failure.problem_id,
            kind=failure.kind,
            message=failure.message,
            item_count=request.item_count,
        )
        for request in requests
        if request.status >= 500
    )


def custom_events(requests: Iterable[Request]) -> tuple[CustomEvent, ...]:
    """What the CRM itself reports of them: logins, refusals and generated reports."""
    return tuple(
        CustomEvent(
            at=request.at,
            name=name,
            operation_id=request.operation_id,
            user_id=request.user_id,
            session_id=request.session_id,
            client_ip=request.client_ip,
            item_count=request.item_count,
        )
        for request in requests
        for name in events_of(request)
    )


def page_views(requests: Iterable[Request]) -> tuple[PageView, ...]:
    """The pages that browsers showed; rendering comes on top of the request."""
    return tuple(
        PageView(
            at=request.at,
            name=request.name.partition(" ")[2],
            url=request.url,
            duration_ms=round(request.duration_ms + _RENDER_MS, 3),
            user_id=request.user_id,
            session_id=request.session_id,
            item_count=request.item_count,
        )
        for request in requests
        if request.name in _PAGES and request.status < 400
    )
