"""What the CRM asks of its database, statement by statement, and the tables that it asks.

A workload is constant; scenes change it while they hold. Rates are per visitor's request, so that
rush hours show; costs are those of one execution.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

PAGE_BYTES = 8096
"""What a page of 8 KB holds."""
HARMLESS = (
    (
        "(@P1 nvarchar(40))",
        "SELECT [id], [userId], [lastActivityAt] FROM [dbo].[Session] WHERE [id] = @P1",
    ),
    (
        "(@P1 nvarchar(40),@P2 int)",
        "SELECT TOP (@P2) [id], [type] FROM [dbo].[Interaction] WHERE [userId] = @P1",
    ),
    (
        "(@P1 nvarchar(20))",
        "SELECT [id], [stage], [value] FROM [dbo].[Opportunity] WHERE [stage] = @P1",
    ),
    (
        "(@P1 nvarchar(40),@P2 datetime2)",
        "UPDATE [dbo].[Session] SET [lastActivityAt] = @P2 WHERE [id] = @P1",
    ),
)
"""Declarations and statements of the requests that the CRM makes all the time."""
NOUNS = (
    *("Allergen", "Campaign", "Delivery", "Donation", "Invoice", "Pallet", "Pledge"),
    *("Recipe", "Route", "Shift", "Shipment", "Supplier", "Voucher", "Volunteer"),
)
"""Tables that this or that version of the CRM may have."""
TRAITS = ("batchId", "channel", "dueAt", "externalRef", "kind", "ownerId", "postcode", "region")
"""Columns of theirs."""


MONITORS = 61
"""The query_id of the monitor's own statement: Query Store keeps it like all others."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`share`: executions a request; `an_hour`: those that come whoever visits.

    One execution takes `cpu_ms` and `wait_ms` (of `category`) and reads `reads` pages, `physical`
    of them from the disk. `aborted`: the share that the client gives up. `plan`: which of its plans
    is used, numbered from 1.
    """

    query_id: int
    text: str
    share: float
    cpu_ms: float
    reads: float
    an_hour: float = 0
    wait_ms: float = 1
    category: str = "Buffer IO"
    physical: float = 0.02
    aborted: float = 0
    plan: int = 1

    @property
    def plan_id(self) -> int:
        """Its number in the whole store."""
        return 10 * self.query_id + self.plan


@dataclass(frozen=True, slots=True)
class Index:
    """Reads and writes are a request; `id` 1 is the clustered one."""

    id: int
    name: str
    keys: tuple[str, ...]
    pages: int
    includes: tuple[str, ...] = ()
    is_primary_key: bool = False
    is_unique: bool = False
    reads: float = 0
    writes: float = 0


@dataclass(frozen=True, slots=True)
class Table:
    """`references`: the columns of its foreign keys. `changes`: rows that changed since `analysed`.

    `analysed`: how long ago its statistics were refreshed.
    """

    object_id: int
    name: str
    columns: tuple[str, ...]
    rows: int
    indexes: tuple[Index, ...]
    references: tuple[str, ...] = ()
    analysed: timedelta = timedelta(days=2)
    changes: int = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """An index that the optimiser misses, `share` times a request or `an_hour` times."""

    table: str
    equality: tuple[str, ...]
    cost: float
    impact: float
    share: float = 0
    an_hour: float = 0
    inequality: tuple[str, ...] = ()
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryStore:
    """Its state; `reason` as the view's bits have it."""

    actual: str = "READ_WRITE"
    reason: int = 0
    used_mb: int = 4


@dataclass(frozen=True)
class Workload:
    """`session_life`: how long the CRM keeps a connection."""

    tables: tuple[Table, ...] = ()
    statements: tuple[Statement, ...] = ()
    wishes: tuple[Wish, ...] = ()
    query_store: QueryStore = field(default_factory=QueryStore)
    session_life: timedelta = timedelta(minutes=50)

    def changed(self, statement: Statement) -> "Workload":
        """With that statement in place of the one with its number, or added."""
        others = tuple(one for one in self.statements if one.query_id != statement.query_id)
        return replace(self, statements=(*others, statement))

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(one for one in self.tables if one.name == name)


def calm_workload(seed: int) -> Workload:
    """A CRM of that seed's size: nothing wrong, but some things that look it at first sight."""
    chance = Random(f"{seed}:workload")
    others = chance.sample(NOUNS, 4)
    sizes = {
        "User": 60,
        "Session": chance.randint(900, 2000),
        "Interaction": chance.randint(90_000, 220_000),
        "Report": chance.randint(2000, 6000),
        "OfflineSync": chance.randint(500, 3000),
        "Opportunity": chance.randint(5000, 20_000),
        "Organisation": chance.randint(1000, 5000),
        "Contact": chance.randint(20_000, 60_000),
        **{name: chance.randint(300, 40_000) for name in others},
    }
    tables = tuple(
        _table(245_575_913 + 16 * place, name, rows, chance)
        for place, (name, rows) in enumerate(sizes.items())
    )
    return Workload(tables, _statements(others), _small_wishes(others))


def _table(object_id: int, name: str, rows: int, chance: Random) -> Table:
    """A primary key, and an index that supports its only foreign key."""
    columns = ("id", "userId", "createdAt", "name", *chance.sample(TRAITS, 4))
    pages = 1 + rows * chance.randint(180, 420) // PAGE_BYTES
    primary = Index(
        id=1,
        name=f"PK_{name}",
        keys=("id",),
        pages=pages,
        is_primary_key=True,
        is_unique=True,
        reads=0.3,
        writes=0.05,
    )
    by_user = Index(
        id=2,
        name=f"IX_{name}_userId",
        keys=("userId",),
        pages=1 + pages // 9,
        reads=0.08,
        writes=0.05,
    )
    return Table(object_id, name, columns, rows, (primary, by_user), ("userId",))


def _statements(others: list[str]) -> tuple[Statement, ...]:
    """The everyday ones, one that is dear but rare, some that are neither, and the monitor's."""
    texts = [before + text for before, text in HARMLESS]
    texts += [
        f"(@P1 nvarchar(40))SELECT [id], [name], [createdAt] FROM [dbo].[{name}] WHERE [id] = @P1"  # noqa: S608
        for name in ("Contact", "Organisation", "Report", *others)
    ]
    everyday = [
        Statement(place + 1, text, share=0.9 / (place + 1), cpu_ms=2.5, reads=9)
        for place, text in enumerate(texts)
    ]
    dashboard = (
        "(@P1 datetime2)SELECT [type], COUNT(*) FROM [dbo].[Interaction] "
        "WHERE [createdAt] >= @P1 GROUP BY [type]"
    )
    search = (
        "(@P1 nvarchar(80),@P2 int)SELECT TOP (@P2) [id], [name] FROM [dbo].[Contact] "
        "WHERE [name] LIKE @P1 ORDER BY [name]"
    )
    nightly = (
        "SELECT o.[stage], SUM(o.[value]) FROM [dbo].[Opportunity] AS o "
        "INNER JOIN [dbo].[Interaction] AS i ON i.[userId] = o.[userId] "
        "WHERE o.[closedAt] >= '2026-01-01' GROUP BY o.[stage]"
    )
    ours = (
        "(@P1 datetime2)SELECT /* pantry-monitor */ TOP (240) end_time, avg_cpu_percent "
        "FROM sys.dm_db_resource_stats WHERE end_time > @P1 ORDER BY end_time"
    )
    return (
        *everyday,
        Statement(MONITORS, ours, share=0, an_hour=60, cpu_ms=40, reads=500),
        Statement(41, dashboard, share=0.14, cpu_ms=35, reads=420),
        Statement(42, search, share=0.1, cpu_ms=28, reads=300),
        Statement(43, nightly, share=0, an_hour=0.1, cpu_ms=6000, reads=52_000, wait_ms=900),
    )


def _small_wishes(others: list[str]) -> tuple[Wish, ...]:
    """Large gains that hardly anybody would have, and a small one that many would."""
    return (
        Wish("Opportunity", ("closedAt",), cost=38, impact=97, an_hour=0.1),
        Wish(others[0], ("createdAt",), cost=0.02, impact=18, share=0.1),
    )
