"""Asks over HTTPS with short patience; whoever does not answer is unwell."""

from collections.abc import Callable
from typing import Any

import requests

from shared.adapters.bodies import json_object
from shared.adapters.checkups.mends import NOTHING
from shared.domain.errors import Untried, Unwell

TIMEOUT = (4, 8)
"""Seconds to connect, and between two pieces of an answer."""

Mend = Callable[[], str]
"""What helps, as it is known when something turns out to be wrong."""


def ask(
    method: str,
    url: str,
    who: str,
    *,
    away: str | Mend = NOTHING,
    unwell: type[Unwell] = Unwell,
    token: str = "",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> requests.Response:
    """An answer, whatever its status; no redirect is followed with a token in hand.

    `away`: what helps when nobody answers, which is nobody's fault here as a rule; `unwell`: what
    is raised then.
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
        raise unwell(f"{who} was not reached: {type(error).__name__}", mend=away) from error


def object_of(answer: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer; empty when it holds none."""
    return json_object(answer.content)


def listed(answer: requests.Response, who: str) -> list[dict[str, Any]]:
    """The objects in the list `value` of that object; raises Untried when there is no list."""
    found = object_of(answer).get("value")
    if not isinstance(found, list):
        raise Untried(f"the answer of {who} can't be read")
    return [one for one in found if isinstance(one, dict)]
