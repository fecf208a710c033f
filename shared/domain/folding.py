"""Folding minutes into a rule's state: pure arithmetic, telling nobody.

A minute is folded exactly once, in order; its moments are what changed on the way, and each
minute that left the rule firing, because what keeps quiet may begin or end in it.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, Voice, close_alert, observe, open_alert
from shared.domain.decisions import Case
from shared.domain.machine import Input, NoData, RuleState, State, Verdict, classify, step
from shared.domain.reasons import Reason
from shared.domain.rules import Rule
from shared.domain.samples import Cell, Said
from shared.domain.times import MINUTE

MOST_CLOSED = 10
"""Folding stops after so many closed episodes, so that a transaction stays under 100 rows."""


class Moment(Struct, frozen=True, kw_only=True):
    """A folded minute that changed the rule's state, or left it firing; `alert` as it stood."""

    minute: datetime
    before: RuleState
    after: RuleState
    reason: Reason
    alert: Alert | None

    @property
    def is_change(self) -> bool:
        """Whether the rule's state is another one than before."""
        return self.before.state is not self.after.state

    @property
    def closes(self) -> bool:
        """Whether a story ends with it."""
        return self.is_change and self.before.state is State.FIRING


class Folded(Struct, frozen=True):
    """Where folding came to: the state, the open alert, and the moments on the way."""

    state: RuleState
    alert: Alert | None
    moments: tuple[Moment, ...]


def first_state(rule: Rule, began: datetime) -> RuleState:
    """The state of a rule that nobody has folded yet; it starts with the minute `began`."""
    return RuleState(
        last_folded=began - MINUTE, rule_hash=rule.fingerprint, no_data=NoData(anchor=began)
    )


def fold(case: Case, minutes: Iterable[tuple[datetime, Said]]) -> Folded:
    """Fold minutes into the state, at most to the tenth closed episode."""
    state, alert = case.state, case.alert.value if case.alert else None
    moments: list[Moment] = []
    for minute, said in minutes:
        before = state
        verdict = classify(case.rule, state, said)
        given, reason = verdict.given, verdict.reason
        state = step(
            verdict.note(state),
            given,
            minute,
            duration=case.rule.duration,
            keep_firing=case.rule.keep_firing,
        )
        fires = state.state is State.FIRING
        closes = before.state is State.FIRING and not fires
        if fires and before.state is not State.FIRING:
            began = _reason(before.state, state.state, reason)
            bad = _bad_voices(case, said, verdict)
            alert = open_alert(case.target, case.rule, bad, state, minute, began)
            state = replace(state, episode=alert.id)
        elif alert is not None:
            alert = observe(alert, given, minute, _own_cell(case, said, alert))
        if fires or state.state is not before.state:
            reason = _reason(before.state, state.state, reason)
            alert = _closed(alert, minute, reason) if closes else alert
            moments.append(
                Moment(minute=minute, before=before, after=state, reason=reason, alert=alert)
            )
        if closes:
            alert, state = None, replace(state, episode=None)
            if _closed_count(moments) == MOST_CLOSED:
                break
    return Folded(state, alert, tuple(moments))


def _voices(case: Case, said: Said) -> list[Voice]:
    cells = said if isinstance(said, tuple) else (said,)
    members = zip(case.rule.members, case.metrics, cells, strict=True)
    return [Voice(member, metric, cell) for member, metric, cell in members]


def _bad_voices(case: Case, said: Said, verdict: Verdict) -> list[Voice]:
    heard = zip(_voices(case, said), verdict.members, strict=True)
    return [voice for voice, given in heard if given is Input.BAD]


def _own_cell(case: Case, said: Said, alert: Alert) -> Cell:
    """What the member that the alert is about said."""
    if not isinstance(said, tuple):
        return said
    about = (alert.metric, alert.condition, alert.threshold)
    return next(
        (
            voice.cell
            for voice in _voices(case, said)
            if (voice.member.metric, voice.member.condition, voice.member.threshold) == about
        ),
        said[0],
    )


def _reason(before: State, after: State, reason: Reason) -> Reason:
    if before is State.HELD and after is State.FIRING:
        return Reason.STILL_BAD
    if before is State.PENDING and after is State.INACTIVE:
        return Reason.BREACH_ENDED
    return reason


def _closed(alert: Alert | None, minute: datetime, reason: Reason) -> Alert | None:
    return alert and close_alert(alert, minute + MINUTE, reason)


def _closed_count(moments: list[Moment]) -> int:
    return sum(one.closes for one in moments)
