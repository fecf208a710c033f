"""What a tick and a watch cost the app's own process in CPU, SDKs included.

The cloud and the storage run in processes of their own; the clock is moved by hand, so that the
hundred minutes follow each other at once.
"""

import gc
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from unittest.mock import patch
from urllib.parse import urlsplit

from azure.identity import ManagedIdentityCredential

from local.azurite import running_azurite
from local.cloud_apart import CloudApart, cloud_apart
from local.desks import VirtualClock
from local.rig import TARGET, TICK, WATCH
from shared import bootstrap, settings
from shared.catalog.metrics import CATALOG
from shared.domain.records import Insert
from shared.domain.rules import Action, ActionType, KeptRule, Rule, Severity
from shared.domain.times import MINUTE
from shared.ports import House
from shared.services import minute as minutes
from shared.services.passes import Pass
from shared.services.targets import RULES

MOST_CPU_S = 0.150
TICKS = 100
WARM_UP = 10
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
STORY = "default"

# Metric, condition, threshold and duration of the rules beside the shipped ones.
MORE_RULES = (
    ("availability", "less_than", 100, 2),
    ("probeLatency", "greater_than", 2000, 3),
    ("memoryProcess", "greater_than", 1600, 0),
    ("memoryHeap", "greater_than", 1200, 10),
    ("cpuUtilization", "greater_or_equal", 90, 5),
    ("workersPercent", "greater_than", 90, 2),
    ("httpQueueLength", "greater_than", 20, 3),
    ("dtuPeak", "greater_than", 99, 5),
    ("errorRate", "greater_than", 5, 2),
    ("responseTime.p95", "greater_than", 8000, 5),
    ("throughput", "absent", None, 10),
)


def more_rules() -> list[Rule]:
    """Rules over metrics of every source, as a client would have written them."""
    return [
        Rule(
            id=f"bench-{number}",
            name=f"{metric} {condition}",
            metric=metric,
            condition=condition,
            threshold=threshold,
            duration=duration,
            severity=Severity.MEDIUM,
            actions=(Action(ActionType.EMAIL, "admin@example.com"),),
        )
        for number, (metric, condition, threshold, duration) in enumerate(MORE_RULES)
    ]


class Requests:
    """Counts the requests of this process by port, beneath every SDK."""

    def __init__(self) -> None:
        self._by_port: Counter[int] = Counter()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count until the block ends."""
        original = HTTPConnection.getresponse

        def counting(connection: HTTPConnection) -> HTTPResponse:
            self._by_port[connection.port] += 1
            return original(connection)

        with patch.object(HTTPConnection, "getresponse", counting):
            yield

    def to(self, port: int) -> int:
        """How many went to that port."""
        return self._by_port[port]

    @property
    def all(self) -> int:
        return self._by_port.total()


@dataclass(frozen=True)
class Cost:
    """What one pass took: seconds of CPU, requests to the tables, and requests in all."""

    cpu: float
    store: int
    requests: int


@dataclass
class Bench:
    """A monitor whose cloud and storage are elsewhere."""

    house: House
    clock: VirtualClock
    cloud: CloudApart
    requests: Requests
    tables: int

    def tick(self, minute: datetime) -> Cost:
        """The timer at :20."""
        return self._measured(minute + TICK, minutes.tick_all, {"inline_max": 1})

    def watch(self, minute: datetime) -> Cost:
        """The timer at :50, the heartbeat included."""
        return self._measured(minute + WATCH, minutes.watch_all, {"inline_max": 1})

    def _measured(
        self, now: datetime, work: Callable[..., list[Pass]], options: dict[str, int]
    ) -> Cost:
        self.clock.now = now
        self.cloud.be(now)
        store, requests = self.requests.to(self.tables), self.requests.all
        began = time.process_time()
        (done,) = work([TARGET], house=self.house, now=now, **options)
        cpu = time.process_time() - began
        if done.skipped or done.failures or done.evaluation.broken:
            raise AssertionError(f"the pass at {now} failed: {done.failures}")
        store, requests = self.requests.to(self.tables) - store, self.requests.all - requests
        return Cost(cpu, store, requests)


@contextmanager
def _running_bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        storage = stack.enter_context(running_azurite()).fresh_account()
        account = storage.connection_string
        cloud = stack.enter_context(cloud_apart(script=STORY, at=START, storage=account))
        stack.enter_context(patch.dict(os.environ, cloud.settings))
        requests = Requests()
        stack.enter_context(requests.counted())
        clock = VirtualClock(START)
        house = bootstrap.furnish(settings.load(os.environ), ManagedIdentityCredential)
        kept = [Insert(rule.id, KeptRule(rule, START)) for rule in more_rules()]
        house.config.commit(RULES, kept)
        tables = urlsplit(storage.table_endpoint).port or 0
        yield Bench(replace(house, wall=clock.wall), clock, cloud, requests, tables)


def run(out: Callable[[str], None]) -> bool:
    """Print what ticks and watches cost; whether the ticks keep to the aim."""
    with _running_bench() as bench:
        _minutes(bench, START, WARM_UP)
        gc.collect()
        ticks, watches = _minutes(bench, START + WARM_UP * MINUTE, TICKS)
        measured = len(bench.house.samples.latest(TARGET).values)
    rules = len(bench.house.rules) + len(MORE_RULES)
    out(f"{TICKS} ticks over {measured} measured of {len(CATALOG.metrics)} metrics, {rules} rules")
    out(_line("tick", ticks))
    out(_line("watch", watches))
    median = statistics.median(cost.cpu for cost in ticks)
    kept = median <= MOST_CPU_S
    out(f"the median tick {'keeps to' if kept else 'is over'} the aim, {MOST_CPU_S * 1000:.0f} ms")
    return kept


def _minutes(bench: Bench, start: datetime, count: int) -> tuple[list[Cost], list[Cost]]:
    ticks: list[Cost] = []
    watches: list[Cost] = []
    for number in range(count):
        minute = start + timedelta(minutes=number)
        ticks.append(bench.tick(minute))
        watches.append(bench.watch(minute))
    return ticks, watches


def _line(name: str, costs: Sequence[Cost]) -> str:
    cpu = [cost.cpu * 1000 for cost in costs]
    p95 = statistics.quantiles(cpu, n=20)[-1]
    store, requests = (
        statistics.mean(given)
        for given in zip(*((c.store, c.requests) for c in costs), strict=True)
    )
    return (
        f"{name:>6}: CPU median {statistics.median(cpu):4.0f} ms, p95 {p95:4.0f}, mean "
        f"{statistics.mean(cpu):4.0f}, most {max(cpu):4.0f}; {store:.1f} store calls, "
        f"{requests:.1f} HTTP requests"
    )


if __name__ == "__main__":
    run(print)
