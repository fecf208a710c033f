"""What people do to an alert: acknowledge, resolve, snooze, unsnooze.

Each function answers a Decision like the evaluator's own, so that one write path serves both.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertKind, AlertState, close_alert
from shared.domain.decisions import (
    Case,
    Decision,
    Snooze,
    Transition,
    repeat_every,
)
from shared.domain.episodes import EventKind, LineKind, TimelineLine
from shared.domain.errors import InvalidInput
from shared.domain.machine import NoDataState, State, hold
from shared.domain.reasons import Reason
from shared.domain.records import Kept

LONGEST_SNOOZE = 10080


class AuditEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who did what to which alert or rule, and when."""

    at: datetime
    by: str
    action: str
    subject: str
    note: str | None = None
    detail: str | None = None


def acknowledge(
    case: Case, kept: Kept[Alert], *, by: str, note: str | None, now: datetime
) -> Decision:
    """Somebody cares, for the rest of the episode: no reminders, no escalation. Idempotent."""
    decision = Decision(case, now)
    alert = kept.value
    if alert.state is AlertState.RESOLVED or alert.acknowledged_by is not None:
        return decision
    pen = decision.episode(replace(alert, acknowledged_by=by, acknowledged_at=now, note=note))
    pen.line(_line(case, LineKind.ACKNOWLEDGED, now, by, note))
    return decision


def resolve(case: Case, kept: Kept[Alert], *, by: str, note: str | None, now: datetime) -> Decision:
    """Close the episode by hand; the rule is held until an ok minute or `repeatEvery` later."""
    decision = Decision(case, now)
    if kept.value.state is AlertState.RESOLVED:
        return decision
    closed = close_alert(kept.value, now, Reason.RESOLVED_BY_HAND, by)
    pen = decision.episode(replace(closed, note=note or closed.note))
    pen.line(_line(case, LineKind.RESOLVED, now, by, note, Reason.RESOLVED_BY_HAND))
    still_bad = _still_bad(case, kept.value)
    if pen.was_told:
        pen.tell(
            EventKind.RESOLVED,
            Reason.RESOLVED_BY_HAND,
            minute=case.state.last_folded,
            now=now,
            by=by,
            still_bad=still_bad,
        )
    _hold(decision, kept.value, now)
    return decision


def _still_bad(case: Case, alert: Alert) -> bool:
    """Whether the condition holds as far as anybody knows: no ok minute since the last bad one."""
    return alert.kind is AlertKind.NO_DATA or case.state.keep_since is None


def _hold(decision: Decision, alert: Alert, now: datetime) -> None:
    case = decision.case
    if alert.kind is AlertKind.NO_DATA:
        clock = replace(
            case.state.no_data, state=NoDataState.HELD, episode=None, told=False, quiet=None
        )
        decision.state = replace(case.state, no_data=clock)
        return
    decision.state = hold(case.state, now, repeat_every(case.rule))
    decision.transitions.append(
        Transition(
            rule=case.rule.id,
            minute=case.state.last_folded,
            before=State.FIRING,
            after=State.HELD,
            reason=Reason.RESOLVED_BY_HAND,
            episode=alert.id,
        )
    )


def snooze(
    case: Case, *, minutes: int, by: str, note: str | None, now: datetime
) -> tuple[Decision, Snooze]:
    """Silence the rule for `minutes`; a firing that is still on at the end is told then."""
    if not 1 <= minutes <= LONGEST_SNOOZE:
        raise InvalidInput(
            f"a snooze lasts 1 to {LONGEST_SNOOZE} minutes (7 days), not {minutes}; "
            "give duration in minutes"
        )
    until = now + timedelta(minutes=minutes)
    decision = Decision(case, now)
    for kept in _open_alerts(case):
        pen = decision.episode(kept.value)
        pen.line(_line(case, LineKind.SNOOZED, now, by, note, Reason.SNOOZED))
    _untell(decision)
    return decision, Snooze(until=until, by=by, at=now, note=note)


def unsnooze(case: Case, *, by: str, note: str | None, now: datetime) -> tuple[Decision, Snooze]:
    """End the silence now; the next pass tells what is still firing."""
    decision = Decision(case, now)
    for kept in _open_alerts(case):
        pen = decision.episode(kept.value)
        pen.line(_line(case, LineKind.UNSNOOZED, now, by, note, Reason.SNOOZE_ENDED))
    return decision, Snooze(until=now, by=by, at=now, note=note)


def _untell(decision: Decision) -> None:
    """A firing under a new silence counts as untold, so that the silence's end tells it."""
    state = decision.case.state
    clock = state.no_data
    if state.state is State.FIRING:
        state = replace(state, told=False, quiet=Reason.SNOOZED)
    if clock.episode is not None:
        clock = replace(clock, told=False, quiet=Reason.SNOOZED)
    decision.state = replace(state, no_data=clock)


def _open_alerts(case: Case) -> list[Kept[Alert]]:
    return [kept for kept in (case.alert, case.no_data_alert) if kept is not None]


def _line(
    case: Case,
    kind: LineKind,
    now: datetime,
    by: str,
    note: str | None,
    reason: Reason | None = None,
) -> TimelineLine:
    return TimelineLine(
        at=now, kind=kind, reason=reason, minute=case.state.last_folded, by=by, note=note
    )
