"""Writes the documents that are made from the code: `python -m local.make_docs`.

A test fails when a document and the code disagree, so run this after changing either registry.
"""

from collections.abc import Iterable
from pathlib import Path

from shared.catalog.metrics import METRICS
from shared.catalog.sources import SOURCES
from shared.domain.metrics import Metric, Source
from shared.settings import TABLE

DOCS = Path(__file__).parent.parent / "docs"


def metrics_page() -> str:
    """docs/metrics.md: every metric and every source."""
    return "\n".join(
        [
            "# Metrics and sources",
            "",
            "Made by `python -m local.make_docs` from `shared/catalog/metrics.py`.",
            "",
            "| metric | unit | every | minute | kind | sources | bands | limit | what |",
            "|---|---|---|---|---|---|---|---|---|",
            *map(_metric_row, METRICS),
            "",
            "*every*: minutes that a sample holds; *minute*: how several samples of one minute",
            "merge; *bands*: warning / critical.",
            "",
            "| source | asked every | complete after | what |",
            "|---|---|---|---|",
            *map(_source_row, SOURCES),
            "",
        ]
    )


def settings_page() -> str:
    """docs/settings.md: every setting."""
    return "\n".join(
        [
            "# Settings",
            "",
            "Made by `python -m local.make_docs` from `shared/settings.py`. Locally they stand in",
            "`local.settings.json` (copy `local.settings.example.json`), in Azure in the app's",
            "configuration. Secrets are never logged.",
            "",
            "| setting | default | what |",
            "|---|---|---|",
            *(f"| `{s.name}` | {_code(s.default)} | {s.help} |" for s in TABLE),
            "",
        ]
    )


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
        metric.description,
    )
    return f"| {' | '.join(cells)} |"


def _source_row(source: Source) -> str:
    cadence, settle = (int(t.total_seconds()) // 60 for t in (source.cadence, source.settle))
    return f"| `{source.name}` | {cadence} min | {settle} min | {source.description} |"


def _bands(metric: Metric) -> str:
    if metric.warning is None:
        return ""
    return f"{_number(metric.warning)} / {_number(metric.critical)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES = {"metrics.md": metrics_page, "settings.md": settings_page}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
