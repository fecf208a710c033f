"""What people do to alerts: acknowledge, resolve, snooze, unsnooze.

Each action is one transaction under the state row's ETag, so it can't race the evaluator.
"""

import secrets
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.alerts import Alert, AlertState
from shared.domain.decisions import Case, Decision, Snooze
from shared.domain.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from shared.domain.handling import AuditEntry, acknowledge, resolve, snooze, unsnooze
from shared.domain.machine import RuleState
from shared.domain.records import (
    Insert,
    Kept,
    Write,
    alert_key,
    audit_key,
    put,
    snooze_key,
    state_key,
)
from shared.domain.rules import Rule
from shared.domain.wishes import LONGEST_NOTE
from shared.ports import House
from shared.services.boards import load_board, load_case
from shared.services.renew import read_or_drop
from shared.services.targets import rules_in_force

MOST_TRIES = 5
Action = Literal["acknowledge", "resolve", "snooze", "unsnooze"]
ACTIONS: tuple[str, ...] = get_args(Action)


class AlertAction(Struct, frozen=True, kw_only=True):
    """A person's wish. `alert`: an episode id; `minutes`: how long a snooze lasts.

    `as_of`: when the state was told that the wish answers; a snooze that somebody set or ended
    since is left alone.
    """

    action: str
    alert: str
    by: str
    minutes: int | None = None
    note: str | None = None
    as_of: datetime | None = None


def act(target: str, wish: AlertAction, *, house: House, now: datetime) -> Alert:
    """Do it and answer the alert as it then stands.

    Raises InvalidInput for a wish that makes no sense, NotFound for an unknown or not yet firing
    episode, StoreUnavailable when others keep writing first. Acknowledging or resolving what is
    over changes nothing.
    """
    _check(wish)
    entry = secrets.token_hex(4)
    for _ in range(MOST_TRIES):
        try:
            return _act_once(target, wish, entry, house, now)
        except Conflict:
            continue
    raise StoreUnavailable("others kept changing this alert; try again")


def _check(wish: AlertAction) -> None:
    if wish.action not in ACTIONS:
        raise InvalidInput(f"unknown action {wish.action!r}; the actions are {', '.join(ACTIONS)}")
    if len(wish.note or "") > LONGEST_NOTE or len(wish.by) > LONGEST_NOTE:
        raise InvalidInput(f"a note has at most {LONGEST_NOTE:,} characters")


def _act_once(target: str, wish: AlertAction, entry: str, house: House, now: datetime) -> Alert:
    # The state comes first: whoever writes after this reading makes our own write conflict.
    board = load_board(target, house.alerts)
    kept = house.alerts.get(target, alert_key(wish.alert), Alert)
    if kept is None:
        raise NotFound(f"{target} has no alert {wish.alert!r}; one exists from firing on")
    rule = _rule_of(kept.value, house)
    if rule is None or rule.id not in board.states:
        return _without_rule(kept.value, wish, house)
    case = load_case(board, rule, house=house)
    decision, silence = _decide(case, kept, wish, now)
    if silence is not None and silence == case.snooze:  # done; only the answer was lost
        return replace(kept.value, snoozed_until=case.snoozed_until(now))
    if decision.changes_anything or silence is not None:
        _write(target, wish, entry, case, decision, silence, house, now)
    quiet = replace(case, snooze=silence or case.snooze)
    return replace(decision.outcome(kept.value), snoozed_until=quiet.snoozed_until(now))


def end_silence(target: str, rule: Rule, *, by: str, house: House, now: datetime) -> None:
    """End the rule's silence on that target, if it has one; its severity was raised."""
    wish = AlertAction(action="unsnooze", alert=rule.id, by=by, note="its severity was raised")
    entry = secrets.token_hex(4)
    for _ in range(MOST_TRIES):
        board = load_board(target, house.alerts)
        if rule.id not in board.states or rule.id not in board.snoozes:
            return
        case = load_case(board, rule, house=house)
        if case.snoozed_until(now) is None:
            return
        try:
            _write(target, wish, entry, case, *_unsnooze(case, wish, now), house, now)
        except Conflict:
            continue
        return
    raise StoreUnavailable("others kept changing this rule's alerts; try again")


def _unsnooze(case: Case, wish: AlertAction, now: datetime) -> tuple[Decision, Snooze]:
    return unsnooze(case, by=wish.by, note=wish.note, now=now)


def _rule_of(alert: Alert, house: House) -> Rule | None:
    rules = rules_in_force(alert.target, house=house)
    return next((one.rule for one in rules if one.rule.id == alert.rule_id), None)


def _without_rule(alert: Alert, wish: AlertAction, house: House) -> Alert:
    """The rule is gone: what is over stays over, and there is nothing left to silence.

    Raises DamagedRow when it is only that its state can't be read.
    """
    if wish.action in ("acknowledge", "resolve") and alert.state is AlertState.RESOLVED:
        return alert
    house.alerts.get(alert.target, state_key(alert.rule_id), RuleState)
    raise InvalidInput(f"rule {alert.rule_id!r} is gone or disabled; nothing to {wish.action}")


def _decide(
    case: Case, kept: Kept[Alert], wish: AlertAction, now: datetime
) -> tuple[Decision, Snooze | None]:
    match wish.action:
        case "acknowledge":
            return acknowledge(case, kept, by=wish.by, note=wish.note, now=now), None
        case "resolve":
            return resolve(case, kept, by=wish.by, note=wish.note, now=now), None
        case "snooze" if _is_answered(case, wish):
            return Decision(case, now), None
        case "snooze":
            minutes = _minutes(wish)
            return snooze(case, minutes=minutes, by=wish.by, note=wish.note, now=now)
        case _ if case.snoozed_until(now) is None:
            return Decision(case, now), None
        case _:
            return _unsnooze(case, wish, now)


def _is_answered(case: Case, wish: AlertAction) -> bool:
    return wish.as_of is not None and case.snooze is not None and case.snooze.at >= wish.as_of


def _minutes(wish: AlertAction) -> int:
    if wish.minutes is None:
        raise InvalidInput("a snooze needs an end: give duration in minutes, at most 10080")
    return wish.minutes


def _write(
    target: str,
    wish: AlertAction,
    entry: str,
    case: Case,
    decision: Decision,
    silence: Snooze | None,
    house: House,
    now: datetime,
) -> None:
    writes: list[Write] = decision.writes()
    if silence is not None:
        kept = read_or_drop(target, snooze_key(case.rule.id), Snooze, ledger=house.alerts)
        writes.append(put(snooze_key(case.rule.id), silence, kept))
    writes.append(Insert(audit_key(now, entry), _audit(wish, now)))
    house.alerts.commit(target, writes)


def _audit(wish: AlertAction, now: datetime) -> AuditEntry:
    minutes = f"{wish.minutes} min" if wish.minutes is not None else None
    return AuditEntry(
        at=now, by=wish.by, action=wish.action, subject=wish.alert, note=wish.note, detail=minutes
    )
