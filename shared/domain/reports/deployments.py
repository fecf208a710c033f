"""What each version changed: its first day beside the same hours a week before."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from shared.domain.alerts import Alert
from shared.domain.deployments import Deployment
from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog, Metric
from shared.domain.quantities import quantity
from shared.domain.reports.figures import change_of, told_change
from shared.domain.times import DAY, HOUR, Span, floor_hour

LONGEST = DAY
WEEK = timedelta(days=7)
LEAST_HOURS = 3
"""Of a version's time; less says more about the hour than about the version."""
JUDGED = ("responseTime.avg", "errorRate", "dtuUtilization", "memoryUsage")


class Effect(Struct, frozen=True, kw_only=True):
    """A metric's mean after a deploy, and in the same hours a week before; `change` in parts."""

    metric: str
    label: str
    unit: str
    before: float | None
    after: float | None
    change: float | None


class DeployEffect(Struct, frozen=True, kw_only=True, rename="camel"):
    """A version that went live `at`, judged by the whole hours from `since` to `until`.

    They end with the next deploy, the report, or after a day; without three of them `effects` is
    empty. `alerts`: how many began within the hour after it.
    """

    version: str
    at: datetime
    since: datetime
    until: datetime
    effects: tuple[Effect, ...]
    alerts: int
    sentence: str


def deploy_effects(
    markers: Iterable[Deployment], lines: HourLines, alerts: Sequence[Alert], catalog: Catalog
) -> tuple[DeployEffect, ...]:
    """Each deploy of the report, oldest first; `lines` reach back a week before the first."""
    ordered = sorted(markers, key=lambda one: (one.at, one.id))
    ends = [*(one.at for one in ordered), lines.span.end][1:]
    metrics = [catalog.metric(name) for name in JUDGED]
    return tuple(
        _effect(one, _judged(one.at, end, lines.span.end), lines, alerts, metrics)
        for one, end in zip(ordered, ends, strict=True)
    )


def _judged(at: datetime, following: datetime, last: datetime) -> Span:
    """Its whole hours, the one it began in left out."""
    since = floor_hour(at) + HOUR
    return Span(since, max(min(floor_hour(following), since + LONGEST, last), since))


def _effect(
    marker: Deployment,
    judged: Span,
    lines: HourLines,
    alerts: Sequence[Alert],
    metrics: Sequence[Metric],
) -> DeployEffect:
    found = tuple(_compared(metric, judged, lines) for metric in metrics)
    known = tuple(one for one in found if one.after is not None)
    effects = known if judged.end - judged.start >= LEAST_HOURS * HOUR else ()
    began = sum(one.deploy is not None and one.deploy.at == marker.at for one in alerts)
    return DeployEffect(
        version=marker.version,
        at=marker.at,
        since=judged.start,
        until=judged.end,
        effects=effects,
        alerts=began,
        sentence=_sentence(marker, judged, effects, began),
    )


def _compared(metric: Metric, judged: Span, lines: HourLines) -> Effect:
    after = lines.within(judged).mean(metric)
    before = lines.within(Span(judged.start - WEEK, judged.end - WEEK)).mean(metric)
    return Effect(
        metric=metric.name,
        label=metric.label,
        unit=metric.unit,
        before=before,
        after=after,
        change=change_of(before, after),
    )


def _sentence(marker: Deployment, judged: Span, effects: Sequence[Effect], began: int) -> str:
    hours = (judged.end - judged.start) // HOUR
    told = ", ".join(map(_told, effects))
    alerts = f"{began} alert{'' if began == 1 else 's'} began within the hour after it"
    what = f"in the {hours} h after it: {told}" if effects else "too little time to judge it by"
    return f"{marker.version}: {what}; {alerts if began else 'no alert began after it'}."


def _told(effect: Effect) -> str:
    now = quantity(effect.after, effect.unit)
    if effect.before is None:
        return f"{effect.label} {now} (nothing known of a week before)"
    change = told_change(effect.change) if effect.change is not None else "then 0"
    return f"{effect.label} {now} ({change})"
