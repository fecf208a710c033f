"""A visit to the database: one round trip, what is left out and why, windows that join."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.adapters.azure_sql import (
    LAST_BATCH_S,
    MOST_LEFT_BEHIND,
    PROBE_EVERY,
    AzureSql,
    Database,
    quoted,
    renamed,
)
from shared.adapters.azure_sql_windows import LONGEST, day_of, month_of, window_of
from shared.adapters.sql_connections import (
    PATIENCE,
    Outcome,
    Patience,
    SqlAddress,
    SqlConnection,
    Statement,
    Table,
    positional,
)
from shared.adapters.sql_failures import SqlFailure
from shared.catalog.sql_queries import NAME_SETS, SQL_QUERIES, SqlQuery
from shared.domain.errors import SourceError
from shared.domain.samples import Answer, Failure, FailureKind, Reading
from shared.domain.times import MINUTE

TARGET = "pantry-crm"
NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
SINCE = datetime(2026, 3, 2, 9, 28, tzinfo=UTC)
QUARTER = timedelta(seconds=15)
MINUTELY = ("dmv", "sessions", "size", "blocking", "self")
COUNTED = ("users", "interactions", "reports", "syncs")
BUSINESS = ("kinds", "durations", "deals")


def a_row(end: datetime, percent: float = 40.0) -> dict[str, Any]:
    return {
        "end_time": end.replace(tzinfo=None),
        "avg_cpu_percent": percent,
        "avg_data_io_percent": 3.0,
        "avg_log_write_percent": 1.0,
        "max_worker_percent": 10.0,
        "max_session_percent": 4.0,
    }


def tables() -> dict[str, Table | SqlFailure]:
    """What every statement answers on a good day."""
    return {
        "resource_stats": [a_row(SINCE + n * timedelta(seconds=15)) for n in range(1, 10)],
        "sessions": [{"connections": 12}],
        "storage": [{"used_bytes": 2**30, "limit_bytes": 2**31}],
        "blocking": [{"blocked": 2}],
        "own_share": [{"cpu_ms": 7, "logical_reads": 40}],
        "active_users": [{"active": 5}],
        "interactions": [{"slot": 0, "logged": 3}],
        "reports": [],
        "sync_pending": [{"pending": 4}],
        "sync_failures": [],
        "interaction_types": [
            {"slot": 0, "kind": "call", "logged": 3},
            {"slot": 1, "kind": "visit", "logged": 1},
            {"slot": 1, "kind": "call", "logged": 2},
        ],
        "report_durations": [
            {"slot": 1, "kind": "weekly", "generated": 3, "took_ms": 900.0, "longest_ms": 500.0},
            {"slot": 1, "kind": "coverage", "generated": 1, "took_ms": 300.0, "longest_ms": 300.0},
        ],
        "deals_closed": [
            {"slot": 1, "stage": "Won", "deals": 2, "worth": Decimal(700)},
            {"slot": 1, "stage": "lost", "deals": 1, "worth": None},
        ],
        "deals_of_month": [
            {"stage": "WON", "deals": 3, "worth": Decimal(900), "today": Decimal(700)},
            {"stage": "lost", "deals": 1, "worth": Decimal(50), "today": Decimal(0)},
        ],
        "pipeline": [
            {"stage": "lead", "deals": 4, "worth": Decimal(100)},
            {"stage": "proposal", "deals": 1, "worth": Decimal(600)},
        ],
        "grants": [{"view_database_state": 1, "view_server_state": 1, "view_definition": 1}],
    }


@dataclass
class Server:
    """A database by the book; it knows a statement by a word of its text."""

    book: dict[str, Table | SqlFailure] = field(default_factory=tables)
    batches: list[list[Statement]] = field(default_factory=list)
    refusals: list[SqlFailure] = field(default_factory=list)
    opened: int = 0
    open: int = 0
    compiles_first: bool = False
    """Whether what can't be executed is found before anything is."""

    def connect(self, *, patience: Patience = PATIENCE) -> SqlConnection:  # noqa: ARG002 - at once
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.open += 1
        return Connection(self)

    @property
    def asked(self) -> list[list[str]]:
        """The names of the statements of every batch."""
        return [[name_of(one) for one in batch] for batch in self.batches]


@dataclass
class Connection:
    server: Server

    def run(self, statements: Sequence[Statement]) -> Outcome:
        self.server.batches.append(list(statements))
        found: list[Table] = []
        answers = [self.server.book[name_of(one)] for one in statements]
        wrong = [one for one in answers if isinstance(one, SqlFailure)]
        if wrong and self.server.compiles_first:
            return Outcome(found, wrong[0])
        for one in statements:
            answer = self.server.book[name_of(one)]
            if isinstance(answer, SqlFailure):
                return Outcome(found, answer)
            found.append(answer)
        return Outcome(found)

    def close(self) -> None:
        self.server.open -= 1


TEXTS = {renamed(query.text, NAME_SETS["crm"]): query.name for query in SQL_QUERIES}


def name_of(statement: Statement) -> str:
    return TEXTS[statement.text]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def source(server: Server) -> AzureSql:
    return AzureSql({TARGET: Database(server.connect, NAME_SETS["crm"])})


Ask = Callable[..., dict[str, Answer]]


@pytest.fixture
def ask(source: AzureSql) -> Ask:
    def asked(
        *names: str, now: datetime = NOW, since: datetime | None = SINCE
    ) -> dict[str, Answer]:
        wanted = dict.fromkeys(names or MINUTELY, since)
        return {one.source: one for one in source.read(TARGET, since=wanted, now=now)}

    return asked


def values(answer: Answer) -> dict[str, list[float]]:
    assert isinstance(answer, Reading)
    found: dict[str, list[float]] = {}
    for sample in answer.samples:
        found.setdefault(sample.metric, []).append(sample.value)
    return found


def failure(answer: Answer) -> Failure:
    assert isinstance(answer, Failure)
    return answer


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


TEXT_SOURCES = {query.name: query.source for query in SQL_QUERIES}


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
        assert "DTU is at 80 %" in failure(found[name]).error


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
