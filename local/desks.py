"""Houses for a desk: the in-memory twins, or the real store on Azurite, under a virtual clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.adapters.chunk_store import ChunkStore
from shared.adapters.guard import GuardedRows
from shared.adapters.ledger import RowLedger
from shared.adapters.memory import MemoryQueue, MemoryRows
from shared.adapters.rows import Rows
from shared.domain.metrics import Catalog
from shared.domain.rules import Action, Rule
from shared.ports import Channel, House, MetricSource, WorkQueue

TABLES = ("Samples", "Alerts", "Config")


@dataclass
class VirtualClock:
    """World and wall time in one, moved by hand."""

    now: datetime

    def wall(self) -> datetime:
        """The wall clock that the house looks at."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


@dataclass(frozen=True)
class Storage:
    """The three tables and the queues of one monitor."""

    samples: Rows
    alerts: Rows
    config: Rows
    queue: WorkQueue


def memory_storage() -> Storage:
    """The in-memory twins, as strict as Azure."""
    samples, alerts, config = (GuardedRows(MemoryRows()) for _ in TABLES)
    return Storage(samples, alerts, config, MemoryQueue())


def table_storage(connection_string: str) -> Storage:
    """Real tables and queues of the account in the connection string."""
    from shared.adapters.queues import open_queues  # noqa: PLC0415 - SDK import
    from shared.adapters.tables import open_table  # noqa: PLC0415 - SDK import

    samples, alerts, config = (
        GuardedRows(open_table(name, connection_string=connection_string)) for name in TABLES
    )
    return Storage(samples, alerts, config, open_queues(connection_string=connection_string))


def furnish(
    storage: Storage,
    *,
    catalog: Catalog,
    rules: Sequence[Rule],
    sources: Sequence[MetricSource],
    channels: Mapping[str, Channel],
    clock: VirtualClock,
    fallback: Action | None = None,
) -> House:
    """A house over that storage, whose time is the virtual clock's."""
    return House(
        catalog=catalog,
        rules=rules,
        samples=ChunkStore(storage.samples),
        alerts=RowLedger(storage.alerts),
        config=RowLedger(storage.config),
        queue=storage.queue,
        sources=sources,
        channels=channels,
        wall=clock.wall,
        fallback=fallback,
    )
