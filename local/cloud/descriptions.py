"""What Azure's management says of the monitor's own app and of its mail service."""

from collections.abc import Mapping
from typing import Any

from local.cloud import email
from local.cloud.answerers import Desk
from local.cloud.resources import COMMUNICATION, GROUP, MONITOR, SUBSCRIPTION
from local.cloud.vault import references


def described_by(desk: Desk, path: str) -> Mapping[str, Any] | None:
    """The answer to a GET of that path, whose case ARM does not mind; None: of something else."""
    match path.lower().removeprefix(f"/subscriptions/{SUBSCRIPTION}".lower()):
        case "/resources":
            return {"value": [{"id": COMMUNICATION}]}
        case one if one == _below(COMMUNICATION):
            return {"properties": _mail_service(desk)}
        case one if one == _below(MONITOR):
            return {"properties": {"state": desk.app_state}}
        case one if one == _below(f"{MONITOR}/functions"):
            return {"value": [_function(desk, name) for name in sorted(desk.functions)]}
        case one if one == _below(f"{MONITOR}/config/configreferences/appsettings"):
            return references(desk)
        case _:
            return None


def _below(resource_id: str) -> str:
    return resource_id.removeprefix(f"/subscriptions/{SUBSCRIPTION}").lower()


def _function(desk: Desk, name: str) -> dict[str, Any]:
    return {"name": f"app/{name}", "properties": {"isDisabled": name in desk.disabled}}


def _mail_service(desk: Desk) -> dict[str, Any]:
    mail = f"{GROUP}/providers/Microsoft.Communication/emailServices/pantry-mail"
    host = desk.urls.get(email.NAME, "").partition("//")[2]
    return {"hostName": host, "linkedDomains": [f"{mail}/domains/{email.DOMAIN}"]}
