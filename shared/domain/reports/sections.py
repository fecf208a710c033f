"""A report as it is read: sections of sentences, tables and pictures, whoever shows them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.anomalies.listing import UNUSUAL
from shared.domain.quantities import clock, quantity
from shared.domain.reports.bill import BillLine, MonitorBill
from shared.domain.reports.charts import Chart
from shared.domain.reports.episodes import WorstEpisode, told_minutes
from shared.domain.reports.figures import USUAL, Figure, percent_down, told_span
from shared.domain.reports.report import PerformanceReport
from shared.domain.times import Span
from shared.domain.trends.habits import HeatMap
from shared.domain.trends.tendencies import Tendency, told_confidence

USED = {"gb_seconds": ("GB-seconds", 1), "log_bytes": ("Log, in MB", 1_000_000)}
"""Labels of what is billed, and what one of it is told by, where they differ from its name."""
GROUPS = {USUAL: "Figures", "business": "Business", "security": "Security"}
MOST_UNUSUAL = 8
SAME = {"about the same": "same"}
"""A cell is narrower than a sentence."""


class Table(Struct, frozen=True, kw_only=True):
    """Rows under headers; the first cell of each row names it. `numbers`: columns of figures."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()


class Item(Struct, frozen=True):
    """A point with what there is to say about it."""

    title: str
    text: str
    points: tuple[str, ...] = ()


class Section(Struct, frozen=True, kw_only=True):
    """A part of the report; a chart's sentences tell where its metric is going."""

    title: str
    sentences: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    table: Table | None = None
    chart: Chart | None = None
    maps: tuple[HeatMap, ...] = ()


def title_of(report: PerformanceReport) -> str:
    """What it is a report of."""
    return f"{report.target}: report of {LENGTHS.get(report.range, report.range)}"


LENGTHS = {
    "24h": "a day",
    "3d": "three days",
    "7d": "a week",
    "14d": "two weeks",
    "30d": "30 days",
    "90d": "90 days",
}


def range_line(report: PerformanceReport) -> str:
    """Which time it is about, and which stands beside it."""
    past = told_span(Span(report.before_start, report.before_end))
    return f"{told_span(report.span)}, beside {past}."


def sections(report: PerformanceReport) -> tuple[Section, ...]:
    """Everything there is to read, in its order; where nothing was measured, there is little."""
    first = Section(title="In short", sentences=report.headlines)
    if report.is_empty:
        told = (_alerts(report),) if report.episodes.count else ()
        return first, *told, _monitor(report), _bill(report.monitor.bill)
    found = (
        first,
        *_figures(report),
        *_charts(report),
        _trends(report),
        _alerts(report),
        _deployments(report),
        _unusual(report),
        _ahead(report),
        _advice(report),
        _habits(report),
        _monitor(report),
        _bill(report.monitor.bill),
    )
    return tuple(one for one in found if one is not None)


def _figures(report: PerformanceReport) -> Iterable[Section]:
    """Those of every report, then those of business and of security, where there are any."""
    for group, title in GROUPS.items():
        found = [one for one in report.figures if one.group == group]
        if found:
            yield Section(title=title, table=_table_of(found))


def _table_of(figures: Iterable[Figure]) -> Table:
    rows = tuple(map(_figure, figures))
    headers = ("Figure", "Now", "Before", "Change", "Known", "Then known")
    caption = "Each figure beside that of the time before, and of how many minutes either is"
    return Table(caption=caption, headers=headers, rows=rows, numbers=(1, 2, 3, 4, 5))


def _figure(one: Figure) -> tuple[str, ...]:
    return (
        one.label,
        one.told,
        one.told_before,
        SAME.get(one.told_change, one.told_change) or "–",
        percent_down(one.coverage.share),
        percent_down(one.before_coverage.share),
    )


def _charts(report: PerformanceReport) -> Iterable[Section]:
    """The client's three, each with its trend."""
    trends = report.trends.values()
    for chart, trend in zip(report.charts.all, trends, strict=True):
        if chart.series:
            yield Section(title=chart.title, chart=chart, sentences=(trend.sentence,))


def _trends(report: PerformanceReport) -> Section | None:
    """Every metric's, beside how many of its days are known."""
    found = report.metric_trends
    if not found:
        return None
    first = found[0]
    over = told_span(Span(first.start, first.end))
    table = Table(
        caption=f"Each weekday beside itself, {over}",
        headers=("Metric", "Goes", "A day", "Sure of a trend", "Days known"),
        rows=tuple(map(_trend, found)),
        numbers=(2, 3, 4),
    )
    return Section(title="Trends", table=table)


def _trend(one: Tendency) -> tuple[str, ...]:
    return (
        one.label,
        str(one.direction),
        "–" if one.per_day is None else _signed(one.per_day, one.unit),
        "–" if one.confidence is None else told_confidence(one.confidence),
        percent_down(one.coverage),
    )


def _signed(value: float, unit: str) -> str:
    said = quantity(float(f"{abs(value):.2g}"), unit)
    return f"{'-' if value < 0 else '+'}{said}" if value else said


def _alerts(report: PerformanceReport) -> Section:
    found = report.episodes
    rows = tuple(_episode(one, zone_of(report)) for one in found.worst)
    headers = ("Alert", "Severity", "Began", "Lasted", "Bad minutes", "Value", "Acknowledged by")
    table = Table(
        caption="The worst of them, by severity and then by bad minutes",
        headers=headers,
        rows=rows,
        numbers=(3, 4, 5),
    )
    return Section(title="Alerts", sentences=(found.sentence,), table=table if rows else None)


def _episode(one: WorstEpisode, zone: tzinfo) -> tuple[str, ...]:
    deploy = f", after deploy {one.deploy.version}" if one.deploy else ""
    lasted = told_minutes(one.minutes) + ("" if one.resolved_at else " and goes on")
    return (
        one.rule_name + deploy,
        str(one.severity),
        local_time(one.active_at, zone),
        lasted,
        f"{one.bad_minutes:,}",
        quantity(one.value, one.unit),
        one.acknowledged_by or "nobody",
    )


def _deployments(report: PerformanceReport) -> Section | None:
    found = report.deployments
    if not found:
        return None
    items = tuple(
        Item(f"{one.version}, {clock(one.at)}", _beginning(one.sentence.partition(": ")[2]))
        for one in found
    )
    return Section(
        title="Deploys",
        sentences=("The first day of each version beside the same hours a week before.",),
        items=items,
    )


def _beginning(text: str) -> str:
    """What went on after a name, as a sentence of its own."""
    return text[:1].upper() + text[1:]


def _unusual(report: PerformanceReport) -> Section:
    """The worst that a detector found; of the client's spikes their number is enough to read."""
    found = [one for one in report.anomalies if one.type == UNUSUAL]
    worst = sorted(found, key=lambda one: (-one.severity.rank, -(one.score or 0)))[:MOST_UNUSUAL]
    items = tuple(Item(f"{one.metric} ({one.severity})", one.description) for one in worst)
    return Section(title="Anomalies", sentences=(report.unusual.sentence,), items=items)


def _ahead(report: PerformanceReport) -> Section | None:
    if not report.forecasts:
        return None
    first = report.forecasts[0]
    over = f"From {told_span(Span(first.start, first.end))}, if it goes on as it did:"
    told = (f"{one.sentence} ({percent_down(one.coverage)} of days)" for one in report.forecasts)
    return Section(title="What may run out", sentences=(over, *told))


def _advice(report: PerformanceReport) -> Section:
    items = tuple(
        Item(f"{one.title} ({one.priority})", one.description, tuple(one.actions))
        for one in report.recommendations
    )
    none = () if items else ("Nothing is recommended just now.",)
    return Section(title="Advice", sentences=none, items=items)


def _habits(report: PerformanceReport) -> Section | None:
    if not report.heat_maps:
        return None
    maps = tuple(report.heat_maps.values())
    told = tuple(_peak(one) for one in maps)
    quiet = report.quiet_hours
    proposed = (f"{quiet.sentence} They would suit maintenance.",) if quiet else ()
    return Section(title="Hours of the week", sentences=(*told, *proposed), maps=maps)


def _peak(one: HeatMap) -> str:
    peak = one.peak
    span = told_span(Span(one.start, one.end))
    if peak is None:
        return f"{one.label}: nothing was measured from {span}."
    day, hour, value = peak
    size = quantity(float(f"{value:.3g}"), one.unit)
    return (
        f"{one.label}: most on {day.title()} from {hour:02d}:00 {one.zone}, {size} on average "
        f"({span}, {percent_down(one.coverage)} of minutes)."
    )


def _monitor(report: PerformanceReport) -> Section:
    rows = tuple((one.source, percent_down(one.coverage.share)) for one in report.monitor.sources)
    table = Table(
        caption="How many of the minutes each source told of",
        headers=("Source", "Known"),
        rows=rows,
        numbers=(1,),
    )
    return Section(
        title="The monitor itself",
        sentences=(report.monitor.sentence,),
        table=table if rows else None,
    )


def _bill(bill: MonitorBill) -> Section:
    """What it cost; without a table where nothing was counted."""
    over = told_span(Span(bill.start, bill.end))
    table = Table(
        caption=f"Dollars at list prices, {over}",
        headers=("Used", "A day", "Days counted", "$", "$ a month", "Without grants"),
        rows=tuple(map(_line, bill.lines)),
        numbers=(1, 2, 3, 4, 5),
    )
    return Section(
        title="What the monitor costs",
        sentences=(bill.sentence,),
        table=table if bill.lines else None,
    )


def _line(one: BillLine) -> tuple[str, ...]:
    label, scale = USED.get(one.name, (one.name.replace("_", " ").capitalize(), 1))
    cents = (one.dollars, one.dollars_a_month, one.without_grants)
    return (label, _amount(one.a_day / scale), str(one.days), *(f"{one:,.4f}" for one in cents))


def _amount(number: float) -> str:
    """A little that costs something is not 0."""
    return f"{number:.2g}" if 0 < number < 10 else f"{number:,.0f}"


def zone_of(report: PerformanceReport) -> tzinfo:
    """The readers' time zone."""
    return ZoneInfo(report.zone)


def local_time(at: datetime, zone: tzinfo) -> str:
    """`Mon 2026-11-23 10:15`, by the readers' clock."""
    return at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


def plain_text(report: PerformanceReport) -> str:
    """All of it that can be said without pictures, for channels that show none."""
    parts = [range_line(report)]
    for section in sections(report):
        lines = [*section.sentences, *(_rows(section.table) if section.table else ())]
        lines += [f"{item.title}: {item.text}" for item in section.items]
        parts.append("\n".join([section.title.upper(), *lines]))
    return "\n\n".join(parts)


def _rows(table: Table) -> Iterator[str]:
    """Each row in a line, its cells named by their headers."""
    for name, *cells in table.rows:
        told = zip(table.headers[1:], cells, strict=True)
        yield f"- {name}: {', '.join(f'{header.lower()} {cell}' for header, cell in told)}"
