"""Furnishes the house: the only file that names concrete adapters, and where time comes from.

Everything here is lazy: indexing the function app must not import an SDK, read a setting that is
wrong, or open a connection.
"""

import logging
import os
from datetime import UTC, datetime
from functools import cache

from shared.adapters.channels.console import ConsoleChannel
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import GuardedRows
from shared.adapters.ledger import RowLedger
from shared.adapters.rows import Rows
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.rules import Action, ActionType, Rule
from shared.ports import Channel, House, WorkQueue
from shared.services.reach import fill_in, unreachable
from shared.settings import Settings, SettingsError, load

SAMPLES, ALERTS, CONFIG = "Samples", "Alerts", "Config"

_log = logging.getLogger(__name__)
_alert_log = logging.getLogger("pantry.alerts")


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


def furnish(given: Settings) -> House:
    """A house over real storage."""
    samples, alerts, config = (_table(given, name) for name in (SAMPLES, ALERTS, CONFIG))
    return House(
        catalog=CATALOG,
        rules=rules(given),
        samples=ChunkStore(samples),
        alerts=RowLedger(alerts),
        config=RowLedger(config),
        queue=_queue(given),
        sources=(),
        channels=channels(),
        wall=_wall_second,
        fallback=_fallback(given),
    )


def rules(given: Settings) -> list[Rule]:
    """The shipped rules with the settings filled in."""
    return fill_in(default_rules(), given.placeholders)


def channels() -> dict[str, Channel]:
    """The channels by action type; the console writes to the log that the portal shows."""
    return {ActionType.CONSOLE: ConsoleChannel(write=_alert_log.warning)}


def problems() -> list[str]:
    """Why the app can't do its work, or can't tell somebody who should be told."""
    try:
        given = settings()
    except SettingsError as error:
        _log.error("%s", error)
        return [f"{', '.join(error.names)} can't be used; the log says why"]
    return unreachable(rules(given), channels().keys(), _fallback(given))


@cache
def warn() -> None:
    """Say once per process in the log what health says to everybody who asks."""
    for problem in problems():
        _log.warning("%s", problem)


def _fallback(given: Settings) -> Action | None:
    if not given.fallback_channel:
        return None
    kind, _, target = given.fallback_channel.partition(":")
    return Action(ActionType(kind), target)


def _table(given: Settings, name: str) -> Rows:
    from shared.adapters.tables import open_table, open_table_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return GuardedRows(open_table(name, connection_string=given.storage))
    endpoint = f"https://{given.storage_account}.table.core.windows.net"
    return GuardedRows(open_table_as(name, endpoint=endpoint, credential=_credential()))


def _queue(given: Settings) -> WorkQueue:
    from shared.adapters.queues import open_queues, open_queues_as  # noqa: PLC0415 - SDK import

    if given.storage:
        return open_queues(connection_string=given.storage)
    endpoint = f"https://{given.storage_account}.queue.core.windows.net"
    return open_queues_as(endpoint=endpoint, credential=_credential())


@cache
def _credential() -> object:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - SDK import

    return DefaultAzureCredential()
