"""Each of an inspection's statements fails for itself: its answers are the desk's, played again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from local.world.engine import Script, ScriptedWorld
from local.world.inside_scenes import BadQuery, Churn, Regressed, WantedIndex
from local.world.scenes import Blocking
from shared.adapters.sql.azure_sql import HOW_TO_GRANT, Database
from shared.adapters.sql.connections import (
    PATIENCE,
    PURE_PYTHON,
    Outcome,
    Patience,
    SqlConnection,
    Statement,
    Table,
)
from shared.adapters.sql.failures import DENIED, SqlFailure
from shared.adapters.sql.findings import ADDED, PARTS
from shared.adapters.sql.inspector import AzureSqlInspector
from shared.catalog.inspection_queries import INSPECTION_QUERIES
from shared.catalog.sql_queries import GRANTED, GRANTS, Grant, SqlQuery
from shared.domain.inspections import Inspection
from shared.domain.times import HOUR, MINUTE
from tests.adapters.sql_desk import RUSH_HOUR, TARGET, running_sql_desk

NOW = RUSH_HOUR + 95 * MINUTE
SCENES = (
    Regressed(RUSH_HOUR - 5 * HOUR),
    WantedIndex(RUSH_HOUR - 5 * HOUR),
    BadQuery(RUSH_HOUR),
    Churn(RUSH_HOUR),
    Blocking(RUSH_HOUR + 90 * MINUTE),
)
COSTS = {
    "query_store_state": {"query_store"},
    "session_groups": {"sessions"},
    "waits": {"waits"},
    "server_start": {"started_at"},
    "open_transactions": {"transactions"},
    "blocking_chains": {"blocking"},
    "missing_indexes": {"missing_indexes"},
    "index_usage": {"usage"},
    "partition_sizes": {"tables", "sizes"},
    "index_columns": {"indexes"},
    "foreign_keys": {"indexes"},
    "statistics_age": {"statistics"},
    "query_failures": {"failures"},
    "query_waits": {"query_waits"},
    "query_statistics": {"queries"},
    "query_regressions": {"regressions"},
}
"""The parts that are lacking without a statement."""
WITHOUT = {
    Grant.DATABASE_STATE: {
        *("query_store", "sessions", "waits", "tables", "sizes"),
        *("failures", "query_waits", "queries", "regressions"),
    },
    Grant.SERVER_STATE: {"started_at", "transactions", "blocking", "missing_indexes", "usage"},
    Grant.DEFINITION: {"tables", "sizes", "indexes", "statistics"},
}
"""The parts that are lacking without a grant."""


@dataclass
class Recorder:
    """A connection whose answers are kept, by the statement's text."""

    real: SqlConnection
    answers: dict[str, Table]

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run; an inspection asks one statement at a time."""
        outcome = self.real.run(statements)
        [statement] = statements
        [self.answers[statement.text]] = outcome.tables
        return outcome

    def close(self) -> None:
        """See SqlConnection.close."""
        self.real.close()


@dataclass
class Player:
    """A connection that gives them again, but for what is refused, by which number."""

    answers: Mapping[str, Table]
    refused: Mapping[str, int | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def run(self, statements: Sequence[Statement]) -> Outcome:
        """See SqlConnection.run."""
        [statement] = statements
        self.asked.append(statement.text)
        if statement.text in self.refused:
            return Outcome([], SqlFailure("it is refused", self.refused[statement.text]))
        return Outcome([self.answers[statement.text]])

    def close(self) -> None:
        """See SqlConnection.close."""


@pytest.fixture(scope="module")
def answers() -> dict[str, Table]:
    found: dict[str, Table] = {}
    with running_sql_desk(ScriptedWorld(Script("parts", RUSH_HOUR, SCENES)), NOW) as sql:
        door = sql.door(PURE_PYTHON)

        def connect(*, patience: Patience = PATIENCE) -> Recorder:
            return Recorder(door(patience=Patience(login=30, batch=60)), found)

        AzureSqlInspector({TARGET: Database(connect)}).inspect(TARGET, now=NOW)
    return found


def inspected(player: Player) -> Inspection:
    def connect(*, patience: Patience = PATIENCE) -> Player:
        return player

    return AzureSqlInspector({TARGET: Database(connect)}).inspect(TARGET, now=NOW)


def parts(found: Inspection) -> dict[str, object]:
    """What was found; indexes apart from what is only added to them."""
    bare = sorted((one.table, one.name, one.keys) for one in found.indexes or ())
    return {name: getattr(found, name) for name in PARTS} | {"indexes": bare or None}


def test_every_statement_and_part_is_named_here() -> None:
    assert {query.name for query in INSPECTION_QUERIES} == COSTS.keys()
    assert set().union(*COSTS.values()) == {*PARTS, *ADDED}
    assert WITHOUT.keys() == set(Grant)


@pytest.mark.parametrize("number", sorted(DENIED))
@pytest.mark.parametrize("query", INSPECTION_QUERIES, ids=lambda query: query.name)
def test_a_statement_that_is_refused_costs_its_own_parts_and_names_its_grant(
    answers: dict[str, Table], query: SqlQuery, number: int
) -> None:
    whole = parts(inspected(Player(answers)))
    found = inspected(Player(answers, {query.text: number}))
    left = parts(found)

    assert set(found.lacking) == COSTS[query.name]
    for said in found.lacking.values():
        assert said == f"it needs {query.wants}; {HOW_TO_GRANT} (error {number})"
    for name, value in whole.items():
        assert value
        assert left[name] == (None if name in COSTS[query.name] else value), name


@pytest.mark.parametrize("grant", Grant)
def test_what_a_missing_grant_would_show_is_not_even_asked_for(
    answers: dict[str, Table], grant: Grant
) -> None:
    [granted] = answers[GRANTS.text]
    player = Player({**answers, GRANTS.text: [{**granted, GRANTED[grant]: 0}]})
    found = inspected(player)

    assert set(found.lacking) == WITHOUT[grant]
    assert all(grant in said and HOW_TO_GRANT in said for said in found.lacking.values())
    wanting = {query.text for query in INSPECTION_QUERIES if grant in query.needs}
    assert wanting.isdisjoint(player.asked)
    assert len(player.asked) == len(INSPECTION_QUERIES) - len(wanting) + 2
    assert all(grant in said for said in found.lacks)


def test_a_connection_that_breaks_costs_what_was_not_read_yet(answers: dict[str, Table]) -> None:
    """Nothing is asked over it any more; all that came before is there."""
    player = Player(answers, {INSPECTION_QUERIES[7].text: None})
    found = inspected(player)

    after = [COSTS[query.name] for query in INSPECTION_QUERIES[7:]]
    assert set(found.lacking) == set().union(*after)
    assert not {query.text for query in INSPECTION_QUERIES[8:]} & set(player.asked)
