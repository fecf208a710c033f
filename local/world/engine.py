"""The scenario engine: plays any minute of a script, in any order, always the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from random import Random

from local.world import conduct, counters, telemetry, traffic, written
from local.world.events import (
    BusinessRows,
    CustomEvent,
    Health,
    Request,
    RunningRequest,
    WorldMinute,
)
from local.world.inside import IdleTransaction, Inside
from local.world.levels import MIB, PAGE, STORAGE_LIMIT, Levels, calm
from local.world.running import FIRST_SESSION, calm_requests
from local.world.scenes import Scene
from local.world.workloads import Workload, calm_workload
from shared.domain.errors import InvalidInput
from shared.domain.times import floor_minute

_KEPT_MINUTES = 2200
"""More than the 32 hours that a first reading of logins asks for, and the minutes after it: else
the oldest are forgotten each time just before they are asked for, and all are played twice."""
_KEPT_MOMENTS = 4
_CALM_WORLDS = 4
_AT = attrgetter("at")


@dataclass(frozen=True)
class Script:
    """Calm days and, among them, scenes; `begins` is when somebody starts to watch."""

    name: str
    begins: datetime
    scenes: tuple[Scene, ...] = ()


class ScriptedWorld:
    """A script and a seed as a World; it answers for the time before `begins`, too.

    Chance is seeded anew by purpose and minute, so neither order nor process matters, and a scene
    disturbs nothing but what it changes.
    """

    def __init__(self, script: Script, *, seed: int = 1) -> None:
        self.script = script
        self.begins = floor_minute(_utc(script.begins))
        self._seed = seed
        self._play_once = lru_cache(_KEPT_MINUTES)(self._play)
        self._inside_once = lru_cache(_KEPT_MOMENTS)(self._inside)
        self._calm_work = calm_workload(seed)
        edges = (edge for scene in script.scenes for edge in (scene.begins, scene.ends))
        self._cuts = tuple(sorted(set(edges)))

    @property
    def storage_limit_bytes(self) -> int:
        """See World."""
        return STORAGE_LIMIT

    def minute(self, start: datetime) -> WorldMinute:
        """See World; any moment of the minute will do."""
        return self._play_once(floor_minute(_utc(start)))

    def health(self, at: datetime) -> Health:
        """See World; the same for all of a second."""
        second = _utc(at).replace(microsecond=0)
        levels = self._levels(second)
        chance = self._chance("health", second)
        return Health(
            status=levels.health_status,
            latency_ms=round(chance.uniform(18, 60) + 0.4 * levels.wait_ms, 3),
            heap_bytes=int(levels.heap_mb * chance.uniform(0.98, 1.02) * MIB),
            resident_bytes=int((levels.resident_mb + chance.uniform(-4, 4)) * MIB),
            certificate_ends=self.begins + timedelta(days=levels.certificate_days),
            refuses=not levels.serving,
        )

    def business_rows(self, start: datetime) -> BusinessRows:
        """See World; any moment of the minute will do."""
        minute = self.minute(start)
        chance = self._chance("rows", minute.start)
        return written.business_rows(minute.start, minute.business, chance)

    def requests_running(self, at: datetime) -> tuple[RunningRequest, ...]:
        """See World; the same for all of a second, and never in a session that there is not."""
        second = _utc(at).replace(microsecond=0)
        found: list[RunningRequest] = []
        first = FIRST_SESSION
        for scene in self.script.scenes:
            if scene.holds(second):
                found.extend(scene.requests(second, first))
                first += scene.sessions
        if self._levels(second).serving:
            found.extend(calm_requests(second, first, self._chance("running", second)))
        ends = FIRST_SESSION + self.minute(second).sessions
        return tuple(request for request in found if request.session_id < ends)

    def inside(self, at: datetime) -> Inside:
        """See World; one inspection looks into the same moments many times."""
        return self._inside_once(_utc(at))

    def _inside(self, moment: datetime) -> Inside:
        return Inside(
            at=moment,
            begins=self.begins,
            work=self._work,
            cuts=self._cuts,
            seed=self._seed,
            transactions=self._idling(moment),
        )

    def is_down(self, source: str, at: datetime) -> bool:
        """See World."""
        moment = _utc(at)
        return any(scene.takes_away(source) for scene in self.script.scenes if scene.holds(moment))

    def telemetry_late(self, at: datetime) -> timedelta:
        """See World."""
        moment = _utc(at)
        return max((scene.delays(moment) for scene in self.script.scenes), default=timedelta(0))

    def _work(self, at: datetime) -> Workload:
        work = self._calm_work
        for scene in self.script.scenes:
            if scene.holds(at):
                work = scene.work(work)
        return work

    def _idling(self, at: datetime) -> tuple[IdleTransaction, ...]:
        found: list[IdleTransaction] = []
        first = FIRST_SESSION
        for scene in self.script.scenes:
            if scene.holds(at):
                found.extend(scene.idling(first))
                first += scene.sessions
        return tuple(found)

    def _levels(self, at: datetime) -> Levels:
        levels = calm(at, self.begins)
        for scene in self.script.scenes:
            if scene.holds(at):
                levels = scene.change(levels, at - scene.begins)
        return levels

    def _events(
        self, start: datetime, kept: Sequence[Request], levels: Levels
    ) -> tuple[CustomEvent, ...]:
        by_staff = conduct.staff_events(start, levels, self._chance("staff", start))
        return tuple(sorted([*telemetry.custom_events(kept), *by_staff], key=_AT))

    def _chance(self, purpose: str, at: datetime) -> Random:
        return Random(f"{self._seed}:{purpose}:{at:%Y-%m-%dT%H:%M:%S}")

    def _play(self, start: datetime) -> WorldMinute:
        if self.script.scenes and not any(scene.holds(start) for scene in self.script.scenes):
            return _calm_world(self.begins, self._seed).minute(start)
        levels = self._levels(start)
        visits = traffic.visits(start, levels, self._chance("visits", start))
        guesses = traffic.guesses(start, levels, self._chance("guesses", start))
        probes = traffic.probes(start, self.health, self._chance("probes", start))
        sprays = traffic.sprays(start, levels, self._chance("sprays", start))
        scans = traffic.scans(start, levels, self._chance("scans", start))
        asked = sorted([*visits, *guesses, *sprays, *scans], key=_AT)
        arrived = [*asked, *probes]
        kept = telemetry.sampled(asked) if levels.serving else []
        plan = counters.plan_minute(levels, len(arrived), self._chance("plan", start))
        return WorldMinute(
            start=start,
            requests=tuple(sorted([*kept, *probes], key=_AT)),
            exceptions=telemetry.exceptions(kept, levels.failure),
            events=self._events(start, kept, levels),
            page_views=telemetry.page_views(kept),
            plan=plan,
            site=counters.site_minute(levels, arrived, plan.cpu_percent),
            resources=counters.resource_rows(start, levels, self._chance("database", start)),
            storage_bytes=int(levels.storage_bytes) // PAGE * PAGE,
            sessions=levels.sessions,
            business=counters.business_minute(levels, arrived, self._chance("business", start)),
        )


@lru_cache(_CALM_WORLDS)
def _calm_world(begins: datetime, seed: int) -> ScriptedWorld:
    """What all worlds of a seed share while no scene holds: it need not be played for each."""
    return ScriptedWorld(Script("calm", begins), seed=seed)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise InvalidInput(f"a world's time knows its zone, {at.isoformat()} does not")
    return at.astimezone(UTC)
