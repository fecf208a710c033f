"""How the whole system stands, and why: docs/semantics.md section 5."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from shared.domain.alerts import Alert, AlertKind
from shared.domain.figures import Band, Figure, SourceWord
from shared.domain.metrics import Better, Metric
from shared.domain.quantities import quantity
from shared.domain.rules import Severity

CORE = ("dtuUtilization", "memoryUsage", "responseTime.avg", "availability")
"""Whoever measures one of these is a core source: without any of them nothing can be said."""
PROBED = "availability"

Reason = tuple["Status", str]


class Status(StrEnum):
    """How it stands, worst first."""

    CRITICAL = "critical"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"


class SystemStatus(Struct, frozen=True):
    """The worst that is known, and a sentence for everything that is not well, worst first."""

    status: Status
    reasons: tuple[str, ...] = ()


def system_status(
    alerts: Sequence[Alert], figures: Mapping[str, Figure], words: Sequence[SourceWord]
) -> SystemStatus:
    """Judge the open alerts, the newest figures, and whether anybody still measures."""
    found = [
        *_of_alerts(alerts),
        *_of_probe(figures),
        *_of_bands(figures),
        *_of_sources(figures, words),
    ]
    ranked = sorted(found, key=lambda reason: list(Status).index(reason[0]))
    worst = ranked[0][0] if ranked else Status.HEALTHY
    return SystemStatus(worst, tuple(said for _, said in ranked))


def _of_alerts(alerts: Iterable[Alert]) -> Iterable[Reason]:
    for alert in alerts:
        verb = "has no data" if alert.kind is AlertKind.NO_DATA else "is firing"
        said = f"{alert.rule_name} {verb} ({alert.severity})"
        if alert.severity is Severity.CRITICAL:
            yield Status.CRITICAL, said
        elif alert.severity is not Severity.LOW:
            yield Status.DEGRADED, said


def _is_down(figures: Mapping[str, Figure]) -> bool:
    probed = figures.get(PROBED)
    return probed is not None and not probed.stale and probed.value == 0


def _of_probe(figures: Mapping[str, Figure]) -> Iterable[Reason]:
    if _is_down(figures):
        yield Status.CRITICAL, "the health probe fails"


def _of_bands(figures: Mapping[str, Figure]) -> Iterable[Reason]:
    for name, figure in figures.items():
        if figure.band is not Band.CALM and not (name == PROBED and _is_down(figures)):
            yield Status.DEGRADED, f"{reading(figure)} ({band_start(figure.metric, figure.band)})"


def reading(figure: Figure) -> str:
    """A figure in a sentence: `DTU 85 %`."""
    return f"{figure.metric.label} {quantity(figure.value, figure.metric.unit)}"


def band_start(metric: Metric, band: Band) -> str:
    """Where a band begins: `critical from 95 %`, and `down` where low is bad."""
    start = metric.critical if band is Band.CRITICAL else metric.warning
    down = " down" if metric.better is Better.HIGH else ""
    return f"{band} from {quantity(start, metric.unit)}{down}"


def _of_sources(figures: Mapping[str, Figure], words: Sequence[SourceWord]) -> Iterable[Reason]:
    measured = [figures[name].metric for name in CORE if name in figures]
    core = {source for metric in measured for source in metric.sources}
    if all(word.stale for word in words if word.source.name in core):
        names = ", ".join(word.source.name for word in words if word.source.name in core)
        yield Status.UNKNOWN, f"none of the core sources ({names}) has spoken lately"
