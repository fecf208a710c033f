"""Whatever is asked for figures: the health page, Azure Monitor, log workspaces and databases."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.sql_queries import COUNTS, MINUTE_BATCH, NAME_SETS
from shared.domain.office_hours import OfficeHours
from shared.ports import Inspector, MetricSource, SourceGroup, Witness
from shared.setting_places import DatabasePlace, Resources
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.logs.workspaces import Workspaces
    from shared.adapters.sql.azure_sql import Connect, Database

BY_LOGS = ("logs", "security", "logins", "usage")
"""What a workspace gives."""


def measured(given: Settings) -> dict[str, frozenset[str]]:
    """Which sources each target has: those whose resource is named in the settings."""
    return {
        target: frozenset(name for name, has in _has(its, given).items() if has)
        for target, its in given.resources.items()
    }


def _has(its: Resources, given: Settings) -> dict[str, bool]:
    return {
        "probe": bool(its.health_url),
        **{kind: bool(getattr(its, kind)) for kind in NAMESPACES},
        **dict.fromkeys(_asked_by_sql(given), bool(its.database and given.sql_host)),
        **dict.fromkeys(BY_LOGS, bool(its.workspace)),
    }


def _asked_by_sql(given: Settings) -> list[str]:
    counts = COUNTS if given.business_names.shipped else ()
    return [query.source for query in (*MINUTE_BATCH, *counts)]


def metric_sources(
    given: Settings, identity: Callable[[], Any], logged: "Workspaces | None"
) -> list[MetricSource]:
    """Every source that is asked by itself and that some target has."""
    named = frozenset[str]().union(*measured(given).values())
    found: list[MetricSource] = []
    if "probe" in named:
        found.append(_probe(given))
    if named & NAMESPACES.keys():
        found += _platform(given, named & NAMESPACES.keys(), identity)
    return [*found, *_logs(logged)]


def _probe(given: Settings) -> MetricSource:
    from shared.adapters.health_probe import HealthProbe  # noqa: PLC0415 - SDK import

    return HealthProbe(_each(given, "health_url"))


def _platform(
    given: Settings, kinds: Collection[str], identity: Callable[[], Any]
) -> Sequence[MetricSource]:
    from shared.adapters.azure_monitor import open_azure_monitor  # noqa: PLC0415 - SDK import

    ids = {kind: _each(given, kind) for kind in NAMESPACES if kind in kinds}
    return open_azure_monitor(ids, endpoint=given.monitor_endpoint, credential=identity())


def workspaces(given: Settings, identity: Callable[[], Any]) -> "Workspaces | None":
    """The workspaces of all targets, over one client; None when no target has one."""
    ids = _each(given, "workspace")
    if not ids:
        return None
    from shared.adapters.logs.workspaces import open_workspaces  # noqa: PLC0415 - SDK import

    return open_workspaces(ids, endpoint=given.logs_endpoint, credential=identity())


def _logs(logged: "Workspaces | None") -> list[MetricSource]:
    if logged is None:
        return []
    from shared.adapters.logs.log_analytics import LogAnalytics  # noqa: PLC0415 - as above
    from shared.adapters.logs.usage import UsageLogs  # noqa: PLC0415 - as above

    return [LogAnalytics(logged), UsageLogs(logged)]


def groups(
    given: Settings, logged: "Workspaces | None", entered: "Mapping[str, Database]"
) -> list[SourceGroup]:
    """The sources that share one question."""
    return [*_security(logged, given), *_visits(entered)]


def _security(logged: "Workspaces | None", given: Settings) -> list[SourceGroup]:
    if logged is None:
        return []
    from shared.adapters.logs.security import SecurityLogs  # noqa: PLC0415 - as above

    hours, zone = given.office_hours, given.reader_zone or UTC
    office = OfficeHours(hours.days, hours.begins, hours.ends, zone)
    return [SecurityLogs(logged, office=office)]


def databases(given: Settings, identity: Callable[[], Any]) -> "dict[str, Database]":
    """Every target's database that is read by SQL."""
    from shared.adapters.sql.azure_sql import Database  # noqa: PLC0415 - seldom needed

    if not given.databases:
        return {}
    shipped = NAME_SETS.get(given.business_names.shipped, {})
    names = {**shipped, **given.business_names.others}
    token = None if given.sql_user else _token_of(identity())
    return {
        target: Database(_door(place, given, token), names, given.reader_zone or UTC)
        for target, place in given.databases.items()
    }


def _visits(entered: "Mapping[str, Database]") -> list[SourceGroup]:
    from shared.adapters.sql.azure_sql import AzureSql  # noqa: PLC0415 - as above

    return [AzureSql(entered)] if entered else []


def witness(entered: "Mapping[str, Database]") -> Witness | None:
    """Who looks at a chain of blocked sessions while it lasts; None without a database."""
    from shared.adapters.sql.witness import AzureSqlWitness  # noqa: PLC0415 - as above

    return AzureSqlWitness(entered) if entered else None


def inspector(entered: "Mapping[str, Database]") -> Inspector | None:
    """Who inspects the databases; None without one."""
    from shared.adapters.sql.inspector import (  # noqa: PLC0415 - as above
        AzureSqlInspector,
    )

    return AzureSqlInspector(entered) if entered else None


def _token_of(credential: Any) -> Callable[[], str]:
    """How the app's identity enters a database; the credential remembers its tokens."""
    from shared.adapters.sql.connections import SCOPE  # noqa: PLC0415 - as above

    return lambda: str(credential.get_token(SCOPE).token)


def _door(place: DatabasePlace, given: Settings, token: Callable[[], str] | None) -> "Connect":
    from shared.adapters.sql.connections import SqlAddress, connect  # noqa: PLC0415 - as above

    address = SqlAddress(*place, token=token, user=given.sql_user, password=given.sql_password)
    return partial(connect, address, driver=given.sql_driver)


def _each(given: Settings, resource: str) -> dict[str, str]:
    """That resource of every target that has one."""
    all_ids = {target: getattr(its, resource) for target, its in given.resources.items()}
    return {target: one for target, one in all_ids.items() if one}
