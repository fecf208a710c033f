"""Asks over HTTPS with short patience; whoever does not answer is unwell."""

from collections.abc import Callable
from typing import Any

import requests

from shared.domain.errors import Unwell

TIMEOUT = (4, 8)
"""Seconds to connect, and between two pieces of an answer."""

Mend = Callable[[], str]
"""What helps, as it is known when something turns out to be wrong."""


def ask(
    method: str,
    url: str,
    who: str,
    mend: Mend,
    *,
    token: str = "",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> requests.Response:
    """An answer, whatever its status; no redirect is followed with a token in hand.

    Errors are told by their kind alone: their texts hold addresses, which may be secrets.
    """
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return requests.request(
            method,
            url,
            data=body,
            headers={**bearer, **(headers or {})},
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise Unwell(f"{who} was not reached: {type(error).__name__}", mend=mend) from error


def object_of(answer: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer; empty when it holds none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def objects_of(answer: requests.Response, name: str) -> list[dict[str, Any]]:
    """The objects in a list of that object."""
    listed = object_of(answer).get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
