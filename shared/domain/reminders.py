"""Reminders and escalation: what follows when nobody takes care of a firing that was told.

When the next one is due follows from the alert's own row, so that restarts and doubled passes
lose and double nothing; after a long outage one reminder is due, not many.
"""

from datetime import datetime, timedelta

from shared.domain.alerts import Alert
from shared.domain.decisions import Decision, repeat_every
from shared.domain.episodes import Episode, EventKind, LineKind, TimelineLine
from shared.domain.reasons import Reason
from shared.domain.rules import Rule


def remind(decision: Decision, pen: Episode, minute: datetime) -> None:
    """Decide what is due about an open story that was told and is not quiet.

    `minute`: the last one that is known of it. An acknowledged story gets neither.
    """
    if pen.alert.acknowledged_by is not None:
        return
    rule, now = decision.case.rule, decision.now
    if is_reminder_due(rule, pen.alert, now):
        _tell(pen, EventKind.REMINDER, Reason.REMINDER_DUE, minute, now)
    if is_escalation_due(rule, pen.alert, now):
        _tell(pen, EventKind.ESCALATION, Reason.UNACKNOWLEDGED, minute, now)


def is_reminder_due(rule: Rule, alert: Alert, now: datetime) -> bool:
    """Whether `repeatEvery` went by since people last heard of it; 0 means no reminders."""
    heard = max(_told_at(alert), alert.reminded_at or alert.fired_at)
    return rule.repeat_every > 0 and now - heard >= repeat_every(rule)


def is_escalation_due(rule: Rule, alert: Alert, now: datetime) -> bool:
    """Whether others are to be called in: once an episode, `escalateAfter` after it was told."""
    if rule.escalate_after is None or not rule.escalate_to or alert.escalated_at is not None:
        return False
    return now - _told_at(alert) >= timedelta(minutes=rule.escalate_after)


def _told_at(alert: Alert) -> datetime:
    return alert.told_at or alert.fired_at


def _tell(pen: Episode, kind: EventKind, reason: Reason, minute: datetime, now: datetime) -> None:
    pen.line(TimelineLine(at=now, kind=LineKind(kind), reason=reason, minute=minute))
    pen.tell(kind, reason, minute=minute, now=now)
