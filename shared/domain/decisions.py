"""One rule's case, and the decision about it: the writes of one transaction.

The evaluator, the no-data clock and people all decide through it, so that one write path, fenced
by the state row, serves them all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertState, close_alert
from shared.domain.culprits import COUNTS_FOR, Culprit
from shared.domain.episodes import Episode, EventKind, LineKind, TimelineLine
from shared.domain.machine import GONE, RuleState, State, start_over
from shared.domain.maintenance import Window
from shared.domain.metrics import Metric
from shared.domain.reasons import Reason
from shared.domain.records import Kept, Write, put, state_key
from shared.domain.rules import Rule, Severity


class Snooze(Struct, frozen=True, rename="camel"):
    """Silence for (target, rule) across episodes; it always has an end."""

    until: datetime
    by: str
    at: datetime
    note: str | None = None


class Case(Struct, frozen=True, kw_only=True):
    """Everything stored that a decision about one (target, rule) uses.

    `metric` is the rule's, or that of a composite's first member; `others` those of the rest.
    `windows`: the maintenance windows that concern it. `inhibitors`: the states of the rules that
    inhibit it, as far as they are folded.
    """

    target: str
    rule: Rule
    metric: Metric
    state: RuleState
    kept: Kept[RuleState] | None
    alert: Kept[Alert] | None = None
    no_data_alert: Kept[Alert] | None = None
    snooze: Snooze | None = None
    windows: tuple[Window, ...] = ()
    inhibitors: tuple[RuleState, ...] = ()
    missed: tuple[Kept[Alert], ...] = ()
    others: tuple[Metric, ...] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metric of every member of the rule, in its order."""
        return (self.metric, *self.others)

    def label_of(self, alert: Alert) -> str:
        """The name, in a sentence, of the metric that the alert is about."""
        named = (one.label for one in self.metrics if one.name == alert.metric)
        return next(named, self.metric.label)

    def snoozed_until(self, now: datetime) -> datetime | None:
        """When the rule's silence ends; None when there is none just now."""
        running = self.snooze is not None and self.snooze.until > now
        return self.snooze.until if self.snooze is not None and running else None


class Transition(Struct, frozen=True, kw_only=True):
    """A rule changed its state in `minute`."""

    rule: str
    minute: datetime
    before: State
    after: State
    reason: Reason
    episode: str | None


class Suppression(Struct, frozen=True, kw_only=True):
    """Something was decided and, for `reason`, nobody is told."""

    rule: str
    minute: datetime
    reason: Reason
    episode: str | None


class Decision:
    """The writes of one decide transaction, and what a log says about it."""

    def __init__(self, case: Case, now: datetime) -> None:
        self.case = case
        self.now = now
        self.state = case.state
        self.transitions: list[Transition] = []
        self.suppressions: list[Suppression] = []
        self._episodes: dict[str, Episode] = {}

    def episode(self, alert: Alert) -> Episode:
        """The pen of the alert's story, holding the alert as given."""
        alert = _at_least(alert, self.case.rule.severity)
        pen = self._episodes.get(alert.id)
        if pen is None:
            label = self.case.label_of(alert)
            pen = Episode(alert, self._kept(alert.id), self.case.rule, label)
            self._episodes[alert.id] = pen
        else:
            pen.go_on(alert)
        return pen

    def outcome(self, alert: Alert) -> Alert:
        """The alert as this decision leaves it."""
        pen = self._episodes.get(alert.id)
        return pen.alert if pen is not None else alert

    def suppress(self, pen: Episode, minute: datetime, reason: Reason) -> None:
        """Note that the story goes on untold."""
        pen.line(TimelineLine(at=self.now, kind=LineKind.SUPPRESSED, reason=reason, minute=minute))
        self.suppressions.append(
            Suppression(rule=self.case.rule.id, minute=minute, reason=reason, episode=pen.alert.id)
        )

    @property
    def begins(self) -> bool:
        """Whether it leaves the rule pending or firing since a minute that is new."""
        is_bad = self.state.state in (State.PENDING, State.FIRING)
        return is_bad and self.state.active_at != self.case.state.active_at

    @property
    def is_explained(self) -> bool:
        """Whether somebody looked a moment ago."""
        looked_at = self.state.looked_at
        return looked_at is not None and self.now - looked_at <= COUNTS_FOR

    def explain(self, culprits: tuple[Culprit, ...]) -> None:
        """Keep what ran when it began; a story that opens in this decision names it."""
        self.state = replace(self.state, culprits=culprits, looked_at=self.now)
        pen = self._episodes.get(self.state.episode or "")
        if pen is not None:
            pen.explain(culprits)

    @property
    def news(self) -> Sequence[Episode]:
        """The stories that begin, or of which something is told."""
        return [pen for pen in self._episodes.values() if pen.is_news]

    @property
    def changes_anything(self) -> bool:
        """Whether there is something to write at all."""
        return self.case.kept is None or self.state != self.case.state or len(self.writes()) > 1

    @property
    def is_plain(self) -> bool:
        """Whether only the state and its open alert move on, so that rules can share a write."""
        return len(self.writes()) <= 2

    def writes(self) -> list[Write]:
        """All rows of the transaction; the state row, which fences the rest, comes first."""
        rows = [put(state_key(self.case.rule.id), self.state, self.case.kept)]
        for pen in self._episodes.values():
            rows.extend(pen.writes())
        return rows

    def _kept(self, episode: str) -> Kept[Alert] | None:
        known = (self.case.alert, self.case.no_data_alert, *self.case.missed)
        return next((kept for kept in known if kept and kept.value.id == episode), None)


def _at_least(alert: Alert, severity: Severity) -> Alert:
    """An open story rises with its rule, and never sinks: who heard of it must hear its end."""
    is_raised = alert.state is AlertState.FIRING and severity.rank > alert.severity.rank
    return replace(alert, severity=severity) if is_raised else alert


def abandon(case: Case, reason: Reason, *, now: datetime) -> Decision:
    """Close every open story because the rule changed or went; its followers are told."""
    decision = Decision(case, now)
    for kept in (case.alert, case.no_data_alert):
        if kept is not None:
            _abandon_alert(decision, kept.value, reason)
    if case.state.state is not State.INACTIVE:
        decision.transitions.append(
            Transition(
                rule=case.rule.id,
                minute=case.state.last_folded,
                before=case.state.state,
                after=State.INACTIVE,
                reason=reason,
                episode=case.state.episode,
            )
        )
    gone = reason is Reason.RULE_REMOVED
    decision.state = start_over(case.state, GONE if gone else case.rule.fingerprint, now)
    return decision


def _abandon_alert(decision: Decision, alert: Alert, reason: Reason) -> None:
    pen = decision.episode(close_alert(alert, decision.now, reason))
    minute = decision.case.state.last_folded
    pen.line(TimelineLine(at=decision.now, kind=LineKind.RESOLVED, reason=reason, minute=minute))
    if pen.was_told:
        pen.tell(EventKind.RESOLVED, reason, minute=minute, now=decision.now)


def repeat_every(rule: Rule) -> timedelta:
    """How long a manual resolve holds, and how often a reminder is sent."""
    return timedelta(minutes=rule.repeat_every)
