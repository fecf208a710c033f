"""The alerts of a report: the worst of them, and how long people and the system took."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from msgspec import Struct

from shared.domain.alerts import Alert, AlertState
from shared.domain.deployments import RecentDeploy
from shared.domain.rules import Severity
from shared.domain.times import MINUTE, Span, minutes_between

WORST = 5


class WorstEpisode(Struct, frozen=True, kw_only=True, rename="camel"):
    """An episode as the report lists it; `minutes`: from its begin to its end, or to the report's.

    `bad_minutes`: how many of them were bad.
    """

    alert_id: str
    rule_name: str
    metric: str
    severity: Severity
    active_at: datetime
    resolved_at: datetime | None
    minutes: int
    bad_minutes: int
    value: float | None
    threshold: float | None
    unit: str
    acknowledged_by: str | None
    deploy: RecentDeploy | None


class Took(Struct, frozen=True, kw_only=True):
    """How long it took after an alert fired, in minutes; `never`: how often it was not done."""

    count: int
    median: float | None
    longest: float | None
    never: int


class Episodes(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was open at any time of the report's range, and how people met it."""

    count: int
    by_severity: dict[str, int]
    worst: tuple[WorstEpisode, ...]
    to_acknowledge: Took
    to_resolve: Took
    sentence: str


def was_open_in(alert: Alert, span: Span) -> bool:
    """Whether the episode has anything to do with the span."""
    over = alert.resolved_at is not None and alert.resolved_at <= span.start
    return alert.active_at < span.end and not over


def episodes(alerts: Sequence[Alert], span: Span) -> Episodes:
    """The alerts that were open in the span, judged as it ended."""
    ranked = sorted(alerts, key=lambda one: (-one.severity.rank, -one.count, one.active_at))
    took_care = _took(alerts, [one.acknowledged_at for one in alerts])
    took_away = _took(alerts, [_resolved_at(one) for one in alerts])
    return Episodes(
        count=len(alerts),
        by_severity={
            severity.value: found
            for severity in reversed(Severity)
            if (found := sum(one.severity is severity for one in alerts))
        },
        worst=tuple(_listed(one, span) for one in ranked[:WORST]),
        to_acknowledge=took_care,
        to_resolve=took_away,
        sentence=_sentence(alerts, took_care, took_away),
    )


def _resolved_at(alert: Alert) -> datetime | None:
    return alert.resolved_at if alert.state is AlertState.RESOLVED else None


def _took(alerts: Iterable[Alert], ends: Iterable[datetime | None]) -> Took:
    """From the minute in which people could know to what they did."""
    pairs = [*zip(alerts, ends, strict=True)]
    took = [max((end - one.fired_at) / MINUTE, 0.0) for one, end in pairs if end is not None]
    return Took(
        count=len(took),
        median=round(median(took), 1) if took else None,
        longest=round(max(took), 1) if took else None,
        never=len(pairs) - len(took),
    )


def _listed(alert: Alert, span: Span) -> WorstEpisode:
    end = min(alert.resolved_at or span.end, span.end)
    return WorstEpisode(
        alert_id=f"{alert.target}.{alert.id}",
        rule_name=alert.rule_name,
        metric=alert.metric,
        severity=alert.severity,
        active_at=alert.active_at,
        resolved_at=alert.resolved_at,
        minutes=max(minutes_between(alert.active_at, end), 0),
        bad_minutes=alert.count,
        value=alert.value,
        threshold=alert.threshold,
        unit=alert.unit,
        acknowledged_by=alert.acknowledged_by,
        deploy=alert.deploy,
    )


def _sentence(alerts: Sequence[Alert], cared: Took, away: Took) -> str:
    if not alerts:
        return "No alert was open."
    said = [f"{_times(len(alerts), 'alert')} open at some time"]
    if away.median is not None:
        said.append(f"resolved {told_minutes(away.median)} after firing (median)")
    if away.never:
        said.append(f"{away.never:,} not resolved yet")
    if cared.median is not None:
        said.append(f"acknowledged {told_minutes(cared.median)} after firing (median)")
    if cared.never:
        said.append(f"{_times(cared.never, 'alert')} never acknowledged")
    return f"{', '.join(said)}."


def _times(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def told_minutes(minutes: float) -> str:
    """`7 min`, `3 h 20 min`, `2 days`."""
    whole = round(minutes)
    if whole < 120:
        return f"{whole} min"
    if whole < 48 * 60:
        return f"{whole // 60} h" + (f" {whole % 60} min" if whole % 60 else "")
    return f"{whole / 1440:.3g} days"
