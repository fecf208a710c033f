"""The monitor about itself: how much each source told, what became of messages, what it costs."""

from collections import Counter
from collections.abc import Collection, Iterable

from msgspec import Struct

from shared.domain.deliveries import Delivery, Status
from shared.domain.hour_lines import HourLines
from shared.domain.metrics import Catalog, Metric
from shared.domain.quantities import quantity
from shared.domain.reports.bill import UNMETERED, Metering, MonitorBill, monitor_bill
from shared.domain.reports.figures import Coverage, coverage_of, percent_down
from shared.domain.times import HOUR, Span

OWN_CPU, OWN_READS = "monitor.cpuMs", "monitor.logicalReads"
WELL_COVERED = 0.99
MOST_NAMED = 3
"""Sources of poor coverage in a sentence; the table beside it has all."""


class SourceCoverage(Struct, frozen=True, kw_only=True):
    """How many of the minutes a source told of, judged by the best known of its metrics."""

    source: str
    coverage: Coverage


class Messages(Struct, frozen=True, kw_only=True):
    """What became of the messages of the range, by how they ended; `waiting`: not ended yet."""

    sent: int
    skipped: int
    dead: int
    waiting: int


class OwnCost(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the monitor's own sessions took of the database, in all; null: not measured.

    `cpu_share`: their CPU time in parts of the minutes in which it was measured.
    """

    cpu_seconds: float | None
    cpu_share: float | None
    logical_reads: float | None
    coverage: Coverage


class MonitorHealth(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the monitor itself did; `damaged_hours`: those of which something can't be read.

    `cost` is what it took of the database, `bill` what it cost in dollars, whatever it watches.
    """

    sources: tuple[SourceCoverage, ...]
    messages: Messages
    cost: OwnCost
    bill: MonitorBill
    damaged_hours: int
    sentence: str


def monitor_health(
    lines: HourLines,
    sources: Collection[str],
    deliveries: Iterable[Delivery],
    catalog: Catalog,
    *,
    damaged: Iterable[Span] = (),
    metering: Metering = UNMETERED,
) -> MonitorHealth:
    """Judge the sources that the target has, the messages about it, and what was lost of it."""
    told = tuple(one for source in sources if (one := _told(source, lines, catalog)))
    messages = _messages(deliveries)
    cost, lost = _cost(lines, catalog), _hours_in(lines.span, damaged)
    parts = (_of_sources(told), _of_messages(messages), _of_cost(cost), _of_damage(lost))
    return MonitorHealth(
        sources=told,
        messages=messages,
        cost=cost,
        bill=monitor_bill(lines.span, metering),
        damaged_hours=lost,
        sentence=" ".join(filter(None, parts)),
    )


def _told(source: str, lines: HourLines, catalog: Catalog) -> SourceCoverage | None:
    """Of a source whose metrics the report does not read, nothing is said; a silent one told 0."""
    read = {*lines.columns, *lines.asked}
    its = [
        coverage_of(metric, lines, catalog)
        for metric in catalog.metrics
        if metric.sources[0] == source and _counted(metric, catalog).column in read
    ]
    best = max(its, key=lambda one: one.known_minutes, default=None)
    return None if best is None else SourceCoverage(source=source, coverage=best)


def _hours_in(span: Span, damaged: Iterable[Span]) -> int:
    cuts = (Span(max(one.start, span.start), min(one.end, span.end)) for one in damaged)
    return sum(max((one.end - one.start) // HOUR, 0) for one in cuts)


def _counted(metric: Metric, catalog: Catalog) -> Metric:
    return catalog.metric(metric.of) if metric.of else metric


def happened_in(delivery: Delivery, span: Span) -> bool:
    """Whether a message belongs to the span: it was decided for a minute of it."""
    return span.covers(delivery.minute)


def _messages(deliveries: Iterable[Delivery]) -> Messages:
    found = Counter(one.status for one in deliveries)
    return Messages(
        sent=found[Status.SENT],
        skipped=found[Status.SKIPPED],
        dead=found[Status.DEAD],
        waiting=found[Status.PENDING] + found[Status.SENDING],
    )


def _cost(lines: HourLines, catalog: Catalog) -> OwnCost:
    cpu, reads = catalog.metric(OWN_CPU), catalog.metric(OWN_READS)
    coverage, total = coverage_of(cpu, lines, catalog), lines.total(cpu)
    measured_ms = coverage.known_minutes * 60_000
    return OwnCost(
        cpu_seconds=None if total is None else round(total / 1000, 3),
        cpu_share=total / measured_ms if total is not None and measured_ms else None,
        logical_reads=lines.total(reads),
        coverage=coverage,
    )


def _of_sources(told: Collection[SourceCoverage]) -> str:
    if not told:
        return "No source told anything."
    poor = [one for one in told if one.coverage.share < WELL_COVERED]
    if not poor:
        return f"Every source told of at least {percent_down(WELL_COVERED)} of its minutes."
    worst = sorted(poor, key=lambda one: (one.coverage.share, one.source))
    said = [f"{one.source} {percent_down(one.coverage.share)}" for one in worst[:MOST_NAMED]]
    said += [f"and {len(poor) - MOST_NAMED} more"] if len(poor) > MOST_NAMED else []
    return (
        f"Sources that told of fewer minutes than {percent_down(WELL_COVERED)}: {', '.join(said)}."
    )


def _of_messages(messages: Messages) -> str:
    lost = f", {messages.dead} could not be delivered" if messages.dead else ""
    return f"{messages.sent} message{'' if messages.sent == 1 else 's'} sent{lost}."


def _of_damage(hours: int) -> str:
    if not hours:
        return ""
    return f"{hours} hour{'' if hours == 1 else 's'} of it can't be read in full."


def _of_cost(cost: OwnCost) -> str:
    if cost.cpu_share is None or cost.cpu_seconds is None:
        return ""
    cpu, share = quantity(cost.cpu_seconds, "s"), quantity(100 * cost.cpu_share, "%")
    return f"Reading the database took {cpu} of its CPU time ({share} of one core)."
