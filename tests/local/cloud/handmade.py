"""A hand-made world whose every figure is plain, and a clock that stands still."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from local.world.events import (
    BusinessMinute,
    BusinessRows,
    Health,
    PlanMinute,
    ResourceRow,
    RunningRequest,
    SiteMinute,
    WorldMinute,
)
from local.world.inside import Inside
from local.world.workloads import Workload

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEALTHY = Health(200, 20.0, 100, 200, T0 + timedelta(days=30))
PATIENCE_S = 60.0


def wait_until(happened: Callable[[], object]) -> None:
    """Wait for what another thread is about to do."""
    gives_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < gives_up, "it never happened"
        time.sleep(0.005)


@dataclass
class StillClock:
    at: datetime = T0

    def now(self) -> datetime:
        return self.at


@dataclass
class PlainWorld:
    """Minute n after T0 has n as its plan's CPU and n to n + 3 as its database's CPU."""

    storage_limit_bytes: int = 2000
    down: set[str] = field(default_factory=set)
    healthy: Health = HEALTHY
    rows: BusinessRows = field(default_factory=BusinessRows)
    running: tuple[RunningRequest, ...] = ()
    response_time_s: float | None = 0.25
    late: timedelta = timedelta(0)

    def minute(self, start: datetime) -> WorldMinute:
        n = (start - T0) // timedelta(minutes=1)
        row = ResourceRow(start, n, 1.0, 2.0, 3.0, 4.0)
        rows = tuple(replace(row, cpu_percent=float(n + i)) for i in range(4))
        return WorldMinute(
            start=start,
            requests=(),
            exceptions=(),
            events=(),
            page_views=(),
            plan=PlanMinute(float(n), 50.0, 1000 + n, 2000 + n, 0.5, 7.0),
            site=SiteMinute(10, 2, 1, self.response_time_s, 300, 1.5),
            resources=rows,
            storage_bytes=500,
            sessions=12,
            business=BusinessMinute((), 0, 0, 0, 0),
        )

    def health(self, at: datetime) -> Health:  # noqa: ARG002 - the same at all times
        return self.healthy

    def business_rows(self, start: datetime) -> BusinessRows:
        return self.rows if start == T0 else BusinessRows()

    def requests_running(self, at: datetime) -> tuple[RunningRequest, ...]:  # noqa: ARG002
        return self.running

    def inside(self, at: datetime) -> Inside:
        return Inside(at, T0, lambda _: Workload())

    def is_down(self, source: str, at: datetime) -> bool:  # noqa: ARG002 - as above
        return source in self.down

    def telemetry_late(self, at: datetime) -> timedelta:  # noqa: ARG002 - as above
        return self.late
