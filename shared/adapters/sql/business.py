"""What the rows of the CRM's business become: samples by slot, and tables by name."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from shared.adapters.sql.connections import Row, Table
from shared.adapters.sql.windows import Window
from shared.catalog import sql_queries as sql
from shared.catalog.sql_queries import LOST, WON, SqlQuery
from shared.domain.samples import Sample
from shared.domain.tallies import Tally, TallyRow, tally


def _deals_closed(table: Table, window: Window) -> Iterator[Sample]:
    """A slot of which no row speaks won and lost nothing."""
    for slot in range(window.slots):
        minute = window.start_of(slot)
        rows = [row for row in table if int(row["slot"]) == slot]
        yield Sample("dealsWon", minute, _sum(rows, WON, "deals"))
        yield Sample("dealsLost", minute, _sum(rows, LOST, "deals"))
        yield Sample("revenueWon", minute, _sum(rows, WON, "worth"))


def _deals_of_month(table: Table, window: Window) -> Iterator[Sample]:
    won, lost = _sum(table, WON, "deals"), _sum(table, LOST, "deals")
    yield Sample("revenueToday", window.last, _sum(table, WON, "today"))
    yield Sample("revenueMonthToDate", window.last, _sum(table, WON, "worth"))
    if won + lost:
        yield Sample("pipelineConversion", window.last, 100 * won / (won + lost))


def _pipeline(table: Table, window: Window) -> Iterator[Sample]:
    yield Sample("pipelineDeals", window.last, sum(_figure(row, "deals") for row in table))
    yield Sample("pipelineValue", window.last, sum(_figure(row, "worth") for row in table))


def _report_durations(table: Table, window: Window) -> Iterator[Sample]:
    """A slot without a report has no duration."""
    counts, took = defaultdict[int, float](float), defaultdict[int, float](float)
    for row in table:
        counts[int(row["slot"])] += _figure(row, "generated")
        took[int(row["slot"])] += _figure(row, "took_ms")
    for slot in sorted(counts):
        if counts[slot]:
            yield Sample("reportDuration", window.start_of(slot), took[slot] / counts[slot])


def _figure(row: Row, column: str) -> float:
    """The sum of nothing is null in SQL, and 0 here."""
    return float(row[column] or 0)


def _sum(table: Table, end: str, column: str) -> float:
    """Of the deals that ended so, however it is spelt: `Won` and `WON` may be two rows."""
    rows = (row for row in table if str(row["stage"]).casefold() == end)
    return sum((_figure(row, column) for row in rows), 0.0)


SAMPLED: Mapping[SqlQuery, Callable[[Table, Window], Iterator[Sample]]] = {
    sql.DEALS_CLOSED: _deals_closed,
    sql.DEALS_OF_MONTH: _deals_of_month,
    sql.PIPELINE: _pipeline,
    sql.REPORT_DURATIONS: _report_durations,
    sql.INTERACTION_TYPES: lambda _table, _window: iter(()),
}
"""What a table's rows say as figures."""

TALLIED: Mapping[SqlQuery, tuple[str, str, tuple[str, ...]]] = {
    sql.DEALS_CLOSED: ("deals", "stage", ("deals", "worth")),
    sql.PIPELINE: ("pipeline", "stage", ("worth", "deals")),
    sql.INTERACTION_TYPES: ("interactions", "kind", ("logged",)),
    sql.REPORT_DURATIONS: ("reports", "kind", ("generated", "took_ms", "longest_ms")),
}
"""What its rows are by name: the table of tallies, the column of labels, those of figures."""


def tallied(query: SqlQuery, table: Table, window: Window) -> Iterator[Tally]:
    """A table of tallies for each slot of the window; rows without a slot are of the newest.

    A state without rows is told, too: else the last one that had any would seem to go on.
    """
    if query not in TALLIED or not window.slots:
        return
    name, label, figures = TALLIED[query]
    newest = window.slots - 1
    rows: dict[int, list[TallyRow]] = {} if "slot" in query.columns else {newest: []}
    for row in table:
        made = TallyRow((str(row[label] or ""),), tuple(_figure(row, one) for one in figures))
        rows.setdefault(int(row.get("slot", newest)), []).append(made)
    for slot in sorted(rows):
        yield tally(name, window.start_of(slot), rows[slot])
