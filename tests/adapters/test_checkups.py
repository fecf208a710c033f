"""What a refusal means, by its number, and what is said of answers that nobody expects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.checkups import apps, mends, people, storage, telemetry
from shared.adapters.checkups.databases import DatabaseExaminer, Place
from shared.adapters.checkups.identities import Credentials, Identity
from shared.adapters.memory import MemoryRows
from shared.adapters.rows import Row
from shared.adapters.sql.azure_sql import Database
from shared.adapters.sql.failures import SqlFailure
from shared.domain.errors import StoreUnavailable, Untried, Unwell
from tests.adapters.providers import Provider, running_provider
from tests.builders import T0

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/pantry-monitor"
DATABASE = "/subscriptions/s/resourceGroups/crm/providers/Microsoft.Sql/servers/sql/databases/db"


SELF, SOMEBODY = Identity("7c1a", APP), Identity("me", APP, is_app=False)


def nothing_mends() -> str:
    return "the mend"


def an_examiner(failure: SqlFailure, user: str = "") -> DatabaseExaminer:
    def refuse(**_: Any) -> Any:
        raise failure

    where = Place(DATABASE, "sql.database.windows.net", 1433, "db", user)
    who = Credentials(lambda: None, "scope", APP)
    return DatabaseExaminer("crm", Database(refuse), where, who, T0)


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (18456, "CREATE USER [pantry-monitor] FROM EXTERNAL PROVIDER"),
        (4060, "az sql db list --resource-group crm --server sql"),
        (40615, "az sql server firewall-rule create --resource-group crm --server sql"),
        (40613, f"az sql db show --ids {DATABASE}"),
        (10928, "FROM sys.dm_exec_sessions WHERE is_user_process = 1"),
        (None, f"az sql db show --ids {DATABASE}"),
    ],
)
def test_a_refused_login_says_what_helps(number: int | None, mend: str) -> None:
    with pytest.raises(Unwell) as found:
        an_examiner(SqlFailure("no", number)).log_in()

    assert mend in found.value.mend


def test_a_password_is_mended_where_one_is_used() -> None:
    with pytest.raises(Unwell) as found:
        an_examiner(SqlFailure("no", 18456), user="monitor").log_in()

    assert "'SQL_PASSWORD=<password of monitor>'" in found.value.mend


class Status(Exception):
    status_code = 403


class Refusing(MemoryRows):
    """A table that the identity may not write."""

    def transact(self, *_: Any) -> list[str | None]:
        raise StoreUnavailable("403 AuthorizationPermissionMismatch") from Status()


class Forgetting(MemoryRows):
    """A table that takes a row and does not have it."""

    def get(self, *_: Any) -> Row | None:
        return None


def test_the_table_that_refuses_is_named_with_its_status() -> None:
    statuses: list[int | None] = []

    def mend(status: int | None) -> str:
        statuses.append(status)
        return "a role"

    with pytest.raises(Unwell, match="Alerts: 403 Auth"):
        storage.try_tables({"Samples": MemoryRows(), "Alerts": Refusing()}, mend)
    with pytest.raises(Unwell, match="Alerts forgot a row"):
        storage.try_tables({"Alerts": Forgetting()}, mend)

    assert statuses == [403, None]


def test_a_table_is_left_as_it_was() -> None:
    rows = MemoryRows()

    storage.try_tables({"Samples": rows}, str)

    assert rows.query(storage.PARTITION, "", "~") == []


def test_blobs_are_listed_by_the_identity() -> None:
    with running_provider() as provider:
        provider.answers(200, b"<EnumerationResults/>")
        assert storage.try_blobs(provider.url, lambda scope: f"for {scope}", str) == "can be listed"
        provider.answers(403)
        with pytest.raises(Unwell, match="the storage answered 403") as found:
            storage.try_blobs(provider.url, str, lambda status: f"a role against {status}")

    assert provider.asked[0].headers["authorization"] == f"Bearer for {storage.SCOPE}"
    assert found.value.mend == "a role against 403"


@pytest.mark.parametrize(("seconds", "said"), [(50, "ours shows"), (-70, "s off the storage's")])
def test_a_clock_may_be_a_minute_off(seconds: int, said: str) -> None:
    def wall() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    with running_provider() as provider:
        try:
            found = storage.compare_clocks(provider.url, wall, nothing_mends)
        except Unwell as unwell:
            found = str(unwell)

    assert said in found


def test_the_account_is_known_by_either_setting() -> None:
    spelled = "AccountName=dev;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:10002/dev"
    assert storage.table_endpoint(spelled, "") == "http://127.0.0.1:10002/dev"
    assert storage.table_endpoint("", "pantry") == "https://pantry.table.core.windows.net"
    assert storage.account_name(spelled, "") == "dev"


def ask_bot(provider: Provider) -> str:
    return people.ask_slack_bot(provider.url, "xoxb-1", nothing_mends)


def test_a_bot_without_its_scope_is_told() -> None:
    with running_provider() as provider:
        provider.answers(200, b'{"ok": true}', headers={"X-OAuth-Scopes": "channels:read"})
        with pytest.raises(Unwell, match="lacks the scope chat:write"):
            ask_bot(provider)
        provider.answers(200, b'{"ok": false, "error": "token_revoked"}')
        with pytest.raises(Unwell, match="token_revoked") as found:
            ask_bot(provider)
        assert found.value.mend == "the mend"
        provider.answers(200, b"no json")
        with pytest.raises(Unwell, match="status 200") as found:
            ask_bot(provider)

    assert found.value.mend == mends.SLACK_AWAY


def test_a_service_that_takes_an_empty_message_is_not_what_it_should_be() -> None:
    with running_provider() as provider:
        provider.answers(202, b"{}")
        with pytest.raises(Unwell, match="answered 202 to an empty message"):
            people.ask_communication(
                provider.url,
                people.MAIL_PATH,
                people.signed_as(lambda scope: scope),
                who="the mail service",
                mend=nothing_mends,
            )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (206, b'{"itemsAccepted": 0, "errors": [{"statusCode": 439}]}', "its daily cap is reached"),
        (402, b"", "its daily cap is reached"),
        (308, b"", "another region"),
        (200, b'{"itemsAccepted": 0}', "answered 200"),
        (500, b"\x00", "answered 500"),
    ],
)
def test_telemetry_that_is_not_kept_is_not_well(status: int, body: bytes, said: str) -> None:
    with running_provider() as provider:
        provider.answers(status, body)
        to = telemetry.Ingestion(provider.url, "key", "app", telemetry.AUDIENCE, by_identity=True)
        with pytest.raises(Unwell, match=said):
            telemetry.send_line(to, T0, str, Identity)


def test_functions_that_are_not_listed_are_named() -> None:
    with running_provider() as provider:
        provider.answers(200, b'{"value": [{"name": "pantry/WarmUp"}]}')
        with pytest.raises(Unwell, match="does not list tick, watch"):
            apps.ask_functions(provider.url, SELF, lambda: "token", ("watch", "tick"))
        provider.answers(404)
        with pytest.raises(Unwell, match="Azure knows no app") as found:
            apps.ask_functions(provider.url, SELF, lambda: "token", ())
        assert "az functionapp list" in found.value.mend
        provider.answers(403)
        with pytest.raises(Untried, match="function list --resource-group g --name pantry-mon"):
            apps.ask_functions(provider.url, SOMEBODY, lambda: "token", ())
        with pytest.raises(Unwell, match="the app lacks Monitoring Reader on itself") as found:
            apps.ask_functions(provider.url, SELF, lambda: "token", ())
        assert found.value.limps
        provider.answers(200, b"[]")
        with pytest.raises(Untried, match="the answer of Azure can't be read"):
            apps.ask_functions(provider.url, SELF, lambda: "token", ())
        provider.answers(200, b'{"keys": []}')
        with pytest.raises(Unwell, match="without signing keys"):
            apps.ask_issuer(provider.url, nothing_mends)
