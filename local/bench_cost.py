"""What a calm day costs: requests counted at the SDKs' transport, log lines at the logger.

The day is a calm world's: both timers of every minute for a while, a night and the quarter hours'
looks at advice, each measured and taken as often as a day has it. What the Functions host does by
itself does not exist on a desk: it is reckoned from host.json, and the deployed app's own count
(`python -m shared.cost`) tells.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from azure.core.pipeline.transport import RequestsTransport

from local.azurite import running_azurite
from local.rig import TARGET, TICK, WATCH, Rig, running_rig
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared.cost import account_of, as_text
from shared.domain.costs import Usage
from shared.domain.times import DAY, MINUTE
from shared.services import minute as minutes
from shared.services.consult import consult_all
from shared.services.night import night
from shared.settings import load

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTES = 120
A_DAY = {"minute": 1440, "look": 96, "night": 1}
REPORTS = 48
"""How often a day it is looked whether a weekly report is due, which takes next to nothing."""
TIMERS, QUEUES = 5, 2
LOCK_RENEWED = timedelta(seconds=15)
"""Assumed: how often the host renews the lock of each timer."""
ROW = 900
"""Bytes, assumed: what a line in the log weighs beside its text."""
HOST_ROWS = 3
"""Of each invocation: that it began, that it ended, and the request."""
LEAST_S, MEMORY_GB = 1.0, 0.5
LIMIT = 1.0
"""Dollars a month for one target."""


@dataclass
class Ledger:
    """What was counted, by what caused it."""

    requests: dict[str, Counter[str]] = field(default_factory=dict)
    log_bytes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)


class _Lines(logging.Handler):
    """Adds up what the app logs at the level that the host keeps."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.bytes += len(record.getMessage().encode()) + ROW


@contextmanager
def counting(ledger: Ledger, cause: str, services: dict[int, str]) -> Iterator[None]:
    """Count under `cause` what the block asks of the storage and writes to the log."""
    requests = ledger.requests.setdefault(cause, Counter())
    send = RequestsTransport.send

    def counted(transport: Any, request: Any, **options: Any) -> Any:
        service = services.get(urlsplit(request.url).port or 0)
        if service is not None:
            requests[service] += 1
        return send(transport, request, **options)

    lines = _Lines()
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(lines)
    root.setLevel(logging.INFO)
    began = time.monotonic()
    try:
        with patch.object(RequestsTransport, "send", counted):
            yield
    finally:
        root.removeHandler(lines)
        root.setLevel(level)
        ledger.seconds.setdefault(cause, []).append(time.monotonic() - began)
        ledger.log_bytes[cause] += lines.bytes


def run(out: Callable[[str], None]) -> bool:
    """Print the bill of a calm month; whether it stays under the limit."""
    ledger = Ledger()
    with running_azurite() as azurite:
        storage = azurite.connection_string
        world = ScriptedWorld(script_named("calm", START), seed=1)
        with running_rig(world, storage=storage, now=START) as rig:
            _live(rig, ledger, _services(storage))
            given = load(rig.environment)
    for cause, counted in ledger.requests.items():
        times = MINUTES if cause == "minute" else 1
        each = ", ".join(f"{n / times:.1f} to {name}" for name, n in sorted(counted.items()))
        out(f"a {cause}: {each}; {ledger.log_bytes[cause] / times:,.0f} bytes of log")
    account = account_of(
        usage_of(ledger), given, ["nothing was deployed: the host's share is reckoned"]
    )
    out(as_text(account))
    return account.dollars < LIMIT


def _live(rig: Rig, ledger: Ledger, services: dict[int, str]) -> None:
    rig.tick(START)  # a first tick catches up a day of history: no day has another one
    for number in range(1, MINUTES + 1):
        with counting(ledger, "minute", services):
            _minute(rig, START + number * MINUTE)
    with counting(ledger, "look", services):
        consult_all([TARGET], house=rig.house, now=rig.clock.now)
    with counting(ledger, "night", services):
        night([TARGET], house=rig.house, now=rig.clock.now + DAY)


def _minute(rig: Rig, minute: datetime) -> None:
    """Both timers as the app has them, the heartbeat included."""
    for after, timer in ((TICK, minutes.tick_all), (WATCH, minutes.watch_all)):
        rig.clock.now = now = minute + after
        timer([TARGET], inline_max=1, house=rig.house, now=now)


def _services(connection_string: str) -> dict[int, str]:
    """The ports of Azurite's services."""
    parts = dict(one.split("=", 1) for one in connection_string.split(";") if "=" in one)
    return {
        urlsplit(parts[f"{name}Endpoint"]).port or 0: name.lower() for name in ("Table", "Queue")
    }


def usage_of(ledger: Ledger) -> Usage:
    """A day of what was counted, and what the host adds to it."""
    times = {cause: A_DAY[cause] / (MINUTES if cause == "minute" else 1) for cause in A_DAY}
    requests: Counter[str] = Counter()
    for cause, counted in ledger.requests.items():
        for name, number in counted.items():
            requests[name] += round(number * times[cause])
    executions = 2 * A_DAY["minute"] + A_DAY["look"] + A_DAY["night"] + REPORTS
    logged = sum(n * times[cause] for cause, n in ledger.log_bytes.items())
    return Usage(
        table_operations=requests["table"],
        queue_operations=requests["queue"] + QUEUES * DAY / idle_poll(),
        # A timer's status is written after each of its runs, but not by those of every minute.
        blob_writes=executions - 2 * A_DAY["minute"],
        blob_operations=TIMERS * DAY / LOCK_RENEWED,
        executions=executions,
        gb_seconds=executions * LEAST_S * MEMORY_GB,
        log_bytes=logged + executions * HOST_ROWS * ROW,
        mails=0,
        sms=0,
    )


def idle_poll() -> timedelta:
    """How often the host asks an empty queue, from host.json."""
    host = json.loads((Path(__file__).parents[1] / "host.json").read_text())
    hours, minutes, seconds = host["extensions"]["queues"]["maxPollingInterval"].split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
