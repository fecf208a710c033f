"""A report as a mail's HTML: its sections with styles inline, its pictures by content id."""

from collections.abc import Mapping, Sequence
from html import escape

from shared.adapters.report_pictures import SHOWN, Picture
from shared.domain.quantities import titled
from shared.domain.reports.report import PerformanceReport
from shared.domain.reports.sections import Item, Section, Table, range_line, sections, title_of

SHOWN_WIDTH = 640
MOST_COLUMNS = 5
"""Of a table; the rest is on the page, and a phone's mail has room for so many."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
:root {{color-scheme: light dark}}
@media (prefers-color-scheme: dark) {{
.page {{background: #0b1220 !important; color: #e5e7eb !important}}
.card {{background: #1a2333 !important; border-color: #374151 !important}}
.edge {{border-color: #374151 !important}}
.quiet {{color: #a3adbd !important}}
}}
@media (max-width: 480px) {{
.page {{padding: 8px !important}}
.card {{padding: 12px 10px !important}}
.edge {{padding: 4px 3px !important; font-size: 13px !important}}
}}
</style>
</head>
<body class="page" style="margin:0;padding:16px;background:#f3f4f6;color:#111827;\
font:16px/1.5 'Segoe UI',Helvetica,Arial,sans-serif">
<div role="article" aria-label="{title}" style="max-width:680px;margin:0 auto">
<h1 style="margin:0 0 4px;font-size:22px;line-height:1.3">{title}</h1>
<p class="quiet" style="margin:0 0 16px;color:#4b5563;font-size:14px">{range}</p>
{sections}
<p class="quiet" style="margin:16px 0 0;color:#4b5563;font-size:13px">{footer}</p>
</div>
</body>
</html>
"""
_SECTION = """\
<section class="card" style="margin:0 0 16px;padding:14px 16px;background:#ffffff;\
border:1px solid #d1d5db;border-radius:6px">
<h2 style="margin:0 0 8px;font-size:18px;line-height:1.3">{title}</h2>
{body}
</section>
"""
_PARAGRAPH = '<p style="margin:0 0 8px;overflow-wrap:anywhere">{}</p>'
_POINT = '<li style="margin:0 0 6px">{}</li>'
_HEAD = '<h3 style="margin:12px 0 2px;font-size:16px;line-height:1.4">{}</h3>'
_PICTURE = """\
<p style="margin:10px 0 2px;font-size:14px;font-weight:600">{title}</p>
<img src="cid:{name}" alt="{alt}" width="{width}" style="display:block;width:100%;\
max-width:{width}px;height:auto;margin:0 0 8px;border:0;border-radius:4px">"""
_CELL = (
    '<{tag} class="edge"{scope} style="padding:5px 6px;border-bottom:1px solid #e5e7eb;'
    'text-align:{align};font-weight:{weight};vertical-align:top">{text}</{tag}>'
)


def report_html(report: PerformanceReport, pictures: Sequence[Picture]) -> str:
    """The whole page; `pictures` are those that come with the mail."""
    by_title = {one.title: one for one in pictures}
    shown = (
        _SECTION.format(title=escape(one.title), body=_body(one, by_title, first=place == 0))
        for place, one in enumerate(sections(report))
    )
    return _PAGE.format(
        title=escape(title_of(report)),
        range=escape(range_line(report)),
        sections="".join(shown),
        footer=escape(_footer(report)),
    )


def _footer(report: PerformanceReport) -> str:
    return (
        f"Pantry monitor, watching {report.target}. Charts, tables and hours are by the clock of "
        f"{report.zone}, times in sentences UTC."
    )


def _body(section: Section, pictures: Mapping[str, Picture], *, first: bool) -> str:
    parts = [
        _sentences(section.sentences, as_list=first),
        *map(_item, section.items),
        _table(section.table) if section.table is not None else "",
        *(_picture(pictures[title]) for title in _titles(section) if title in pictures),
    ]
    return "\n".join(filter(None, parts))


def _titles(section: Section) -> list[str]:
    """The pictures that belong to it, by their titles."""
    charted = section.chart.series.items() if section.chart is not None else ()
    found = [titled(one.label, one.unit) for name, one in charted if name in SHOWN]
    return [*found, *(titled(f"{one.label} by weekday and hour", one.unit) for one in section.maps)]


def _sentences(sentences: Sequence[str], *, as_list: bool) -> str:
    if as_list:
        points = "".join(_POINT.format(escape(one)) for one in sentences)
        return f'<ul style="margin:0;padding-left:20px">{points}</ul>'
    return "\n".join(_PARAGRAPH.format(escape(one)) for one in sentences)


def _item(item: Item) -> str:
    points = "".join(_POINT.format(escape(one)) for one in item.points)
    listed = f'<ul style="margin:0;padding-left:20px">{points}</ul>' if points else ""
    return _HEAD.format(escape(item.title)) + _PARAGRAPH.format(escape(item.text)) + listed


def _table(table: Table) -> str:
    head = "".join(
        _cell(i, one, table, head=True) for i, one in enumerate(table.headers[:MOST_COLUMNS])
    )
    body = "".join(
        "<tr>" + "".join(_cell(i, one, table) for i, one in enumerate(row[:MOST_COLUMNS])) + "</tr>"
        for row in table.rows
    )
    return (
        '<table style="border-collapse:collapse;width:100%;margin:4px 0 8px;font-size:14px">'
        f'<caption class="quiet" style="padding:0 0 4px;text-align:left;color:#4b5563;'
        f'font-size:13px">{escape(table.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(column: int, text: str, table: Table, *, head: bool = False) -> str:
    names = head or column == 0
    scope = (' scope="col"' if head else ' scope="row"') if names else ""
    return _CELL.format(
        tag="th" if names else "td",
        scope=scope,
        align="right" if column in table.numbers else "left",
        weight="600" if names else "400",
        text=escape(text),
    )


def _picture(picture: Picture) -> str:
    return _PICTURE.format(
        title=escape(picture.title),
        name=escape(picture.name),
        alt=escape(picture.alt),
        width=SHOWN_WIDTH,
    )
