"""An alert is an episode as it stands: what it is opened with, and how each minute changes it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.culprits import COUNTS_FOR, Culprit
from shared.domain.deployments import RecentDeploy
from shared.domain.machine import Input, RuleState, bad_minutes
from shared.domain.members import Member
from shared.domain.metrics import Metric
from shared.domain.reasons import Reason
from shared.domain.records import short_hash
from shared.domain.rules import Rule, Severity
from shared.domain.samples import Cell, Outlook, figure_in
from shared.domain.times import MINUTE, iso, minute_key


class AlertKind(StrEnum):
    """What the story is about."""

    THRESHOLD = "threshold"
    NO_DATA = "no_data"


class AlertState(StrEnum):
    """Whether the story goes on."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Breach(Struct, frozen=True, kw_only=True, rename="camel"):
    """A member of a composite rule that was bad when it fired."""

    metric: str
    label: str
    condition: str
    value: float | None
    threshold: float | None
    unit: str


class Voice(Struct, frozen=True):
    """A member of a rule, its metric, and what this said in a minute."""

    member: Member
    metric: Metric
    cell: Cell

    @property
    def unit(self) -> str:
        """The unit of its figure; a score has none of the metric's."""
        if self.member.condition == "anomaly":
            return "of 1"
        per = "/min" if self.member.condition == "rate_of_change" else ""
        return f"{self.metric.unit}{per}"

    @property
    def breach(self) -> Breach:
        """It as an alert keeps it."""
        return Breach(
            metric=self.metric.name,
            label=self.metric.label,
            condition=self.member.condition,
            value=figure_in(self.cell),
            threshold=self.member.threshold,
            unit=self.unit,
        )


class Alert(Struct, frozen=True, kw_only=True, rename="camel"):
    """An episode as it stands.

    `value` is the one that fired (None for no data), `last_value` the newest. A composite's alert
    has metric, condition, value and threshold of its first bad member, and all of them in
    `breaches`. `forecast_hours`: when a forecast expects its threshold, from the newest minute.
    `count`: bad minutes, the pending ones included. `culprits`: what the database was executing
    when it began. `deploy`: the newest deploy shortly before it, as known when it was last told.
    `told_at`: when its firing, or the end of what kept it quiet, was told last; `reminded_at` and
    `escalated_at`: when people were last reminded, and when others were called in. `seq` and
    `lines` number its events and timeline lines.
    """

    id: str
    rule_id: str
    rule_name: str
    target: str
    metric: str
    condition: str
    kind: AlertKind
    state: AlertState
    severity: Severity
    value: float | None
    last_value: float | None
    threshold: float | None
    unit: str
    active_at: datetime
    fired_at: datetime
    last_triggered: datetime
    count: int
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    note: str | None = None
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    reason: Reason = Reason.BREACH
    culprits: tuple[Culprit, ...] = ()
    breaches: tuple[Breach, ...] = ()
    forecast_hours: float | None = None
    deploy: RecentDeploy | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    escalated_at: datetime | None = None
    seq: int = 0
    lines: int = 0


def episode_id(target: str, rule: str, active_at: datetime, kind: AlertKind) -> str:
    """`20260101T0005Z-1a2b3c4d`: when it began and which story it is; safe in keys."""
    began = minute_key(active_at)
    return f"{began}-{short_hash(target, rule, iso(active_at), kind)}"


def open_alert(
    target: str,
    rule: Rule,
    voices: Sequence[Voice],
    state: RuleState,
    minute: datetime,
    reason: Reason = Reason.BREACH,
) -> Alert:
    """The alert of a rule that fired in `minute`; `state` is the state after it.

    `voices`: its bad members; a plain rule has one.
    """
    active_at = state.active_at or minute
    first = voices[0]
    return Alert(
        **_identity(target, rule, active_at, AlertKind.THRESHOLD),
        **_subject(first.member, first.unit),
        value=figure_in(first.cell),
        last_value=figure_in(first.cell),
        fired_at=minute + MINUTE,
        last_triggered=minute,
        count=bad_minutes(state, minute),
        reason=reason,
        culprits=_culprits_of(state, active_at),
        breaches=tuple(voice.breach for voice in voices) if rule.is_composite else (),
        forecast_hours=_hours(first.cell),
    )


def _culprits_of(state: RuleState, active_at: datetime) -> tuple[Culprit, ...]:
    """What was seen at its beginning or shortly before; an older look says nothing about it."""
    counts = state.looked_at is not None and active_at - state.looked_at <= COUNTS_FOR
    return state.culprits if counts else ()


def open_no_data_alert(
    target: str, rule: Rule, metric: Metric, since: datetime, minute: datetime
) -> Alert:
    """The alert of a source that has been silent since `since`."""
    member = next((one for one in rule.members if one.metric == metric.name), rule.members[0])
    return Alert(
        **_identity(target, rule, since, AlertKind.NO_DATA),
        **_subject(member, metric.unit),
        value=None,
        last_value=None,
        fired_at=minute,
        last_triggered=minute,
        count=0,
        reason=Reason.NO_DATA,
    )


def _identity(target: str, rule: Rule, active_at: datetime, kind: AlertKind) -> dict[str, Any]:
    return {
        "id": episode_id(target, rule.id, active_at, kind),
        "rule_id": rule.id,
        "rule_name": rule.name,
        "target": target,
        "kind": kind,
        "state": AlertState.FIRING,
        "severity": rule.severity,
        "active_at": active_at,
    }


def _subject(member: Member, unit: str) -> dict[str, Any]:
    return {
        "metric": member.metric,
        "condition": member.condition,
        "threshold": member.threshold,
        "unit": unit,
    }


def _hours(cell: Cell) -> float | None:
    return cell.hours if isinstance(cell, Outlook) else None


def observe(alert: Alert, given: Input, minute: datetime, cell: Cell) -> Alert:
    """The open alert after one more folded minute; `cell` is its own metric's."""
    value = figure_in(cell)
    if value is not None:
        alert = replace(alert, last_value=value, forecast_hours=_hours(cell))
    if given is Input.BAD:
        alert = replace(alert, last_triggered=minute, count=alert.count + 1)
    return alert


def close_alert(alert: Alert, at: datetime, reason: Reason, by: str | None = None) -> Alert:
    """The alert at the end of its story."""
    return replace(alert, state=AlertState.RESOLVED, resolved_at=at, resolved_by=by, reason=reason)
