"""A look at the database while it suffers: what it executes, or who keeps others waiting."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial

from shared.adapters.https import Outcomes
from shared.adapters.sql.azure_sql import MOST_LEFT_BEHIND, Database, the_only
from shared.adapters.sql.connections import Patience, Row, Statement, Table
from shared.adapters.sql.failures import DENIED
from shared.adapters.sql.findings import blocking as chains_of
from shared.adapters.sql.samples import checked, understood
from shared.catalog.inspection_queries import BLOCKING_CHAINS
from shared.catalog.sql_queries import RUNNING_REQUESTS, SqlQuery
from shared.domain.culprits import Culprit, in_line, masked
from shared.domain.errors import SourceError
from shared.domain.inspections import BlockingChain

SHORT = Patience(login=2, batch=2)
DEADLINE_S = 5.0
"""A driver that waits in vain for an answer to its own time-out would take longer."""


class AzureSqlWitness:
    """A Witness; it makes a connection of its own, for one statement."""

    def __init__(self, databases: Mapping[str, Database], *, deadline: float = DEADLINE_S) -> None:
        self._databases = databases
        self._deadline = deadline
        self._outcomes = Outcomes(MOST_LEFT_BEHIND)

    def running(self, target: str) -> Sequence[Culprit]:
        """See Witness.running."""
        with understood(RUNNING_REQUESTS):
            return [_culprit(row) for row in self._look(target, RUNNING_REQUESTS)]

    def blocking(self, target: str) -> Sequence[BlockingChain]:
        """See Witness.blocking."""
        with understood(BLOCKING_CHAINS):
            return chains_of({BLOCKING_CHAINS: self._look(target, BLOCKING_CHAINS)})

    def _look(self, target: str, query: SqlQuery) -> Table:
        database = self._databases.get(target)
        if database is None:
            return []
        look = partial(_asked, database, query)
        return the_only(self._outcomes.of([look], within=self._deadline, target=target))


def _asked(database: Database, query: SqlQuery) -> Table:
    with closing(database.connect(patience=SHORT)) as connection:
        outcome = connection.run([Statement(query.text)])
    if outcome.failure is not None:
        lacks = f"it needs {query.wants}: " if outcome.failure.number in DENIED else ""
        raise SourceError(f"{lacks}{outcome.failure}")
    return checked(query, outcome.tables[0])


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
