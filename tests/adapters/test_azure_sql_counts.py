"""Counts and business by SQL: when they are asked, in which windows, and what they lack."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.sql.azure_sql import (
    AzureSql,
    Database,
)
from shared.adapters.sql.connections import (
    Outcome,
    Statement,
)
from shared.adapters.sql.failures import SqlFailure
from shared.adapters.sql.windows import LONGEST, day_of, month_of, window_of
from shared.catalog.sql_queries import NAME_SETS
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import MINUTE
from tests.adapters.sql_server import (
    BUSINESS,
    COUNTED,
    MINUTELY,
    NOW,
    SINCE,
    TARGET,
    Ask,
    Connection,
    Server,
    a_row,
    asking,
    failure,
    name_of,
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


def test_counts_follow_in_a_second_batch_over_the_same_connection(server: Server, ask: Ask) -> None:
    since = datetime(2026, 3, 2, 9, 20, tzinfo=UTC)

    found = ask(*MINUTELY, *COUNTED, since=since)

    assert server.opened == 1
    assert server.asked[2] == [
        *("active_users", "interactions", "reports", "sync_pending", "sync_failures", "own_share"),
    ]
    assert values(found["interactions"]) == {"interactionsLogged": [3.0, 0.0]}
    assert values(found["reports"]) == {"reportsGenerated": [0.0, 0.0]}
    assert values(found["users"]) == {"activeUsers": [5.0]}
    assert values(found["syncs"]) == {
        "offlineSync.pending": [4.0],
        "offlineSync.failed": [0.0, 0.0],
    }
    for name in COUNTED:
        reading = found[name]
        assert isinstance(reading, Reading)
        assert (reading.since, reading.covered_until) == (since, NOW.replace(second=0))


def test_a_busy_database_is_not_asked_to_count(server: Server, ask: Ask) -> None:
    server.book["resource_stats"] = [a_row(SINCE + MINUTE, 80.0)]

    found = ask("dmv", *COUNTED)

    assert [len(batch) for batch in server.asked] == [1, 1]
    for name in COUNTED:
        assert failure(found[name]).kind is FailureKind.DEFERRED
        assert failure(found[name]).error.startswith("it waits: DTU is at 80 %")


def test_what_lacks_something_lacks_it_while_the_database_is_busy_too(
    server: Server, ask: Ask
) -> None:
    """Else health would forget it in every storm."""
    server.book["active_users"] = SqlFailure("The SELECT permission was denied", 229)
    ask("dmv", *COUNTED)
    server.book["resource_stats"] = [a_row(SINCE + MINUTE, 80.0)]

    found = ask("dmv", *COUNTED, now=NOW + 5 * MINUTE)

    kinds = {name: failure(found[name]).kind for name in COUNTED}
    assert kinds == {**dict.fromkeys(COUNTED, FailureKind.DEFERRED), "users": FailureKind.DENIED}


def test_what_one_database_is_like_says_nothing_of_another(server: Server) -> None:
    names = NAME_SETS["crm"]
    other = Server()
    source = AzureSql(
        {TARGET: Database(server.connect, names), "b": Database(other.connect, names)}
    )
    since = dict.fromkeys(("dmv", *COUNTED), SINCE)
    server.book["active_users"] = SqlFailure("The SELECT permission was denied", 229)
    source.read(TARGET, since=since, now=NOW)
    server.book["resource_stats"] = [a_row(SINCE + MINUTE, 80.0)]
    busy = source.read(TARGET, since=since, now=NOW)

    calm = source.read("b", since=since, now=NOW)

    assert [one.source for one in busy if isinstance(one, Failure)] == list(COUNTED)
    assert [one.source for one in calm if isinstance(one, Failure)] == []


def test_a_table_that_is_not_there_disables_its_own_figures(
    server: Server, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    server.book["sync_failures"] = SqlFailure("Invalid object name 'OfflineSync'.", 208)

    found, again = ask(*COUNTED), ask(*COUNTED, now=NOW + 5 * MINUTE)

    for answers in (found, again):
        assert {name for name, one in answers.items() if isinstance(one, Failure)} == {"syncs"}
    assert "BUSINESS_NAMES" in failure(found["syncs"]).error
    assert failure(again["syncs"]).kind is FailureKind.DENIED
    (said,) = [one.message for one in caplog.records if "syncs" in one.message]
    assert "Invalid object name 'OfflineSync'" in said
    assert "OfflineSync" not in failure(found["syncs"]).error, "anybody may read that in health"


@pytest.mark.parametrize("number", [206, 207])
def test_a_column_that_is_not_there_disables_its_own_figures_only(
    server: Server, ask: Ask, number: int
) -> None:
    """The server refuses such a batch as a whole, before its first statement."""
    server.book["reports"] = SqlFailure("Invalid column name 'createdAt'.", number)
    server.compiles_first = True

    found, again = ask(*COUNTED), ask(*COUNTED, now=NOW + 5 * MINUTE)

    for answers in (found, again):
        assert {name for name, one in answers.items() if isinstance(one, Failure)} == {"reports"}
        assert failure(answers["reports"]).kind is FailureKind.DENIED
    assert len(server.asked) == 1 + 7 + 1


def test_counts_that_all_lack_something_cost_no_round_trip(server: Server, ask: Ask) -> None:
    server.book["sync_pending"] = SqlFailure("The SELECT permission was denied", 229)
    ask("dmv", "syncs")
    server.batches.clear()

    again = ask("dmv", "syncs", now=NOW + MINUTE)

    assert failure(again["syncs"]).kind is FailureKind.DENIED
    assert server.asked == [["resource_stats"]]


def test_what_was_asked_after_our_share_was_taken_is_counted_a_minute_later(
    server: Server, ask: Ask
) -> None:
    costs = iter([(7, 40), (19, 90), (5, 30)])
    real = Connection.run

    def run(self: Connection, statements: Sequence[Statement]) -> Outcome:
        if any(name_of(one) == "own_share" for one in statements):
            cpu, reads = next(costs)
            server.book["own_share"] = [{"cpu_ms": cpu, "logical_reads": reads}]
        return real(self, statements)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Connection, "run", run)
        first = ask(*MINUTELY, *COUNTED)
        second = ask(now=NOW + MINUTE)

    assert values(first["self"])["monitor.cpuMs"] == [7.0]
    assert values(second["self"]) == {"monitor.cpuMs": [17.0], "monitor.logicalReads": [80.0]}


@pytest.mark.parametrize(
    ("since", "now", "window"),
    [
        (None, (9, 7), ((9, 0), (9, 5))),
        (None, (9, 5), ((9, 0), (9, 5))),
        ((9, 0), (9, 4), ((9, 0), (9, 0))),
        ((9, 0), (9, 5), ((9, 0), (9, 5))),
        ((9, 0), (9, 19), ((9, 0), (9, 15))),
        ((9, 2), (9, 19), ((9, 2), (9, 17))),
        ((9, 30), (9, 19), ((9, 30), (9, 30))),
    ],
)
def test_a_window_joins_the_one_before_in_whole_slots(
    since: tuple[int, int] | None, now: tuple[int, int], window: tuple[tuple[int, int], ...]
) -> None:
    day = datetime(2026, 3, 2, tzinfo=UTC)

    def at(clock: tuple[int, int]) -> datetime:
        return day.replace(hour=clock[0], minute=clock[1])

    found = window_of(at(since) if since else None, at(now) + timedelta(seconds=20))

    assert (found.since, found.until) == tuple(map(at, window))


def test_slots_of_fifteen_minutes_begin_with_quarters_and_join_likewise() -> None:
    first = window_of(None, NOW, 15 * MINUTE)
    more = window_of(first.until, NOW + 40 * MINUTE, 15 * MINUTE)

    assert (first.since, first.until) == (
        NOW.replace(minute=15, second=0),
        first.last + 15 * MINUTE,
    )
    assert (more.since, more.slots, more.last) == (first.until, 2, first.until + 15 * MINUTE)


def test_days_and_months_begin_by_the_clock_of_their_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)

    assert day_of(at, UTC) == datetime(2026, 3, 31, tzinfo=UTC)
    assert day_of(at, berlin) == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert month_of(at, UTC) == datetime(2026, 3, 1, tzinfo=UTC)
    assert month_of(at, berlin) == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_a_midnight_that_the_clock_shows_twice_is_the_first() -> None:
    """Havana's clock goes from one back to midnight, in 2026 on the first of a month."""
    havana, midnight = ZoneInfo("America/Havana"), datetime(2026, 11, 1, 4, tzinfo=UTC)

    for minutes in (30, 90, 150):
        at = midnight + timedelta(minutes=minutes)
        assert (day_of(at, havana), month_of(at, havana)) == (midnight, midnight)


QUARTERS = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_business_is_counted_in_quarters_and_by_name(ask: Ask) -> None:
    found = ask(*BUSINESS, since=QUARTERS)

    assert values(found["kinds"]) == {}
    assert values(found["durations"]) == {"reportDuration": [300.0]}
    assert values(found["deals"]) == {
        "dealsWon": [0.0, 2.0],
        "dealsLost": [0.0, 1.0],
        "revenueWon": [0.0, 700.0],
        "revenueToday": [700.0],
        "revenueMonthToDate": [900.0],
        "pipelineConversion": [75.0],
        "pipelineDeals": [5.0],
        "pipelineValue": [700.0],
    }
    assert tallies(found["kinds"]) == [
        ("interactions", 0, [(("call",), (3.0,))]),
        ("interactions", 15, [(("call",), (2.0,)), (("visit",), (1.0,))]),
    ]
    assert tallies(found["durations"]) == [
        ("reports", 15, [(("weekly",), (3.0, 900.0, 500.0)), (("coverage",), (1.0, 300.0, 300.0))])
    ]
    assert tallies(found["deals"]) == [
        ("deals", 15, [(("Won",), (2.0, 700.0)), (("lost",), (1.0, 0.0))]),
        ("pipeline", 15, [(("proposal",), (600.0, 1.0)), (("lead",), (100.0, 4.0))]),
    ]


def test_a_month_begins_for_the_deals_with_the_readers_clock(server: Server) -> None:
    zone = ZoneInfo("America/New_York")
    source = AzureSql({TARGET: Database(server.connect, NAME_SETS["crm"], zone)})
    since = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)

    source.read(TARGET, since={"deals": since}, now=since + 20 * MINUTE)

    (asked,) = [one for one in server.batches[-1] if name_of(one) == "deals_of_month"]
    assert asked.parameters == {
        "month": datetime(2026, 2, 1, 5, tzinfo=UTC),
        "today": datetime(2026, 2, 28, 5, tzinfo=UTC),
        "until": since + 15 * MINUTE,
    }


def test_an_empty_pipeline_is_told_as_one(server: Server, ask: Ask) -> None:
    server.book |= {"deals_closed": [], "deals_of_month": [], "pipeline": []}

    assert tallies(ask("deals", since=QUARTERS)["deals"]) == [("pipeline", 15, [])]


def test_without_a_closed_deal_there_is_no_conversion(server: Server, ask: Ask) -> None:
    server.book |= {"deals_closed": [], "deals_of_month": [], "pipeline": []}

    found = values(ask("deals", since=QUARTERS)["deals"])

    assert "pipelineConversion" not in found
    assert found["dealsWon"] == [0.0, 0.0]
    assert found["revenueMonthToDate"] == [0.0]


def test_ends_of_deals_that_are_spelt_in_two_ways_are_added(server: Server, ask: Ask) -> None:
    spellings = [("Won", 2, 500), ("WON", 1, 70), ("LOST", 1, None), ("Lost", 3, None)]
    rows = [{"stage": stage, "deals": deals, "worth": worth} for stage, deals, worth in spellings]
    server.book |= {
        "deals_closed": [{"slot": 1, **row} for row in rows],
        "deals_of_month": [{"today": row["worth"], **row} for row in rows],
    }

    found = values(ask("deals", since=QUARTERS)["deals"])

    assert (found["dealsWon"], found["dealsLost"]) == ([0.0, 3.0], [0.0, 4.0])
    assert (found["revenueWon"], found["revenueToday"]) == ([0.0, 570.0], [570.0])
    assert found["pipelineConversion"] == [pytest.approx(300 / 7)]


def test_a_table_of_deals_that_is_not_there_costs_the_deals_alone(server: Server, ask: Ask) -> None:
    server.book["pipeline"] = SqlFailure("Invalid object name 'Opportunity'.", 208)

    found = ask(*COUNTED, *BUSINESS, since=QUARTERS)

    assert {name for name, one in found.items() if isinstance(one, Failure)} == {"deals"}
    assert "BUSINESS_NAMES says what the CRM calls it" in failure(found["deals"]).error


def tallies(answer: Answer) -> list[tuple[str, int, list[tuple[Any, ...]]]]:
    """Tables with their slots in minutes after nine, and their rows."""
    assert isinstance(answer, Reading)
    return [
        (one.table, (one.slot - QUARTERS) // MINUTE, [tuple(row) for row in one.rows])
        for one in answer.tallies
    ]


def test_a_long_gap_is_counted_a_day_at_a_time() -> None:
    found = window_of(SINCE - timedelta(days=3), NOW)

    assert found.until - found.since == LONGEST
