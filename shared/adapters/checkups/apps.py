"""The function app as the platform sees it, and the issuer whose tokens open its API."""

from collections.abc import Callable, Collection
from http import HTTPStatus
from shlex import quote
from typing import Any

import requests

from shared.adapters.checkups import mends
from shared.adapters.checkups.web import Mend, ask, listed, object_of
from shared.domain.errors import Untried, Unwell

API_VERSION = "2024-04-01"
RUNNING = "Running"


def ask_functions(
    endpoint: str,
    app_id: str,
    token: Callable[[], str],
    wanted: Collection[str],
    mend: Mend,
) -> str:
    """Whether the app runs, and with it the functions that nobody calls.

    After a deployment the platform may not list them; somebody may have stopped or disabled them.
    """
    if "/" not in app_id:
        raise Untried("the app's resource id is not known here: --app names it")
    base, bearer = f"{endpoint.rstrip('/')}{app_id}", token()
    state = (object_of(_asked(base, app_id, bearer)).get("properties") or {}).get("state")
    if state not in (None, RUNNING):
        raise Unwell(f"the app is {state}", mend=mends.start(app_id))
    found = listed(_asked(f"{base}/functions", app_id, bearer), "Azure")
    names = {_name(one) for one in found}
    missing = sorted(set(wanted) - names)
    if missing:
        said = f"the platform does not list {', '.join(missing)}"
        raise Unwell(said, mend=mend if names else lambda: f"{mend()}{mends.WHY_NONE}")
    off = sorted(set(wanted) & {_name(one) for one in found if _is_off(one)})
    if off:
        raise Unwell(f"somebody disabled {', '.join(off)}", mend=mends.enable(off, app_id))
    return f"{len(names)} are listed, the ones that run by themselves among them"


def _asked(url: str, app_id: str, token: str) -> requests.Response:
    """What Azure's management says of the app; raises Untried when it does not say it to us."""
    url = f"{url}?api-version={API_VERSION}"
    answer = ask("GET", url, "Azure", unwell=Untried, token=token)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise Unwell(f"Azure knows no app {app_id}", mend=mends.LIST_APPS)
    if answer.status_code != HTTPStatus.OK:
        listing = mends.list_functions(app_id)
        raise Untried(f"Azure answered {answer.status_code} to who asks; whoever may: {listing}")
    return answer


def _name(function: dict[str, Any]) -> str:
    return str(function.get("name")).rpartition("/")[2]


def _is_off(function: dict[str, Any]) -> bool:
    return bool((function.get("properties") or {}).get("isDisabled"))


def ask_issuer(url: str, mend: Mend) -> str:
    """Whether the issuer's signing keys can be fetched."""
    answer = ask("GET", url, "the issuer", away=f"curl --include {quote(url)}")
    keys = object_of(answer).get("keys") if answer.status_code == HTTPStatus.OK else None
    if not keys:
        raise Unwell(f"the issuer answered {answer.status_code} without signing keys", mend=mend)
    return f"publishes {len(keys)} signing key{'s' if len(keys) > 1 else ''}"
