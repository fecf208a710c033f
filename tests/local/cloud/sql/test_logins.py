"""Who is let in, and with which numbers the others are turned away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from local.cloud.sql.database import AUDIENCE
from local.cloud.sql.engine import Login
from local.cloud.tokens import Keys
from shared.domain.times import MINUTE
from tests.local.cloud.handmade import T0, PlainWorld
from tests.local.cloud.sql.asking import Database, failure


@pytest.fixture
def database(keys: Keys) -> Iterator[Database]:
    made = Database(PlainWorld(), T0 + 30 * MINUTE, keys)
    yield made
    made.session.close()


def test_a_password_lets_in(database: Database) -> None:
    engine = database.engine
    session = engine.login(Login("Pantry-Monitor", engine.password, database="PANTRY"))
    assert [list(each.rows) for each in session.run("SELECT 1 AS a", {})] == [[(1,)]]


@pytest.mark.parametrize(
    "login",
    [
        Login("pantry-monitor", "guess"),
        Login("sa", ""),
        Login(),
        Login(token="no token at all"),  # noqa: S106 - refused
    ],
    ids=["wrong", "unknown", "empty", "no token"],
)
def test_nothing_else_does(database: Database, login: Login) -> None:
    failed = failure(lambda: database.engine.login(login))
    assert (failed.number, failed.severity) == (18456, 14)
    assert failed.message.startswith("Login failed for user '")


@pytest.mark.parametrize("audience", [AUDIENCE, AUDIENCE + "/"])
def test_a_token_for_the_database_lets_in(database: Database, audience: str) -> None:
    token = database.desk.keys.token(audience, oid="7f0e")
    session = database.engine.login(Login(token=token))
    (result,) = session.run("SELECT ORIGINAL_LOGIN() AS me", {})
    assert list(result.rows) == [("7f0e",)]


@pytest.mark.parametrize("old", [False, True], ids=["for another", "expired"])
def test_another_token_does_not(database: Database, old: bool) -> None:  # noqa: FBT001
    lifetime = timedelta(hours=-1 if old else 1)
    audience = AUDIENCE if old else "https://api.loganalytics.io"
    token = database.desk.keys.token(audience, lifetime=lifetime)
    assert failure(lambda: database.engine.login(Login(token=token))).number == 18456


def test_there_is_one_database(database: Database) -> None:
    engine = database.engine
    login = Login(engine.user, engine.password, database="larder")
    assert failure(lambda: engine.login(login)).number == 4060


def test_logins_can_be_refused_by_number_for_a_while(database: Database) -> None:
    database.engine.refuse_logins(40613, times=2)
    found = [failure(database.connect) for _ in range(2)]
    assert [(error.number, error.severity) for error in found] == [(40613, 17)] * 2
    database.connect()
    database.engine.refuse_logins(10928, "Resource ID : 1.")
    assert failure(database.connect).message == "Resource ID : 1."
    assert failure(database.connect).severity == 20
    database.engine.accept_logins()
    database.connect()
