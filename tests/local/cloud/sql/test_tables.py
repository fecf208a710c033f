"""The CRM's tables and the system views: columns, and rows that follow the clock."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.cloud.sql.kept import naive
from local.cloud.sql.remedies import FUNCTIONS
from local.cloud.sql.views import BUSINESS_TABLES, SYSTEM_VIEWS
from local.cloud.tokens import Keys
from local.world.events import BusinessRow, BusinessRows
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import T0, PlainWorld
from tests.local.cloud.sql.asking import Database, failure
from tests.local.world.playing import a_world, the_scene


@pytest.fixture
def database(keys: Keys) -> Iterator[Database]:
    made = Database(PlainWorld(), T0 + 30 * MINUTE, keys)
    yield made
    made.session.close()


def test_a_table_can_be_missing_under_one_name_and_come_back(database: Database) -> None:
    database.engine.drop("report")
    text = "SELECT COUNT(*) FROM dbo.Report"
    assert failure(lambda: database.ask(text)).message == "Invalid object name 'Report'."
    assert database.value("SELECT COUNT(*) FROM dbo.ReportExecution") == 0
    database.engine.restore("Report")
    assert database.value(text) == 0


def test_a_table_that_never_was_cannot_be_dropped(database: Database) -> None:
    with pytest.raises(ValueError, match="OfflineSync"):
        database.engine.drop("Larder")


@pytest.mark.parametrize("table", sorted(BUSINESS_TABLES))
def test_every_table_has_its_columns(database: Database, table: str) -> None:
    (result,) = database.results(f"SELECT * FROM dbo.[{table}]")  # noqa: S608 - ours
    columns = {column.name: column.type for column in result.columns or ()}
    assert columns == BUSINESS_TABLES[table]


@pytest.fixture(scope="module")
def lively() -> Iterator[Database]:
    """A database that has lived, with a transaction that somebody forgot."""
    world = a_world("blocking")
    made = Database(world, the_scene(world).begins + MINUTE)
    yield made
    made.session.close()


@pytest.mark.parametrize("view", sorted(set(SYSTEM_VIEWS) - FUNCTIONS.keys()))
def test_every_view_has_its_documented_columns_and_rows(lively: Database, view: str) -> None:
    (result,) = lively.results(f"SELECT * FROM sys.{view}")  # noqa: S608 - ours
    columns = {column.name: column.type for column in result.columns or ()}
    assert columns == SYSTEM_VIEWS[view]
    assert result.rows


def test_rows_come_and_go_with_the_clock(keys: Keys) -> None:
    row = BusinessRow("1", T0 + timedelta(seconds=30), "call", "u-001")
    database = Database(PlainWorld(rows=BusinessRows(interactions=(row,))), T0, keys)
    seen = []
    for at in (T0, row.at, T0 + 26 * 60 * MINUTE, T0 + 28 * 60 * MINUTE, row.at):
        database.moved_to(at)
        seen.append(database.value("SELECT COUNT(*) FROM Interaction"))
    assert seen == [0, 1, 1, 0, 1]


def test_what_waits_is_listed_with_times_of_the_last_minutes(keys: Keys) -> None:
    database = Database(a_world(), T0 + 30 * MINUTE, keys)
    rows = database.ask("SELECT updatedAt FROM OfflineSync WHERE status = N'Pending'")
    waiting = database.desk.world.minute(T0 + 29 * MINUTE).business.sync_pending
    assert len(rows) == waiting > 0


def test_an_opportunity_is_open_until_it_is_closed(keys: Keys) -> None:
    database = Database(a_world(), T0, keys)
    text = "SELECT COUNT(*) FROM Opportunity WHERE "
    assert database.value(text + "closedAt > SYSUTCDATETIME()") == 0
    decided = database.value(text + "stage IN (N'won', N'lost') AND closedAt IS NOT NULL")
    assert decided == database.value(text + "closedAt IS NOT NULL") > 0


def test_a_row_of_load_is_there_from_its_end_for_an_hour(keys: Keys) -> None:
    database = Database(a_world(), T0 + timedelta(seconds=15), keys)
    text = "SELECT MIN(end_time), MAX(end_time), COUNT(*) FROM sys.dm_db_resource_stats"
    first, last = naive(T0 - timedelta(minutes=59, seconds=30)), naive(database.clock.at)
    assert database.ask(text) == [(first, last, 240)]
    database.moved_to(database.clock.at + timedelta(seconds=14.9))
    assert database.ask(text) == [(first, last, 240)]
    database.moved_to(T0 + timedelta(seconds=30))
    later = timedelta(seconds=15)
    assert database.ask(text) == [(first + later, last + later, 240)]


def test_what_waits_changes_when_a_minute_has_ended(keys: Keys) -> None:
    world = a_world("outage")
    begins = the_scene(world).begins
    database = Database(world, begins, keys)
    text = "SELECT COUNT(*) FROM OfflineSync WHERE status = N'pending'"
    seen = [database.moved_to(begins + n * MINUTE / 2).value(text) for n in range(10)]
    ended = [world.minute(begins + n * MINUTE).business.sync_pending for n in range(-1, 4)]
    assert seen == [count for count in ended for _ in range(2)]
    assert len(set(ended)) > 2
