"""What people are told about folded minutes, and what stays quiet for which reason.

Whether an event is sent is fixed here and never judged again (docs/semantics.md section 3).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from shared.domain.alerts import Alert
from shared.domain.decisions import Case, Decision, Transition
from shared.domain.episodes import (
    Episode,
    EventKind,
    LineKind,
    Missed,
    TimelineLine,
    ended_line,
    ending_of,
)
from shared.domain.folding import Folded, Moment, fold
from shared.domain.machine import State
from shared.domain.quiet import Quiet
from shared.domain.reasons import Reason
from shared.domain.records import MOST_WRITES
from shared.domain.reminders import remind
from shared.domain.samples import Said
from shared.domain.times import MINUTE

MOST_MISSED = 20
"""A digest tells so many episodes one by one, and the number of the rest."""


def decide(
    case: Case, minutes: Iterable[tuple[datetime, Said]], *, covered: datetime, now: datetime
) -> Decision:
    """Fold `minutes` and decide what is told; `covered` is the end of the last covered minute.

    It folds fewer of them when a transaction could not hold all there is to tell.
    """
    left = list(minutes)
    while True:
        decision = _decided(case, left, covered, now)
        if len(decision.writes()) <= MOST_WRITES or len(left) < 2:
            return decision
        left = left[: len(left) // 2]


def _decided(
    case: Case, minutes: Sequence[tuple[datetime, Said]], covered: datetime, now: datetime
) -> Decision:
    decision = Decision(case, now)
    folded = fold(case, minutes)
    behind = folded.state.last_folded + MINUTE < covered
    _Telling(decision, folded, Quiet(case, now=now, behind=behind)).run()
    return decision


class _Telling:
    """Walks the moments of a fold and keeps `told`, `quiet` and `digest` beside them."""

    def __init__(self, decision: Decision, folded: Folded, quiet: Quiet) -> None:
        self._decision = decision
        self._folded = folded
        self._quiet = quiet
        state = decision.case.state
        self._told, self._was_quiet = state.told, state.quiet
        self._digest, self._digest_count = state.digest, state.digest_count

    def run(self) -> None:
        """Write every story, then the state that goes with them."""
        for moment in self._folded.moments:
            if moment.is_change:
                self._note(moment)
            if moment.closes:
                self._ended(moment)
            elif moment.after.state is State.FIRING:
                self._fires(moment)
        quiet = self._quiet.just_now(self._folded.state.last_folded)
        if self._folded.alert is not None:
            self._stays_open(self._folded.alert, quiet)
        if self._digest and quiet is None:
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

    def _fires(self, moment: Moment) -> None:
        pen = self._pen(moment)
        if moment.is_change:
            self._told, self._was_quiet = False, None
            pen.line(self._line(LineKind.FIRING, moment))
        self._judge(pen, moment.minute, self._quiet.about(moment.minute))

    def _ended(self, moment: Moment) -> None:
        quiet = self._quiet.about(moment.minute)
        if quiet is None:
            self._tell_overtaken()
        pen = self._pen(moment)
        pen.line(self._line(LineKind.RESOLVED, moment))
        if pen.was_told:
            self._tell(pen, EventKind.RESOLVED, moment.reason, moment.minute)
        elif Reason.CATCHING_UP in (quiet, self._was_quiet):
            self._digest = (*self._digest, pen.alert.id)[-MOST_MISSED:]
            self._digest_count += 1
        self._told, self._was_quiet = False, None

    def _tell_overtaken(self) -> None:
        """A firing that catching up kept untold, and that ends before anybody could hear of it."""
        kept = self._decision.case.alert
        waited = not self._told and self._was_quiet is Reason.CATCHING_UP
        if waited and kept is not None and kept.value.seq == 0:
            pen = self._decision.episode(kept.value)
            self._tell(pen, EventKind.FIRING, kept.value.reason, _fired_in(kept.value))

    def _stays_open(self, alert: Alert, quiet: Reason | None) -> None:
        pen, minute = self._decision.episode(alert), self._folded.state.last_folded
        self._judge(pen, minute, quiet)
        if self._told and quiet is None:
            remind(self._decision, pen, minute)

    def _judge(self, pen: Episode, minute: datetime, quiet: Reason | None) -> None:
        """Tell an open story, or keep it quiet; a window over a story that was told untells it."""
        if quiet is Reason.MAINTENANCE:
            self._told = False
        if not self._told:
            waited = self._was_quiet is Reason.CATCHING_UP
            self._tell_or_suppress(pen, _fired_in(pen.alert) if waited else minute, quiet)

    def _tell_or_suppress(self, pen: Episode, minute: datetime, quiet: Reason | None) -> None:
        if quiet is None:
            kind, reason = ending_of(self._was_quiet)
            if kind is EventKind.FIRING:
                reason = pen.alert.reason
            else:
                pen.line(ended_line(kind, reason, minute, self._decision.now))
            self._tell(pen, kind, reason, minute)
            self._told, self._was_quiet = True, None
        elif quiet is Reason.CATCHING_UP and pen.was_told:
            return  # its begin was told long ago: what is still to tell is why it was quiet
        elif self._was_quiet is not quiet:
            self._decision.suppress(pen, minute, quiet)
            self._was_quiet = quiet

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
