"""The function app as the platform sees it, and the issuer whose tokens open its API."""

from collections.abc import Callable, Collection
from http import HTTPStatus
from shlex import quote
from typing import Any

import requests

from shared.adapters.checkups import mends
from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.web import Mend, ask, listed, object_of
from shared.domain.errors import Untried, Unwell

API_VERSION = "2024-04-01"
RUNNING = "Running"
ROLE = "Monitoring Reader"


def ask_functions(
    endpoint: str, who: Identity, token: Callable[[], str], wanted: Collection[str]
) -> str:
    """Whether the app runs, and with it the functions that nobody calls.

    After a deployment the platform may not list them; somebody may have stopped or disabled them.
    """
    if "/" not in who.app_id:
        raise Untried("the app's resource id is not known here: --app names it")
    base, bearer = f"{endpoint.rstrip('/')}{who.app_id}", token()
    state = (object_of(_asked(base, who, bearer)).get("properties") or {}).get("state")
    if state not in (None, RUNNING):
        raise Unwell(f"the app is {state}", mend=mends.start(who.app_id))
    found = listed(_asked(f"{base}/functions", who, bearer), "Azure")
    names = {_name(one) for one in found}
    missing = sorted(set(wanted) - names)
    if missing:
        mend = mends.sync_triggers(who) + ("" if names else mends.WHY_NONE)
        raise Unwell(f"the platform does not list {', '.join(missing)}", mend=mend)
    off = sorted(set(wanted) & {_name(one) for one in found if _is_off(one)})
    if off:
        raise Unwell(f"somebody disabled {', '.join(off)}", mend=mends.enable(off, who.app_id))
    return f"{len(names)} are listed, the ones that run by themselves among them"


def _asked(url: str, who: Identity, token: str) -> requests.Response:
    """What Azure's management says of the app."""
    url = f"{url}?api-version={API_VERSION}"
    answer = ask("GET", url, "Azure", unwell=Untried, token=token)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise Unwell(f"Azure knows no app {who.app_id}", mend=mends.LIST_APPS)
    if answer.status_code != HTTPStatus.OK:
        raise not_shown(answer.status_code, who, mends.list_functions(who.app_id))
    return answer


def not_shown(status: int, who: Identity, listing: str) -> Unwell:
    """Why Azure does not say something of the app: to the app itself it needs no more than a role.

    `listing`: the command by which whoever may see it looks himself.
    """
    if status == HTTPStatus.FORBIDDEN and who.is_app:
        mend = mends.grant_role(ROLE, who.app_id, who)
        return Unwell(f"the app lacks {ROLE} on itself", mend=mend, limps=True)
    return Untried(f"Azure answered {status} to who asks; whoever may: {listing}")


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
