"""What Log Analytics' refusals mean, in the words of whoever can help."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError

from shared.domain.errors import SourceDenied, SourceError

# What the SDK raises, outside its own tree, over an answer of another shape or half an answer.
_NONSENSE = (HTTPException, OSError, ValueError, LookupError, AttributeError, TypeError)
LACKING = "it needs the role Log Analytics Reader on its workspace"
_HINTS = {
    401: "the token was not accepted: its audience must be the endpoint's own",
    403: "the monitor's identity needs the role Log Analytics Reader on the workspace",
    404: "the workspace is named by its id (a GUID), not by its resource id",
    429: "Log Analytics asks for patience",
    503: "Log Analytics is not available",
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise SourceError for whatever the SDK raises inside."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code == HTTPStatus.FORBIDDEN:
            raise SourceDenied(_refusal(error), lacking=LACKING) from error
        raise SourceError(_refusal(error)) from error
    except (AzureError, *_NONSENSE) as error:
        raise SourceError(f"{type(error).__name__}: {error}") from error


def _refusal(error: HttpResponseError) -> str:
    if error.status_code is None:
        return f"{type(error).__name__}: {_first_line(error.message)}"
    patience = _retry_after(error)
    hint = _HINTS.get(error.status_code)
    parts = [f"Log Analytics answered {error.status_code}", _said(error), patience, hint]
    return "; ".join(part for part in parts if part)


def _said(error: HttpResponseError) -> str:
    """Azure wraps what is wrong with a query, and the SDK loses it: the innermost error tells."""
    said = _first_line(error.message)
    response: Any = error.response
    try:
        inner = response.json()["error"]
        while isinstance(inner, Mapping):
            said = f"{inner['code']}: {_first_line(inner['message'])}"
            inner = inner.get("innererror")
    except (AttributeError, LookupError, TypeError, ValueError):
        return said
    return said


def _first_line(text: Any) -> str:
    return str(text).partition("\n")[0]


def _retry_after(error: HttpResponseError) -> str:
    seconds = getattr(error.response, "headers", {}).get("Retry-After")
    return f"to be asked again in {seconds} s" if seconds else ""
