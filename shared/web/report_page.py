"""A report as a page: sections, SVG and tables; no script, light and dark, at any width."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from hashlib import sha256
from html import escape

from shared.domain.axes import short
from shared.domain.maintenance import WEEK
from shared.domain.quantities import titled
from shared.domain.reports.charts import Chart
from shared.domain.reports.report import PerformanceReport
from shared.domain.reports.sections import (
    Item,
    Section,
    Table,
    local_time,
    range_line,
    sections,
    title_of,
    zone_of,
)
from shared.domain.trends.habits import LONG, HeatMap
from shared.web.vectors import chart_svg, heat_svg

_STYLE = """
:root { color-scheme: light dark; --ground: #f3f4f6; --card: #fff; --ink: #111827; --quiet: #4b5563;
  --edge: #d1d5db; --soft: #e5e7eb; --line: #1d4ed8; --band: #93b4f5; --limit: #b91c1c }
@media (prefers-color-scheme: dark) { :root { --ground: #0b1220; --card: #1a2333; --ink: #e5e7eb;
  --quiet: #a3adbd; --edge: #374151; --soft: #2a3547; --line: #8ab4ff; --band: #5b86d6;
  --limit: #fca5a5 } }
* { box-sizing: border-box }
body { margin: 0; padding: 24px 16px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, 'Segoe UI', Helvetica, Arial, sans-serif }
main { max-width: 1040px; margin: 0 auto }
h1 { margin: 0 0 4px; font-size: 26px; line-height: 1.25; overflow-wrap: anywhere }
h2 { margin: 0 0 10px; font-size: 19px; line-height: 1.3 }
h3 { margin: 14px 0 2px; font-size: 16px; line-height: 1.4 }
p { margin: 0 0 8px; overflow-wrap: anywhere }
.quiet, figcaption, caption { color: var(--quiet); font-size: 14px }
section { margin: 16px 0; padding: 18px 20px; background: var(--card);
  border: 1px solid var(--edge); border-radius: 8px }
ul { margin: 4px 0 8px; padding-left: 22px }
.short { margin: 0; padding-left: 20px }
.short li { margin-bottom: 6px }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr));
  gap: 12px 20px }
figure { margin: 0 0 4px; min-width: 0 }
figcaption { font-weight: 600 }
svg { display: block; width: 100%; height: auto; margin-top: 4px }
svg text { fill: var(--quiet); font-size: 12px }
.grid { stroke: var(--soft); stroke-width: 1 }
.band { fill: var(--band); fill-opacity: .45 }
.line { fill: none; stroke: var(--line); stroke-width: 1.8; stroke-linejoin: round }
.dot, .cell { fill: var(--line) }
.limit { stroke: var(--limit); stroke-width: 1.4; stroke-dasharray: 6 4 }
.none { fill: none; stroke: var(--soft) }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: 15px }
caption { padding-bottom: 6px; text-align: left }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--soft); text-align: left;
  vertical-align: top }
thead th { color: var(--quiet); font-size: 13px; font-weight: 600; white-space: nowrap }
tbody th { font-weight: 600 }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
details { margin-top: 10px }
summary { color: var(--quiet); font-size: 14px; cursor: pointer }
summary:focus-visible { outline: 2px solid var(--line); outline-offset: 2px }
@media (max-width: 640px) { body { padding: 14px 8px } section { padding: 14px 12px }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%) }
  .stack, .stack tbody, .stack th, .stack td, .stack caption { display: block }
  .stack tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0 12px; padding: 8px 0;
  border-bottom: 1px solid var(--soft) }
  .stack th, .stack td { padding: 1px 0; border: 0; text-align: left }
  .stack th { grid-column: 1 / -1 }
  .stack td { white-space: normal }
  .stack td::before { content: attr(data-of) " "; color: var(--quiet); font-size: 14px } }
@media print { body { padding: 0; background: none } section { break-inside: avoid } }
"""
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="quiet">{range}</p>
{sections}
<p class="quiet">Pantry monitor. Charts, tables and hours are by the clock of {zone}, times in \
sentences UTC.</p>
</main>
</body>
</html>
"""

STYLE = f"'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
"""The page's own style, as policies name it."""
_POLICY = f"default-src 'none'; style-src {STYLE}; base-uri 'none'; form-action 'none'"
POLICY = f"{_POLICY}; frame-ancestors 'none'"
"""A page says it of itself, too: in a tab of somebody else's or on a disk it has no headers."""
HTML = "text/html; charset=utf-8"
NARROW = 2
"""So many columns fit on a phone."""


def page_of(report: PerformanceReport) -> bytes:
    """The whole page; everything that comes from outside is escaped."""
    zone = zone_of(report)
    shown = (_section(number, one, zone) for number, one in enumerate(sections(report)))
    html = _PAGE.format(
        title=escape(title_of(report)),
        style=_STYLE,
        policy=_POLICY,
        range=escape(range_line(report)),
        sections="\n".join(shown),
        zone=escape(report.zone),
    )
    return html.encode("utf-8", "replace")


def _section(number: int, section: Section, zone: tzinfo) -> str:
    parts = [
        f'<section aria-labelledby="s{number}"><h2 id="s{number}">{escape(section.title)}</h2>',
        _sentences(section, as_list=number == 0),
        *map(_item, section.items),
        _table(section.table) if section.table is not None else "",
        _chart(number, section.chart, zone) if section.chart is not None else "",
        _maps(number, section.maps) if section.maps else "",
        "</section>",
    ]
    return "\n".join(filter(None, parts))


def _sentences(section: Section, *, as_list: bool) -> str:
    if as_list:
        told = "".join(f"<li>{escape(one)}</li>" for one in section.sentences)
        return f'<ul class="short">{told}</ul>'
    return "\n".join(f"<p>{escape(one)}</p>" for one in section.sentences)


def _item(item: Item) -> str:
    points = "".join(f"<li>{escape(one)}</li>" for one in item.points)
    listed = f"<ul>{points}</ul>" if points else ""
    return f"<h3>{escape(item.title)}</h3><p>{escape(item.text)}</p>{listed}"


def _table(table: Table, *, stacks: bool = True) -> str:
    """On a phone each row of a wide one becomes a block, its cells named by their headers."""
    look = ' class="stack"' if stacks and len(table.headers) > NARROW else ""
    head = "".join(
        f'<th scope="col"{_number(i, table)}>{escape(one)}</th>'
        for i, one in enumerate(table.headers)
    )
    body = "".join(_row(cells, table) for cells in table.rows)
    return (
        f"<table{look}><caption>{escape(table.caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(cells: Sequence[str], table: Table) -> str:
    first, *others = cells
    told = "".join(
        f'<td data-of="{escape(table.headers[i])}"{_number(i, table)}>{escape(one)}</td>'
        for i, one in enumerate(others, start=1)
    )
    return f'<tr><th scope="row">{escape(first)}</th>{told}</tr>'


def _number(column: int, table: Table) -> str:
    return ' class="number"' if column in table.numbers else ""


def _chart(number: int, chart: Chart, zone: tzinfo) -> str:
    figures = "".join(
        f"<figure><figcaption>{escape(titled(one.label, one.unit))}</figcaption>"
        f"{chart_svg(f'c{number}-{i}', chart, one, zone)}</figure>"
        for i, one in enumerate(chart.series.values())
    )
    return f'<div class="row">{figures}</div>{_details(_steps(chart, zone))}'


def _steps(chart: Chart, zone: tzinfo) -> Table:
    """The figures behind a chart."""
    columns = [one.value for one in chart.series.values()]
    rows = tuple(
        (local_time(chart.start + i * chart.step, zone), *map(_figure, values))
        for i, values in enumerate(zip(*columns, strict=True))
    )
    named = tuple(f"{one.label}, {one.unit}" for one in chart.series.values())
    return Table(
        caption=f"Means by step, {chart.title.lower()}",
        headers=("From", *named),
        rows=rows,
        numbers=tuple(range(1, len(named) + 1)),
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else short(float(f"{value:.4g}"))


def _maps(number: int, maps: Sequence[HeatMap]) -> str:
    figures = "".join(
        f"<figure><figcaption>{escape(titled(one.label, one.unit))}</figcaption>"
        f"{heat_svg(f'm{number}-{i}', one)}</figure>"
        for i, one in enumerate(maps)
    )
    tables = "".join(_details(_hours(one)) for one in maps)
    return f'<div class="row">{figures}</div>{tables}'


def _hours(one: HeatMap) -> Table:
    return Table(
        caption=f"{one.label} by weekday and hour, {one.zone}",
        headers=("Day", *(f"{hour:02d}" for hour in range(24))),
        rows=tuple(_day(one)),
        numbers=tuple(range(1, 25)),
    )


def _day(one: HeatMap) -> Iterator[tuple[str, ...]]:
    for day, line in zip(WEEK, one.values, strict=True):
        yield (LONG[day], *("–" if v is None else short(float(f"{v:.2g}")) for v in line))


def _details(table: Table) -> str:
    """Wide or long, so it is opened by hand and scrolls by itself."""
    plain, label = _table(table, stacks=False), escape(table.caption)
    return (
        f"<details><summary>Table: {label}</summary>"
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0">{plain}</div></details>'
    )
