"""Furnishes the house: the only file that names concrete adapters, and where time comes from.

Everything here is lazy: indexing the function app must not import an SDK, read a setting that is
wrong, or open a connection.
"""

import logging
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from shared.adapters.channels.console import ConsoleChannel
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import GuardedRows
from shared.adapters.ledger import RowLedger
from shared.adapters.rows import Rows
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import NAMESPACES
from shared.catalog.rules import default_rules
from shared.catalog.sql_queries import COUNTS, MINUTE_BATCH, NAME_SETS
from shared.domain.budgets import Limits
from shared.domain.errors import StoreUnavailable
from shared.domain.links import LinkMaker
from shared.domain.office_hours import OfficeHours
from shared.domain.reporting import Reporting
from shared.domain.retention import Retention
from shared.domain.routing import Routing
from shared.domain.rules import Action, ActionType, Rule, Severity
from shared.ports import (
    Channel,
    House,
    Inspector,
    MetricSource,
    Pulse,
    SourceGroup,
    Witness,
)
from shared.services.reach import (
    lacking,
    refusing,
    unmeasured,
    unreachable,
    unread,
    unreported,
)
from shared.services.rulebook import every_rule
from shared.setting_places import DatabasePlace, Resources
from shared.settings import Settings, SettingsError, load
from shared.web.auth import Gate
from shared.web.doors import Office
from shared.web.problems import Problem

if TYPE_CHECKING:
    from shared.adapters.azure_sql import Connect, Database
    from shared.adapters.log_workspaces import Workspaces
    from shared.adapters.queues import StorageQueues

BY_LOGS = ("logs", "security", "logins", "usage")
"""What a workspace gives."""
SAMPLES, ALERTS, CONFIG = "Samples", "Alerts", "Config"

# Nothing may wait for a token for ever: azure-identity's own patience is minutes, and it would
# sleep through any Retry-After.
IDENTITY_PATIENCE: dict[str, Any] = {
    "connection_timeout": 3,
    "read_timeout": 5,
    "retry_total": 1,
    "retry_connect": 1,
    "retry_read": 0,
    "retry_status": 0,
}

_log = logging.getLogger(__name__)
_alert_log = logging.getLogger("pantry.alerts")

# At INFO, the worker's level, the SDKs describe every request: that alone can fill the daily cap
# of the log, and then nobody sees a heartbeat any more.
logging.getLogger("azure").setLevel(logging.WARNING)


def utc_now() -> datetime:
    """World time: the one place where the app reads it; to the second, as the wire spells times."""
    return wall_now().replace(microsecond=0)


def wall_now() -> datetime:
    """Wall time, of which leases, deliveries, tokens and budgets are made."""
    return datetime.now(UTC)


def _wall_second() -> datetime:
    return wall_now().replace(microsecond=0)


@cache
def settings() -> Settings:
    """The settings of this process; raises SettingsError at first use, never at import."""
    return load(os.environ)


@cache
def house() -> House:
    """The house of this process, furnished once."""
    return furnish(settings())


def furnish(given: Settings, identity: Callable[[], Any] | None = None) -> House:
    """A house over real storage; `identity` makes the app's credential, when one is needed."""
    identity = identity or open_identity
    samples, alerts, config = (table(given, name, identity) for name in (SAMPLES, ALERTS, CONFIG))
    entered = databases(given, identity)
    logged = workspaces(given, identity)
    return House(
        catalog=CATALOG,
        rules=default_rules(),
        routing=_routing(given),
        samples=ChunkStore(samples),
        alerts=RowLedger(alerts),
        config=RowLedger(config),
        queue=queue(given, identity),
        sources=[*_sources(given, identity), *_logs(logged)],
        measured=measured(given),
        groups=[*_security(logged, given), *_groups(entered)],
        witness=_witness(entered),
        inspector=_inspector(entered),
        channels=channels(given, identity),
        budgets={ActionType.EMAIL: Limits(given.mails_per_minute, given.mails_per_hour)},
        wall=_wall_second,
        fallback=_fallback(given),
        reader_zone=given.reader_zone,
        links=link_maker(given),
        pulse=_pulse(given),
        retention=_retention(given),
        reporting=_reporting(given),
    )


def _retention(given: Settings) -> Retention:
    return Retention(
        hours=given.minutes_kept,
        days=given.hours_kept,
        alerts=given.alerts_kept,
        audit=given.audit_kept,
    )


def _reporting(given: Settings) -> Reporting:
    channel = given.report_channel
    return Reporting(
        to=_routing(given).filled(_action(channel)) if channel else None,
        weekday=given.report_day,
        hour=given.report_hour,
        objective=given.availability_objective,
    )


def link_maker(given: Settings) -> LinkMaker | None:
    """Makes and reads the links in messages; None while its settings are not there."""
    usable = given.action_keys and given.public_url
    return LinkMaker(given.action_keys, given.public_url) if usable else None


def _routing(given: Settings) -> Routing:
    """Where the alerts go of rules that leave it open."""
    routes = {
        Severity(name): tuple(map(_action, channels))
        for name, channels in given.severity_routes.items()
    }
    return Routing(given.placeholders, routes)


def channels(given: Settings, identity: Callable[[], Any] | None = None) -> dict[str, Channel]:
    """The channels that are set up, by action type; the console writes to the portal's log."""
    known: dict[str, Channel] = {ActionType.CONSOLE: ConsoleChannel(write=_alert_log.warning)}
    if given.acs or given.acs_endpoint:
        known[ActionType.EMAIL] = _email(given, identity or open_identity)
    if given.slack_webhooks or given.slack_bot_token:
        from shared.adapters.channels.slack import SlackChannel  # noqa: PLC0415 - light at import

        known[ActionType.SLACK] = SlackChannel(
            given.slack_webhooks, token=given.slack_bot_token, endpoint=given.slack_endpoint
        )
    if given.webhooks:
        known[ActionType.WEBHOOK] = _webhook(given)
    if given.teams_webhooks:
        known[ActionType.TEAMS] = _teams(given)
    if given.sms_from:
        known[ActionType.SMS] = _sms(given, identity or open_identity)
    return known


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


@cache
def gate() -> Gate:
    """Who may ask; it remembers the issuer's keys between requests."""
    given = settings()
    return Gate(
        issuer=given.auth_issuer,
        audience=given.auth_audience,
        jwks_url=given.auth_jwks_url,
        role_claim=given.auth_role_claim,
        crm_key=given.crm_token_key,
        # The platform's own variable: then it also strips the login headers that callers make up.
        platform_login=os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true",
    )


def office() -> Office:
    """What answers a request; a Problem (503) while the settings can't be used."""
    try:
        given = settings()
        return Office(
            gate=gate(),
            targets=given.targets,
            house=house,
            now=utc_now(),
            links=link_maker(given),
        )
    except SettingsError as error:
        _log.error("%s", error)
        names = ", ".join(error.names)
        said = f"{names} can't be used; the log says why"
        raise Problem(503, "settings_unusable", said, headers={"Retry-After": "60"}) from None


def problems() -> list[str]:
    """Why the app can't do its work, or can't tell somebody who should be told."""
    try:
        given = settings()
    except SettingsError as error:
        _log.error("%s", error)
        return [f"{', '.join(error.names)} can't be used; the log says why"]
    rules, more = _stored(wall_now().replace(second=0, microsecond=0))
    return [
        *unreachable(rules, channels(given), _fallback(given)),
        *unreported(_reporting(given).to, channels(given)),
        *unmeasured(rules, CATALOG, measured(given)),
        *more,
    ]


@lru_cache(maxsize=1)
def _stored(
    minute: datetime,  # noqa: ARG001 - what is kept, is kept for it
) -> tuple[Sequence[Rule], Sequence[str]]:
    """The rules, and what sources lack or who refuses; read once a minute: anybody asks health."""
    home = house()
    try:
        problems = [*lacking(home.measured, home.samples), *unread(home), *refusing(home.config)]
        return every_rule(home), problems
    except StoreUnavailable:
        shipped = [home.routing.routed(rule) for rule in home.rules]
        return shipped, ["the store can't be read just now"]


@cache
def warn() -> None:
    """Say once per process in the log what health says to all who ask, and how databases are read.

    From here, because the Functions host drops what the threads of a pass log.
    """
    for problem in problems():
        _log.warning("%s", problem)
    with suppress(SettingsError):
        _tell_driver(settings())


def _tell_driver(given: Settings) -> None:
    """It decides what can go wrong, and by default depends on the machine."""
    if given.databases:
        from shared.adapters.sql_connections import best_driver  # noqa: PLC0415 - seldom needed

        _log.info("databases are read by %s", given.sql_driver or best_driver())


def _fallback(given: Settings) -> Action | None:
    named = given.fallback_channel
    return _routing(given).filled(_action(named)) if named else None


def _action(channel: str) -> Action:
    """The address that a setting spells as type:target."""
    kind, _, target = channel.partition(":")
    return Action(ActionType(kind), target)


def _pulse(given: Settings) -> Pulse | None:
    from shared.adapters.pulse import HttpPulse  # noqa: PLC0415 - seldom needed

    return HttpPulse(given.heartbeat_url) if given.heartbeat_url else None


def _sources(given: Settings, identity: Callable[[], Any]) -> list[MetricSource]:
    """Every source that some target has, but those that a client is shared by."""
    named = frozenset[str]().union(*measured(given).values())
    found: list[MetricSource] = []
    if "probe" in named:
        found.append(_probe(given))
    if named & NAMESPACES.keys():
        found += _platform(given, named & NAMESPACES.keys(), identity)
    return found


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
    from shared.adapters.log_workspaces import open_workspaces  # noqa: PLC0415 - SDK import

    return open_workspaces(ids, endpoint=given.logs_endpoint, credential=identity())


def _logs(logged: "Workspaces | None") -> list[MetricSource]:
    if logged is None:
        return []
    from shared.adapters.log_analytics import LogAnalytics  # noqa: PLC0415 - as above
    from shared.adapters.usage_logs import UsageLogs  # noqa: PLC0415 - as above

    return [LogAnalytics(logged), UsageLogs(logged)]


def _security(logged: "Workspaces | None", given: Settings) -> list[SourceGroup]:
    if logged is None:
        return []
    from shared.adapters.security_logs import SecurityLogs  # noqa: PLC0415 - as above

    hours, zone = given.office_hours, given.reader_zone or UTC
    office = OfficeHours(hours.days, hours.begins, hours.ends, zone)
    return [SecurityLogs(logged, office=office)]


def databases(given: Settings, identity: Callable[[], Any]) -> "dict[str, Database]":
    """Every target's database that is read by SQL."""
    from shared.adapters.azure_sql import Database  # noqa: PLC0415 - seldom needed

    if not given.databases:
        return {}
    shipped = NAME_SETS.get(given.business_names.shipped, {})
    names = {**shipped, **given.business_names.others}
    token = None if given.sql_user else _token_of(identity())
    return {
        target: Database(_door(place, given, token), names, given.reader_zone or UTC)
        for target, place in given.databases.items()
    }


def _groups(databases: "Mapping[str, Database]") -> list[SourceGroup]:
    from shared.adapters.azure_sql import AzureSql  # noqa: PLC0415 - as above

    return [AzureSql(databases)] if databases else []


def _witness(databases: "Mapping[str, Database]") -> Witness | None:
    from shared.adapters.azure_sql_witness import AzureSqlWitness  # noqa: PLC0415 - as above

    return AzureSqlWitness(databases) if databases else None


def _inspector(databases: "Mapping[str, Database]") -> Inspector | None:
    from shared.adapters.azure_sql_inspector import (  # noqa: PLC0415 - as above
        AzureSqlInspector,
    )

    return AzureSqlInspector(databases) if databases else None


def _token_of(credential: Any) -> Callable[[], str]:
    """How the app's identity enters a database; the credential remembers its tokens."""
    from shared.adapters.sql_connections import SCOPE  # noqa: PLC0415 - as above

    return lambda: str(credential.get_token(SCOPE).token)


def _door(place: DatabasePlace, given: Settings, token: Callable[[], str] | None) -> "Connect":
    from shared.adapters.sql_connections import SqlAddress, connect  # noqa: PLC0415 - as above

    address = SqlAddress(*place, token=token, user=given.sql_user, password=given.sql_password)
    return partial(connect, address, driver=given.sql_driver)


def _each(given: Settings, resource: str) -> dict[str, str]:
    """That resource of every target that has one."""
    all_ids = {target: getattr(its, resource) for target, its in given.resources.items()}
    return {target: one for target, one in all_ids.items() if one}


def _email(given: Settings, identity: Callable[[], Any]) -> Channel:
    from shared.adapters.channels.email import (  # noqa: PLC0415 - SDK import
        open_email,
        open_email_as,
    )

    if given.acs:
        return open_email(connection_string=given.acs, sender=given.mail_from)
    return open_email_as(endpoint=given.acs_endpoint, credential=identity(), sender=given.mail_from)


def _webhook(given: Settings) -> Channel:
    from shared.adapters.channels.webhook import WebhookChannel  # noqa: PLC0415 - light at import
    from shared.adapters.egress import Egress  # noqa: PLC0415 - light at import

    way_out = Egress(given.webhook_hosts)
    return WebhookChannel(given.webhooks, way_out=way_out, wall=wall_now)


def _teams(given: Settings) -> Channel:
    from shared.adapters.channels.teams import TeamsChannel  # noqa: PLC0415 - light at import
    from shared.adapters.egress import Egress  # noqa: PLC0415 - light at import

    return TeamsChannel(given.teams_webhooks, way_out=Egress(given.webhook_hosts))


def _sms(given: Settings, identity: Callable[[], Any]) -> Channel:
    from shared.adapters.channels.sms import (  # noqa: PLC0415 - light at import
        open_sms,
        open_sms_as,
    )

    least, sender = Severity(given.sms_severity), given.sms_from
    string = given.sms or given.acs
    if string:
        return open_sms(connection_string=string, sender=sender, least=least)
    return open_sms_as(
        endpoint=given.acs_endpoint, credential=identity(), sender=sender, least=least
    )


def table(given: Settings, name: str, identity: Callable[[], Any]) -> Rows:
    """One table of the storage account, guarded as Azure would."""
    from shared.adapters.tables import open_table, open_table_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return GuardedRows(open_table(name, connection_string=given.storage))
    endpoint = f"https://{given.storage_account}.table.core.windows.net"
    return GuardedRows(open_table_as(name, endpoint=endpoint, credential=identity()))


def queue(given: Settings, identity: Callable[[], Any]) -> "StorageQueues":
    """The queues of the storage account."""
    from shared.adapters.queues import open_queues, open_queues_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return open_queues(connection_string=given.storage)
    endpoint = f"https://{given.storage_account}.queue.core.windows.net"
    return open_queues_as(endpoint=endpoint, credential=identity())


@cache
def open_identity() -> Any:
    """The app's managed identity in Azure, a developer's own sign-in elsewhere."""
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - SDK import

    return DefaultAzureCredential(**IDENTITY_PATIENCE)
