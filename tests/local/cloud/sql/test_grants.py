"""Which views a login may read, with the numbers that a refusal has."""

from collections.abc import Iterator

import pytest

from local.cloud.sql.grants import VIEW_DATABASE_STATE, VIEW_SERVER_STATE
from local.cloud.tokens import Keys
from local.world.running import BAD_QUERY
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import T0, PlainWorld
from tests.local.cloud.sql.asking import Database, failure
from tests.local.world.playing import a_world, the_scene


@pytest.fixture
def database(keys: Keys) -> Iterator[Database]:
    made = Database(PlainWorld(), T0 + 30 * MINUTE, keys)
    yield made
    made.session.close()


@pytest.fixture(scope="module")
def storm() -> Database:
    world = a_world("dtu_storm")
    return Database(world, the_scene(world).begins + 3 * MINUTE, Keys())


def test_without_database_state_others_are_not_there_and_load_is_denied(storm: Database) -> None:
    grants = storm.engine.grants
    try:
        grants.take(VIEW_SERVER_STATE)
        grants.take(VIEW_DATABASE_STATE)
        assert storm.ask("SELECT session_id FROM sys.dm_exec_sessions") == [(401,)]
        assert storm.ask("SELECT session_id FROM sys.dm_exec_requests") == [(401,)]
        denied = failure(lambda: storm.ask("SELECT * FROM sys.dm_db_resource_stats"))
        assert (denied.number, denied.severity) == (262, 14)
        assert storm.catalog("own_share")[0]["logical_reads"] > 0
        assert storm.catalog("storage")[0]["used_bytes"] > 0
        assert storm.catalog("grants") == [
            {"view_database_state": 0, "view_server_state": 0, "view_definition": 1}
        ]
    finally:
        grants.give(VIEW_SERVER_STATE)
        grants.give(VIEW_DATABASE_STATE)


def test_without_server_state_only_own_requests_and_texts_are_there(storm: Database) -> None:
    handle = storm.value("SELECT TOP 1 sql_handle FROM sys.dm_exec_requests WHERE cpu_time > 99")
    text = "SELECT text FROM sys.dm_exec_sql_text(@handle) AS t"
    assert storm.ask(text, handle=handle) == [(BAD_QUERY,)]
    storm.engine.grants.take(VIEW_SERVER_STATE)
    try:
        assert storm.ask("SELECT session_id FROM sys.dm_exec_requests") == [(401,)]
        assert storm.ask(text, handle=handle) == []
        assert storm.catalog("running_requests") == []
        assert len(storm.ask("SELECT session_id FROM sys.dm_exec_sessions")) > 40
        denied = failure(lambda: storm.ask("SELECT * FROM sys.dm_exec_connections"))
        assert (denied.number, denied.severity) == (300, 14)
        assert storm.catalog("grants") == [
            {"view_database_state": 1, "view_server_state": 0, "view_definition": 1}
        ]
        assert storm.value("SELECT IS_SRVROLEMEMBER('##MS_ServerStateReader##')") == 0
    finally:
        storm.engine.grants.give(VIEW_SERVER_STATE)


def test_the_role_brings_database_state_with_it(database: Database) -> None:
    database.engine.grants.take(VIEW_DATABASE_STATE)
    assert database.catalog("grants") == [
        {"view_database_state": 1, "view_server_state": 1, "view_definition": 1}
    ]
    assert database.ask("SELECT TOP (1) end_time FROM sys.dm_db_resource_stats")


@pytest.mark.parametrize("number", [229, 262, 297, 300])
def test_a_view_can_be_refused_whatever_is_granted(database: Database, number: int) -> None:
    database.engine.grants.refuse("sys.dm_exec_sessions", number)
    denied = failure(lambda: database.catalog("sessions"))
    assert (denied.number, denied.severity) == (number, 14)
    assert database.catalog("blocking") == [{"blocked": 0}]
    database.engine.grants.allow("sys.dm_exec_sessions")
    assert database.catalog("sessions") == [{"connections": 12}]


def test_a_refusal_names_what_it_refuses(database: Database) -> None:
    database.engine.grants.refuse("dm_exec_sql_text")
    database.engine.grants.refuse("dbo.Report")
    assert failure(lambda: database.catalog("running_requests")).message == (
        "The SELECT permission was denied on the object 'dm_exec_sql_text', "
        "database 'pantry', schema 'sys'."
    )
    denied = failure(lambda: database.ask("SELECT COUNT(*) FROM Report"))
    assert denied.message.endswith("database 'pantry', schema 'dbo'.")
    text = "SELECT HAS_PERMS_BY_NAME(@name, N'OBJECT', N'SELECT')"
    assert database.value(text, name="dbo.Report") == 0
    assert database.value(text, name="dbo.Session") == 1


def test_what_there_is_not_cannot_be_granted(database: Database) -> None:
    with pytest.raises(ValueError, match="VIEW SERVER STATE"):
        database.engine.grants.give("CONTROL")
    with pytest.raises(ValueError, match="229"):
        database.engine.grants.refuse("dm_exec_sessions", 208)
