"""Short ways to say what a test is about: rules, cells, and a desk that keeps one rule's rows."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import json
from msgspec.structs import replace

from shared.catalog.metrics import CATALOG
from shared.domain.alerts import Alert
from shared.domain.decisions import Case, Decision, Snooze
from shared.domain.episodes import Event, TimelineLine
from shared.domain.folding import first_state
from shared.domain.handling import acknowledge, resolve, snooze, unsnooze
from shared.domain.machine import RuleState
from shared.domain.maintenance import Window
from shared.domain.metrics import Metric
from shared.domain.nodata import Silence, judge_silence
from shared.domain.quiet import Quiet
from shared.domain.records import MOST_WRITES, Delete, Insert, Kept, Replace, Write
from shared.domain.rules import NoDataPolicy, Rule, Severity
from shared.domain.samples import Cell, Gap, Outlook
from shared.domain.telling import decide
from shared.domain.times import MINUTE

T0 = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "pantry-crm"
EVERY_GAP: dict[str, Gap] = {gap.value: gap for gap in Gap}


def at(minutes: float) -> datetime:
    """So many minutes after T0."""
    return T0 + timedelta(minutes=minutes)


def minute_of(moment: datetime | None) -> int | None:
    """The number of a minute, as the reference counts them."""
    return None if moment is None else (moment - T0) // MINUTE


def a_rule(**changes: Any) -> Rule:
    """DTU above 95 for two minutes, unless told otherwise."""
    rule = Rule(
        id="dtu-critical",
        name="DTU Usage Critical",
        metric="dtuUtilization",
        condition="greater_than",
        threshold=95,
        duration=2,
        severity=Severity.CRITICAL,
        actions=(),
    )
    return replace(rule, **changes)


def rule_json(**changes: Any) -> dict[str, Any]:
    """The same rule as a client writes it; a change to ... leaves the field out."""
    given: dict[str, Any] = {
        "id": "dtu-critical",
        "name": "DTU Usage Critical",
        "metric": "dtuUtilization",
        "condition": "greater_than",
        "threshold": 95,
        "duration": 2,
        "severity": "critical",
        "actions": [],
    }
    given |= changes
    return {name: value for name, value in given.items() if value is not ...}


def cell_of(said: float | str | None) -> Cell:
    """A cell out of a number or the name of a gap; None is missing."""
    if said is None:
        return Gap.MISSING
    return EVERY_GAP[said] if isinstance(said, str) else said


class Desk:
    """One rule on one target with its rows, written as a store would: all or nothing, by ETag.

    What is read is what was written as JSON, so a value that its type does not allow is noticed.
    """

    def __init__(self, rule: Rule, metric: Metric | None = None) -> None:
        self.rule = rule
        known = [metric] if metric else [CATALOG.metric(one.metric) for one in rule.members]
        self.metric, *self.others = known
        self.rows: dict[str, Any] = {}
        self.etags: dict[str, int] = {}
        self.snoozed: Snooze | None = None
        self.windows: list[Window] = []
        self.inhibitors: list[Desk] = []
        self.decisions: list[Decision] = []
        self.told: list[Event] = []
        self.widest = 0

    @property
    def state(self) -> RuleState:
        """The rule's state as stored."""
        kept = self._kept(f"state:{self.rule.id}")
        return first_state(self.rule, T0) if kept is None else kept.value

    @property
    def folded(self) -> int:
        """How many minutes are folded."""
        return (self.state.last_folded + MINUTE - T0) // MINUTE

    @property
    def alerts(self) -> list[Alert]:
        """Every episode's alert, in the order they began."""
        return [row for key, row in sorted(self.rows.items()) if key.startswith("alert:")]

    def fold(
        self,
        cells: Iterable[float | str | None],
        *,
        covered: int | None = None,
        now: datetime | None = None,
    ) -> Decision:
        """One decide transaction over the next minutes; it may stop early at its limit."""
        return self.commit(self.decide(cells, covered=covered, now=now))

    def decide(
        self,
        cells: Iterable[float | str | None],
        *,
        covered: int | None = None,
        now: datetime | None = None,
    ) -> Decision:
        """The decision about the next minutes, not written yet."""
        first = self.folded
        minutes = [(at(first + n), cell_of(cell)) for n, cell in enumerate(cells)]
        end = at(first + len(minutes) if covered is None else covered)
        return decide(self.case(), minutes, covered=end, now=now or end)

    def fold_outlook(self, outlook: Outlook) -> Decision:
        """One decide transaction over the next minute of a forecast."""
        minute = at(self.folded)
        end = minute + MINUTE
        return self.commit(decide(self.case(), [(minute, outlook)], covered=end, now=end))

    def fold_row(self, cells: Iterable[float | str | None]) -> Decision:
        """One decide transaction over the next minute of a composite: a cell for each member."""
        minute, row = at(self.folded), tuple(map(cell_of, cells))
        end = minute + MINUTE
        return self.commit(decide(self.case(), [(minute, row)], covered=end, now=end))

    def fold_each(self, cells: Iterable[float | str | None]) -> None:
        """A transaction per minute, as a calm day has it."""
        for cell in cells:
            self.fold([cell])

    def catch_up(self, cells: Sequence[float | str | None], piece: int | None = None) -> None:
        """Fold all of `cells`, covered long ago, in as many transactions as it takes."""
        first, end = self.folded, self.folded + len(cells)
        while self.folded < end:
            rest = cells[self.folded - first :]
            self.fold(rest[:piece] if piece else rest, covered=end, now=at(end))

    def judge(self, found: Silence, now: datetime) -> Decision | None:
        """Let the no-data clock judge a silence."""
        case = self.case()
        quiet = Quiet(case, now=now).just_now(case.state.last_folded)
        decision = judge_silence(case, found, quiet=quiet, now=now)
        return decision and self.commit(decision)

    def resolve(self, now: datetime, alert: Alert | None = None) -> Decision:
        """Resolve by hand the given episode, or the open one."""
        return self.commit(resolve(self.case(), self._open(alert), by="ana", note=None, now=now))

    def acknowledge(self, now: datetime, alert: Alert | None = None) -> Decision:
        """Acknowledge the given episode, or the open one."""
        kept = self._open(alert)
        return self.commit(acknowledge(self.case(), kept, by="ana", note=None, now=now))

    def snooze(self, minutes: int, now: datetime) -> Decision:
        """Silence the rule for so many minutes."""
        decision, self.snoozed = snooze(self.case(), minutes=minutes, by="ana", note=None, now=now)
        return self.commit(decision)

    def unsnooze(self, now: datetime) -> Decision:
        """End the silence."""
        decision, self.snoozed = unsnooze(self.case(), by="ana", note=None, now=now)
        return self.commit(decision)

    def case(self) -> Case:
        """What is stored, as a service would load it."""
        state = self.state
        missed = (self._kept(f"alert:{episode}") for episode in state.digest)
        return Case(
            target=TARGET,
            rule=self.rule,
            metric=self.metric,
            others=tuple(self.others),
            state=state,
            kept=self._kept(f"state:{self.rule.id}"),
            alert=self._alert(state.episode),
            no_data_alert=self._alert(state.no_data.episode),
            snooze=self.snoozed,
            windows=tuple(self.windows),
            inhibitors=tuple(one.state for one in self.inhibitors),
            missed=tuple(kept for kept in missed if kept is not None),
        )

    def commit(self, decision: Decision) -> Decision:
        """Write it, refusing what Table Storage would refuse."""
        writes = decision.writes()
        self.widest = max(self.widest, len(writes))
        assert len(writes) <= MOST_WRITES
        assert len({write.key for write in writes}) == len(writes), "a row twice in a transaction"
        for write in writes:
            self._write(write)
        self.decisions.append(decision)
        inserts = [write for write in writes if isinstance(write, Insert)]
        self.told += [write.value for write in inserts if write.key.startswith("outbox:")]
        return decision

    def _write(self, write: Write) -> None:
        if isinstance(write, Insert):
            assert write.key not in self.rows, f"{write.key} exists already"
        else:
            assert write.key in self.rows, f"{write.key} does not exist"
            assert write.etag in (None, str(self.etags[write.key])), f"{write.key} has changed"
        if isinstance(write, Delete):
            del self.rows[write.key]
            return
        assert isinstance(write, Insert | Replace)
        self.rows[write.key] = json.decode(json.encode(write.value), type=type(write.value))
        self.etags[write.key] = self.etags.get(write.key, 0) + 1

    def _kept(self, key: str) -> Kept[Any] | None:
        return Kept(key, self.rows[key], str(self.etags[key])) if key in self.rows else None

    def _alert(self, episode: str | None) -> Kept[Alert] | None:
        return self._kept(f"alert:{episode}") if episode else None

    def _open(self, alert: Alert | None) -> Kept[Alert]:
        found = self._alert(alert.id if alert else self.state.episode)
        assert found is not None, "there is no such episode"
        return found


def heard(events: Iterable[Event]) -> list[tuple[str, int | None, int | None]]:
    """What was told: (kind, deciding minute, activeAt of the episode)."""
    return [
        (event.kind.value, minute_of(event.minute), minute_of(event.alert.active_at))
        for event in events
    ]


def stands(desk: Desk) -> tuple[str, int | None]:
    """State and activeAt; a held rule has none, its story is closed."""
    return desk.state.state.value, minute_of(desk.state.active_at)


def keeping(policy: NoDataPolicy, **changes: Any) -> Rule:
    """A rule with a no-data policy."""
    return a_rule(no_data=policy, **changes)


def lines_of(desk: Desk) -> list[TimelineLine]:
    """The lines of every timeline, in the order they were written."""
    return [row for key, row in sorted(desk.rows.items()) if key.startswith("timeline:")]
