"""What one rule decides about newly covered minutes: states, stories, events, in one transaction.

`fold` walks the minutes and is pure arithmetic; `decide` adds what people are told about it.
Whether an event is sent is fixed here and never judged again (docs/semantics.md section 3).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.episodes import (
    Alert,
    Episode,
    EventKind,
    LineKind,
    Missed,
    TimelineLine,
    close_alert,
    ending_of,
    observe,
    open_alert,
)
from shared.domain.machine import GONE, NoData, RuleState, State, classify, start_over, step
from shared.domain.metrics import Metric
from shared.domain.reasons import Reason
from shared.domain.records import Kept, Write, put, state_key
from shared.domain.rules import Rule
from shared.domain.samples import Cell
from shared.domain.times import MINUTE

MOST_CLOSED = 10
"""Folding stops after so many closed episodes, so that a transaction stays under 100 rows."""
MOST_MISSED = 20
"""A digest tells so many episodes one by one, and the number of the rest."""


class Snooze(Struct, frozen=True, rename="camel"):
    """Silence for (target, rule) across episodes; it always has an end."""

    until: datetime
    by: str
    at: datetime
    note: str | None = None


class Case(Struct, frozen=True, kw_only=True):
    """Everything stored that a decision about one (target, rule) uses."""

    target: str
    rule: Rule
    metric: Metric
    state: RuleState
    kept: Kept[RuleState] | None
    alert: Kept[Alert] | None = None
    no_data_alert: Kept[Alert] | None = None
    snooze: Snooze | None = None
    missed: tuple[Kept[Alert], ...] = ()

    def quiet_by_people(self, now: datetime) -> Reason | None:
        """Why people asked for silence just now; None when they did not."""
        return Reason.SNOOZED if self.snoozed_until(now) is not None else None

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


class Moment(Struct, frozen=True, kw_only=True):
    """A folded minute that changed the rule's state; `alert` as it stood then."""

    minute: datetime
    before: RuleState
    after: RuleState
    reason: Reason
    alert: Alert | None


class Folded(Struct, frozen=True):
    """Where folding came to: the state, the open alert, and the moments on the way."""

    state: RuleState
    alert: Alert | None
    moments: tuple[Moment, ...]


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
        pen = self._episodes.get(alert.id)
        if pen is None:
            pen = Episode(alert, self._kept(alert.id), self.case.rule, self.case.metric.label)
            self._episodes[alert.id] = pen
        else:
            pen.alert = replace(alert, seq=pen.alert.seq, lines=pen.alert.lines)
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


def first_state(rule: Rule, began: datetime) -> RuleState:
    """The state of a rule that nobody has folded yet; it starts with the minute `began`."""
    return RuleState(
        last_folded=began - MINUTE, rule_hash=rule.fingerprint, no_data=NoData(anchor=began)
    )


def fold(case: Case, cells: Iterable[tuple[datetime, Cell]]) -> Folded:
    """Fold minutes into the state, at most to the tenth closed episode."""
    state, alert = case.state, case.alert.value if case.alert else None
    moments: list[Moment] = []
    for minute, cell in cells:
        before = state
        given, reason, run = classify(case.rule, state, cell)
        state = step(
            replace(state, empty_run=run),
            given,
            minute,
            duration=case.rule.duration,
            keep_firing=case.rule.keep_firing,
        )
        if state.state is State.FIRING and before.state is not State.FIRING:
            began = _reason(before.state, state.state, reason)
            alert = open_alert(case.target, case.rule, case.metric, state, minute, cell, began)
            state = replace(state, episode=alert.id, told=False, quiet=None)
        elif alert is not None:
            alert = observe(alert, given, minute, cell)
        if state.state is not before.state:
            reason = _reason(before.state, state.state, reason)
            alert = _closed(alert, before.state, minute, reason)
            moments.append(
                Moment(minute=minute, before=before, after=state, reason=reason, alert=alert)
            )
            if before.state is State.FIRING:
                alert, state = None, replace(state, episode=None)
                if _closed_count(moments) == MOST_CLOSED:
                    break
    return Folded(state, alert, tuple(moments))


def _reason(before: State, after: State, reason: Reason) -> Reason:
    if before is State.HELD and after is State.FIRING:
        return Reason.STILL_BAD
    if before is State.PENDING and after is State.INACTIVE:
        return Reason.BREACH_ENDED
    return reason


def _closed(alert: Alert | None, before: State, minute: datetime, reason: Reason) -> Alert | None:
    if alert is None or before is not State.FIRING:
        return alert
    return close_alert(alert, minute + MINUTE, reason)


def _closed_count(moments: list[Moment]) -> int:
    return sum(moment.before.state is State.FIRING for moment in moments)


def decide(
    case: Case, cells: Iterable[tuple[datetime, Cell]], *, covered: datetime, now: datetime
) -> Decision:
    """Fold `cells` and decide what is told; `covered` is the end of the last covered minute."""
    decision = Decision(case, now)
    folded = fold(case, cells)
    quiet = quiet_reason(case, folded.state, covered=covered, now=now)
    _Telling(decision, folded, quiet).run()
    return decision


def quiet_reason(
    case: Case, state: RuleState, *, covered: datetime, now: datetime
) -> Reason | None:
    """Why nobody is told just now; None when they are."""
    behind = state.last_folded + MINUTE < covered
    return case.quiet_by_people(now) or (Reason.CATCHING_UP if behind else None)


class _Telling:
    """Walks the moments of a fold and keeps `told`, `quiet` and `digest` beside them."""

    def __init__(self, decision: Decision, folded: Folded, quiet: Reason | None) -> None:
        self._decision = decision
        self._folded = folded
        self._quiet = quiet
        state = decision.case.state
        self._told, self._was_quiet = state.told, state.quiet
        self._digest, self._digest_count = state.digest, state.digest_count

    def run(self) -> None:
        """Write every story, then the state that goes with them."""
        for moment in self._folded.moments:
            self._note(moment)
            if moment.after.state is State.FIRING:
                self._opened(moment)
            elif moment.before.state is State.FIRING:
                self._ended(moment)
        if self._folded.alert is not None:
            self._goes_on(self._folded.alert)
        if self._digest and self._quiet is None:
            self._tell_digest()
        self._decision.state = replace(
            self._folded.state,
            told=self._told,
            quiet=self._was_quiet,
            digest=self._digest,
            digest_count=self._digest_count,
        )

    def _note(self, moment: Moment) -> None:
        self._decision.transitions.append(
            Transition(
                rule=self._decision.case.rule.id,
                minute=moment.minute,
                before=moment.before.state,
                after=moment.after.state,
                reason=moment.reason,
                episode=moment.alert.id if moment.alert else None,
            )
        )

    def _opened(self, moment: Moment) -> None:
        pen = self._pen(moment)
        self._told, self._was_quiet = False, None
        pen.line(self._line(LineKind.FIRING, moment))
        self._tell_or_suppress(pen, moment.minute)

    def _ended(self, moment: Moment) -> None:
        self._tell_overtaken()
        pen = self._pen(moment)
        pen.line(self._line(LineKind.RESOLVED, moment))
        if pen.was_told:
            self._tell(pen, EventKind.RESOLVED, moment.reason, moment.minute)
        elif Reason.CATCHING_UP in (self._quiet, self._was_quiet):
            self._digest = (*self._digest, pen.alert.id)[-MOST_MISSED:]
            self._digest_count += 1
        self._told, self._was_quiet = False, None

    def _tell_overtaken(self) -> None:
        """A firing that catching up kept untold, and that ends before anybody could hear of it."""
        kept = self._decision.case.alert
        waited = not self._told and self._was_quiet is Reason.CATCHING_UP
        if waited and self._quiet is None and kept is not None and kept.value.seq == 0:
            pen = self._decision.episode(kept.value)
            self._tell(pen, EventKind.FIRING, kept.value.reason, _fired_in(kept.value))

    def _goes_on(self, alert: Alert) -> None:
        pen = self._decision.episode(alert)
        if not self._told:
            waited = self._was_quiet is Reason.CATCHING_UP
            minute = _fired_in(alert) if waited else self._folded.state.last_folded
            self._tell_or_suppress(pen, minute)

    def _tell_or_suppress(self, pen: Episode, minute: datetime) -> None:
        if self._quiet is None:
            kind, reason = ending_of(self._was_quiet)
            began = pen.alert.reason if kind is EventKind.FIRING else reason
            self._tell(pen, kind, began, minute)
            self._told, self._was_quiet = True, None
        elif self._quiet is Reason.CATCHING_UP and pen.was_told:
            return  # its begin was told long ago: what is still to tell is why it was quiet
        elif self._was_quiet is not self._quiet:
            self._decision.suppress(pen, minute, self._quiet)
            self._was_quiet = self._quiet

    def _tell(self, pen: Episode, kind: EventKind, reason: Reason, minute: datetime) -> None:
        pen.tell(kind, reason, minute=minute, now=self._decision.now)

    def _tell_digest(self) -> None:
        """One event for all episodes that opened and closed while nobody could be told."""
        missed = self._decision.case.missed
        if missed:
            last = missed[-1].value
            self._decision.episode(last).tell(
                EventKind.RESOLVED,
                Reason.CATCHING_UP,
                minute=last.last_triggered,
                now=self._decision.now,
                missed=tuple(
                    Missed(kept.value.active_at, kept.value.resolved_at, kept.value.value)
                    for kept in missed
                ),
                missed_count=self._digest_count,
            )
        self._digest, self._digest_count = (), 0

    def _pen(self, moment: Moment) -> Episode:
        if moment.alert is None:
            raise ValueError("a firing rule has an alert")
        return self._decision.episode(moment.alert)

    def _line(self, kind: LineKind, moment: Moment) -> TimelineLine:
        value = moment.alert.last_value if moment.alert else None
        return TimelineLine(
            at=self._decision.now,
            kind=kind,
            reason=moment.reason,
            minute=moment.minute,
            value=value,
        )


def _fired_in(alert: Alert) -> datetime:
    """The minute at whose end it fired."""
    return alert.fired_at - MINUTE


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
