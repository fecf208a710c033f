"""Two hundred targets through the queue: do all minutes end on time, what limits it, and how far?

Each minute all are ticked and then watched, as the two timers do it, the heartbeat included.

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
from local.fleet_model import AT_ONCE, Counted, model
from local.rig import TICK, WATCH
from shared.adapters.channels.memory import MemoryChannel
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.histograms import Histogram
from shared.domain.metrics import Better, Kind, Metric
from shared.domain.records import MOST_WRITES, Insert
from shared.domain.rules import ActionType
from shared.domain.samples import MinuteHistogram, Reading, Sample
from shared.domain.times import MINUTE, each_minute
from shared.ports import House
from shared.services import minute as minutes
from shared.services.beat import heartbeat
from shared.services.leases import LEASES, Lease, Waiting
from shared.services.passes import PassKind

TARGETS = [f"target-{number:03d}" for number in range(200)]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTES = 3
WARM_UP = 1
WORKERS = 2
INLINE_MAX = 5
PATIENCE_S = 150
PUT, MANY = 1_000, 10_000
"""How many messages are put, and leases read, to see what one costs."""
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
    clock.now = message.minute + timedelta(seconds=1)
    began, cpu = time.monotonic(), time.thread_time()
    done = minutes.collect_message(message, targets=TARGETS, house=house, now=clock.now)
    told = {
        "at": message.minute.isoformat(),
        "kind": message.kind,
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

    def of(self, at: datetime) -> list[dict[str, Any]]:
        """The passes that a timer's messages set off."""
        return [one for one in self.lines if one["at"] == at.isoformat()]

    def wait(self, at: datetime) -> list[dict[str, Any]]:
        """Until each target's pass has ended, or patience has."""
        began = time.monotonic()
        while len(self.of(at)) < len(TARGETS) and time.monotonic() - began < PATIENCE_S:
            time.sleep(0.05)
        return self.of(at)

    def cpu(self, kind: PassKind) -> float:
        """Seconds of CPU of a pass, the median."""
        found: list[float] = [one["cpu"] for one in self.lines if one["kind"] == kind]
        return statistics.median(found)

    def stop(self, house: House, now: datetime) -> None:
        """End the workers; one that does not hear it is ended all the same."""
        for _ in range(WORKERS * AT_ONCE):
            house.queue.put(minutes.COLLECT_QUEUE, minutes.CollectMessage(STOP, now))
        for worker in self._workers:
            try:
                worker.wait(timeout=20)
            except subprocess.TimeoutExpired:
                worker.kill()


def run(out: Callable[[str], None]) -> bool:
    """Print how the fleet's minutes went and how far it goes; whether all ended on time."""
    with running_azurite() as azurite:
        connection = azurite.connection_string
        clock = VirtualClock(START)
        house = a_house(connection, clock)
        a_queue(connection).create_queue()
        fleet = Fleet(connection)
        try:
            on_time = _minutes(fleet, house, clock, out)
        finally:
            fleet.stop(house, START)
        alone = a_house(azurite.fresh_account().connection_string, clock)
        tick, watch = _one_target(alone, clock)
        put_cpu, beat_cpu = _timers(alone, out)
    ticks, watches = fleet.cpu(PassKind.COLLECT), fleet.cpu(PassKind.WATCH)
    counted = Counted(tick, watch, ticks, watches, put_cpu, beat_cpu)
    out(
        f"the machine's share: {len(TARGETS) * counted.cpu:.0f} s of CPU a minute for the passes; "
        f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    )
    out(
        f"a target's minute: {tick} requests by tick, {watch} by watch; "
        f"{ticks * 1000:.0f} and {watches * 1000:.0f} ms of CPU"
    )
    model(counted, out)
    return on_time


def _minutes(fleet: Fleet, house: House, clock: VirtualClock, out: Callable[[str], None]) -> bool:
    out(
        f"{len(TARGETS)} targets, {len(CATALOG.metrics)} metrics, {len(default_rules())} rules; "
        f"{WORKERS} workers of {AT_ONCE} on {os.cpu_count()} cores beside Azurite"
    )
    on_time = True
    for number in range(WARM_UP + MINUTES):
        minute, began = START + number * MINUTE, time.monotonic()
        well = [
            _timer(fleet, house, clock, minute + TICK, minutes.tick_all, out),
            _timer(fleet, house, clock, minute + WATCH, minutes.watch_all, out),
        ]
        whole = time.monotonic() - began
        warm = "" if number >= WARM_UP else "   (the first: each target begins)"
        out(f"minute {number}: {whole:.1f} s{warm}")
        if number >= WARM_UP:
            on_time &= all(well) and whole < MINUTE.total_seconds()
    clock.now = START + (WARM_UP + MINUTES) * MINUTE
    problems = heartbeat(TARGETS, house=house, now=clock.now)
    out(f"the heartbeat: {'; '.join(problems) or 'all is well'}")
    return on_time and not problems


def _timer(
    fleet: Fleet,
    house: House,
    clock: VirtualClock,
    at: datetime,
    timer: Callable[..., object],
    out: Callable[[str], None],
) -> bool:
    """Whether every target's pass went through."""
    clock.now, began = at, time.monotonic()
    timer(TARGETS, inline_max=INLINE_MAX, house=house, now=at)
    sent = time.monotonic() - began
    passes = fleet.wait(at)
    whole = time.monotonic() - began
    complete = [one["done"] for one in passes].count(True)
    seconds = sorted(one["seconds"] for one in passes)
    out(
        f"{timer.__name__}: {complete} of {len(TARGETS)} complete after {whole:.1f} s; the timer "
        f"{sent:.1f} s; a pass {statistics.median(seconds):.2f} s, 95 % within "
        f"{seconds[int(0.95 * len(seconds))]:.2f} s"
    )
    return complete == len(TARGETS)


def _timers(house: House, out: Callable[[str], None]) -> tuple[float, float]:
    """Seconds of CPU that a target's message and its share of the heartbeat cost their timer."""
    many = [f"target-{number:05d}" for number in range(MANY)]
    began, cpu = time.monotonic(), time.process_time()
    minutes.fan_out(many[:PUT], house=house, now=START)
    put_s, put_cpu = time.monotonic() - began, time.process_time() - cpu
    left = Lease("somebody", START, START, START, Waiting())
    for some in (many[place : place + MOST_WRITES] for place in range(0, MANY, MOST_WRITES)):
        house.config.commit(LEASES, [Insert(target, left) for target in some])
    began, cpu = time.monotonic(), time.process_time()
    heartbeat(many, house=house, now=START)
    beat_s, beat_cpu = time.monotonic() - began, time.process_time() - cpu
    out(f"{PUT:,} messages in {put_s:.1f} s, of which {put_cpu:.1f} s CPU of the timer")
    out(f"the heartbeat of {MANY:,} in {beat_s:.1f} s, of which {beat_cpu:.1f} s CPU of the timer")
    return put_cpu / PUT, beat_cpu / MANY


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


if __name__ == "__main__":
    work(sys.argv[1])
