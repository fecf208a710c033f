"""Answers and databases that are not as they should be."""

from collections.abc import Mapping
from threading import Event
from typing import Any

import pytest

from shared.adapters.sql.azure_sql import (
    LAST_BATCH_S,
    MOST_LEFT_BEHIND,
    AzureSql,
    Database,
    quoted,
    renamed,
)
from shared.adapters.sql.connections import (
    PATIENCE,
    Patience,
    SqlAddress,
    SqlConnection,
    Statement,
    Table,
    positional,
)
from shared.adapters.sql.failures import SqlFailure
from shared.catalog.sql_queries import NAME_SETS, SQL_QUERIES, SqlQuery
from shared.domain.errors import SourceError
from shared.domain.samples import Failure, FailureKind, Reading
from shared.domain.times import MINUTE
from tests.adapters.sql_server import (
    COUNTED,
    MINUTELY,
    NOW,
    QUARTER,
    SINCE,
    TARGET,
    TEXT_SOURCES,
    Ask,
    Server,
    a_row,
    asking,
    failure,
)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def source(server: Server) -> AzureSql:
    return AzureSql({TARGET: Database(server.connect, NAME_SETS["crm"])})


@pytest.fixture
def ask(source: AzureSql) -> Ask:
    return asking(source)


def test_an_answer_without_its_columns_is_an_error(server: Server, ask: Ask) -> None:
    server.book["sessions"] = [{"sessions": 12}]

    assert "has no column connections" in failure(ask()["sessions"]).error


UNREADABLE: list[tuple[str, Table]] = [
    ("resource_stats", [{**a_row(SINCE + QUARTER), "avg_cpu_percent": None}]),
    ("resource_stats", [{**a_row(SINCE + QUARTER), "end_time": None}]),
    ("sessions", []),
    ("storage", []),
    ("storage", [{"used_bytes": None, "limit_bytes": 2**31}]),
    ("storage", [{"used_bytes": 2**30, "limit_bytes": 0}]),
    ("own_share", [{"cpu_ms": None, "logical_reads": 40}]),
    ("active_users", []),
    ("interactions", [{"slot": None, "logged": 3}]),
    ("sync_pending", [{"pending": None}]),
]


@pytest.mark.parametrize(("name", "table"), UNREADABLE)
def test_an_answer_that_cannot_be_read_costs_its_own_figures_only(
    server: Server, ask: Ask, name: str, table: Table
) -> None:
    """A NULL, for instance: FILEPROPERTY and DATABASEPROPERTYEX give it instead of an error."""
    server.book[name] = table

    found = ask(*MINUTELY, *COUNTED, since=SINCE - 10 * MINUTE)

    source = TEXT_SOURCES[name]
    assert {one for one in found if isinstance(found[one], Failure)} == {source}
    assert f"the answer to {name} can't be read" in failure(found[source]).error
    assert server.open == 0


def test_names_of_the_crm_are_quoted() -> None:
    assert quoted("dbo.User]Session") == "[dbo].[User]]Session]"
    said = renamed("SELECT 1 FROM [sessions] WHERE [sessions.seenAt] > @since;", NAME_SETS["brief"])
    assert said == "SELECT 1 FROM [UserSession] WHERE [lastActivity] > @since;"


@pytest.mark.parametrize("query", SQL_QUERIES, ids=lambda query: query.name)
def test_a_statement_takes_the_parameters_that_it_names(query: SqlQuery) -> None:
    given: Mapping[str, Any] = {name: name for name in query.parameters}

    batch, found = positional([Statement(query.text, given)], "?")

    assert set(found) == set(query.parameters)
    assert batch.count("?") == len(found)
    assert "@" not in batch.replace("@@SPID", "").partition("FROM")[2]


def test_times_travel_without_a_zone_and_spid_is_no_parameter() -> None:
    local = NOW.astimezone(tz=None)

    batch, found = positional(
        [Statement("SELECT @@SPID, @at, @at2", {"at": local, "at2": 2})], "%s"
    )

    assert batch.endswith("SELECT @@SPID, %s, %s")
    assert found == (NOW.replace(tzinfo=None), 2)


def test_nothing_secret_is_shown_of_an_address() -> None:
    secret = "pass-word"  # noqa: S105 - opens nothing
    shown = repr(SqlAddress("h", 1, "d", token=lambda: "t", user="u", password=secret))

    assert secret not in shown


def test_an_unknown_target_is_an_error(source: AzureSql) -> None:
    with pytest.raises(SourceError, match="someone-else"):
        source.read("someone-else", since={"dmv": None}, now=NOW)


def test_counts_for_which_no_time_is_left_do_not_cost_the_minute(server: Server) -> None:
    """A migration may lock every table of the CRM: two seconds for each statement add up."""
    databases = {TARGET: Database(server.connect, NAME_SETS["crm"])}
    source = AzureSql(databases, deadline=LAST_BATCH_S)

    found = source.read(TARGET, since=dict.fromkeys((*MINUTELY, *COUNTED), SINCE), now=NOW)

    late = {one.source for one in found if isinstance(one, Failure)}
    assert late == set(COUNTED)
    assert all("too long" in failure(one).error for one in found if one.source in COUNTED)
    assert [batch[0] for batch in server.asked] == ["grants", "resource_stats"]


def test_visits_that_never_end_do_not_pile_up(server: Server) -> None:
    """A server that drips its answer keeps a driver waiting, and a session, for ever."""
    let_go = Event()

    def dripping(*, patience: Patience = PATIENCE) -> SqlConnection:
        server.opened += 1
        let_go.wait(30)
        raise SqlFailure("communication link failure")

    source = AzureSql({TARGET: Database(dripping, NAME_SETS["crm"])}, deadline=0.05)
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(SourceError, match=r"no answer within 0\.05 s"):
            source.read(TARGET, since={"dmv": SINCE}, now=NOW)

    with pytest.raises(SourceError, match="earlier calls still wait"):
        source.read(TARGET, since={"dmv": SINCE}, now=NOW)

    let_go.set()
    assert server.opened == MOST_LEFT_BEHIND


def test_a_database_that_fell_silent_while_busy_is_not_asked_to_count(
    server: Server, ask: Ask
) -> None:
    server.book["resource_stats"] = [a_row(SINCE + QUARTER, 90.0)]
    ask()
    server.book["resource_stats"] = []

    soon, later = (ask(*MINUTELY, *COUNTED, now=NOW + n * MINUTE) for n in (3, 9))

    assert failure(soon["users"]).kind is FailureKind.DEFERRED
    assert isinstance(later["users"], Reading)
