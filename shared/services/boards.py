"""Everything stored about a target's rules just now, and one rule's case out of it."""

from collections.abc import Iterable

from msgspec import Struct

from shared.domain.alerts import Alert
from shared.domain.decisions import Case, Snooze
from shared.domain.errors import InvalidInput
from shared.domain.machine import RuleState
from shared.domain.maintenance import Window
from shared.domain.metrics import Kind, Metric, Within
from shared.domain.records import Kept, alert_key
from shared.domain.rules import Rule, Severity
from shared.ports import House, Ledger

_STATE, _SNOOZE = "state:", "snooze:"


class Board(Struct, frozen=True):
    """States and snoozes of one target by rule id."""

    target: str
    states: dict[str, Kept[RuleState]]
    snoozes: dict[str, Kept[Snooze]]


def gone_rule(board: Board, rule_id: str, alerts: Ledger) -> Rule:
    """A stand-in for a rule that is gone: enough to close its story, telling nobody new."""
    state = board.states[rule_id].value
    alert = _alert(board.target, state.episode or state.no_data.episode, alerts)
    return Rule(
        id=rule_id,
        name=alert.value.rule_name if alert is not None else rule_id,
        metric=alert.value.metric if alert is not None else rule_id,
        condition="absent",
        duration=0,
        severity=alert.value.severity if alert is not None else Severity.LOW,
        actions=(),
    )


def load_board(target: str, alerts: Ledger) -> Board:
    """Read all states and snoozes of the target."""
    states = alerts.scan(target, _STATE, RuleState)
    snoozes = alerts.scan(target, _SNOOZE, Snooze)
    return Board(
        target,
        {kept.key.removeprefix(_STATE): kept for kept in states},
        {kept.key.removeprefix(_SNOOZE): kept for kept in snoozes},
    )


def load_case(
    board: Board,
    rule: Rule,
    *,
    house: House,
    first: RuleState | None = None,
    windows: Iterable[Window] = (),
) -> Case:
    """The rule's case with its open alerts; `first` is its state when none is stored yet.

    Inhibiting rules are taken as far as the board knows them: what they decide later corrects
    itself in the next pass, because whoever was kept quiet is told then.
    """
    kept = board.states.get(rule.id)
    state = kept.value if kept is not None else first
    if state is None:
        raise ValueError(f"rule {rule.id!r} has no state yet")
    snooze = board.snoozes.get(rule.id)
    metric, *others = metrics_of(rule, house)
    return Case(
        target=board.target,
        rule=rule,
        metric=metric,
        others=tuple(others),
        state=state,
        kept=kept,
        alert=_alert(board.target, state.episode, house.alerts),
        no_data_alert=_alert(board.target, state.no_data.episode, house.alerts),
        snooze=snooze.value if snooze is not None else None,
        windows=tuple(one for one in windows if one.concerns(board.target, rule)),
        inhibitors=tuple(
            board.states[one].value for one in rule.inhibited_by if one in board.states
        ),
        missed=_missed(board.target, state, house.alerts),
    )


def metrics_of(rule: Rule, house: House) -> list[Metric]:
    """The metric of each member; a stand-in that nobody measures for one that left the catalog."""
    return [_metric_named(member.metric, house) for member in rule.members]


def _metric_named(name: str, house: House) -> Metric:
    try:
        return house.catalog.metric(name)
    except InvalidInput:
        return _gone_metric(name)


def _gone_metric(name: str) -> Metric:
    return Metric(
        name=name,
        column=name,
        label=name,
        unit="",
        group="gone",
        kind=Kind.GAUGE,
        within=Within.LAST,
        sources=(),
        description="A metric that is not in the catalog any more.",
    )


def _alert(target: str, episode: str | None, alerts: Ledger) -> Kept[Alert] | None:
    return alerts.get(target, alert_key(episode), Alert) if episode is not None else None


def _missed(target: str, state: RuleState, alerts: Ledger) -> tuple[Kept[Alert], ...]:
    found = (_alert(target, episode, alerts) for episode in state.digest)
    return tuple(kept for kept in found if kept is not None)
