"""GET advice and PATCH advice/{id}: what to do, and what people made of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct, field
from msgspec.structs import asdict, fields

from shared.domain.figures import figure_of
from shared.domain.recommendations.general import MEMORY
from shared.domain.recommendations.sayings import Saying, Status
from shared.domain.recommendations.values import Area, Priority, Recommendation
from shared.domain.wishes import LONGEST_NOTE, Note
from shared.services.advise import (
    ExpensiveQuery,
    Look,
    StatusWish,
    last_look,
    sayings,
    set_status,
)
from shared.web.alerts import target_of
from shared.web.auth import Role, clean_text
from shared.web.doors import Asked, Body, Reply, Route

STATUSES = ("open", *Status, "all")
MEMORY_THRESHOLD, RESTART_ABOVE = 1400, 1600
Said = Literal["seen", "done", "dismissed"]


class Advice(Recommendation, frozen=True, kw_only=True, rename="camel"):
    """A recommendation and its story; see docs/advice.md.

    `status` null: it follows from this very minute's figure and is not kept. `said_at`: when it was
    first said, or said again; `again` says why. `follow_up`: what came of doing it.
    """

    status: Status | None = None
    said_at: datetime | None = None
    found_at: datetime | None = None
    is_found: bool = True
    changed_at: datetime | None = None
    changed_by: str | None = None
    note: str | None = None
    done_at: datetime | None = None
    follow_up: str | None = None
    again: str | None = None


class MemoryAdvice(Advice, frozen=True, kw_only=True, rename="camel"):
    """Advice about the app; `action` names it as the client does, or is its kind."""

    action: str


class OptimizationResult(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", tag="dtu"
):
    """What to do about the database.

    `current_dtu`: the newest figure in percent, `mean_dtu` that of the day before the last look.
    `estimated_improvement`: points of DTU percent that following all would give back.
    `expensive_queries`: the ten dearest of the last hour, by CPU of an execution.
    """

    current_dtu: float | None = field(name="currentDTU")
    mean_dtu: float | None = field(name="meanDTU")
    recommendations: list[Advice]
    estimated_improvement: float
    expensive_queries: tuple[ExpensiveQuery, ...]


class MemoryAnalysis(
    Struct, frozen=True, kw_only=True, rename="camel", tag_field="kind", tag="memory"
):
    """What to do about the app and its plan; `current` memory in MB of 1,750."""

    current: float | None
    threshold: int
    status: Literal["normal", "warning", "critical", "unknown"]
    recommendations: list[MemoryAdvice]


class AdviceQuery(Struct, frozen=True):
    """Which advice; `target` defaults to the first one."""

    kind: Area = Area.DTU
    status: Annotated[str, Meta(extra_json_schema={"enum": STATUSES})] = STATUSES[0]
    target: str = ""


class AdviceMeta(Struct, frozen=True, rename="camel"):
    """When the target was looked at, and which inspection of its database; null: never yet.

    `lacking`: what the inspection could not read, and the grant that it needs. `may_change`:
    whether who asks may say what became of it.
    """

    target: str
    status: str
    advised_at: datetime | None
    inspected_at: datetime | None
    lacking: tuple[str, ...]
    may_change: bool


class AdviceTargetQuery(Struct, frozen=True):
    """Whose advice; `target` defaults to the first one."""

    target: str = ""


class AdviceWish(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of PATCH advice/{id}."""

    status: Said
    note: Note | None = None


FIELDS = {
    "status": f"status is one of {', '.join(get_args(Said))}",
    "note": f"note must be text of at most {LONGEST_NOTE:,} characters",
}


def advice_of(saying: Saying) -> Advice:
    """A recommendation with its story."""
    return Advice(**_fields(saying))


def _fields(saying: Saying) -> dict[str, Any]:
    story = asdict(saying)
    told = {name: story[name] for name in _STORY}
    return {**asdict(saying.recommendation), **told}


_STORY = {one.name for one in fields(Advice)} - {one.name for one in fields(Recommendation)}


def _list(asked: Asked) -> Reply:
    query: AdviceQuery = asked.query
    target = target_of(query.target, asked.office.targets)
    house, look = asked.office.house(), last_look(target, house=asked.office.house())
    known = [one for one in sayings(target, house=house) if one.recommendation.area is query.kind]
    chosen = [one for one in known if _wanted(query.status, one)]
    meta = AdviceMeta(
        target=target,
        status=query.status,
        advised_at=look.at if look is not None else None,
        inspected_at=look.inspected_at if look is not None else None,
        lacking=look.lacking if look is not None else (),
        may_change=asked.principal.may(Role.ADMIN),
    )
    if query.kind is Area.DTU:
        return Reply(_of_database(chosen, look, _current("dtuUtilization", target, asked)), meta)
    return Reply(_of_memory(chosen, query.status, _current("memoryUsage", target, asked)), meta)


def _wanted(status: str, saying: Saying) -> bool:
    if status == "open":
        return saying.is_open
    return status in ("all", saying.status)


def _current(metric: str, target: str, asked: Asked) -> float | None:
    house = asked.office.house()
    latest, found = house.samples.latest(target), house.catalog.metric(metric)
    figure = figure_of(found, latest=latest, catalog=house.catalog, now=asked.office.now)
    return None if figure.stale else figure.value


def _of_database(
    chosen: Sequence[Saying], look: Look | None, current: float | None
) -> OptimizationResult:
    mean = look.mean_dtu if look is not None else None
    return OptimizationResult(
        current_dtu=current,
        mean_dtu=mean,
        recommendations=[advice_of(one) for one in chosen],
        estimated_improvement=_improvement(chosen, mean),
        expensive_queries=look.expensive_queries if look is not None else (),
    )


def _improvement(chosen: Iterable[Saying], mean: float | None) -> float:
    """The sum of what is open and estimated, and never more than there is."""
    estimates = [one.recommendation.estimate for one in chosen if one.is_open]
    points = sum(one.value for one in estimates if one is not None and one.unit == "% DTU")
    return round(min(points, mean if mean is not None else 100.0), 1)


def _of_memory(chosen: Sequence[Saying], status: str, current: float | None) -> MemoryAnalysis:
    pressing = _pressing(current) if status in ("open", "all") else []
    kept = [MemoryAdvice(**_fields(one), action=one.recommendation.kind) for one in chosen]
    return MemoryAnalysis(
        current=current,
        threshold=MEMORY_THRESHOLD,
        status=_memory_status(current),
        recommendations=[*pressing, *kept],
    )


def _memory_status(current: float | None) -> Literal["normal", "warning", "critical", "unknown"]:
    if current is None:
        return "unknown"
    if current > RESTART_ABOVE:
        return "critical"
    return "warning" if current > MEMORY_THRESHOLD else "normal"


def _pressing(current: float | None) -> list[MemoryAdvice]:
    """The client's own steps for this very minute, by the newest figure; they are not kept."""
    found = []
    if current is not None and current > RESTART_ABOVE:
        found.append(_step("restart_application", Priority.CRITICAL, current, _RESTART))
    if current is not None and current > MEMORY_THRESHOLD:
        found.append(_step("force_garbage_collection", Priority.IMMEDIATE, current, _COLLECT))
    return found


_RESTART = "Restart the app now, to prevent an out-of-memory kill at the worst moment."
_COLLECT = (
    "Force a garbage collection from inside the CRM (global.gc with --expose-gc); it can't be done "
    "from outside."
)


def _step(action: str, priority: Priority, current: float, do: str) -> MemoryAdvice:
    return MemoryAdvice(
        id=action.replace("_", "-"),
        kind=action,
        area=Area.MEMORY,
        type="memory",
        priority=priority,
        rank=1,
        title=f"Memory {current:,.0f} MB of 1,750 MB",
        description=do,
        actions=(do,),
        link=MEMORY.link,
        action=action,
    )


def _change(asked: Asked) -> Reply:
    query: AdviceTargetQuery = asked.query
    body: AdviceWish = asked.body
    note = clean_text(body.note or "", keep="\n\t") or None
    wish = StatusWish(status=Status(body.status), by=asked.principal.name, note=note)
    target = target_of(query.target, asked.office.targets)
    house, now = asked.office.house(), asked.office.now
    return Reply(advice_of(set_status(target, asked.name, wish, house=house, now=now)))


ADVICE = Route(
    name="advice",
    says="what to do about the database, or about the app's memory and plan",
    role=Role.READER,
    query=AdviceQuery,
    data=OptimizationResult | MemoryAnalysis,
    meta=AdviceMeta,
    answer=_list,
)
CHANGE = Route(
    name="advice/{id}",
    method="PATCH",
    says="say that a recommendation was seen, done or dismissed",
    role=Role.ADMIN,
    query=AdviceTargetQuery,
    body=Body(AdviceWish, FIELDS),
    data=Advice,
    answer=_change,
)
