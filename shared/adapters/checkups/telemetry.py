"""Whether telemetry of ours is let in where the app sends it; else nobody notices that none comes.

A line is sent, because the address of the resource stands in the lines themselves: who sends
nothing is not asked who he is. Without local authentication the service answers 401 without a
token (some SDKs are told 400) and 403 without the role:
https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication (Troubleshooting); its
answers' form: Azure/azure-rest-api-specs, specification/applicationinsights/data-plane/
Monitor.Exporters/preview/v2.1/swagger.json.
"""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from shared.adapters.checkups import mends, setting_mends
from shared.adapters.checkups.identities import Identity
from shared.adapters.checkups.web import ask, object_of
from shared.domain.errors import Untried, Unwell
from shared.domain.times import iso

ROLE = "Monitoring Metrics Publisher"
PATH = "/v2.1/track"
AUDIENCE = "https://monitor.azure.com/"
WORDS = "the doctor asks whether telemetry arrives"
DAILY_CAP = (402, 439)

_VERBOSE = 0
_ELSEWHERE = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)


class Ingestion(NamedTuple):
    """Where telemetry goes: endpoint, the resource's two keys, and whether the identity sends."""

    endpoint: str
    key: str
    resource: str
    audience: str
    by_identity: bool


def read_ingestion(connection: str, authentication: str) -> Ingestion:
    """From the host's settings APPLICATIONINSIGHTS_CONNECTION_STRING and …_AUTHENTICATION_STRING.

    Raises ValueError for a connection string without its key or its endpoint.
    """
    parts = (one.partition("=") for one in connection.split(";"))
    given = {name.strip().lower(): value.strip() for name, _, value in parts}
    if not given.get("instrumentationkey") or not given.get("ingestionendpoint"):
        raise ValueError("InstrumentationKey and IngestionEndpoint must be in it")
    return Ingestion(
        given["ingestionendpoint"].rstrip("/"),
        given["instrumentationkey"],
        given.get("applicationid", ""),
        given.get("aadaudience", AUDIENCE),
        "authorization=aad" in authentication.lower(),
    )


def send_line(
    to: Ingestion,
    now: datetime,
    token: Callable[[str], str],
    who: Callable[[], Identity],
    *,
    workspace: str = "",
) -> str:
    """Send one verbose trace as the app itself would; `workspace`: where it is kept, if known."""
    bearer = token(f"{to.audience}/.default") if to.by_identity else ""
    answer = ask(
        "POST",
        to.endpoint + PATH,
        "Application Insights",
        token=bearer,
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode([_line(to.key, now)]),
    )
    if not {answer.status_code, *_errors(object_of(answer))}.isdisjoint(DAILY_CAP):
        said = "its daily cap is reached: nothing more is kept until the cap's day ends"
        raise Unwell(said, mend=mends.raise_cap(workspace))
    if answer.status_code in _ELSEWHERE:
        raise Untried("it is sent to another region, where nobody was asked")
    if answer.status_code == HTTPStatus.OK and object_of(answer).get("itemsAccepted") == 1:
        return "a line was taken"
    raise _refused(answer.status_code, to, who())


def _errors(said: dict[str, Any]) -> list[int]:
    """The status of each line that was not taken."""
    found = said.get("errors")
    listed = found if isinstance(found, list) else []
    return [int(one.get("statusCode", 0)) for one in listed if isinstance(one, dict)]


def _refused(status: int, to: Ingestion, who: Identity) -> Unwell:
    said = f"Application Insights answered {status}"
    if status == HTTPStatus.FORBIDDEN and not who.is_app:
        return Untried(f"{said} to who asks; of the app's own role GET health?deep=1 tells")
    if status == HTTPStatus.FORBIDDEN or (status == HTTPStatus.UNAUTHORIZED and to.by_identity):
        scope = mends.telemetry_scope(to.resource)
        return Unwell(f"{said}: {ROLE} is lacking", mend=mends.grant_role(ROLE, scope, who))
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED) and not to.by_identity:
        mend = setting_mends.set_setting(
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD", who
        )
        return Unwell(f"{said}: it takes nothing without the app's identity", mend=mend)
    return Unwell(said, mend=mends.NOTHING)


def _line(key: str, now: datetime) -> dict[str, Any]:
    return {
        "name": "Microsoft.ApplicationInsights.Message",
        "time": iso(now),
        "iKey": key,
        "tags": {"ai.cloud.role": "doctor"},
        "data": {
            "baseType": "MessageData",
            "baseData": {"ver": 2, "message": WORDS, "severityLevel": _VERBOSE},
        },
    }
