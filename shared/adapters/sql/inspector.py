"""An inspection of the database: every statement is a round trip, and fails for itself.

The same guest as every minute comes, with the same manners, over one connection; what costs least
is asked first, so that a reading that breaks off has got the most for it.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from shared.adapters.https import Outcomes
from shared.adapters.sql.azure_sql import HOW_TO_GRANT, MOST_LEFT_BEHIND, Database, opened, the_only
from shared.adapters.sql.connections import SqlConnection, Statement, Table
from shared.adapters.sql.failures import DENIED, SqlFailure
from shared.adapters.sql.findings import ADDED, PARTS
from shared.adapters.sql.samples import checked, own_share, understood
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.catalog.sql_queries import GRANTED, GRANTS, OWN_SHARE, Grant, SqlQuery
from shared.domain.errors import SourceError
from shared.domain.inspections import Inspection
from shared.domain.times import DAY, HOUR, MINUTE, floor_minute

DEADLINE_S = 60.0
"""Of an inspection: ten times the visit of a minute, four times a day."""
LAST_BEGUN_S = 54.0
"""A statement that begins later could not end before the deadline."""
BEFORE = {
    "hour": HOUR,
    "day": DAY,
    "week": 7 * DAY,
    "idle": 5 * MINUTE,
    "young": MINUTE,
    "before": MINUTE,
}
"""How long before now the moments lie that statements ask for, by their parameters."""

_log = logging.getLogger(__name__)

Found = dict[SqlQuery, Table | str]
"""A statement's table, or a sentence that says why there is none."""


class AzureSqlInspector:
    """An Inspector."""

    def __init__(self, databases: Mapping[str, Database], *, deadline: float = DEADLINE_S) -> None:
        self._databases = databases
        self._deadline = deadline
        self._outcomes = Outcomes(MOST_LEFT_BEHIND)

    def knows(self, target: str) -> bool:
        """See Inspector.knows."""
        return target in self._databases

    def inspect(self, target: str, *, now: datetime) -> Inspection:
        """See Inspector.inspect."""
        until = time.monotonic() + min(LAST_BEGUN_S, self._deadline)
        visit = partial(_inspect, self._databases[target], now, until)
        return the_only(self._outcomes.of([visit], within=self._deadline, target=target))


def _inspect(database: Database, now: datetime, until: float) -> Inspection:
    with closing(opened(database.connect)) as connection:
        missing = _missing(connection)
        found = _found(connection, missing, now, until)
        own = _own_share(connection)
    return replace(_inspection(found, now), **own)


def _missing(connection: SqlConnection) -> set[Grant]:
    outcome = connection.run([Statement(GRANTS.text)])
    if outcome.failure is not None:
        raise outcome.failure
    [row] = checked(GRANTS, outcome.tables[0])
    return {grant for grant in Grant if not row[GRANTED[grant]]}


def _found(connection: SqlConnection, missing: set[Grant], now: datetime, until: float) -> Found:
    """What each statement answers; when the connection is lost, the rest is not asked."""
    found: Found = {}
    lost = ""
    for query in INSPECTION_QUERIES:
        if not missing.isdisjoint(query.needs):
            found[query] = f"it needs {query.wants}; {HOW_TO_GRANT}"
        elif lost or time.monotonic() > until:
            found[query] = lost or "the inspection had taken too long already"
        else:
            found[query], lost = _asked(connection, query, now)
    return found


def _asked(connection: SqlConnection, query: SqlQuery, now: datetime) -> tuple[Table | str, str]:
    """The table or why there is none, and what ended the connection, if something did."""
    statement = Statement(query.text, {name: now - BEFORE[name] for name in query.parameters})
    outcome = connection.run([statement])
    if outcome.failure is not None:
        _log.warning("%s was not read: %s", query.name, outcome.failure)
        return _said(query, outcome.failure), str(outcome.failure) if outcome.failure.ended else ""
    try:
        return checked(query, outcome.tables[0]), ""
    except SourceError as error:
        return str(error), ""


def _own_share(connection: SqlConnection) -> dict[str, float]:
    """What this session has cost so far; nothing when that can't be read."""
    outcome = connection.run([Statement(OWN_SHARE.text)])
    if outcome.failure is not None:
        return {}
    try:
        with understood(OWN_SHARE):
            share = own_share(checked(OWN_SHARE, outcome.tables[0]))
    except SourceError:
        return {}
    return {"own_cpu_ms": share["monitor.cpuMs"], "own_reads": share["monitor.logicalReads"]}


def _said(query: SqlQuery, failure: SqlFailure) -> str:
    if failure.number in DENIED:
        needs = query.wants or "SELECT on what it reads"
        return f"it needs {needs}; {HOW_TO_GRANT} (error {failure.number})"
    return f"it could not be read: {failure}"


def _inspection(found: Found, now: datetime) -> Inspection:
    answers = {query: table for query, table in found.items() if not isinstance(table, str)}
    lacking = {name: said for name, query in ADDED.items() if isinstance(said := found[query], str)}
    parts = {}
    for name, (make, queries) in PARTS.items():
        why = next((said for query in queries if isinstance(said := found[query], str)), "")
        if why:
            lacking[name] = why
            continue
        try:
            with understood(queries[0]):
                parts[name] = make(answers)
        except SourceError as error:
            lacking[name] = str(error)
    return Inspection(at=floor_minute(now), lacking=lacking, **parts)
