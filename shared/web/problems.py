"""What goes wrong on the way to an answer, and how the errors of domain/errors.py become statuses.

This is the only place that knows both.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.domain.errors import (
    ChannelError,
    Conflict,
    DamagedRow,
    InvalidInput,
    InvalidRule,
    LinkRefused,
    MonitorError,
    NotAsked,
    NotFound,
    SourceDenied,
    SourceError,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    Untried,
    Unwell,
)

_SOON: Mapping[str, str] = {"Retry-After": "1"}


class Problem(Exception):
    """An answer that is not a success; the message says what would be right."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


class Mapped(NamedTuple):
    """How an error is answered; without a `message` its own text is, being made for callers."""

    status: int
    code: str
    message: str = ""
    headers: Mapping[str, str] = {}


_INTERNAL = Mapped(500, "internal", "something broke; the log knows this request by its id")
_BUSY = Mapped(503, "store_busy", "the store is busy or out of reach; try again", _SOON)
_REFUSED = Mapped(502, "channel_refused", "the channel did not take the message")

TABLE: Mapping[type[MonitorError], Mapped] = {
    InvalidInput: Mapped(400, "invalid_input"),
    InvalidRule: Mapped(400, "invalid_rule"),
    LinkRefused: Mapped(
        403, "link_refused", "the link was changed on its way, or its key is not accepted any more"
    ),
    NotFound: Mapped(404, "not_found"),
    Conflict: _BUSY,
    StoreUnavailable: _BUSY,
    DamagedRow: Mapped(500, "damaged_row", "a stored row can't be read; the log says which"),
    StoreRefused: _INTERNAL,
    StoreError: _INTERNAL,
    SourceDenied: Mapped(
        502, "source_denied", "the monitor lacks a grant to read this; health names it"
    ),
    SourceError: Mapped(503, "source_unavailable", "a source did not answer; try again", _SOON),
    ChannelError: _REFUSED,
    NotAsked: _REFUSED,
    # Both are findings of an examination; none gets out of it.
    Unwell: _INTERNAL,
    Untried: _INTERNAL,
    MonitorError: _INTERNAL,
}


def problem_of(error: Exception) -> Problem:
    """The answer to any error; what nobody expected says nothing but that it happened."""
    if isinstance(error, Problem):
        return error
    kinds = (kind for kind in type(error).__mro__ if issubclass(kind, MonitorError))
    mapped = next((TABLE[kind] for kind in kinds if kind in TABLE), _INTERNAL)
    return Problem(mapped.status, mapped.code, mapped.message or str(error), headers=mapped.headers)


def nearest(given: str, known: Iterable[str]) -> str:
    """The end of a sentence about a wrong name: what was probably meant, or what there is."""
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    names = list(known)
    near = get_close_matches(given[:100], names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
