"""What the witness can't read is a SourceError: an alert must not wait for the name of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from shared.adapters.sql.azure_sql import Database
from shared.adapters.sql.connections import Outcome, Statement
from shared.adapters.sql.witness import AzureSqlWitness
from shared.domain.errors import SourceError
from tests.builders import TARGET

ROW = {
    "statement": "SELECT 1",
    "session_id": 57,
    "status": "running",
    "command": "SELECT",
    "wait_type": None,
    "blocking_session_id": 0,
    "program_name": "node-mssql",
    "host_name": "pantry-crm-0",
    "total_elapsed_time": 2000,
    "cpu_time": 1500,
    "logical_reads": 90,
}


@dataclass
class Answering:
    """A connection that answers one row to whatever it is asked."""

    row: dict[str, Any]

    def run(self, _: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run."""
        return Outcome([[self.row]])

    def close(self) -> None:
        """See SqlConnection.close."""


def witness(**changes: Any) -> AzureSqlWitness:
    return AzureSqlWitness({TARGET: Database(lambda **_: Answering({**ROW, **changes}))})


def test_it_tells_what_runs_and_for_how_long() -> None:
    (culprit,) = witness().running(TARGET)

    assert (culprit.statement, culprit.session) == ("SELECT ?", 57)
    assert (culprit.running_ms, culprit.cpu_ms, culprit.logical_reads) == (2000.0, 1500.0, 90.0)


def test_names_may_be_missing() -> None:
    (culprit,) = witness(statement=None, program_name=None, host_name=None).running(TARGET)

    assert (culprit.statement, culprit.program, culprit.host) == ("", "", "")


@pytest.mark.parametrize("column", ["session_id", "total_elapsed_time", "cpu_time"])
def test_a_figure_that_is_missing_is_an_error_of_the_source(column: str) -> None:
    with pytest.raises(SourceError, match="running_requests can't be read"):
        witness(**{column: None}).running(TARGET)


def test_of_an_unknown_target_nothing_is_seen() -> None:
    assert witness().running("another") == []
