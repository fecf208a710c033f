"""Furnishes the house from settings, and is where time comes from.

Everything here and in `furnishing` is lazy: indexing the function app must not import an SDK, read
a setting that is wrong, or open a connection.
"""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.budgets import Limits
from shared.domain.costs import Prices, priced
from shared.domain.errors import StoreUnavailable
from shared.domain.links import LinkMaker
from shared.domain.reports.reporting import Reporting
from shared.domain.retention import Retention
from shared.domain.rules import ActionType, Rule
from shared.furnishing.channels import action, channels, fallback, pulse, routing
from shared.furnishing.meters import meter
from shared.furnishing.sources import (
    databases,
    groups,
    inspector,
    measured,
    metric_sources,
    witness,
    workspaces,
)
from shared.furnishing.storage import ALERTS, CONFIG, SAMPLES, open_identity, queue, table
from shared.ports import House
from shared.services.reach import (
    lacking_of_some,
    refusing,
    unmeasured,
    unreachable,
    unreported,
)
from shared.services.rulebook import every_rule
from shared.settings import Settings, SettingsError, load
from shared.web.auth import Gate
from shared.web.doors import Office
from shared.web.problems import Problem

_log = logging.getLogger(__name__)

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
        routing=routing(given),
        samples=ChunkStore(samples),
        alerts=RowLedger(alerts),
        config=RowLedger(config),
        queue=queue(given, identity),
        sources=metric_sources(given, identity, logged),
        measured=measured(given),
        groups=groups(given, logged, entered),
        witness=witness(entered),
        inspector=inspector(entered),
        channels=channels(given, identity, wall_now),
        budgets={ActionType.EMAIL: Limits(given.mails_per_minute, given.mails_per_hour)},
        wall=_wall_second,
        fallback=fallback(given),
        reader_zone=given.reader_zone,
        links=link_maker(given),
        pulse=pulse(given),
        retention=_retention(given),
        reporting=_reporting(given),
        doubts=doubts(given),
        meter=meter(given, identity),
        prices=priced(Prices(), given.prices),
    )


def doubts(given: Settings) -> list[str]:
    """What of the targets' settings is left out, without their values."""
    return [f"{name} can't all be used; the log says why" for name in given.doubts]


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
        to=routing(given).filled(action(channel)) if channel else None,
        weekday=given.report_day,
        hour=given.report_hour,
        objective=given.availability_objective,
    )


def link_maker(given: Settings) -> LinkMaker | None:
    """Makes and reads the links in messages; None while its settings are not there."""
    usable = given.action_keys and given.public_url
    return LinkMaker(given.action_keys, given.public_url) if usable else None


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
        retry = {"Retry-After": "60"}
        raise Problem(503, "settings_unusable", error.public, headers=retry) from None


def problems() -> list[str]:
    """Why the app can't do its work, or can't tell somebody who should be told."""
    try:
        home = house()
    except SettingsError as error:
        _log.error("%s", error)
        return [error.public]
    rules, more = _stored(wall_now().replace(second=0, microsecond=0))
    return [
        *home.doubts,
        *unreachable(rules, home.channels, home.fallback),
        *unreported(home.reporting.to, home.channels),
        *unmeasured(rules, home.catalog, home.measured),
        *more,
    ]


@lru_cache(maxsize=1)
def _stored(minute: datetime) -> tuple[Sequence[Rule], Sequence[str]]:
    """The rules, and what sources lack or who refuses; read once a minute: anybody asks health."""
    home = house()
    try:
        problems = [*lacking_of_some(home, now=minute), *refusing(home.config)]
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
        given = settings()
        for doubt in given.doubts.values():
            _log.error("%s", doubt)
        _tell_driver(given)


def _tell_driver(given: Settings) -> None:
    """It decides what can go wrong, and by default depends on the machine."""
    if given.databases:
        from shared.adapters.sql.connections import best_driver  # noqa: PLC0415 - seldom needed

        _log.info("databases are read by %s", given.sql_driver or best_driver())
