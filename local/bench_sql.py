"""What the monitor costs the database in a day: connections, round trips, rows and bytes.

Counted by the server, so logins and encryption are in it. The day is calm: under load the CRM's
rows are counted later, never more often. Inspections, four a day, are counted for themselves.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from local.azurite import DEV_ACCOUNT, DEV_KEY, Account
from local.cloud.sql.batches import split
from local.cloud.sql.visits import Visit
from local.desks import memory_storage
from local.rig import TARGET, Rig, running_rig
from local.surroundings import sql_driver
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared.adapters.chunk_store import ChunkStore
from shared.adapters.ledger import RowLedger
from shared.adapters.sql.azure_sql import PROBE_EVERY, AzureSql
from shared.adapters.sql.connections import APPLICATION, PRELUDE
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.catalog.sql_queries import COUNTS
from shared.domain.quiet_hours import EVERY
from shared.domain.times import MINUTE, each_minute
from shared.ports import House

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = 24 * 60
FAREWELL_S = 5
_MANNERS = len(split(PRELUDE))
ROUND_TRIPS = 2 + len(INSPECTION_QUERIES)
"""Of an inspection: what is granted, each statement by itself, and what that has cost."""


class Cost(NamedTuple):
    """Of one tick: `statements` are SELECTs, `requests` round trips after the login."""

    connections: int
    requests: int
    statements: int
    rows: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True)
class Tick:
    """One minute's cost, and what was due in it beside the minute's batch."""

    counts: bool
    probe: bool
    cost: Cost

    @property
    def kind(self) -> str:
        more = [name for name, due in (("counts", self.counts), ("probe", self.probe)) if due]
        return " and ".join(["minute", *more])

    @property
    def expected(self) -> int:
        """Round trips: one for each batch that is due."""
        return 1 + self.counts + self.probe


def run(out: Callable[[str], None]) -> bool:
    """Print what a day of ticks costs; whether each batch was one round trip over one login."""
    ticks = list(day(DAY))
    out(f"a calm day of {len(ticks)} ticks by {sql_driver().strip('{}').rpartition('/')[2]}")
    out(f"{'':>36} {'ticks':>6}" + "".join(f"{name:>12}" for name in Cost._fields))
    for kind in dict.fromkeys(tick.kind for tick in sorted(ticks, key=lambda one: one.expected)):
        costs = [tick.cost for tick in ticks if tick.kind == kind]
        out(_line(f"{kind}, a tick", costs, len(costs)))
    out(_line("all, a tick", [tick.cost for tick in ticks], len(ticks)))
    out(_line("all, a day", [tick.cost for tick in ticks], 1))
    looks = list(inspections())
    out(_line("an inspection", looks, len(looks)))
    out(_line("all inspections, a day", looks, 1))
    wrong = [one for one in ticks if (one.cost.connections, one.cost.requests) != (1, one.expected)]
    out(f"{len(wrong)} ticks with another login or round trip than one for each batch")
    long = [one for one in looks if (one.connections, one.requests) != (1, ROUND_TRIPS)]
    out(f"{len(long)} inspections with another login or round trip than one for each statement")
    return not wrong and not long


def _line(name: str, costs: Sequence[Cost], divisor: int) -> str:
    sums = [sum(values) / divisor for values in zip(*costs, strict=True)]
    shown = "".join(f"{each:>12,.{0 if each >= 100 else 1}f}" for each in sums)
    return f"{name:>36} {len(costs):>6}{shown}"


def day(minutes: int) -> Iterator[Tick]:
    """The ticks of that many minutes from midnight on."""
    every = PROBE_EVERY // MINUTE
    with _rig() as rig:
        for number, minute in enumerate(each_minute(START, START + minutes * MINUTE)):
            rig.desk.visits.clear()
            done = rig.tick(minute)
            if done.failures or done.skipped:
                raise AssertionError(f"the tick at {minute} failed: {done.failures}")
            names = {answer.source for answer in done.answers}
            counts = not names.isdisjoint(query.source for query in COUNTS)
            yield Tick(counts, number % every == 0, _cost(rig))


def inspections() -> Iterator[Cost]:
    """Those of a day: what the views of the desk's own CRM answer."""
    with _rig() as rig:
        inspector = rig.house.inspector
        if inspector is None:
            raise AssertionError("nobody can inspect the desk's database")
        for number in range(DAY * MINUTE // EVERY):
            rig.desk.visits.clear()
            rig.clock.now = START + number * EVERY
            found = inspector.inspect(TARGET, now=rig.clock.now)
            if found.lacking:
                raise AssertionError(f"it could not read everything: {found.lacking}")
            yield _cost(rig)


def _cost(rig: Rig) -> Cost:
    """Of every connection since the last tick."""
    _wait_for_farewells(rig)
    visits = [one for one in rig.desk.visits.all() if one.program == APPLICATION]
    return Cost(
        connections=len(visits),
        requests=sum(len(one.asked) for one in visits),
        statements=sum(_statements(one) for one in visits),
        rows=sum(one.rows for one in visits),
        bytes_in=sum(one.bytes_in for one in visits),
        bytes_out=sum(one.bytes_out for one in visits),
    )


def _wait_for_farewells(rig: Rig) -> None:
    """The server notices a moment later that a client has gone."""
    gives_up = time.monotonic() + FAREWELL_S
    while rig.desk.visits.open_connections:
        if time.monotonic() > gives_up:
            raise AssertionError("the monitor is still connected after its pass")
        time.sleep(0.001)


def _statements(visit: Visit) -> int:
    return sum(len(split(one.sql)) - _MANNERS for one in visit.asked)


@contextmanager
def _rig() -> Iterator[Rig]:
    """A monitor that reads nothing but the database, and remembers in memory."""

    def furnish(house: House) -> House:
        storage = memory_storage()
        return replace(
            house,
            rules=[],
            measured={TARGET: frozenset(AzureSql.names)},
            samples=ChunkStore(storage.samples),
            alerts=RowLedger(storage.alerts),
            config=RowLedger(storage.config),
            queue=storage.queue,
        )

    world = ScriptedWorld(script_named("calm", START))
    nowhere = "http://127.0.0.1:9"
    unused = Account(DEV_ACCOUNT, DEV_KEY, nowhere, nowhere, nowhere).connection_string
    changes = {"HEALTH_URL": "", "LOG_ANALYTICS_WORKSPACE_ID": ""}
    with running_rig(world, storage=unused, now=START, changes=changes, furnish=furnish) as rig:
        yield rig


if __name__ == "__main__":
    run(print)
