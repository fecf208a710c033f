"""A story that never was: it goes the way of a real one to test that way, marked everywhere."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertKind, AlertState
from shared.domain.episodes import Event, EventKind
from shared.domain.reasons import Reason
from shared.domain.rules import Action, Severity
from shared.domain.times import MINUTE, floor_minute, minute_key

MARK = "test"
NAME = "Test of the way of an alert"
RUNBOOK = "nothing; somebody tests whether alerts arrive."


def rehearsal_id(now: datetime, unique: str) -> str:
    """`20260101T0005Z-test1a2b`: no real episode has such an id. `unique`: four hex digits."""
    return f"{minute_key(now)}-{MARK}{unique}"


def is_test(episode: str) -> bool:
    """Whether an episode is only a test; told by its id, which every row of it carries."""
    return episode.partition("-")[2].startswith(MARK)


def rehearsal(
    target: str, episode: str, routes: Sequence[Action], *, by: str, now: datetime
) -> tuple[Event, Event]:
    """Its firing and its end, so that nothing stays open wherever they arrive."""
    minute = floor_minute(now) - MINUTE
    firing = Alert(
        id=episode,
        rule_id=MARK,
        rule_name=NAME,
        target=target,
        metric=MARK,
        condition="greater_than",
        kind=AlertKind.THRESHOLD,
        state=AlertState.FIRING,
        severity=Severity.LOW,
        value=1.0,
        last_value=1.0,
        threshold=0.0,
        unit="count",
        active_at=minute,
        fired_at=minute + MINUTE,
        last_triggered=minute,
        count=1,
    )
    resolved = replace(
        firing,
        state=AlertState.RESOLVED,
        resolved_at=now,
        resolved_by=by,
        reason=Reason.RESOLVED_BY_HAND,
    )
    return (
        _event(firing, 1, EventKind.FIRING, Reason.BREACH, routes, by, now),
        _event(resolved, 2, EventKind.RESOLVED, Reason.RESOLVED_BY_HAND, routes, by, now),
    )


def _event(
    alert: Alert,
    seq: int,
    kind: EventKind,
    reason: Reason,
    routes: Sequence[Action],
    by: str,
    now: datetime,
) -> Event:
    return Event(
        id=f"{alert.id}-{seq}",
        target=alert.target,
        episode=alert.id,
        seq=seq,
        kind=kind,
        reason=reason,
        minute=alert.last_triggered,
        decided_at=now,
        alert=alert,
        metric_label="Test value",
        duration=0,
        routes=tuple(routes),
        by=by,
        runbook=RUNBOOK,
    )
