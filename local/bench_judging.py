"""What judging costs a tick: the same minutes stored over Azurite, with detectors and without.

A part of `make bench ARGS=anomaly`. Every tick brings a minute of all judged metrics at once, which
is the dearest that there is.
"""

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec.structs import replace

from local.azurite import running_azurite
from local.desks import table_storage
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.rows import Op, Row, Rows
from shared.catalog.metrics import CATALOG
from shared.catalog.sources import SOURCES
from shared.domain.anomalies.detectors import Detector, step
from shared.domain.anomalies.kept import KeptDetectors, pack
from shared.domain.chunks import Latest
from shared.domain.metrics import Catalog
from shared.domain.samples import Reading, Sample
from shared.domain.times import DAY, MINUTE
from shared.services.collect import store

TARGET = "pantry-crm"
START = datetime(2026, 1, 12, tzinfo=UTC)
TICKS = 60
MOST_CPU_MS = 25.0
"""That a tick may take longer for it: a sixth of what a tick may take in all."""
MOST_OPERATIONS = 1
JUDGED = [metric for metric in CATALOG.metrics if metric.judged]
BARE = Catalog([replace(metric, judged=False) for metric in CATALOG.metrics], SOURCES)


class Cost(NamedTuple):
    """Of a tick: milliseconds of CPU and of time, and calls of the table, each a round trip."""

    cpu: float
    taken: float
    operations: float


class Counted:
    """A table that counts its calls."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.calls: Counter[str] = Counter()

    def get(self, partition: str, key: str) -> Row | None:
        """See Rows.get."""
        self.calls["get"] += 1
        return self._rows.get(partition, key)

    def query(
        self, partition: str, first: str, end: str, select: Iterable[str] | None = None
    ) -> list[Row]:
        """See Rows.query."""
        self.calls["query"] += 1
        return self._rows.query(partition, first, end, select)

    def transact(self, partition: str, ops: Sequence[Op]) -> list[str | None]:
        """See Rows.transact."""
        self.calls["transact"] += 1
        return self._rows.transact(partition, ops)


def run(say: Callable[[str], None]) -> bool:
    """Whether judging stays within its limits; the detectors know ten days when it begins."""
    detectors = _grown()
    with running_azurite() as azurite:
        tables = [
            Counted(table_storage(azurite.fresh_account().connection_string).samples)
            for _ in range(2)
        ]
        for rows in tables:
            ChunkStore(rows).save(TARGET, [], Latest(covered=_covered(START)), detectors)
        with_it, without = _side_by_side(tables)
    say(f"the detectors of {len(JUDGED)} metrics: {_size(detectors):,} bytes in one row")
    say(f"a tick with them:    {_told(with_it)}")
    say(f"a tick without them: {_told(without)}")
    more = with_it.cpu - without.cpu
    say(f"judging adds {more:.1f} ms of CPU (limit {MOST_CPU_MS:g})")
    operations = with_it.operations - without.operations
    return more <= MOST_CPU_MS and operations <= MOST_OPERATIONS


def _told(cost: Cost) -> str:
    return (
        f"{cost.cpu:5.1f} ms of CPU, {cost.taken:5.1f} ms in all, "
        f"{cost.operations:.0f} calls of the table"
    )


def _size(detectors: KeptDetectors) -> int:
    return sum(map(len, detectors.packed.values()))


def _grown() -> KeptDetectors:
    detector: Detector | None = None
    for number in range(10 * DAY // (15 * MINUTE) + 60):
        at = START - 10 * DAY - 60 * MINUTE + number * 15 * MINUTE
        detector, _ = step(detector, at, _value(number))
    if detector is None:
        raise AssertionError("ten days have points")
    return KeptDetectors(packed={metric.column: pack(detector) for metric in JUDGED})


def _value(number: int) -> float:
    return 40 + 20 * math.sin(number / 15) + number * 7 % 13 / 3


def _covered(until: datetime) -> dict[str, datetime]:
    return {name: until for metric in JUDGED for name in metric.sources}


def _side_by_side(tables: Sequence[Counted]) -> list[Cost]:
    """Both ways in turns, so that a busy machine is busy for both; medians."""
    seen: list[list[Cost]] = [[], []]
    for number in range(TICKS):
        for place, catalog in enumerate((CATALOG, BARE)):
            seen[place].append(_tick(number, catalog, tables[place]))
    return [Cost(*map(statistics.median, zip(*costs, strict=True))) for costs in seen]


def _tick(number: int, catalog: Catalog, rows: Counted) -> Cost:
    minute = START + number * MINUTE
    calls, cpu, began = rows.calls.total(), time.process_time(), time.perf_counter()
    store(
        _readings(number, minute),
        TARGET,
        catalog=catalog,
        samples=ChunkStore(rows),
        now=minute + MINUTE,
    )
    return Cost(
        (time.process_time() - cpu) * 1000,
        (time.perf_counter() - began) * 1000,
        rows.calls.total() - calls,
    )


def _readings(number: int, minute: datetime) -> list[Reading]:
    by_source: dict[str, list[Sample]] = {}
    for metric in JUDGED:
        sample = Sample(metric.name, minute, _value(number))
        by_source.setdefault(metric.sources[0], []).append(sample)
    return [
        Reading(
            source=name,
            asked_at=minute + MINUTE,
            covered_until=minute + MINUTE,
            samples=tuple(samples),
            since=minute,
        )
        for name, samples in by_source.items()
    ]
