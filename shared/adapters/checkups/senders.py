"""Whether the mail service may send from the sender's domain, as Azure's management says it.

The service itself would say it only of a real message. Its resource is looked for among those that
whoever asks can see: a list of a subscription's resources holds no others. The property
linkedDomains: https://learn.microsoft.com/rest/api/communication/resourcemanager/communication-services/get.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

import requests

from shared.adapters.checkups.web import Mend, ask, listed, object_of
from shared.domain.errors import Untried, Unwell

LIST_VERSION = "2021-04-01"
VERSION = "2023-04-01"
KIND = "Microsoft.Communication/CommunicationServices"
MANAGED, MANAGED_END = "azuremanageddomain", ".azurecomm.net"
"""The name of a domain that Azure manages says nothing of its host, but for its end."""


class Management(NamedTuple):
    """Azure's management: its address, the subscription (`/subscriptions/…`), and our token."""

    endpoint: str
    subscription: str
    token: Callable[[], str]


def ask_sender(sender: str, host: str, management: Management, *, see: str, mend: Mend) -> str:
    """Whether the sender's domain is linked to the Communication Services at `host`.

    `see`: the command by which somebody who may see them looks himself.
    """
    if not management.subscription:
        raise Untried("the subscription is not known here: --app names the app in it")
    wanted = sender.rpartition("@")[2].lower()
    for found in _services(management):
        if str(found.get("hostName", "")).lower() == host.lower():
            linked = [str(one).rpartition("/")[2] for one in found.get("linkedDomains") or []]
            if any(_sends(one.lower(), wanted) for one in linked):
                return f"{wanted} is linked to the mail service"
            others = f"only {', '.join(linked)}" if linked else "no domain"
            said = f"{wanted} is not linked to the mail service, {others}"
            raise Unwell(f"{said}: it refuses mails from {sender}", mend=mend)
    raise Untried(f"who asks does not see the mail service; whoever may: {see}")


def _sends(linked: str, wanted: str) -> bool:
    return linked == wanted or (linked == MANAGED and wanted.endswith(MANAGED_END))


def _services(management: Management) -> Iterator[dict[str, Any]]:
    """The properties of all that can be seen."""
    base, token = management.endpoint.rstrip("/"), management.token()
    kind = f"$filter=resourceType eq '{KIND}'"
    url = f"{base}{management.subscription}/resources?{kind}&api-version={LIST_VERSION}"
    for one in listed(_asked(url, token), "Azure"):
        answer = _asked(f"{base}{one.get('id', '')}?api-version={VERSION}", token)
        yield object_of(answer).get("properties") or {}


def _asked(url: str, token: str) -> requests.Response:
    answer = ask("GET", url, "Azure", unwell=Untried, token=token)
    if answer.status_code != HTTPStatus.OK:
        raise Untried(f"Azure answered {answer.status_code} about the mail service")
    return answer
