"""The rule machine: one closed minute at a time, as docs/semantics.md section 2 writes it.

A minute is an interval: `duration` 2 fires at the end of the second bad minute. A missing minute
neither counts for a firing nor for a resolve; only a fresh ok sample resolves.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.conditions import CONDITIONS
from shared.domain.culprits import Culprit
from shared.domain.members import Member
from shared.domain.reasons import Reason
from shared.domain.rules import Rule
from shared.domain.samples import Cell, Gap, Said
from shared.domain.times import MINUTE, Span, floor_minute, minutes_between

EMPTY_IS_MISSING = 15
"""So many empty minutes in a row step like missing ones; from the next on they are ok."""
MOST_PAST = 12
"""More stories than one commit closes are remembered, for the rules that this one inhibits."""

GONE = ""
"""The `rule_hash` of a rule that was removed or disabled; it matches no rule."""


class State(StrEnum):
    """Where a rule stands."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    HELD = "held"  # resolved by hand while the condition may still hold


class Input(StrEnum):
    """What one folded minute says."""

    OK = "ok"
    BAD = "bad"
    MISSING = "missing"


class NoDataState(StrEnum):
    """Where a rule's no-data clock stands."""

    FRESH = "fresh"
    NO_DATA = "no_data"
    HELD = "held"  # its episode was resolved by hand; stays until a fresh sample


class NoData(Struct, frozen=True, rename="camel"):
    """The second clock: `since` is the end of the last hold, `anchor` forgives older silence."""

    state: NoDataState = NoDataState.FRESH
    since: datetime | None = None
    anchor: datetime | None = None
    episode: str | None = None
    told: bool = False
    quiet: Reason | None = None


class RuleState(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every clock of one (target, rule); the row that fences all who decide.

    `empty_runs`: a composite's, by member, in place of `empty_run`.
    `told`: this firing has been notified. `quiet`: why not, when it was not. `digest`: the last
    of the `digest_count` episodes that opened and closed untold while catching up. `culprits`:
    what the database was executing when it went pending, as seen at `looked_at`. `fired`: the
    first minute of this firing; `past`: the minutes of the last ones, oldest first.
    """

    last_folded: datetime
    rule_hash: str
    state: State = State.INACTIVE
    active_at: datetime | None = None
    missed: int = 0
    keep_since: datetime | None = None
    keep_missed: int = 0
    empty_run: int = 0
    empty_runs: tuple[int, ...] = ()
    resolved_at: datetime | None = None
    held_until: datetime | None = None
    told: bool = False
    quiet: Reason | None = None
    episode: str | None = None
    digest: tuple[str, ...] = ()
    digest_count: int = 0
    culprits: tuple[Culprit, ...] = ()
    looked_at: datetime | None = None
    fired: datetime | None = None
    past: tuple[Span, ...] = ()
    no_data: NoData = NoData()
    schema: int = 1

    def fires_in(self, minute: datetime) -> bool:
        """Whether it was firing after that minute; of one not folded yet, the last folded one."""
        known = min(minute, self.last_folded)
        began = self.fired or self.active_at
        if self.state is State.FIRING and began is not None and began <= known:
            return True
        return any(span.covers(known) for span in self.past)


class Verdict(Struct, frozen=True):
    """What a minute says to a rule: the input, why, and by member the input and the empty run."""

    given: Input
    reason: Reason
    members: tuple[Input, ...]
    runs: tuple[int, ...]

    def note(self, state: RuleState) -> RuleState:
        """The state that remembers how long each member has been empty."""
        if len(self.runs) > 1:
            return replace(state, empty_runs=self.runs)
        return replace(state, empty_run=self.runs[0])


def classify(rule: Rule, state: RuleState, said: Said) -> Verdict:
    """What a minute says to `rule`; to a composite, one cell for each member.

    `any` is bad when one member is and ok when all are, `all` the other way round; else it is
    missing.
    """
    cells = said if isinstance(said, tuple) else (said,)
    before = (state.empty_runs or (0,) * len(cells)) if rule.is_composite else (state.empty_run,)
    runs = tuple(
        run + 1 if cell is Gap.EMPTY else 0 for cell, run in zip(cells, before, strict=True)
    )
    heard = [
        _hear(member, cell, _threshold_in_force(rule, member, state), run)
        for member, cell, run in zip(rule.members, cells, runs, strict=True)
    ]
    given, reason = _decisive(heard, Input.OK if rule.all_of else Input.BAD)
    return Verdict(given, reason, tuple(one for one, _ in heard), runs)


def _hear(member: Member, cell: Cell, threshold: float, run: int) -> tuple[Input, Reason]:
    verdict = CONDITIONS[member.condition].judge(cell, threshold)
    if verdict is Gap.EMPTY and run > EMPTY_IS_MISSING:
        return Input.OK, Reason.NO_TRAFFIC
    if isinstance(verdict, Gap):
        return Input.MISSING, Reason.NO_DATA
    return (Input.BAD, Reason.BREACH) if verdict else (Input.OK, Reason.RECOVERED)


def _decisive(heard: list[tuple[Input, Reason]], alone: Input) -> tuple[Input, Reason]:
    """The first that decides `alone`; else what all say, or that something is missing."""
    for wanted in (alone, Input.MISSING):
        for given, reason in heard:
            if given is wanted:
                return given, reason
    return heard[0]


def _threshold_in_force(rule: Rule, member: Member, state: RuleState) -> float:
    if rule.clear_threshold is not None and state.state in (State.FIRING, State.HELD):
        return rule.clear_threshold
    return member.threshold or 0.0


def step(
    state: RuleState, given: Input, minute: datetime, *, duration: int, keep_firing: int
) -> RuleState:
    """The state after the minute that starts at `minute` said `given`."""
    folded = replace(state, last_folded=minute)
    if given is Input.BAD:
        return _bad(folded, minute, duration)
    if given is Input.OK:
        return _ok(folded, minute, keep_firing)
    return _missing(folded)


def _bad(state: RuleState, minute: datetime, duration: int) -> RuleState:
    state = replace(state, keep_since=None, keep_missed=0)
    if state.state is State.INACTIVE:
        state = replace(state, state=State.PENDING, active_at=minute, missed=0)
    if state.state is State.PENDING and bad_minutes(state, minute) >= duration:
        return replace(state, state=State.FIRING, fired=minute)
    if state.state is State.HELD and minute + MINUTE >= _known(state.held_until):
        return replace(_released(state), state=State.FIRING, active_at=minute, fired=minute)
    return state


def _ok(state: RuleState, minute: datetime, keep_firing: int) -> RuleState:
    if state.state is State.PENDING:
        return _released(state)
    if state.state is State.HELD and minute + MINUTE > _known(state.resolved_at):
        return _released(state)
    if state.state is State.FIRING:
        state = replace(state, keep_since=state.keep_since or minute)
        ok_for = minutes_between(_known(state.keep_since), minute + MINUTE) - state.keep_missed
        return _released(state, minute) if ok_for >= max(keep_firing, 1) else state
    return state


def _missing(state: RuleState) -> RuleState:
    if state.state is State.PENDING:
        return replace(state, missed=state.missed + 1)
    if state.state is State.FIRING and state.keep_since is not None:
        return replace(state, keep_missed=state.keep_missed + 1)
    return state


def bad_minutes(state: RuleState, minute: datetime) -> int:
    """Bad minutes since `active_at`, up to the end of `minute`, of a pending rule."""
    return minutes_between(_known(state.active_at), minute + MINUTE) - state.missed


def _released(state: RuleState, until: datetime | None = None) -> RuleState:
    """Back to inactive, with every clock of the story stopped.

    `until`: the first minute in which it does not fire any more; by default the next to be folded.
    """
    return replace(
        state,
        past=_past(state, until or state.last_folded + MINUTE),
        fired=None,
        state=State.INACTIVE,
        active_at=None,
        missed=0,
        keep_since=None,
        keep_missed=0,
        resolved_at=None,
        held_until=None,
    )


def _past(state: RuleState, until: datetime) -> tuple[Span, ...]:
    if state.state is not State.FIRING or state.fired is None:
        return state.past
    return (*state.past, Span(state.fired, until))[-MOST_PAST:]


def hold(state: RuleState, now: datetime, repeat_every: timedelta) -> RuleState:
    """Resolved by hand: silent until an ok minute, or bad again after `repeat_every`."""
    return replace(
        _released(state),
        state=State.HELD,
        resolved_at=now,
        held_until=now + repeat_every,
        episode=None,
        told=False,
        quiet=None,
    )


def start_over(state: RuleState, rule_hash: str, now: datetime) -> RuleState:
    """Inactive with the edited rule: what is folded stays folded, and what is to tell, to tell.

    A rule that was gone comes back at `now`: the time in which it was off is never judged.
    """
    last = state.last_folded
    if state.rule_hash == GONE:
        last = max(last, floor_minute(now) - MINUTE)
    return RuleState(
        last_folded=last,
        rule_hash=rule_hash,
        digest=state.digest,
        digest_count=state.digest_count,
        past=_past(state, state.last_folded + MINUTE),
        no_data=NoData(anchor=now),
    )


def treat_as_ok(state: RuleState, minute: datetime) -> RuleState:
    """The no-data policy `ok`: inactive, and the silent gap is never folded."""
    last = max(state.last_folded, minute)
    return replace(_released(state), last_folded=last, episode=None, told=False, quiet=None)


def _known(at: datetime | None) -> datetime:
    """A clock that the state says is running; a row without it is damaged."""
    if at is None:
        raise ValueError("a rule state lacks the clock that its state needs")
    return at
