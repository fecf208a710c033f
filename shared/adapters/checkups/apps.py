"""The function app as the platform sees it, and the issuer whose tokens open its API."""

from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

import requests

from shared.domain.errors import Untried, Unwell

API_VERSION = "2024-04-01"
TIMEOUT = (4, 8)

Mend = Callable[[], str]
"""What helps, as it is known when something turns out to be wrong."""


def ask_functions(
    endpoint: str,
    app_id: str,
    token: Callable[[], str],
    wanted: Collection[str],
    mend: Mend,
) -> str:
    """Whether the platform lists the functions that nobody calls: after a deployment it may not."""
    if "/" not in app_id:
        raise Untried("the app's resource id is not known here: --app names it")
    url = f"{endpoint.rstrip('/')}{app_id}/functions?api-version={API_VERSION}"
    answer = _get(url, {"Authorization": f"Bearer {token()}"}, "Azure", mend)
    if answer.status_code == HTTPStatus.FORBIDDEN:
        listing = f"az functionapp function list --ids {app_id} --query [].name"
        raise Untried(f"who asks may not see it; whoever may: {listing}")
    if answer.status_code != HTTPStatus.OK:
        raise Unwell(f"Azure answered {answer.status_code} about the function app", mend=mend())
    listed = {str(one["name"]).rpartition("/")[2] for one in _json(answer).get("value", [])}
    missing = sorted(set(wanted) - listed)
    if missing:
        raise Unwell(f"the platform does not list {', '.join(missing)}", mend=mend())
    return f"{len(listed)} are listed, the ones that run by themselves among them"


def ask_issuer(url: str, mend: Mend) -> str:
    """Whether the issuer's signing keys can be fetched."""
    answer = _get(url, {}, "the issuer", mend)
    keys = _json(answer).get("keys") if answer.status_code == HTTPStatus.OK else None
    if not keys:
        raise Unwell(f"the issuer answered {answer.status_code} without signing keys", mend=mend())
    return f"publishes {len(keys)} signing keys"


def _get(url: str, headers: dict[str, str], who: str, mend: Mend) -> requests.Response:
    try:
        return requests.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise Unwell(f"{who} was not reached: {type(error).__name__}", mend=mend()) from error


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
