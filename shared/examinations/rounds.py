"""What every room of examinations shares: whom it examines, when, and as whom it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from shared.adapters.checkups import mends
from shared.adapters.checkups.identities import Credentials
from shared.adapters.checkups.storage import account_name
from shared.catalog.platform_metrics import NAMESPACES
from shared.examinations.changes import Changes, management_scope
from shared.furnishing.sources import BY_LOGS
from shared.ports import House, WallClock
from shared.settings import Settings

IDENTITY = ("identity",)
"""What everything needs that is opened by the app's identity."""


@dataclass(frozen=True)
class Round:
    """One round of a doctor: the settings and the house, who asks, world time and the wall's.

    `host`: the environment, for what is the Functions host's and no setting of ours.
    """

    given: Settings
    house: House
    who: Credentials
    now: datetime
    wall: WallClock
    host: Mapping[str, str]

    @cached_property
    def account(self) -> str:
        """The storage account's name."""
        return account_name(self.given.storage, self.given.storage_account)

    def credential(self) -> Any:
        """The app's credential, as bootstrap's makers want it."""
        return self.who.credential

    @cached_property
    def changes(self) -> Changes:
        """How the app's settings are changed."""
        deployed = not self.given.storage
        return Changes(self.who, self.given.monitor_endpoint, deployed=deployed)

    @property
    def uses_identity(self) -> bool:
        """Whether anything here is opened by the app's identity."""
        given = self.given
        kinds = {kind for sources in self.house.measured.values() for kind in sources}
        asked = kinds & (NAMESPACES.keys() | set(BY_LOGS))
        own = given.own_app or given.own_storage or given.own_workspace
        by_sql = given.databases and not given.sql_user
        return bool(asked or own or by_sql or given.acs_endpoint or not given.storage)

    @property
    def subscription(self) -> str:
        """The app's, as `/subscriptions/…`; empty while it is not known."""
        before, _, _ = self.who.identity.app_id.partition("/resourceGroups/")
        return before if before.startswith("/subscriptions/") else ""

    def management_token(self) -> str:
        """A token for Azure's management; raises Unwell."""
        return self.who.sure_token(management_scope(self.given.monitor_endpoint))

    @property
    def restarting(self) -> str:
        """How the app is restarted, once it is known who it is."""
        return mends.restart_monitor(self.who.identity)

    def setting(self, name: str, value: str, entry: str = "") -> Callable[[], str]:
        """How one is changed, or the URL of one entry of it; once it is known who the app is."""
        return partial(self.changes.of, name, value, entry)


def app_id_in(environment: Mapping[str, str]) -> str:
    """The function app's resource id as the platform tells its own apps; else empty."""
    subscription = environment.get("WEBSITE_OWNER_NAME", "").partition("+")[0]
    group = environment.get("WEBSITE_RESOURCE_GROUP", "")
    name = environment.get("WEBSITE_SITE_NAME", "")
    if not (subscription and group and name):
        return ""
    where = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return f"{where}/providers/Microsoft.Web/sites/{name}"


def is_inside(host: Mapping[str, str]) -> bool:
    """Whether this is the app itself, or a stand-in with its identity, and nobody's desk."""
    return bool(host.get("IDENTITY_ENDPOINT") or host.get("WEBSITE_SITE_NAME"))


def breaks(house: House, *sources: str) -> str:
    """What only these sources give, in metrics; else what they give beside others."""
    metrics = house.catalog.metrics
    names = [one.name for one in metrics if one.sources and {*one.sources} <= {*sources}]
    if names:
        return f"no figures of {', '.join(names)}"
    names = [one.name for one in metrics if not {*one.sources}.isdisjoint(sources)]
    return f"one source less for {', '.join(names)}"
