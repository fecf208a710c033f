"""What people are told about folded minutes, and what stays quiet for which reason.

Whether an event is sent is fixed here and never judged again (docs/semantics.md section 3).
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from shared.domain.decisions import Case, Decision, Transition
from shared.domain.episodes import (
    Alert,
    Episode,
    EventKind,
    LineKind,
    Missed,
    TimelineLine,
    ending_of,
)
from shared.domain.folding import Folded, Moment, fold
from shared.domain.machine import RuleState, State
from shared.domain.reasons import Reason
from shared.domain.samples import Said
from shared.domain.times import MINUTE

MOST_MISSED = 20
"""A digest tells so many episodes one by one, and the number of the rest."""


def decide(
    case: Case, minutes: Iterable[tuple[datetime, Said]], *, covered: datetime, now: datetime
) -> Decision:
    """Fold `minutes` and decide what is told; `covered` is the end of the last covered minute."""
    decision = Decision(case, now)
    folded = fold(case, minutes)
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
