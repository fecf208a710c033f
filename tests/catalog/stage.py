"""The shipped rules before a world: its minutes as its own arithmetic gives them, folded at once.

The walks prove that the sources read the same figures; here only the rules are on trial.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.desks import VirtualClock, furnish, memory_storage
from local.world.engine import Script, ScriptedWorld
from local.world.scenes import Scene
from local.world.truth import METRICS, truth
from shared.catalog.metrics import CATALOG
from shared.catalog.rules import default_rules
from shared.domain.alerts import Alert
from shared.domain.chunks import NO_CELLS, Asked, Cells, HourChunk, Latest
from shared.domain.metrics import Metric
from shared.domain.rules import KeptRule
from shared.domain.times import HOUR, MINUTE, each_hour, each_minute
from shared.ports import House
from shared.services.evaluate import evaluate

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday; the busiest hour begins."""
TARGET = "pantry-crm"
TAKEN_AWAY = {
    "dmv": ("dmv", "sessions", "size", "blocking", "self"),
    "platform": ("plan", "app", "database"),
    "probe": ("probe",),
    "logs": ("logs", "security", "logins", "usage"),
    "counts": ("users", "interactions", "reports", "syncs", "kinds", "durations", "deals"),
}
"""The sources behind the names that a scene uses."""


@dataclass
class Stage:
    """One world, and a store that knows its figures hour by hour."""

    world: ScriptedWorld
    start: datetime
    metrics: Sequence[Metric]
    house: House = field(init=False)
    covered: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.house = furnish(
            memory_storage(),
            catalog=CATALOG,
            rules=default_rules(),
            sources=[],
            channels={},
            clock=VirtualClock(self.start),
        )

    def play(self, minutes: int) -> None:
        """Live through so many minutes and judge all of them, an hour at a time."""
        end = self.start + minutes * MINUTE
        for hour in each_hour(self.start, end):
            self._play(max(hour, self.start), min(hour + HOUR, end))

    def _play(self, first: datetime, end: datetime) -> None:
        cells = {metric.column: self._cells(metric, first, end) for metric in self.metrics}
        hour = first.replace(minute=0)
        stored = self.house.samples.latest(TARGET)
        latest = Latest(
            covered=self._covered(first, end),
            asked={source.name: Asked(end) for source in CATALOG.sources},
            values=dict.fromkeys(cells, 0.0),
            minutes={m.column: self._last(m, cells[m.column], hour, stored) for m in self.metrics},
            etag=stored.etag,
        )
        self.house.samples.save(TARGET, [HourChunk(hour=hour, cells=cells)], latest)
        evaluate(
            TARGET,
            house=self.house,
            rules=[KeptRule(rule, self.start) for rule in self.house.rules],
            activated_at=self.start,
            now=end,
            asked=[source.name for source in CATALOG.sources],
        )

    def _cells(self, metric: Metric, first: datetime, end: datetime) -> Cells:
        cells = list(NO_CELLS)
        for minute in each_minute(first, end):
            if minute.minute % metric.every == 0 and not self._is_silent(metric, minute):
                cells[minute.minute] = truth(self.world, metric.name, minute)
        return tuple(cells)

    def _last(self, metric: Metric, cells: Cells, hour: datetime, stored: Latest) -> datetime:
        there = [n for n, cell in enumerate(cells) if cell is not None]
        return hour + there[-1] * MINUTE if there else stored.minutes.get(metric.column, hour)

    def _is_silent(self, metric: Metric, minute: datetime) -> bool:
        return all(self._is_down(source, minute) for source in metric.sources)

    def _is_down(self, source: str, minute: datetime) -> bool:
        names = [name for name, behind in TAKEN_AWAY.items() if source in behind]
        return any(self.world.is_down(name, minute) for name in names)

    def _covered(self, first: datetime, end: datetime) -> dict[str, datetime]:
        for source in CATALOG.sources:
            heard = [m for m in each_minute(first, end) if not self._is_down(source.name, m)]
            if heard:
                self.covered[source.name] = heard[-1] + MINUTE
        return dict(self.covered)

    def alerts(self) -> list[Alert]:
        """Every story that was told, oldest first."""
        return [kept.value for kept in self.house.alerts.scan(TARGET, "alert:", Alert)]

    def fired(self) -> set[str]:
        """The rules that had something to tell."""
        return {alert.rule_id for alert in self.alerts()}


def a_stage(
    *scenes: Scene, start: datetime = START, seed: int = 1, only: Sequence[str] = ()
) -> Stage:
    """A world with those scenes, and the metrics that the shipped rules look at, or `only` some."""
    names = only or sorted({one.metric for rule in default_rules() for one in rule.members})
    metrics = [CATALOG.metric(name) for name in {*names, "throughput"}]
    world = ScriptedWorld(Script("stage", start, scenes), seed=seed)
    assert {metric.name for metric in metrics} <= METRICS
    return Stage(world, start, metrics)
