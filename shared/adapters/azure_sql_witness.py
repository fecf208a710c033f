"""The storm's snapshot: what the database executes at the moment when a rule about it goes bad."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial

from shared.adapters.azure_sql import MOST_LEFT_BEHIND, Database, the_only
from shared.adapters.azure_sql_samples import checked
from shared.adapters.https import Outcomes
from shared.adapters.sql_connections import Patience, Row, Statement
from shared.adapters.sql_failures import DENIED
from shared.catalog.sql_queries import RUNNING_REQUESTS
from shared.domain.culprits import Culprit, in_line, masked
from shared.domain.errors import SourceError

SHORT = Patience(login=2, batch=2)
DEADLINE_S = 5.0
"""A driver that waits in vain for an answer to its own time-out would take longer."""


class AzureSqlWitness:
    """A Witness; it makes a connection of its own, for one statement."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        self._databases = databases
        self._outcomes = Outcomes(MOST_LEFT_BEHIND)

    def running(self, target: str) -> Sequence[Culprit]:
        """See Witness.running."""
        database = self._databases.get(target)
        if database is None:
            return ()
        return the_only(self._outcomes.of([partial(_look, database)], within=DEADLINE_S))


def _look(database: Database) -> Sequence[Culprit]:
    with closing(database.connect(patience=SHORT)) as connection:
        outcome = connection.run([Statement(RUNNING_REQUESTS.text)])
    if outcome.failure is not None:
        lacks = f"it needs {RUNNING_REQUESTS.wants}: " if outcome.failure.number in DENIED else ""
        raise SourceError(f"{lacks}{outcome.failure}")
    return [_culprit(row) for row in checked(RUNNING_REQUESTS, outcome.tables[0])]


def _culprit(row: Row) -> Culprit:
    return Culprit(
        statement=masked(row["statement"] or ""),
        session=int(row["session_id"]),
        program=in_line(row["program_name"] or ""),
        host=in_line(row["host_name"] or ""),
        running_ms=float(row["total_elapsed_time"]),
        cpu_ms=float(row["cpu_time"]),
        logical_reads=float(row["logical_reads"]),
    )
