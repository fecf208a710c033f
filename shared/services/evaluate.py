"""Fold newly covered minutes into every rule's state and write what is decided.

The state row is written If-Match as read, so whoever comes second reads again, decides again.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.blockings import heads
from shared.domain.chunks import HourChunk, Latest, by_hour
from shared.domain.culprits import Culprit, gathered
from shared.domain.decisions import (
    Case,
    Decision,
    Suppression,
    Transition,
    abandon,
)
from shared.domain.errors import Conflict, SourceError, StoreRefused, StoreUnavailable
from shared.domain.folding import first_state
from shared.domain.inhibition import in_waves
from shared.domain.machine import GONE, RuleState
from shared.domain.metrics import Metric, Sight
from shared.domain.nodata import Silence, judge_silence, silence, wants_judging
from shared.domain.quiet import Quiet
from shared.domain.reasons import Reason
from shared.domain.records import MOST_WRITES
from shared.domain.rules import KeptRule
from shared.domain.series import first_needed
from shared.domain.telling import decide
from shared.domain.times import HOUR, MINUTE, each_hour, floor_minute
from shared.domain.watching import Watched, listen
from shared.ports import House, Witness
from shared.services.boards import gone_rule, load_board, load_case, metrics_of
from shared.services.deployments import recent_deploy
from shared.services.maintain import windows
from shared.services.tally import suspected

WINDOW = timedelta(hours=24)
MOST_ROUNDS = 400
MOST_CONFLICTS = 5
YOUNG = timedelta(hours=1)
SEEN_FOR = timedelta(minutes=10)
"""A breach that is older than this says nothing about what runs now."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Evaluation(Struct):
    """What a pass decided about a target; `behind` when it had to leave minutes unfolded.

    `covered`: how far each source had spoken when it began.
    """

    covered: Mapping[str, datetime] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    behind: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every rule is as far as its metric is covered."""
        return not self.behind and not self.broken

    def note(self, decision: Decision) -> None:
        """Take over what a written decision says."""
        self.transitions.extend(decision.transitions)
        self.suppressions.extend(decision.suppressions)


def evaluate(
    target: str,
    *,
    house: House,
    rules: Sequence[KeptRule],
    activated_at: datetime,
    now: datetime,
    latest: Latest | None = None,
    asked: Collection[str] = (),
    keep_going: Callable[[], bool] = lambda: True,
) -> Evaluation:
    """Bring every rule of the target up to what its sources cover, and tell what follows.

    `latest` as this pass stored it saves a read. `asked`: the sources that this pass asked; only
    their silence is judged. Idempotent: a second call finds nothing left to fold. One broken rule
    is logged and does not stop the others.
    """
    latest = latest or house.samples.latest(target)
    pass_ = _Pass(target, house, latest, activated_at, now)
    pass_.drop_removed(rules)
    pass_.fold(rules, keep_going)
    pass_.judge_silences(rules, asked)
    return pass_.done


class _Pass:
    """One evaluation of one target."""

    def __init__(
        self, target: str, house: House, latest: Latest, activated_at: datetime, now: datetime
    ) -> None:
        self._target = target
        self._house = house
        self._activated_at = activated_at
        self._now = now
        self._latest = latest
        self._board = load_board(target, house.alerts)
        self._is_outdated = False
        self._windows = windows(config=house.config)
        self._states: dict[str, RuleState] = {}
        self._seen: dict[Sight, tuple[Culprit, ...]] = {}
        self.done = Evaluation(covered=self._latest.covered)

    def drop_removed(self, rules: Sequence[KeptRule]) -> None:
        """Close the stories of rules that are gone, disabled or no longer for this target."""
        in_force = {one.rule.id for one in rules}
        for rule_id in sorted(self._board.states.keys() - in_force):
            if self._board.states[rule_id].value.rule_hash != GONE:
                self._guarded(rule_id, self._drop, rule_id)

    def _drop(self, rule_id: str) -> None:
        stand_in = gone_rule(self._board, rule_id, self._house.alerts)
        case = load_case(self._board, stand_in, house=self._house)
        if not self._commit([abandon(case, Reason.RULE_REMOVED, now=self._now)]):
            self.done.behind = True

    def fold(self, rules: Sequence[KeptRule], keep_going: Callable[[], bool]) -> None:
        """Fold every rule as far as its metric is covered: those that inhibit before the others."""
        by_id = {one.rule.id: one for one in rules}
        for wave in in_waves({name: one.rule.inhibited_by for name, one in by_id.items()}):
            if not self._fold_wave([by_id[name] for name in wave], keep_going):
                self.done.behind = True
            if not keep_going():
                break
        judged = self._states.keys() | set(self.done.broken)
        self.done.behind = self.done.behind or not by_id.keys() <= judged

    def _fold_wave(self, rules: Sequence[KeptRule], keep_going: Callable[[], bool]) -> bool:
        """Fold round by round; answers whether nothing is left to do."""
        left, conflicts = list(rules), 0
        for _ in range(MOST_ROUNDS):
            left, had_conflict = self._round(left, together=conflicts == 0)
            conflicts += had_conflict
            if not left or conflicts > MOST_CONFLICTS or not keep_going():
                break
        return not left

    def _look_again(self) -> None:
        """Read the board anew once something was written."""
        if self._is_outdated:
            self._board = load_board(self._target, self._house.alerts)
            self._is_outdated = False

    def _round(self, rules: Sequence[KeptRule], *, together: bool) -> tuple[list[KeptRule], bool]:
        """One window of every rule; answers who has work left, and whether a race was lost."""
        self._look_again()
        decisions = self._decisions(rules)
        plain = [one for one in decisions if together and one.is_plain]
        alone = [[one] for one in decisions if one not in plain]
        lost: set[str] = set()
        for batch in [*_batches(plain), *alone]:
            if not self._commit_or_mark(batch):
                lost.update(decision.case.rule.id for decision in batch)
        behind = {one.case.rule.id for one in decisions if self._is_behind(one)}
        left = (lost | behind) - set(self.done.broken)
        return [one for one in rules if one.rule.id in left], bool(lost)

    def _commit_or_mark(self, batch: Sequence[Decision]) -> bool:
        """Commit; a refused batch is tried again one by one, a rule refused alone is broken."""
        try:
            return self._commit(batch)
        except StoreRefused:
            if len(batch) > 1:
                return False
            self._mark_broken(batch[0].case.rule.id)
            return True

    def _mark_broken(self, rule_id: str) -> None:
        _log.exception("rule %s of %s can't be evaluated", rule_id, self._target)
        self.done.broken.append(rule_id)

    def _decisions(self, rules: Sequence[KeptRule]) -> list[Decision]:
        cases = [case for one in rules if (case := self._guarded(one.rule.id, self._case, one))]
        chunks = self._chunks(cases)
        decisions: list[Decision] = []
        for case in cases:
            decision = self._guarded(case.rule.id, self._decide, case, chunks)
            if decision is not None:
                self._states[case.rule.id] = decision.state
                decisions += [decision] if decision.changes_anything else []
        return decisions

    def _guarded(self, rule_id: str, do: Callable[..., T], *given: Any) -> T | None:
        """Do it for one rule; a broken rule must not stop the others, a silent store does."""
        try:
            return do(*given)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - the loop over the rules goes on
            self._mark_broken(rule_id)
            return None

    def _case(self, one: KeptRule) -> Case:
        first = first_state(one.rule, self._began(one))
        return load_case(
            self._board, one.rule, house=self._house, first=first, windows=self._windows
        )

    def _began(self, one: KeptRule) -> datetime:
        """When judging starts: a rule that an upgrade ships must not judge the past."""
        if one.created_at is not None:
            return max(self._activated_at, floor_minute(one.created_at))
        young = self._now - self._activated_at < YOUNG
        return self._activated_at if young else floor_minute(self._now)

    def _decide(self, case: Case, chunks: dict[datetime, HourChunk]) -> Decision:
        if case.state.rule_hash != case.rule.fingerprint:
            return abandon(case, Reason.RULE_CHANGED, now=self._now)
        first, end = self._window(case)
        minutes = listen(self._watched(case), chunks, first, end, composite=case.rule.is_composite)
        decision = decide(case, minutes, covered=self._covered(case), now=self._now)
        if self._is_new(decision):
            self._explain(decision)
        self._name_deploys(decision)
        return decision

    def _name_deploys(self, decision: Decision) -> None:
        """What is told names the version that went live shortly before the story began."""
        for pen in decision.news:
            alerts, since = self._house.alerts, pen.alert.active_at
            pen.name_deploy(recent_deploy(self._target, since, alerts=alerts))

    def _is_new(self, decision: Decision) -> bool:
        """Whether something begins that can still be seen, and was not seen a moment ago.

        Not in a gap that is caught up with; and a rule that flaps must not be a load of its own.
        """
        is_fresh = self._now - decision.state.last_folded <= SEEN_FOR
        return decision.begins and is_fresh and not decision.is_explained

    def _explain(self, decision: Decision) -> None:
        """Name what of the database explains it, or who tries to log in."""
        metrics, witness = decision.case.metrics, self._house.witness
        sight = next((one.witnessed for one in metrics if one.witnessed), None)
        looked_back = max(metric.suspected for metric in metrics)
        if witness is not None and sight is not None:
            decision.explain(self._culprits(witness, sight))
        elif looked_back:
            length = looked_back * MINUTE
            decision.explain(suspected(self._target, length, house=self._house, now=self._now))

    def _culprits(self, witness: Witness, sight: Sight) -> tuple[Culprit, ...]:
        """What of the database explains it just now; one look for all rules of the pass."""
        if sight not in self._seen:
            self._seen[sight] = self._look(witness, sight)
        return self._seen[sight]

    def _look(self, witness: Witness, sight: Sight) -> tuple[Culprit, ...]:
        try:
            if sight is Sight.BLOCKING:
                return heads(witness.blocking(self._target))
            return gathered(witness.running(self._target))
        except SourceError as error:
            _log.warning("what %s executes can't be seen: %s", self._target, error)
            return ()

    def _window(self, case: Case) -> tuple[datetime, datetime]:
        first = case.state.last_folded + MINUTE
        return first, min(self._covered(case), first + WINDOW)

    def _covered(self, case: Case) -> datetime:
        """How far all of the rule's metrics are covered."""
        known = [self._latest.covered_until(metric) for metric in case.metrics]
        return floor_minute(min(until or self._activated_at for until in known))

    def _is_behind(self, decision: Decision) -> bool:
        return decision.state.last_folded + MINUTE < self._covered(decision.case)

    def _watched(self, case: Case) -> list[Watched]:
        catalog = self._house.catalog
        return [
            Watched(member, metric, catalog.metric(metric.of) if metric.of else None)
            for member, metric in zip(case.rule.members, case.metrics, strict=True)
        ]

    def _chunks(self, cases: Sequence[Case]) -> dict[datetime, HourChunk]:
        """What the cases need: the new minutes of all columns, windows of their own alone."""
        near: set[datetime] = set()
        columns: set[str] = set()
        wanted: dict[datetime, set[str]] = {}
        for case in cases:
            first, end = self._window(case)
            for one in self._watched(case) if first < end else []:
                near.update(each_hour(first_needed(one.metric, first), end))
                columns.update(one.columns)
                for hour in each_hour(one.first_needed(first), first):
                    wanted.setdefault(hour, set()).update(one.columns)
        wanted.update(dict.fromkeys(near, columns))
        found: list[HourChunk] = []
        for run in _runs(wanted):
            found += self._house.samples.hours(
                self._target, run[0], run[-1], columns=sorted(wanted[run[0]])
            )
        return by_hour(found)

    def judge_silences(self, rules: Sequence[KeptRule], asked: Collection[str]) -> None:
        """Run the no-data clock of every rule whose source was asked in this pass."""
        for one in rules:
            if one.rule.id in self._states and one.rule.id not in self.done.broken:
                metrics = metrics_of(one.rule, self._house)
                if {name for metric in metrics for name in metric.sources} & set(asked):
                    self._guarded(one.rule.id, self._judge_silence, one, metrics)

    def _judge_silence(self, one: KeptRule, metrics: Sequence[Metric]) -> None:
        found, metric = self._oldest_silence(one, metrics)
        for _ in range(MOST_CONFLICTS):
            state = self._states[one.rule.id]
            if found is None or not wants_judging(one.rule, metric, state, found):
                return
            self._look_again()
            case = replace(self._case(one), metric=metric)
            self._states[one.rule.id] = case.state
            quiet = Quiet(case, now=self._now).just_now(case.state.last_folded)
            decision = judge_silence(case, found, quiet=quiet, now=self._now)
            if decision is not None:
                self._name_deploys(decision)
            if decision is None or self._commit([decision]):
                return

    def _oldest_silence(
        self, one: KeptRule, metrics: Sequence[Metric]
    ) -> tuple[Silence | None, Metric]:
        anchor = self._states[one.rule.id].no_data.anchor
        heard = [
            (found, metric)
            for metric in metrics
            if (found := silence(metric, self._latest, self._house.catalog, anchor=anchor))
        ]
        return max(heard, key=lambda one: one[0].age, default=(None, metrics[0]))

    def _commit(self, decisions: Sequence[Decision]) -> bool:
        writes = [write for decision in decisions for write in decision.writes()]
        self._is_outdated = True
        try:
            self._house.alerts.commit(self._target, writes)
        except Conflict:
            return False
        for decision in decisions:
            self.done.note(decision)
        return True


def _batches(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """Rules without a story to tell share transactions; each has at most two rows."""
    size = (MOST_WRITES - 10) // 2
    return [list(decisions[i : i + size]) for i in range(0, len(decisions), size)]


def _runs(wanted: Mapping[datetime, Collection[str]]) -> list[list[datetime]]:
    """Consecutive hours that want the same columns."""
    runs: list[list[datetime]] = []
    for hour in sorted(wanted):
        last = runs[-1][-1] if runs else None
        if last == hour - HOUR and wanted[last] == wanted[hour]:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return runs
