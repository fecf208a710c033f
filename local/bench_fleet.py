"""Two hundred targets through the queue: do all minutes end on time, what limits it, and how far?

Storage is Azurite, the rules are the shipped ones, every source of the catalog gives its metrics
each minute; only the sources themselves are made up, so that what is measured is the monitor. Each
worker is a process of its own, as an instance of the app is, and takes four messages at once, as
host.json says. The paper model goes on from what was counted, with the platform's limits.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueClient, TextBase64DecodePolicy
from msgspec.json import decode

from local.azurite import running_azurite
from local.desks import VirtualClock, furnish, table_storage
from shared.adapters.channels.memory import MemoryChannel
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.histograms import Histogram
from shared.domain.metrics import Better, Kind, Metric
from shared.domain.rules import ActionType
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import MINUTE, each_minute
from shared.ports import House
from shared.services import minute as minutes

TARGETS = [f"target-{number:03d}" for number in range(200)]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTES = 3
WARM_UP = 1
WORKERS, AT_ONCE = 2, 4
PATIENCE_S = 150
STOP = "stop"


@dataclass(frozen=True)
class MadeUp:
    """A calm source: one figure a minute for each of its metrics, at once."""

    name: str

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002
        """See MetricSource.read."""
        end = now.replace(second=0) - CATALOG.source(self.name).settle
        begin = since or end - 2 * MINUTE
        mine = [one for one in CATALOG.metrics if one.sources[0] == self.name]
        asked = [one for one in mine if one.kind is not Kind.DISTRIBUTION]
        return Reading(
            source=self.name,
            asked_at=now,
            covered_until=end,
            since=begin,
            samples=tuple(
                Sample(one.name, at, _calm(one)) for at in each_minute(begin, end) for one in asked
            ),
            histograms=tuple(
                MinuteHistogram(at, Histogram({122: 1}, 120.0))
                for at in each_minute(begin, end)
                if len(asked) < len(mine)
            ),
        )


def _calm(metric: Metric) -> float:
    """A figure that no shipped rule minds."""
    return 100.0 if metric.better is Better.HIGH else 1.0


def a_house(connection: str, clock: VirtualClock) -> House:
    """A monitor of all the targets over that storage."""
    channels = {str(one): MemoryChannel(str(one)) for one in ActionType}
    return furnish(
        table_storage(connection),
        catalog=CATALOG,
        rules=default_rules(),
        sources=[MadeUp(one.name) for one in CATALOG.sources],
        channels=channels,
        clock=clock,
    )


class Requests:
    """Counts the requests to the storage of this process, beneath every SDK."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count until the block ends."""
        send = RequestsTransport.send

        def counting(transport: Any, request: Any, **options: Any) -> Any:
            self.count += 1
            return send(transport, request, **options)

        with patch.object(RequestsTransport, "send", counting):
            yield


def a_queue(connection: str, name: str = minutes.COLLECT_QUEUE) -> QueueClient:
    """The queue as the Functions host reads it."""
    return QueueClient.from_connection_string(
        connection, name, message_decode_policy=TextBase64DecodePolicy()
    )


def work(connection: str) -> None:
    """A worker: takes messages until one says stop, and writes a line about each pass."""
    ended = threading.Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        takers = [pool.submit(_take, connection, ended) for _ in range(AT_ONCE)]
    for taker in takers:
        taker.result()


def _take(connection: str, ended: threading.Event) -> None:
    clock = VirtualClock(START)
    house, queue = a_house(connection, clock), a_queue(connection)
    while not ended.is_set():
        for taken in queue.receive_messages(max_messages=1, visibility_timeout=60):
            message = decode(taken.content, type=minutes.CollectMessage)
            if message.target == STOP:
                ended.set()
            else:
                _pass(message, house, clock)
            queue.delete_message(taken)
        ended.wait(0.05)


def _pass(message: minutes.CollectMessage, house: House, clock: VirtualClock) -> None:
    clock.now = message.minute + timedelta(seconds=20)
    began, cpu = time.monotonic(), time.thread_time()
    done = minutes.collect_message(message, house=house, now=clock.now)
    told = {
        "minute": message.minute.isoformat(),
        "seconds": time.monotonic() - began,
        "cpu": time.thread_time() - cpu,
        "done": done is not None and done.evaluation.is_complete and not done.failures,
    }
    # In one piece: the others of this process write, too.
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


class Fleet:
    """The workers, and what they said."""

    def __init__(self, connection: str) -> None:
        self.lines: list[dict[str, Any]] = []
        self._connection = connection
        self._workers = [self._start() for _ in range(WORKERS)]

    def _start(self) -> "subprocess.Popen[str]":
        worker = subprocess.Popen(
            [sys.executable, "-m", "local.bench_fleet", self._connection],
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: "subprocess.Popen[str]") -> None:
        for line in worker.stdout or ():
            self.lines.append(json.loads(line))

    def of(self, minute: datetime) -> list[dict[str, Any]]:
        """The passes that a minute's messages set off."""
        return [one for one in self.lines if one["minute"] == minute.isoformat()]

    def wait(self, minute: datetime) -> float:
        """Seconds until each target's pass of that minute has ended."""
        began = time.monotonic()
        while len(self.of(minute)) < len(TARGETS) and time.monotonic() - began < PATIENCE_S:
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self, house: House, now: datetime) -> None:
        """End the workers; one that does not hear it is ended all the same."""
        for _ in range(WORKERS * AT_ONCE):
            house.queue.put(minutes.COLLECT_QUEUE, minutes.CollectMessage(STOP, now))
        for worker in self._workers:
            try:
                worker.wait(timeout=20)
            except subprocess.TimeoutExpired:
                worker.kill()


@dataclass(frozen=True)
class Counted:
    """Of one target and minute: requests to the storage, and seconds of CPU of a tick."""

    tick: int
    watch: int
    cpu: float


def run(out: Callable[[str], None]) -> bool:
    """Print how the fleet's minutes went and how far it goes; whether all ended on time."""
    with running_azurite() as azurite:
        connection = azurite.connection_string
        clock = VirtualClock(START)
        house = a_house(connection, clock)
        a_queue(connection).create_queue()
        fleet = Fleet(connection)
        try:
            on_time = _minutes(fleet, house, out)
        finally:
            fleet.stop(house, START)
        tick, watch = _one_target(a_house(azurite.fresh_account().connection_string, clock), clock)
        _watch(house, clock, out)
    cpu = statistics.median(one["cpu"] for one in fleet.lines)
    out(
        f"the machine's share: {len(TARGETS) * cpu:.0f} s of CPU a minute for the passes; "
        f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    )
    out(
        f"a target's minute: {tick} requests by tick, {watch} by watch, "
        f"{cpu * 1000:.0f} ms of CPU of a tick"
    )
    _model(Counted(tick, watch, cpu), out)
    return on_time


def _minutes(fleet: Fleet, house: House, out: Callable[[str], None]) -> bool:
    out(
        f"{len(TARGETS)} targets, {len(CATALOG.metrics)} metrics, {len(default_rules())} rules; "
        f"{WORKERS} workers of {AT_ONCE} on {os.cpu_count()} cores beside Azurite"
    )
    on_time = True
    for number in range(WARM_UP + MINUTES):
        now = START + number * MINUTE + timedelta(seconds=20)
        began = time.monotonic()
        minutes.fan_out(TARGETS, house=house, now=now)
        sent = time.monotonic() - began
        fleet.wait(now)
        whole = time.monotonic() - began
        passes = fleet.of(now)
        complete = sum(one["done"] for one in passes)
        seconds = sorted(one["seconds"] for one in passes)
        warm = "" if number >= WARM_UP else "   (the first: each target begins)"
        out(
            f"minute {number}: {complete} of {len(TARGETS)} complete after {whole:.1f} s; messages "
            f"in {sent:.1f} s; a pass {statistics.median(seconds):.2f} s, 95 % within "
            f"{seconds[int(0.95 * len(seconds))]:.2f} s{warm}"
        )
        if number >= WARM_UP:
            on_time &= complete == len(TARGETS) and whole < MINUTE.total_seconds()
    return on_time


def _watch(house: House, clock: VirtualClock, out: Callable[[str], None]) -> None:
    """The one function that looks at every target by itself."""
    clock.now = START + (WARM_UP + MINUTES - 1) * MINUTE + timedelta(seconds=50)
    began = time.monotonic()
    passes = minutes.watch_all(TARGETS, house=house, now=clock.now)
    out(
        f"watch looks at all {len(passes)} within {time.monotonic() - began:.1f} s, "
        f"{minutes.MOST_AT_ONCE} at once in one process"
    )


def _one_target(house: House, clock: VirtualClock) -> tuple[int, int]:
    """The requests of a calm target's tick and watch, warm."""
    for number in range(2):
        _requests(house, clock, START + number * MINUTE)
    found = _requests(house, clock, START + 2 * MINUTE)
    return found["tick"], found["watch"]


def _requests(house: House, clock: VirtualClock, at: datetime) -> dict[str, int]:
    found = {}
    for name, work_on, second in (("tick", minutes.tick, 20), ("watch", minutes.watch, 50)):
        clock.now = at + timedelta(seconds=second)
        requests = Requests()
        with requests.counted():
            work_on(TARGETS[0], house=house, now=clock.now)
        found[name] = requests.count
    return found


REQUEST_S, SOURCES_S = 0.007, 1.5
"""Assumed in Azure: a request to the storage of the same region, and the slowest source."""
CORE = 0.25
"""Of an instance of 512 MB."""
ACCOUNT = 20_000
"""Requests a second that a storage account takes; a partition (a target's) takes 2,000."""


def _model(counted: Counted, out: Callable[[str], None]) -> None:
    """What each limit leaves at so many targets, on paper."""
    out("on paper, at 7 ms a request and 1.5 s for the slowest source (assumed):")
    out(
        f"{'targets':>8}{'requests/s':>12}{'of 20,000':>11}{'messages in':>13}{'watch takes':>13}"
        f"{'instances':>11}"
    )
    for targets in (1, 200, 1_000, 10_000):
        out(_row(targets, counted))
    out(
        f"fan-out ends in time up to {60 / REQUEST_S:,.0f} targets, watch up to "
        f"{_most_watched(counted):,.0f}, the account up to "
        f"{ACCOUNT * 60 / (counted.tick + counted.watch):,.0f}"
    )


def _row(targets: int, counted: Counted) -> str:
    rate = targets * (counted.tick + counted.watch) / 60
    busy = counted.tick * REQUEST_S + SOURCES_S
    instances = max(targets * busy / AT_ONCE, targets * counted.cpu / CORE) / 60
    watch = targets * (counted.watch * REQUEST_S + SOURCES_S) / minutes.MOST_AT_ONCE
    return (
        f"{targets:>8,}{rate:>12,.0f}{rate / ACCOUNT:>11.0%}{targets * REQUEST_S:>11.1f} s"
        f"{watch:>11.1f} s{max(instances, 1):>11.0f}"
    )


def _most_watched(counted: Counted) -> float:
    """A watch must be over before the next one."""
    return 60 * minutes.MOST_AT_ONCE / (counted.watch * REQUEST_S + SOURCES_S)


if __name__ == "__main__":
    work(sys.argv[1])
