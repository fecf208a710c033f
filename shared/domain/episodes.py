"""An episode is one firing story: its alert, its timeline, and the events people are told.

`Episode` is the pen that writes such a story during one decision; it numbers lines and events.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.culprits import COUNTS_FOR, Culprit
from shared.domain.machine import Input, RuleState, bad_minutes
from shared.domain.members import Member
from shared.domain.metrics import Metric
from shared.domain.reasons import Reason
from shared.domain.records import (
    Insert,
    Kept,
    Write,
    alert_key,
    outbox_key,
    put,
    short_hash,
    timeline_key,
)
from shared.domain.rules import Action, Rule, Severity
from shared.domain.samples import Cell, Outlook, figure_in
from shared.domain.times import MINUTE, iso, minute_key

LATE = timedelta(minutes=15)
DECIDED_NOW = frozenset(
    {
        Reason.RESOLVED_BY_HAND,
        Reason.RULE_CHANGED,
        Reason.RULE_REMOVED,
        Reason.REMINDER_DUE,
        Reason.UNACKNOWLEDGED,
    }
)
"""These are decided when they happen, however old the last folded minute is."""


class AlertKind(StrEnum):
    """What the story is about."""

    THRESHOLD = "threshold"
    NO_DATA = "no_data"


class AlertState(StrEnum):
    """Whether the story goes on."""

    FIRING = "firing"
    RESOLVED = "resolved"


class EventKind(StrEnum):
    """What people are told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    SNOOZE_ENDED = "snooze_ended"
    MAINTENANCE_ENDED = "maintenance_ended"
    INHIBITION_ENDED = "inhibition_ended"


class LineKind(StrEnum):
    """What a timeline can say beyond the events."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    SNOOZE_ENDED = "snooze_ended"
    MAINTENANCE_ENDED = "maintenance_ended"
    INHIBITION_ENDED = "inhibition_ended"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    UNSNOOZED = "unsnoozed"
    SUPPRESSED = "suppressed"
    NO_DATA = "no_data"


ENDED_BY = {
    Reason.SNOOZED: (EventKind.SNOOZE_ENDED, Reason.SNOOZE_ENDED),
    Reason.MAINTENANCE: (EventKind.MAINTENANCE_ENDED, Reason.MAINTENANCE_ENDED),
    Reason.INHIBITED: (EventKind.INHIBITION_ENDED, Reason.INHIBITION_ENDED),
}


def ending_of(quiet: Reason | None) -> tuple[EventKind, Reason]:
    """The event that tells a firing whose last quiet reason is over, and its reason."""
    return ENDED_BY.get(quiet or Reason.BREACH, (EventKind.FIRING, Reason.BREACH))


class Breach(Struct, frozen=True, kw_only=True, rename="camel"):
    """A member of a composite rule that was bad when it fired."""

    metric: str
    label: str
    condition: str
    value: float | None
    threshold: float | None
    unit: str


class Voice(Struct, frozen=True):
    """A member of a rule, its metric, and what this said in a minute."""

    member: Member
    metric: Metric
    cell: Cell

    @property
    def unit(self) -> str:
        """The unit of its figure."""
        per = "/min" if self.member.condition == "rate_of_change" else ""
        return f"{self.metric.unit}{per}"

    @property
    def breach(self) -> Breach:
        """It as an alert keeps it."""
        return Breach(
            metric=self.metric.name,
            label=self.metric.label,
            condition=self.member.condition,
            value=figure_in(self.cell),
            threshold=self.member.threshold,
            unit=self.unit,
        )


class Alert(Struct, frozen=True, kw_only=True, rename="camel"):
    """An episode as it stands.

    `value` is the one that fired (None for no data), `last_value` the newest. A composite's alert
    has metric, condition, value and threshold of its first bad member, and all of them in
    `breaches`. `forecast_hours`: when a forecast expects its threshold, from the newest minute.
    `count`: bad minutes, the pending ones included. `culprits`: what the database was executing
    when it began. `told_at`: when its firing, or the end of what kept it quiet, was told last;
    `reminded_at` and `escalated_at`: when people were last reminded, and when others were called
    in. `seq` and `lines` number its events and timeline lines.
    """

    id: str
    rule_id: str
    rule_name: str
    target: str
    metric: str
    condition: str
    kind: AlertKind
    state: AlertState
    severity: Severity
    value: float | None
    last_value: float | None
    threshold: float | None
    unit: str
    active_at: datetime
    fired_at: datetime
    last_triggered: datetime
    count: int
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str | None = None
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    reason: Reason = Reason.BREACH
    culprits: tuple[Culprit, ...] = ()
    breaches: tuple[Breach, ...] = ()
    forecast_hours: float | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    seq: int = 0
    lines: int = 0


class TimelineLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that happened to an episode. `minute` decided it, `at` is when it was written."""

    at: datetime
    kind: LineKind
    reason: Reason | None = None
    minute: datetime | None = None
    value: float | None = None
    by: str | None = None
    note: str | None = None


class Missed(Struct, frozen=True, rename="camel"):
    """An episode that opened and closed while nobody watched."""

    active_at: datetime
    resolved_at: datetime | None
    value: float | None


class Event(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something to tell, with the values that decided it; never looked up again later.

    `routes` are fixed when it is decided; a resolve adds every channel that heard of the episode.
    `missed`: episodes that this event tells in one digest.
    """

    id: str
    target: str
    episode: str
    seq: int
    kind: EventKind
    reason: Reason
    minute: datetime
    decided_at: datetime
    alert: Alert
    metric_label: str
    duration: int
    routes: tuple[Action, ...] = ()
    late: bool = False
    still_bad: bool = False
    by: str | None = None
    missed: tuple[Missed, ...] = ()
    missed_count: int = 0
    runbook: str | None = None


def ended_line(kind: EventKind, reason: Reason, minute: datetime, now: datetime) -> TimelineLine:
    """The line about the end of what kept a story quiet."""
    return TimelineLine(at=now, kind=LineKind(kind), reason=reason, minute=minute)


def episode_id(target: str, rule: str, active_at: datetime, kind: AlertKind) -> str:
    """`20260101T0005Z-1a2b3c4d`: when it began and which story it is; safe in keys."""
    began = minute_key(active_at)
    return f"{began}-{short_hash(target, rule, iso(active_at), kind)}"


def open_alert(
    target: str,
    rule: Rule,
    voices: Sequence[Voice],
    state: RuleState,
    minute: datetime,
    reason: Reason = Reason.BREACH,
) -> Alert:
    """The alert of a rule that fired in `minute`; `state` is the state after it.

    `voices`: its bad members; a plain rule has one.
    """
    active_at = state.active_at or minute
    first = voices[0]
    return Alert(
        **_identity(target, rule, active_at, AlertKind.THRESHOLD),
        **_subject(first.member, first.unit),
        value=figure_in(first.cell),
        last_value=figure_in(first.cell),
        fired_at=minute + MINUTE,
        last_triggered=minute,
        count=bad_minutes(state, minute),
        reason=reason,
        culprits=_culprits_of(state, active_at),
        breaches=tuple(voice.breach for voice in voices) if rule.is_composite else (),
        forecast_hours=_hours(first.cell),
    )


def _culprits_of(state: RuleState, active_at: datetime) -> tuple[Culprit, ...]:
    """What was seen at its beginning or shortly before; an older look says nothing about it."""
    counts = state.looked_at is not None and active_at - state.looked_at <= COUNTS_FOR
    return state.culprits if counts else ()


def open_no_data_alert(
    target: str, rule: Rule, metric: Metric, since: datetime, minute: datetime
) -> Alert:
    """The alert of a source that has been silent since `since`."""
    member = next((one for one in rule.members if one.metric == metric.name), rule.members[0])
    return Alert(
        **_identity(target, rule, since, AlertKind.NO_DATA),
        **_subject(member, metric.unit),
        value=None,
        last_value=None,
        fired_at=minute,
        last_triggered=minute,
        count=0,
        reason=Reason.NO_DATA,
    )


def _identity(target: str, rule: Rule, active_at: datetime, kind: AlertKind) -> dict[str, Any]:
    return {
        "id": episode_id(target, rule.id, active_at, kind),
        "rule_id": rule.id,
        "rule_name": rule.name,
        "target": target,
        "kind": kind,
        "state": AlertState.FIRING,
        "severity": rule.severity,
        "active_at": active_at,
    }


def _subject(member: Member, unit: str) -> dict[str, Any]:
    return {
        "metric": member.metric,
        "condition": member.condition,
        "threshold": member.threshold,
        "unit": unit,
    }


def _hours(cell: Cell) -> float | None:
    return cell.hours if isinstance(cell, Outlook) else None


def observe(alert: Alert, given: Input, minute: datetime, cell: Cell) -> Alert:
    """The open alert after one more folded minute; `cell` is its own metric's."""
    value = figure_in(cell)
    if value is not None:
        alert = replace(alert, last_value=value, forecast_hours=_hours(cell))
    if given is Input.BAD:
        alert = replace(alert, last_triggered=minute, count=alert.count + 1)
    return alert


def close_alert(alert: Alert, at: datetime, reason: Reason, by: str | None = None) -> Alert:
    """The alert at the end of its story."""
    return replace(alert, state=AlertState.RESOLVED, resolved_at=at, resolved_by=by, reason=reason)


def _told(alert: Alert, kind: EventKind, now: datetime) -> Alert:
    """The alert once that event is decided: reminders and escalation count from here."""
    match kind:
        case EventKind.RESOLVED:
            return alert
        case EventKind.REMINDER:
            return replace(alert, reminded_at=now)
        case EventKind.ESCALATION:
            return replace(alert, escalated_at=now)
        case _:
            return replace(alert, told_at=now)


class Episode:
    """Writes one episode's story during one decision; `kept` is its row as read, if stored."""

    def __init__(
        self, alert: Alert, kept: Kept[Alert] | None, rule: Rule, metric_label: str
    ) -> None:
        self.alert = alert
        self._kept = kept
        self._rule = rule
        self._label = metric_label
        self._lines: list[Write] = []
        self.events: list[Event] = []

    def go_on(self, alert: Alert) -> None:
        """The same story as it stands later; what this pen wrote about it stays."""
        written = self.alert
        self.alert = replace(
            alert,
            seq=written.seq,
            lines=written.lines,
            told_at=written.told_at,
            reminded_at=written.reminded_at,
            escalated_at=written.escalated_at,
        )

    def line(self, line: TimelineLine) -> None:
        """Add a line to the timeline."""
        self.alert = replace(self.alert, lines=self.alert.lines + 1)
        self._lines.append(Insert(timeline_key(self.alert.id, self.alert.lines), line))

    def tell(
        self,
        kind: EventKind,
        reason: Reason,
        *,
        minute: datetime,
        now: datetime,
        by: str | None = None,
        still_bad: bool = False,
        missed: tuple[Missed, ...] = (),
        missed_count: int = 0,
    ) -> None:
        """Decide an event; it keeps the alert as it stands, which holds the deciding values."""
        self.alert = _told(replace(self.alert, seq=self.alert.seq + 1), kind, now)
        self.events.append(
            Event(
                id=f"{self.alert.id}-{self.alert.seq}",
                target=self.alert.target,
                episode=self.alert.id,
                seq=self.alert.seq,
                kind=kind,
                reason=reason,
                minute=minute,
                decided_at=now,
                alert=self.alert,
                metric_label=self._label,
                duration=self._rule.duration,
                routes=self._routes(kind),
                late=reason not in DECIDED_NOW and now - (minute + MINUTE) > LATE,
                still_bad=still_bad,
                by=by,
                missed=missed,
                missed_count=missed_count,
                runbook=self._rule.runbook,
            )
        )

    def _routes(self, kind: EventKind) -> tuple[Action, ...]:
        rule = self._rule
        return rule.escalate_to if kind is EventKind.ESCALATION else rule.actions

    def explain(self, culprits: tuple[Culprit, ...]) -> None:
        """Name what ran when it began, in the alert and in what this decision tells."""
        self.alert = replace(self.alert, culprits=culprits)
        self.events = [
            replace(one, alert=replace(one.alert, culprits=culprits)) for one in self.events
        ]

    @property
    def was_told(self) -> bool:
        """Whether anybody ever heard of it, so that its end must be told too."""
        return self.alert.seq > 0

    def writes(self) -> list[Write]:
        """The rows of this story that the decision's transaction must write."""
        outbox = [Insert(outbox_key(event.episode, event.seq), event) for event in self.events]
        row = put(alert_key(self.alert.id), self.alert, self._kept)
        unchanged = self._kept is not None and self._kept.value == self.alert
        return [*([] if unchanged else [row]), *self._lines, *outbox]
