"""An episode is one firing story: its alert, its timeline, and the events people are told.

`Episode` is the pen that writes such a story during one decision; it numbers lines and events.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertKind
from shared.domain.conditions import Anomaly
from shared.domain.culprits import Culprit
from shared.domain.deployments import RecentDeploy
from shared.domain.letters import Letter
from shared.domain.reasons import Reason
from shared.domain.records import Insert, Kept, Write, alert_key, outbox_key, put, timeline_key
from shared.domain.rules import Action, Rule
from shared.domain.times import MINUTE

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


class EventKind(StrEnum):
    """What people are told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    SNOOZE_ENDED = "snooze_ended"
    MAINTENANCE_ENDED = "maintenance_ended"
    INHIBITION_ENDED = "inhibition_ended"
    REPORT = "report"


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
    `missed`: episodes that this event tells in one digest. `letter`: it tells that, and no alert.
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
    letter: Letter | None = None

    @property
    def unheard_since(self) -> datetime | None:
        """Since when nothing is known of what a reminder or an escalation is about, if so.

        They come by the clock, also while the source is silent, and its figures are not fresh.
        """
        known = self.minute + MINUTE
        is_nagging = self.reason in (Reason.REMINDER_DUE, Reason.UNACKNOWLEDGED)
        return known if is_nagging and self.decided_at - known > LATE else None


def ended_line(kind: EventKind, reason: Reason, minute: datetime, now: datetime) -> TimelineLine:
    """The line about the end of what kept a story quiet."""
    return TimelineLine(at=now, kind=LineKind(kind), reason=reason, minute=minute)


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

    @property
    def _said_label(self) -> str:
        """What the alert's figures are of: a score is not the metric."""
        is_score = self.alert.condition == Anomaly.name and self.alert.kind is AlertKind.THRESHOLD
        return f"Unusualness of {self._label}" if is_score else self._label

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
                metric_label=self._said_label,
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
        self._know(culprits=culprits)

    def name_deploy(self, deploy: RecentDeploy | None) -> None:
        """Name the version that went live before it, in the alert and in what is told now."""
        self._know(deploy=deploy)

    def _know(self, **known: Any) -> None:
        self.alert = replace(self.alert, **known)
        self.events = [replace(one, alert=replace(one.alert, **known)) for one in self.events]

    @property
    def is_news(self) -> bool:
        """Whether it begins, or something is told of it."""
        return self._kept is None or bool(self.events)

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
