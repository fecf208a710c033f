"""The function app as the platform sees it, and the issuer whose tokens open its API."""

from collections.abc import Callable, Collection
from http import HTTPStatus
from shlex import quote

from shared.adapters.checkups import mends
from shared.adapters.checkups.web import Mend, ask, listed, object_of
from shared.domain.errors import Untried, Unwell

API_VERSION = "2024-04-01"


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
    answer = ask("GET", url, "Azure", unwell=Untried, token=token())
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise Unwell(f"Azure knows no app {app_id}", mend=mends.LIST_APPS)
    if answer.status_code != HTTPStatus.OK:
        listing = mends.list_functions(app_id)
        raise Untried(f"Azure answered {answer.status_code} to who asks; whoever may: {listing}")
    found = {str(one.get("name")).rpartition("/")[2] for one in listed(answer, "Azure")}
    missing = sorted(set(wanted) - found)
    if missing:
        raise Unwell(f"the platform does not list {', '.join(missing)}", mend=mend)
    return f"{len(found)} are listed, the ones that run by themselves among them"


def ask_issuer(url: str, mend: Mend) -> str:
    """Whether the issuer's signing keys can be fetched."""
    answer = ask("GET", url, "the issuer", away=f"curl --include {quote(url)}")
    keys = object_of(answer).get("keys") if answer.status_code == HTTPStatus.OK else None
    if not keys:
        raise Unwell(f"the issuer answered {answer.status_code} without signing keys", mend=mend)
    return f"publishes {len(keys)} signing key{'s' if len(keys) > 1 else ''}"
