"""Look at a target every six hours, recommend what to do, and remember what people made of it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry
from shared.domain.inspections import Inspection
from shared.domain.metrics import Metric
from shared.domain.ranges import Grid, grid_of
from shared.domain.recommendations.general import dearest_queries
from shared.domain.recommendations.registry import judge
from shared.domain.recommendations.sayings import Saying, Status, changed, found, not_found
from shared.domain.recommendations.situations import (
    METRICS,
    Situation,
    Stretch,
    still_true,
)
from shared.domain.recommendations.values import Recommendation
from shared.domain.records import (
    ADVISED,
    MOST_WRITES,
    Delete,
    Insert,
    Kept,
    Write,
    advice_key,
    audit_key,
    put,
)
from shared.domain.times import DAY, HOUR, MINUTE
from shared.ports import House
from shared.services.deployments import deployments
from shared.services.history import draw
from shared.services.notice import blockings
from shared.services.renew import read_or_drop, scan_or_drop

STEP = 5 * MINUTE
WEEK = 7 * DAY
DEPLOYMENTS_OF = timedelta(days=8)
MOST_TRIES = 5
_PREFIX = advice_key("")


class ExpensiveQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """A query of the last hour, as the client lists them; CPU in ms, `text` without literals."""

    query_id: int
    execution_count: int
    total_cpu_ms: float
    average_cpu_ms: float
    text: str


class Look(Struct, frozen=True, kw_only=True, rename="camel"):
    """When the target was looked at last, and at which inspection of its database.

    `mean_dtu`: percent, of the 24 hours before. `lacking`: what the inspection could not read.
    """

    at: datetime
    inspected_at: datetime | None = None
    mean_dtu: float | None = None
    expensive_queries: tuple[ExpensiveQuery, ...] = ()
    lacking: tuple[str, ...] = ()


def advise(
    target: str, inspection: Inspection | None, *, house: House, now: datetime
) -> list[Recommendation]:
    """Judge the target and keep what is recommended, the most urgent first.

    `inspection`: the newest there is; what was of its moment counts for an hour. Doing it twice
    changes nothing. A change that somebody makes meanwhile is kept: the sayings are
    read again. Raises StoreUnavailable when others keep writing first.
    """
    situation = situation_of(target, inspection, house=house, now=now)
    advised = judge(situation)
    for _ in range(MOST_TRIES):
        try:
            _keep(target, advised, situation, house)
        except Conflict:
            continue
        return advised
    raise StoreUnavailable("others kept changing this target's advice; try again")


def situation_of(
    target: str, inspection: Inspection | None, *, house: House, now: datetime
) -> Situation:
    """The figures of the last day and week, the inspection, deploys, and noticed chains."""
    known = {metric.name: metric for metric in house.catalog.metrics}
    metrics = [known[name] for name in METRICS if name in known]
    since = now - DEPLOYMENTS_OF
    return Situation(
        now=now,
        day=_stretches(target, metrics, grid_of(DAY, now, STEP), house, now),
        week=_stretches(target, metrics, grid_of(WEEK, now, HOUR), house, now),
        inspection=None if inspection is None else still_true(inspection, now),
        deployments=tuple(deployments(target, since, now, alerts=house.alerts)),
        noticed=blockings(target, house=house, now=now),
    )


def _stretches(
    target: str, metrics: Sequence[Metric], grid: Grid, house: House, now: datetime
) -> Mapping[str, Stretch]:
    drawn = draw(target, metrics, grid, house=house, now=now).curves
    found = {name: Stretch(grid.start, grid.step, curve) for name, curve in drawn.items()}
    return {name: stretch for name, stretch in found.items() if stretch.known}


def _keep(
    target: str, advised: Sequence[Recommendation], situation: Situation, house: House
) -> None:
    stored = scan_or_drop(target, _PREFIX, Saying, ledger=house.alerts)
    kept = {one.value.recommendation.id: one for one in stored}
    writes = [
        *_of_found(advised, kept, situation),
        *_of_lost(advised, kept, situation),
        put(ADVISED, _look(situation), _last(target, house)),
    ]
    for start in range(0, len(writes), MOST_WRITES):
        house.alerts.commit(target, writes[start : start + MOST_WRITES])


def _stored(target: str, house: House) -> list[Kept[Saying]]:
    return house.alerts.scan(target, _PREFIX, Saying)


def _of_found(
    advised: Iterable[Recommendation], kept: Mapping[str, Kept[Saying]], situation: Situation
) -> Iterable[Write]:
    for one in advised:
        before = kept.get(one.id)
        after = found(before.value if before is not None else None, one, situation)
        yield put(advice_key(one.id), after, before)


def _of_lost(
    advised: Iterable[Recommendation], kept: Mapping[str, Kept[Saying]], situation: Situation
) -> Iterable[Write]:
    ids = {one.id for one in advised}
    for name, before in kept.items():
        if name in ids:
            continue
        after = not_found(before.value, situation)
        if after.is_forgotten(situation.now):
            yield Delete(before.key, before.etag)
        elif after != before.value:
            yield put(before.key, after, before)


def _look(situation: Situation) -> Look:
    inspection = situation.inspection
    return Look(
        at=situation.now,
        inspected_at=inspection.at if inspection is not None else None,
        mean_dtu=situation.mean("dtuUtilization"),
        expensive_queries=tuple(
            ExpensiveQuery(
                query_id=query.query_id,
                execution_count=use.executions,
                total_cpu_ms=round(use.cpu_ms, 1),
                average_cpu_ms=round(use.average_cpu_ms, 1),
                text=query.text,
            )
            for query, use in dearest_queries(situation)
        ),
        lacking=inspection.lacks if inspection is not None else (),
    )


def last_look(target: str, *, house: House) -> Look | None:
    """When the target was looked at last; None: never so far."""
    kept = _last(target, house)
    return kept.value if kept is not None else None


def _last(target: str, house: House) -> Kept[Look] | None:
    return read_or_drop(target, ADVISED, Look, ledger=house.alerts)


def sayings(target: str, *, house: House) -> list[Saying]:
    """All that is remembered, the most urgent first."""
    known = (kept.value for kept in _stored(target, house))
    return sorted(known, key=lambda one: (one.recommendation.rank, one.recommendation.id))


class StatusWish(Struct, frozen=True, kw_only=True):
    """What somebody says about a recommendation."""

    status: Status
    by: str
    note: str | None = None


def set_status(
    target: str, advice: str, wish: StatusWish, *, house: House, now: datetime
) -> Saying:
    """Note what a person says about it, with its line in the audit, and answer it. Idempotent.

    Raises NotFound for advice that was never given, StoreUnavailable when others keep writing.
    """
    if wish.status is Status.NEW:
        raise InvalidInput("status is one of seen, done, dismissed")
    for _ in range(MOST_TRIES):
        kept = house.alerts.get(target, advice_key(advice), Saying)
        if kept is None:
            raise NotFound(f"{target} has no advice {advice[:100]!r}")
        after = changed(kept.value, wish.status, by=wish.by, note=wish.note, now=now)
        if after == kept.value:
            return after
        try:
            house.alerts.commit(target, [put(kept.key, after, kept), _audit(advice, wish, now)])
        except Conflict:
            continue
        return after
    raise StoreUnavailable("others kept changing this advice; try again")


def _audit(advice: str, wish: StatusWish, now: datetime) -> Write:
    entry = AuditEntry(
        at=now, by=wish.by, action=f"advice_{wish.status}", subject=advice, note=wish.note
    )
    return Insert(audit_key(now, secrets.token_hex(4)), entry)
