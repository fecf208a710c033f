"""The forms of settings that say where things are: resources, targets, databases, the CRM's names.

Each turns a setting's text into its value or raises ValueError, as those of setting_forms.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from shared import setting_forms as form
from shared import setting_ways as way


class Resources(NamedTuple):
    """Where one target's figures come from; what is empty is not measured."""

    plan: str = ""
    app: str = ""
    database: str = ""
    workspace: str = ""
    health_url: str = ""


RESOURCE_FORMS: dict[str, Callable[[str], str]] = {
    "plan": form.resource("Microsoft.Web/serverfarms/[^/]+"),
    "app": form.resource("Microsoft.Web/sites/[^/]+"),
    "database": form.resource("Microsoft.Sql/servers/[^/]+/databases/[^/]+"),
    "workspace": form.workspace,
    "health_url": way.https_url,
}


def more_targets(text: str) -> Mapping[str, Resources] | form.Doubtful:
    """Targets beyond the first, each with its own resources."""
    given = form.json_object(text, 'a JSON object like {"other-app": {"plan": "/subscriptions/…"}}')
    doubts: list[str] = []
    described = {target: _resources(target, one, doubts) for target, one in given.items()}
    return form.Doubtful(described, tuple(doubts)) if doubts else described


def _resources(target: str, given: Any, doubts: list[str]) -> Resources:
    """Those that are right; a sentence is added about each of the others."""
    known = Resources._fields
    if not isinstance(given, dict) or not given.keys() <= set(known):
        doubts.append(f"right for {target}: an object of {', '.join(known)}")
    values = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        try:
            values[name] = RESOURCE_FORMS.get(name, form.one_word)(str(value))
        except ValueError as error:
            doubts.append(f"right for {target}: its {name} must be {error}, not {value!r}")
    return Resources(**{name: value for name, value in values.items() if name in known})


class DatabasePlace(NamedTuple):
    """Where a database is reached by SQL."""

    host: str
    port: int
    database: str


SQL_PORT = 1433
_SQL_DOMAINS = (
    ".database.windows.net",
    ".database.usgovcloudapi.net",
    ".database.chinacloudapi.cn",
)
_IN_RESOURCE_ID = re.compile(r".*/servers/([^/]+)/databases/([^/]+)", re.IGNORECASE)


def sql_host(text: str) -> str:
    """A host that gets tokens: only on Microsoft's own domains, or this machine."""
    url = urlsplit(f"//{text.replace('{server}', 'server')}")
    host = url.hostname or ""
    try:
        known = host.endswith(_SQL_DOMAINS) or way.is_loopback(url)
        usable = known and url.port != 0 and url.username is None
    except ValueError:
        usable = False
    if text and not (usable and url.netloc == text.replace("{server}", "server")):
        raise ValueError("a host like {server}.database.windows.net, perhaps with :port")
    return text


def database_place(resource_id: str, host: str) -> DatabasePlace | None:
    """The server and the database of a resource id, reached at `host`."""
    found = _IN_RESOURCE_ID.fullmatch(resource_id)
    if found is None:
        return None
    url = urlsplit(f"//{host.replace('{server}', found[1])}")
    return DatabasePlace(url.hostname or "", url.port or SQL_PORT, found[2])


class BusinessNames(NamedTuple):
    """A shipped set of the CRM's names, none at all, and those that differ from it."""

    shipped: str = ""
    others: Mapping[str, str] = MappingProxyType({})


NAME_SETS = ("crm", "brief")
LOGICAL_NAMES = (
    *("sessions", "sessions.seenAt", "interactions", "interactions.createdAt"),
    *("reports", "reports.createdAt", "syncs", "syncs.status", "syncs.updatedAt"),
    *("interactions.type", "reports.type", "reports.durationMs"),
    *("deals", "deals.stage", "deals.value", "deals.closedAt"),
)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w $#@-]{0,127}(\.[A-Za-z_][\w $#@-]{0,127})?")


def business_names(text: str) -> BusinessNames:
    """Names are checked and later quoted: they become part of statements."""
    if not text or text in NAME_SETS:
        return BusinessNames(text)
    given = form.json_object(text, f"{', '.join(NAME_SETS)}, a JSON object of names, or empty")
    strangers = given.keys() - set(LOGICAL_NAMES)
    if strangers:
        known = ", ".join(LOGICAL_NAMES)
        raise ValueError(f"without {', '.join(sorted(strangers))}; there are {known}")
    for name, value in given.items():
        if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
            raise ValueError(f"right for {name}: a name such as UserSession or dbo.UserSession")
    return BusinessNames("crm", given)
