"""What recommendations are judged by: figures of the last day and week, and the inspection."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.blockings import SeenChain
from shared.domain.curves import Curve
from shared.domain.deployments import Deployment, RecentDeploy, deploy_before
from shared.domain.inspections import (
    Index,
    Inspection,
    MissingIndex,
    QueryStatistics,
    QueryUse,
    Regression,
    TableSize,
)
from shared.domain.times import DAY, HOUR
from shared.domain.trends.slopes import Point

FEWEST = 6
"""Steps with a figure; fewer make no mean worth an advice."""

METRICS = (
    "dtuUtilization",
    "dtuCpu",
    "dtuDataIo",
    "dtuLogWrite",
    "workersPercent",
    "sessionsPercent",
    "blockedSessions",
    "storageUsage",
    "storagePercent",
    "memoryUsage",
    "memoryProcess",
    "memoryHeap",
    "cpuUtilization",
    "httpQueueLength",
    "outboundSockets",
    "bytesOut",
    "appDiskUsage",
    "responseTime.avg",
)
"""Those that some recommendation looks at."""


class Stretch(Struct, frozen=True):
    """A metric in even steps from `start` on, the newest last."""

    start: datetime
    step: timedelta
    curve: Curve

    @property
    def known(self) -> list[float]:
        """The figures that there are."""
        return [value for value in self.curve.values if value is not None]

    @property
    def mean(self) -> float | None:
        """Their mean; None when they are too few to speak for the stretch."""
        known = self.known
        return sum(known) / len(known) if len(known) >= FEWEST else None

    @property
    def newest(self) -> float | None:
        """The last figure."""
        return next(reversed(self.known), None)

    def share(self, least: float) -> float:
        """The share of the steps with a figure in which it was at least that."""
        known = self.known
        return sum(value >= least for value in known) / len(known) if known else 0.0

    def high(self, quantile: float = 0.95) -> float | None:
        """What it exceeded in a twentieth of the steps; None for too few figures."""
        known = sorted(self.known)
        return known[int(quantile * (len(known) - 1))] if len(known) >= FEWEST else None

    def points(self, since: datetime | None = None) -> list[Point]:
        """(minute since 1970, figure) of the steps that begin at `since` or later."""
        times = (self.start + i * self.step for i in range(len(self.curve.values)))
        return [
            (at.timestamp() / 60, value)
            for at, value in zip(times, self.curve.values, strict=True)
            if value is not None and (since is None or at >= since)
        ]


MOMENTARY = HOUR
"""Who waits for whom, and who is logged in, is soon another story."""


def still_true(inspection: Inspection, now: datetime) -> Inspection:
    """The inspection without what was of its moment, when that is over."""
    if now - inspection.at <= MOMENTARY:
        return inspection
    return replace(inspection, blocking=None, transactions=None, sessions=None)


class Situation(Struct, frozen=True, kw_only=True):
    """A target at `now`.

    `day`: the last 24 hours by 5 minutes, `week`: the last 7 days by the hour, by metric; a metric
    that nobody measures is left out. `deployments`: those of the last 8 days. `noticed`: chains of
    blocked sessions that were seen in the last 24 hours, while they lasted.
    """

    now: datetime
    day: Mapping[str, Stretch]
    week: Mapping[str, Stretch]
    inspection: Inspection | None = None
    deployments: tuple[Deployment, ...] = ()
    noticed: tuple[SeenChain, ...] = ()

    def mean(self, metric: str) -> float | None:
        """Its mean over the last 24 hours."""
        stretch = self.day.get(metric)
        return stretch.mean if stretch is not None else None

    def newest(self, metric: str) -> float | None:
        """Its newest figure of the last 24 hours."""
        stretch = self.day.get(metric)
        return stretch.newest if stretch is not None else None

    @property
    def inspected_at(self) -> datetime:
        """What it says of the database's inside is of then; without an inspection, of now."""
        return self.inspection.at if self.inspection is not None else self.now

    @property
    def queries(self) -> tuple[QueryStatistics, ...]:
        """The listed queries; none when they could not be read."""
        return (self.inspection and self.inspection.queries) or ()

    @property
    def regressions(self) -> tuple[Regression, ...]:
        """The queries that got worse."""
        return (self.inspection and self.inspection.regressions) or ()

    @property
    def indexes(self) -> tuple[Index, ...]:
        """The indexes that there are."""
        return (self.inspection and self.inspection.indexes) or ()

    @property
    def missing_indexes(self) -> tuple[MissingIndex, ...]:
        """The indexes that the optimiser asked for."""
        return (self.inspection and self.inspection.missing_indexes) or ()

    @property
    def tables(self) -> tuple[TableSize, ...]:
        """The tables that there are."""
        return (self.inspection and self.inspection.tables) or ()

    @property
    def uptime_days(self) -> float | None:
        """For how long indexes have been counted; None when nothing proves it."""
        if self.inspection is None or self.inspection.started_at is None:
            return None
        return max((self.inspection.at - self.inspection.started_at) / DAY, 0.0)

    def deploy_before(self, moment: datetime | None) -> RecentDeploy | None:
        """What went live in the hour before something began."""
        return None if moment is None else deploy_before(self.deployments, moment)


def use_of_day(query: QueryStatistics) -> QueryUse | None:
    """What it cost in the last 24 hours; None when it was not executed."""
    return query.day if query.day is not None and query.day.executions > 0 else None
