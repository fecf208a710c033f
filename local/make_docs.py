"""Writes the documents that are made from the code: `python -m local.make_docs`.

A test fails when a document and the code disagree, so run this after changing either registry.
"""

from collections.abc import Iterable
from pathlib import Path

from local.advice.page import advice_page
from local.architecture_page import architecture_page
from local.inspection_page import inspections_page
from shared.catalog.metrics import CATALOG, METRICS
from shared.catalog.rules import default_rules
from shared.catalog.sources import SOURCES
from shared.domain.conditions import CONDITIONS
from shared.domain.members import Member
from shared.domain.metrics import Metric, Source
from shared.domain.quantities import quantity
from shared.domain.rules import Rule
from shared.setting_table import TABLE

DOCS = Path(__file__).parent.parent / "docs"


def metrics_page() -> str:
    """docs/metrics.md: every metric and every source."""
    return "\n".join(
        [
            "# Metrics and sources",
            "",
            "Made by `python -m local.make_docs` from `shared/catalog/metrics.py`.",
            "",
            "| metric | unit | every | minute | kind | sources | bands | limit | judged | what |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *map(_metric_row, METRICS),
            "",
            "*every*: minutes that a sample holds; *minute*: how several samples of one minute",
            "merge; *bands*: warning / critical; *judged*: a [detector](anomalies.md) says how",
            "unusual each minute is.",
            "",
            "| source | asked every | complete after | remembers | what |",
            "|---|---|---|---|---|",
            *map(_source_row, SOURCES),
            "",
            "*remembers*: for how long it can be asked again what was lost.",
            "",
        ]
    )


def settings_page() -> str:
    """docs/settings.md: every setting."""
    return "\n".join(
        [
            "# Settings",
            "",
            "Made by `python -m local.make_docs` from `shared/setting_table.py`. Locally they are",
            "in `local.settings.json` (copy `local.settings.example.json`), in Azure in the app's",
            "configuration. Secrets are never logged.",
            "",
            "| setting | default | what |",
            "|---|---|---|",
            *(f"| `{s.name}` | {_code(s.default)} | {s.help} |" for s in TABLE),
            "",
        ]
    )


def rules_page() -> str:
    """docs/rules.md: every shipped rule."""
    return "\n".join(
        [
            "# The shipped rules",
            "",
            "Made by `python -m local.make_docs` from `shared/catalog/default_rules.json`.",
            "A target starts with them; an edit of one takes its place.",
            "",
            "| rule | fires when | for | severity | tells | quiet while one of these fires |",
            "|---|---|---|---|---|---|",
            *map(_rule_row, default_rules()),
            "",
            "*for*: bad minutes until it fires; 0 and 1 fire at the first.",
            "",
            "## What to do",
            "",
            *(f"- **{rule.name}**: {rule.runbook}" for rule in default_rules()),
            "",
        ]
    )


def _rule_row(rule: Rule) -> str:
    word = " and " if rule.all_of else " or "
    cells = (
        f"`{rule.id}`",
        word.join(map(_asked, rule.members)),
        f"{rule.duration} min",
        rule.severity,
        ", ".join(f"{action.type} {_code(action.target)}" for action in rule.actions),
        ", ".join(_code(other) for other in rule.inhibited_by),
    )
    return f"| {' | '.join(cells)} |"


def _asked(member: Member) -> str:
    said = f"`{member.metric}` {CONDITIONS[member.condition].sign}"
    if member.threshold is not None:
        said += f" {quantity(member.threshold, CATALOG.metric(member.metric).unit)}"
    if member.within_hours is not None:
        said += f" within {member.within_hours:g} h, by its last {member.minutes / 60:g} h"
    return said


def _metric_row(metric: Metric) -> str:
    cells: Iterable[str] = (
        f"`{metric.name}`",
        metric.unit,
        f"{metric.every} min",
        metric.within,
        metric.kind,
        ", ".join(metric.sources),
        _bands(metric),
        _number(metric.limit),
        "yes" if metric.judged else "",
        metric.description,
    )
    return f"| {' | '.join(cells)} |"


def _source_row(source: Source) -> str:
    cadence, settle = (int(t.total_seconds()) // 60 for t in (source.cadence, source.settle))
    days, hours = divmod(int(source.remembers.total_seconds()) // 3600, 24)
    again = f"{days} days" if days else f"{hours} h" if hours else ""
    return f"| `{source.name}` | {cadence} min | {settle} min | {again} | {source.description} |"


def _bands(metric: Metric) -> str:
    if metric.warning is None:
        return ""
    return f"{_number(metric.warning)} / {_number(metric.critical)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES = {
    "architecture.md": architecture_page,
    "inspections.md": inspections_page,
    "advice.md": advice_page,
    "metrics.md": metrics_page,
    "rules.md": rules_page,
    "settings.md": settings_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
