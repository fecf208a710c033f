"""Every statement of the catalog, executed, gives what the world itself reckons."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from statistics import fmean

import pytest

from local.cloud.sql.kept import naive
from local.cloud.tokens import Keys
from local.world.engine import Script, ScriptedWorld
from local.world.events import BusinessRows, Opportunity
from local.world.running import BAD_QUERY
from local.world.scenes import Blocking, DtuStorm, StorageFilling
from local.world.truth import truth
from shared.catalog.sql_queries import NAME_SETS, SQL_QUERIES
from shared.domain.times import MINUTE, floor_minute
from tests.local.cloud.sql.asking import Database, window
from tests.local.world.playing import T0

STORM = T0 + 30 * MINUTE
CHAIN = T0 + 50 * MINUTE
MOMENTS = (
    T0 - timedelta(hours=6, seconds=-3),
    T0 + timedelta(minutes=12, seconds=20),
    STORM + timedelta(minutes=6, seconds=50),
    CHAIN + timedelta(minutes=5, seconds=20),
)
USED = {
    *("active_users", "blocking", "grants", "interactions", "own_share", "reports"),
    *("resource_stats", "running_requests", "sessions", "storage", "sync_failures"),
    *("sync_pending", "deals_closed", "deals_of_month", "pipeline"),
    *("interaction_types", "report_durations"),
}


@cache
def _database(seed: int) -> Database:
    scenes = (DtuStorm(STORM), Blocking(CHAIN), StorageFilling(CHAIN))
    return Database(ScriptedWorld(Script("busy", T0, scenes), seed=seed), T0, Keys())


every_moment = pytest.mark.parametrize("at", MOMENTS, ids=lambda at: f"{at:%H:%M:%S}")
both_seeds = pytest.mark.parametrize("seed", [1, 2])
both_names = pytest.mark.parametrize("names", sorted(NAME_SETS))


@pytest.fixture
def database(seed: int, at: datetime) -> Database:
    return _database(seed).moved_to(at)


def _truth(database: Database, metric: str, minute: datetime) -> float | None:
    return truth(database.desk.world, metric, minute)


def _windows(at: datetime, count: int = 6) -> Iterator[datetime]:
    """The beginnings of whole windows of five minutes, the last of which ends before `at`."""
    end = floor_minute(at)
    yield from (end - 5 * MINUTE * n for n in range(count, 0, -1))


def test_no_query_of_the_catalog_is_left_out_here() -> None:
    """What inspections ask is compared with the world where their findings are."""
    assert {query.name for query in SQL_QUERIES} == USED


@both_seeds
@every_moment
@both_names
@pytest.mark.parametrize(
    ("query", "column", "metric", "given"),
    [
        ("interactions", "logged", "interactionsLogged", {}),
        ("reports", "generated", "reportsGenerated", {}),
        ("sync_failures", "failed", "offlineSync.failed", {"failed": "failed"}),
    ],
)
def test_counts_by_slots_are_the_worlds_windows(
    database: Database,
    at: datetime,
    names: str,
    query: str,
    column: str,
    metric: str,
    given: dict[str, str],
) -> None:
    windows = list(_windows(at))
    bounds = window(windows[-1] + 5 * MINUTE, 5 * len(windows))
    rows = database.catalog(query, names=names, **bounds, **given)
    counted = {row["slot"]: row[column] for row in rows}
    assert [counted.get(slot, 0) for slot in range(len(windows))] == [
        _truth(database, metric, start) for start in windows
    ]
    assert set(counted) <= set(range(len(windows)))


@both_seeds
@every_moment
@both_names
def test_active_users_are_those_of_the_window_that_ends_now(
    database: Database, at: datetime, names: str
) -> None:
    end = floor_minute(at)
    database.moved_to(end)
    since = window(end)["since"]
    (row,) = database.catalog("active_users", names=names, since=since)
    assert row["active"] == _truth(database, "activeUsers", end - 5 * MINUTE)


@both_seeds
@every_moment
@both_names
def test_what_waits_to_be_synchronised_is_what_waited_when_the_last_minute_ended(
    database: Database, at: datetime, names: str
) -> None:
    (row,) = database.catalog("sync_pending", names=names, pending="pending")
    last = floor_minute(at) - 5 * MINUTE
    assert row["pending"] == _truth(database, "offlineSync.pending", last)


@both_seeds
@every_moment
def test_resource_stats_are_the_last_hours_rows(database: Database, at: datetime) -> None:
    rows = database.catalog("resource_stats", since=naive(at - timedelta(hours=2)))
    ends = [row["end_time"] for row in rows]
    assert ends == sorted(set(ends))
    assert len(rows) == 240
    assert naive(at - timedelta(seconds=15)) < ends[-1] <= naive(at)
    for minute in (floor_minute(at) - n * MINUTE for n in (1, 2, 30, 58)):
        mine = [r for r in rows if naive(minute) < r["end_time"] <= naive(minute + MINUTE)]
        assert len(mine) == 4
        parts = ("avg_cpu_percent", "avg_data_io_percent", "avg_log_write_percent")
        dtu = [float(max(row[part] for part in parts)) for row in mine]
        assert fmean(dtu) == pytest.approx(_truth(database, "dtuUtilization", minute))
        assert max(dtu) == _truth(database, "dtuPeak", minute)
        workers = max(row["max_worker_percent"] for row in mine)
        assert float(workers) == _truth(database, "workersPercent", minute)
        sessions = max(row["max_session_percent"] for row in mine)
        assert float(sessions) == _truth(database, "sessionsPercent", minute)


@both_seeds
@every_moment
def test_only_the_rows_after_the_last_one_are_answered(database: Database, at: datetime) -> None:
    rows = database.catalog("resource_stats", since=naive(at - timedelta(hours=1)))
    newer = database.catalog("resource_stats", since=rows[-3]["end_time"])
    assert newer == rows[-2:]
    assert isinstance(newer[0]["avg_cpu_percent"], Decimal)


@both_seeds
@every_moment
def test_connections_are_the_crms_and_the_monitor_is_left_out(
    database: Database, at: datetime
) -> None:
    other = database.connect()
    (row,) = database.catalog("sessions")
    other.close()
    assert row["connections"] == _truth(database, "connectionCount", floor_minute(at))


@both_seeds
@every_moment
def test_storage_is_exact_to_the_byte(database: Database, at: datetime) -> None:
    (row,) = database.catalog("storage")
    assert row["used_bytes"] == database.desk.world.minute(floor_minute(at)).storage_bytes
    assert row["limit_bytes"] == database.desk.world.storage_limit_bytes
    assert 100 * row["used_bytes"] / row["limit_bytes"] == _truth(
        database, "storagePercent", floor_minute(at)
    )


@both_seeds
@every_moment
def test_blocked_requests_are_those_of_the_moment(database: Database, at: datetime) -> None:
    (row,) = database.catalog("blocking")
    expected = truth(database.desk.world, "blockedSessions", floor_minute(at), probes=(at.second,))
    assert row["blocked"] == expected == (4 if at > CHAIN else 0)


@pytest.mark.parametrize("at", [STORM + n * timedelta(seconds=85) for n in range(7)], ids=str)
@both_seeds
def test_the_bad_query_is_on_top_while_its_storm_lasts(database: Database) -> None:
    rows = database.catalog("running_requests")
    assert len(rows) == 5
    assert (rows[0]["statement"], rows[0]["command"]) == (BAD_QUERY, "SELECT")
    assert (rows[0]["program_name"], rows[0]["host_name"]) == ("node-mssql", "pantry-crm-0")
    spent = [row["cpu_time"] for row in rows]
    assert spent == sorted(spent, reverse=True)
    assert rows[0]["total_elapsed_time"] > rows[0]["cpu_time"] > 0
    assert rows[1]["wait_type"] == "PAGEIOLATCH_SH"


@both_seeds
@every_moment
def test_a_statement_is_cut_out_of_its_batch(database: Database) -> None:
    rows = database.catalog("running_requests")
    for row in rows:
        assert row["statement"].startswith(("SELECT", "UPDATE"))


@both_seeds
@every_moment
def test_the_monitor_sees_what_it_costs_grow(database: Database) -> None:
    first, second = (database.catalog("own_share")[0] for _ in range(2))
    assert second["cpu_ms"] > first["cpu_ms"] >= 0
    assert second["logical_reads"] > first["logical_reads"] >= 0


@both_seeds
@every_moment
def test_everything_is_granted_at_first(database: Database) -> None:
    assert database.catalog("grants") == [
        {"view_database_state": 1, "view_server_state": 1, "view_definition": 1}
    ]


@pytest.mark.parametrize("at", [T0])
@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_or_doubled_where_windows_meet(database: Database) -> None:
    """Windows of odd lengths that join, against one that holds them all."""
    ends = [T0 - timedelta(minutes=90), T0 - timedelta(minutes=71, seconds=17.5)]
    ends += [T0 - timedelta(minutes=60), T0 - timedelta(minutes=3, seconds=0.2), T0]
    text = "SELECT COUNT_BIG(*) FROM Interaction WHERE createdAt >= @P1 AND createdAt < @P2"
    parts = [
        database.value(text, P1=naive(since), P2=naive(until)) for since, until in pairwise(ends)
    ]
    assert sum(parts) == database.value(text, P1=naive(ends[0]), P2=naive(ends[-1]))
    counted = [_truth(database, "interactionsLogged", start) for start in _windows(T0, 18)]
    assert sum(parts) == sum(value or 0 for value in counted)


@pytest.mark.parametrize("at", [T0 + timedelta(seconds=31)])
@pytest.mark.parametrize("seed", [2])
def test_what_is_yet_to_happen_in_the_running_minute_is_not_there(database: Database) -> None:
    rows = database.desk.world.business_rows(T0).interactions
    seen = database.value("SELECT COUNT(*) FROM Interaction WHERE createdAt >= @P1", P1=naive(T0))
    assert seen == sum(row.at <= T0 + timedelta(seconds=31) for row in rows) < len(rows)


@pytest.mark.parametrize("at", [T0])
@pytest.mark.parametrize("seed", [1])
def test_a_day_and_two_hours_are_remembered(database: Database) -> None:
    oldest = naive(T0 - timedelta(hours=26))
    text = "SELECT DATEDIFF(minute, @P1, MIN(createdAt)) FROM Interaction"
    assert 0 <= database.value(text, P1=oldest) < 10
    database.moved_to(T0 + timedelta(hours=2))
    assert 110 <= database.value(text, P1=oldest) < 130


def _since(hours: int, at: datetime, seed: int = 1) -> list[BusinessRows]:
    """What each minute of the last hours left in the CRM's tables."""
    world, first = _database(seed).desk.world, floor_minute(at) - hours * 60 * MINUTE
    return [world.business_rows(first + n * MINUTE) for n in range(hours * 60)]


@both_names
def test_types_and_durations_are_those_of_the_rows(names: str) -> None:
    at = MOMENTS[1]
    database = _database(1).moved_to(at)
    bounds = {"since": floor_minute(at) - 60 * MINUTE, "until": floor_minute(at)}
    rows = _since(1, at)

    types = database.catalog("interaction_types", names=names, **bounds)
    reports = database.catalog("report_durations", names=names, **bounds)

    assert {(row["slot"], row["kind"]): row["logged"] for row in types} == Counter(
        (n // 15, one.kind) for n, minute in enumerate(rows) for one in minute.interactions
    )
    took: dict[tuple[int, str], list[int]] = {}
    for n, minute in enumerate(rows):
        for one in minute.reports:
            took.setdefault((n // 15, one.kind), []).append(one.took_ms)
    assert {
        (row["slot"], row["kind"]): (row["generated"], row["took_ms"], row["longest_ms"])
        for row in reports
    } == {key: (len(some), sum(some), max(some)) for key, some in took.items()}


@both_names
def test_deals_are_those_of_the_rows(names: str) -> None:
    at, seed = T0, 7
    database = _database(seed).moved_to(at)
    until, today, month = floor_minute(at), T0 - 3 * 60 * MINUTE, T0 - 8 * 60 * MINUTE
    deals = [deal for minute in _since(26, at, seed) for deal in minute.opportunities]
    ended = [deal for deal in deals if deal.closed_at and deal.closed_at < until]
    of_month = [deal for deal in ended if deal.closed_at >= month]  # type: ignore[operator]

    closed = database.catalog("deals_closed", names=names, since=today, until=until)
    so_far = database.catalog("deals_of_month", names=names, month=month, today=today, until=until)
    waiting = database.catalog("pipeline", names=names)

    assert {(row["slot"], row["stage"]): row["deals"] for row in closed} == Counter(
        ((deal.closed_at - today) // (15 * MINUTE), deal.stage)  # type: ignore[operator]
        for deal in of_month
        if deal.closed_at >= today  # type: ignore[operator]
    )
    assert {row["stage"]: row["worth"] for row in so_far} == _worth(of_month)
    assert {row["stage"]: row["today"] for row in so_far if row["today"]} == _worth(
        deal
        for deal in of_month
        if deal.closed_at >= today  # type: ignore[operator]
    )
    assert sum(row["deals"] for row in waiting) == sum(
        deal.created_at <= at and (deal.closed_at is None or deal.closed_at > at) for deal in deals
    )


def _worth(deals: Iterable[Opportunity]) -> Counter[str]:
    found = Counter[str]()
    for deal in deals:
        found[deal.stage] += deal.value
    return found
