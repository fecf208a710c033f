"""A story as an aligned table that a person reads, and its comparison with the one that is kept.

The kept texts lie beside this file. Whoever changes them on purpose writes them anew with

    REWRITE_TRANSCRIPTS=1 python -m pytest tests/transcripts

and reads the difference against docs/semantics.md before committing it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from zoneinfo import ZoneInfo

import pytest

from shared.catalog.metrics import CATALOG
from shared.domain.conditions import CONDITIONS
from shared.domain.quantities import quantity
from shared.domain.rules import DEFAULT_REPEAT, NoDataPolicy, Rule

KEPT = Path(__file__).parent
WIDTH = 110
"""Of what is said; longer texts are wrapped."""


@dataclass(frozen=True)
class Row:
    """One thing that happened; `body` is what a message says below its subject."""

    at: datetime
    who: str
    what: str
    body: str = ""


def table(rows: Sequence[Row], *, zone: ZoneInfo | None = None) -> str:
    """The rows by day, UTC and the zone's clock in front, each speaker in one column."""
    width = max(len(row.who) for row in rows)
    return "\n".join(_lines(rows, zone, width))


def _lines(rows: Iterable[Row], zone: ZoneInfo | None, width: int) -> Iterator[str]:
    for day, its_rows in groupby(rows, key=lambda row: row.at.date()):
        yield f"\n{day:%A, %d %B %Y} (UTC{f', {zone}' if zone else ''})"
        for row in its_rows:
            front = f"{_clock(row.at, zone)}  {row.who:{width}}  "
            yield front + row.what
            yield from (f"{' ' * len(front)}| {line}".rstrip() for line in _wrapped(row.body))


def _clock(at: datetime, zone: ZoneInfo | None) -> str:
    return f"{at:%H:%M}" + (f"  {at.astimezone(zone):%H:%M %Z}".ljust(12) if zone else "")


def _wrapped(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from wrap(line, WIDTH, break_on_hyphens=False) or [""]


def terms(rule: Rule) -> str:
    """A rule in a line: what it asks, and whatever is not as usual."""
    said = [
        f"{rule.severity}, {_condition(rule)} for {rule.duration} min",
        f"resolves after {rule.keep_firing} min" if rule.keep_firing else "",
        f"no data: {rule.no_data}" if rule.no_data is not NoDataPolicy.KEEP else "",
        f"reminds every {rule.repeat_every} min" if rule.repeat_every != DEFAULT_REPEAT else "",
        f"escalates after {rule.escalate_after} min" if rule.escalate_after else "",
        f"told by {' and '.join(action.type for action in rule.actions)}",
    ]
    return f"{rule.id}: {', '.join(filter(None, said))}"


def _condition(rule: Rule) -> str:
    metric = CATALOG.metric(rule.metric)
    sign = CONDITIONS[rule.condition].sign
    limit = "" if rule.threshold is None else f" {quantity(rule.threshold, metric.unit)}"
    return f"{metric.label} {sign}{limit}"


def assert_kept(name: str, text: str) -> None:
    """The text is the one that is kept under that name; a difference is shown line by line."""
    path = KEPT / f"{name}.txt"
    if os.environ.get("REWRITE_TRANSCRIPTS"):
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != kept:
        changed = unified_diff(
            kept.splitlines(), text.splitlines(), f"{name}.txt", "told now", lineterm="", n=4
        )
        pytest.fail("\n".join(["the story is another one:", *changed]), pytrace=False)
