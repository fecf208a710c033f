"""Scenes that begin inside the database: what an inspection should find the culprit of.

Names and sizes come from each scene's `seed`. They last for days, so that averages notice.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import ClassVar

from local.world.levels import Levels
from local.world.scenes import Scene
from local.world.workloads import NOUNS, TRAITS, Index, QueryStore, Statement, Wish, Workload

TWO_DAYS = 2 * 24 * 60
"""In minutes."""
_NEW_QUERY = 901
_SLOWED = 42


@dataclass(frozen=True)
class InsideScene(Scene):
    """One that changes the workload, and what it costs."""

    minutes: int = TWO_DAYS
    seed: int = 1
    load: ClassVar[float] = 25
    """DTU percent on top, in the rush hour."""

    def change(self, levels: Levels, into: timedelta) -> Levels:  # noqa: ARG002 - at once
        """See Scene; more visitors, more load."""
        more = self.load * levels.traffic / 75
        return replace(
            levels,
            database_cpu=min(levels.database_cpu + more, 99),
            database_io=min(levels.database_io + 0.8 * more, 97),
        )

    @property
    def chance(self) -> Random:
        """The same names and sizes whenever they are asked for."""
        return Random(f"{self.seed}:{type(self).__name__}")


@dataclass(frozen=True)
class BadQuery(InsideScene):
    """A release brings a query that scans a large table, now and then."""

    load: ClassVar[float] = 40

    def work(self, workload: Workload) -> Workload:
        """A statement that nobody knew before."""
        chance = self.chance
        table, trait = chance.choice(NOUNS), chance.choice(TRAITS)
        text = (
            f"(@P1 nvarchar(80))SELECT x.[id], x.[{trait}], i.[name] FROM [dbo].[{table}] AS x "  # noqa: S608 - a story
            "INNER JOIN [dbo].[Interaction] AS i ON i.[userId] = x.[userId] "
            f"WHERE i.[name] LIKE N'%' + @P1 + N'%' OR x.[{trait}] = 'gluten free'"
        )
        return workload.changed(
            Statement(
                _NEW_QUERY,
                text,
                share=chance.uniform(0.04, 0.07),
                cpu_ms=chance.uniform(500, 900),
                reads=chance.randint(7000, 12_000),
                wait_ms=300,
                physical=0.1,
                aborted=0.03,
            )
        )


@dataclass(frozen=True)
class WantedIndex(InsideScene):
    """A page filters a large table by a column that no index begins with."""

    def work(self, workload: Workload) -> Workload:
        """A statement, and the index that would help it, once alone and once with more columns."""
        chance = self.chance
        trait = chance.choice(TRAITS)
        table = workload.table("Interaction")
        text = (
            f"(@P1 nvarchar(40))SELECT [id], [name] FROM [dbo].[{table.name}] WHERE [{trait}] = @P1"  # noqa: S608
        )
        share = chance.uniform(0.12, 0.2)
        cost, impact = chance.uniform(9, 18), chance.uniform(88, 99)
        wish = Wish(table.name, (trait,), cost=cost, impact=impact, share=share)
        wider = replace(wish, included=("name",), share=share / 2)
        pages = table.indexes[0].pages
        asked = Statement(_NEW_QUERY + 1, text, share=share, cpu_ms=90, reads=0.7 * pages)
        return replace(workload.changed(asked), wishes=(*workload.wishes, wish, wider))


@dataclass(frozen=True)
class Regressed(InsideScene):
    """After a release, a query that everybody uses gets another plan, which is far dearer."""

    def work(self, workload: Workload) -> Workload:
        """The search's second plan."""
        before = next(one for one in workload.statements if one.query_id == _SLOWED)
        factor = self.chance.uniform(8, 16)
        after = replace(
            before, plan=2, cpu_ms=factor * before.cpu_ms, reads=2 * factor * before.reads
        )
        return workload.changed(after)


@dataclass(frozen=True)
class Churn(InsideScene):
    """Each request makes a connection of its own and leaves it to time out."""

    load: ClassVar[float] = 4
    sessions: ClassVar[int] = 60

    def change(self, levels: Levels, into: timedelta) -> Levels:
        """See Scene; many sessions, and workers to let them in."""
        busy = super().change(levels, into)
        return replace(
            busy, sessions=busy.sessions + self.sessions, workers=min(busy.workers + 30, 99)
        )

    def work(self, workload: Workload) -> Workload:
        """Connections live for less than a minute."""
        return replace(workload, session_life=timedelta(seconds=45))


@dataclass(frozen=True)
class SpareIndexes(InsideScene):
    """Two indexes that only cost: nobody reads one, and another one covers the other."""

    load: ClassVar[float] = 2

    def work(self, workload: Workload) -> Workload:
        """Both on the largest table."""
        table = max(workload.tables, key=lambda one: one.rows)
        trait = self.chance.choice(table.columns[4:])
        spare = Index(11, f"IX_{table.name}_{trait}", (trait,), pages=1900, writes=0.05)
        double = replace(table.indexes[1], id=12, name=f"IX_{table.name}_userId_2", reads=0)
        fuller = replace(table, indexes=(*table.indexes, spare, double))
        others = tuple(one for one in workload.tables if one is not table)
        return replace(workload, tables=(*others, fuller))


@dataclass(frozen=True)
class StoreFull(InsideScene):
    """Query Store has reached its 10 MB and only reads."""

    load: ClassVar[float] = 0

    def work(self, workload: Workload) -> Workload:
        """READ_ONLY for want of space."""
        return replace(workload, query_store=QueryStore("READ_ONLY", reason=65536, used_mb=10))
