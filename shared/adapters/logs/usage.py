"""What the CRM is used for, by name and quarter of an hour, from a Log Analytics workspace.

Whole quarters are asked for, when they are over and settled. Those of the hour before are counted
again each time, for the rows that came late.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from shared.adapters.https import Outcomes
from shared.adapters.logs.rows import count_in, time_in, whole
from shared.adapters.logs.workspaces import Question, Workspaces
from shared.catalog.log_queries import PAGES, USAGE, TableQuery
from shared.catalog.metrics import CATALOG
from shared.domain.samples import Reading, Sample
from shared.domain.tallies import SLOT, Tally, TallyRow, floor_slot, tally
from shared.domain.times import HOUR

NAME = "usage"
LONGEST = timedelta(hours=6)
"""What one reading asks for; after a longer gap the next ones go on."""


class UsageLogs:
    """A MetricSource."""

    name = NAME

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._outcomes = Outcomes()

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read; what nobody used is in no table."""
        source = CATALOG.source(NAME)
        settled = floor_slot(now - source.settle)
        begun = max(since or settled - HOUR, settled - source.remembers)
        until = max(min(settled, begun + LONGEST), begun)
        start = min(begun, settled) - HOUR
        questions = [
            Question(query.name, query.text, start, until, partial(_rows, query)) for query in USAGE
        ]
        answers = self._workspaces.ask(target, questions, self._outcomes)
        tables = list(zip(USAGE, answers, strict=True))
        return Reading(
            source=NAME,
            asked_at=now,
            covered_until=until,
            samples=tuple(_views(dict(tables)[PAGES], start, until)),
            tallies=tuple(one for query, rows in tables for one in _tallies(query, rows, until)),
        )


class _Rows(NamedTuple):
    """What a query answered: rows with their slots, and the sums of slots where it tells them."""

    named: Sequence[tuple[datetime, TallyRow]]
    totals: Mapping[datetime, float]


def _rows(query: TableQuery, answer: Any) -> _Rows:
    """Raises SourceError when the answer is not as agreed."""
    named, totals = [], {}
    for row in whole(query, answer):
        slot = time_in(query.slot, row[query.slot])
        if query.total and row[query.total] is not None:
            totals[slot] = count_in(query.total, row[query.total])
        else:
            named.append((slot, _row(query, row)))
    return _Rows(named, totals)


def _row(query: TableQuery, row: Any) -> TallyRow:
    return TallyRow(
        tuple(str(row[label] or "") for label in query.labels),
        tuple(count_in(figure, row[figure]) for figure in query.figures),
    )


def _tallies(query: TableQuery, rows: _Rows, until: datetime) -> Iterator[Tally]:
    """A table for each whole slot; the question includes its own end, where the next one begins."""
    slots: dict[datetime, list[TallyRow]] = {}
    for slot, row in rows.named:
        if slot < until:
            slots.setdefault(slot, []).append(row)
    for slot in sorted(slots):
        yield tally(query.name, slot, slots[slot])


def _views(rows: _Rows, start: datetime, until: datetime) -> Iterator[Sample]:
    """A slot without a total had no views."""
    slot = start
    while slot < until:
        yield Sample("pageViews", slot, rows.totals.get(slot, 0.0))
        slot += SLOT
