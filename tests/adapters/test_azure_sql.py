"""A visit of a minute: one round trip, every view's figures, and what each failure costs."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.sql.azure_sql import (
    PROBE_EVERY,
    AzureSql,
    Database,
)
from shared.adapters.sql.failures import SqlFailure
from shared.catalog.sql_queries import NAME_SETS
from shared.domain.errors import SourceError
from shared.domain.samples import Failure, FailureKind, Reading
from shared.domain.times import MINUTE
from tests.adapters.sql_server import (
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
    tables,
    values,
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


def test_the_minute_is_one_round_trip_over_one_connection(server: Server, ask: Ask) -> None:
    ask()
    ask(now=NOW + MINUTE)

    probe, first, second = server.asked
    assert probe == ["grants"]
    assert first == second == ["resource_stats", "sessions", "storage", "blocking", "own_share"]
    assert (server.opened, server.open) == (2, 0)


def test_every_view_gives_its_metrics(ask: Ask) -> None:
    found = ask()

    assert values(found["dmv"])["dtuUtilization"] == [40.0] * 9
    assert values(found["sessions"]) == {"connectionCount": [12.0]}
    assert values(found["size"]) == {"storageUsage": [1.0], "storagePercent": [50.0]}
    assert values(found["blocking"]) == {"blockedSessions": [2.0]}
    assert values(found["self"]) == {"monitor.cpuMs": [7.0], "monitor.logicalReads": [40.0]}


def test_fifteen_seconds_belong_to_the_minute_that_they_end_with(ask: Ask) -> None:
    dmv = ask()["dmv"]

    assert isinstance(dmv, Reading)
    minutes = [one.minute for one in dmv.samples if one.metric == "dtuPeak"]
    assert minutes == [SINCE] * 4 + [SINCE + MINUTE] * 4 + [SINCE + 2 * MINUTE]
    assert dmv.covered_until == SINCE + 2 * MINUTE


def test_a_minute_whose_beginning_the_view_forgot_is_left_out(server: Server, ask: Ask) -> None:
    server.book["resource_stats"] = [a_row(SINCE + n * QUARTER) for n in range(2, 9)]

    dmv = ask()["dmv"]

    assert isinstance(dmv, Reading)
    assert {one.minute for one in dmv.samples} == {SINCE + MINUTE}
    assert dmv.covered_until == SINCE + 2 * MINUTE


def test_rows_that_end_a_little_later_each_time_lose_no_minute(server: Server, ask: Ask) -> None:
    """As the real view's do: the next one may begin just after the minute did."""
    longer = QUARTER + timedelta(milliseconds=17)
    server.book["resource_stats"] = [a_row(SINCE + n * longer) for n in range(1, 9)]

    dmv = ask()["dmv"]

    assert isinstance(dmv, Reading)
    assert {one.minute for one in dmv.samples} == {SINCE, SINCE + MINUTE, SINCE + 2 * MINUTE}


def test_dtu_is_the_highest_of_its_parts(server: Server, ask: Ask) -> None:
    server.book["resource_stats"] = [{**a_row(SINCE + QUARTER, 5), "avg_log_write_percent": 91.0}]

    found = values(ask()["dmv"])

    assert (found["dtuUtilization"], found["dtuCpu"], found["dtuLogWrite"]) == (
        [91.0],
        [5.0],
        [91.0],
    )


def test_without_rows_nothing_more_is_covered(server: Server, ask: Ask) -> None:
    server.book["resource_stats"] = []

    dmv, first = ask()["dmv"], ask("dmv", since=None)["dmv"]

    assert isinstance(dmv, Reading)
    assert isinstance(first, Reading)
    assert (dmv.covered_until, dmv.samples) == (SINCE, ())
    assert first.covered_until == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def test_what_is_seen_of_the_moment_covers_what_lies_before_this_minute(ask: Ask) -> None:
    sessions = ask()["sessions"]

    assert isinstance(sessions, Reading)
    assert sessions.covered_until == NOW.replace(second=0)
    assert [one.minute for one in sessions.samples] == [NOW.replace(second=0)]


@pytest.mark.parametrize(
    ("granted", "left"),
    [
        (
            {"view_database_state": 0, "view_server_state": 0, "view_definition": 1},
            {"dmv", "sessions", "blocking"},
        ),
        ({"view_database_state": 1, "view_server_state": 0, "view_definition": 1}, {"blocking"}),
    ],
)
def test_what_the_login_may_not_read_is_left_out_and_named(
    server: Server,
    ask: Ask,
    granted: dict[str, int],
    left: set[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.book["grants"] = [granted]

    found, again = ask(), ask(now=NOW + MINUTE)

    lacking = {name for name, one in found.items() if isinstance(one, Failure)}
    assert lacking == {name for name, one in again.items() if isinstance(one, Failure)} == left
    assert all(failure(found[name]).kind is FailureKind.DENIED for name in left)
    assert "##MS_ServerStateReader##; infra/sql/grant" in failure(found["blocking"]).error
    assert len([one for one in caplog.records if one.levelno == logging.WARNING]) == len(left)
    assert not left & {TEXT_SOURCES[name] for name in server.asked[1]}


@pytest.mark.parametrize("number", [229, 262, 297, 300])
@pytest.mark.parametrize("name", ["resource_stats", "sessions", "storage", "blocking"])
def test_a_view_that_is_refused_costs_its_own_figures_only(
    server: Server, ask: Ask, name: str, number: int
) -> None:
    server.book[name] = SqlFailure("The SELECT permission was denied", number)

    found = ask()

    source = TEXT_SOURCES[name]
    assert {one for one in found if isinstance(found[one], Failure)} == {source}
    assert failure(found[source]).kind is FailureKind.DENIED
    server.batches.clear()
    ask(now=NOW + MINUTE)
    assert name not in server.asked[0]
    assert len(server.asked) == 1


def test_grants_are_looked_at_again_after_six_hours(server: Server, ask: Ask) -> None:
    server.book["grants"] = [
        {"view_database_state": 0, "view_server_state": 0, "view_definition": 1}
    ]
    ask()
    server.book |= tables()

    before, after = ask(now=NOW + PROBE_EVERY - MINUTE), ask(now=NOW + PROBE_EVERY)

    assert isinstance(before["dmv"], Failure)
    assert all(isinstance(one, Reading) for one in after.values())


@pytest.mark.parametrize("number", [1222, 8152])
def test_a_statement_that_fails_is_only_that(server: Server, ask: Ask, number: int) -> None:
    server.book["storage"] = SqlFailure("it failed", number)

    found = ask()

    assert {name for name, one in found.items() if isinstance(one, Failure)} == {"size"}
    assert failure(found["size"]).kind is FailureKind.FAILED


def test_a_lost_connection_keeps_what_came_before(server: Server, ask: Ask) -> None:
    server.book["storage"] = SqlFailure("communication link failure")

    found = ask()

    lost = {name for name, one in found.items() if isinstance(one, Failure)}
    assert lost == {"size", "blocking", "self"}
    assert server.open == 0


@pytest.mark.parametrize("number", [40613, 10928, 40501])
def test_the_databases_own_excuses_are_worth_a_second_try(
    server: Server, ask: Ask, number: int
) -> None:
    server.refusals = [SqlFailure("not available", number)]

    assert all(isinstance(one, Reading) for one in ask().values())
    server.refusals = [SqlFailure("not available", number)] * 2
    with pytest.raises(SqlFailure, match=str(number)):
        ask()


@pytest.mark.parametrize("number", [18456, 40615, 4060, None])
def test_what_a_second_try_cannot_mend_is_said_at_once(
    server: Server, ask: Ask, number: int | None
) -> None:
    server.refusals = [SqlFailure("no", number)] * 2

    with pytest.raises(SourceError):
        ask()

    assert server.opened == 1


def test_a_deadlocks_victim_asks_once_more(server: Server, ask: Ask) -> None:
    server.book["sessions"] = SqlFailure("deadlock victim", 1205)

    found = ask()

    assert {name for name, one in found.items() if isinstance(one, Failure)} == {"sessions"}
    assert [batch[0] for batch in server.asked] == [
        *("grants", "resource_stats", "sessions", "storage"),
    ]
