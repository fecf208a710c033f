"""The logs answerer, asked as Azure's clients ask it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryResult

from local.cloud import log_analytics
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.log_analytics import AUDIENCE
from local.cloud.log_analytics_store import RETENTION, LogStore, Span
from local.cloud.log_analytics_tables import INGESTION
from local.cloud.resources import APP, WORKSPACE
from local.cloud.tokens import Keys
from local.world.events import CustomEvent, ExceptionEvent, PageView, Request, WorldMinute
from tests.local.cloud.handmade import T0, PlainWorld, StillClock

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def a_request(at: datetime, **changes: Any) -> Request:
    usual = Request(
        at=at,
        operation_id="0af7651916cd43dd8448eb211c80319c",
        name="GET /api/contacts",
        url="https://crm.example.com/api/contacts",
        status=200,
        duration_ms=120.5,
    )
    return replace(usual, **changes)


@dataclass
class TalkativeWorld(PlainWorld):
    """Every minute has the same request, 10 s after its start, and says that it was asked for."""

    asked: list[datetime] = field(default_factory=list)
    second: float = 10.0
    duration_ms: float = 120.5

    def minute(self, start: datetime) -> WorldMinute:
        self.asked.append(start)
        at = start + timedelta(seconds=self.second)
        return replace(
            super().minute(start),
            requests=(a_request(at, duration_ms=self.duration_ms),),
            exceptions=(ExceptionEvent(at, "0af7", "TypeError at f", "TypeError", "No."),),
            events=(CustomEvent(at, "LoginFailed", client_ip="203.0.113.7"),),
            page_views=(PageView(at, "/contacts", "https://crm.example.com/contacts", 800.0),),
        )


@dataclass
class Caller:
    """The SDK's credential: an honest token, or one for another audience."""

    keys: Keys
    audience: str = AUDIENCE

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self.keys.token(self.audience), 4_000_000_000)


@pytest.fixture
def world() -> TalkativeWorld:
    return TalkativeWorld()


@pytest.fixture
def clock() -> StillClock:
    return StillClock(T0 + HOUR)


@pytest.fixture
def cloud(desk: Desk) -> Iterator[Cloud]:
    with running_cloud(desk, [log_analytics.answerer]) as running:
        yield running


@pytest.fixture
def client(cloud: Cloud) -> Iterator[LogsQueryClient]:
    with a_client(cloud) as client:
        yield client


def a_client(cloud: Cloud, audience: str = AUDIENCE) -> LogsQueryClient:
    credential = Caller(cloud.desk.keys, audience)
    return LogsQueryClient(credential, endpoint=cloud.urls["logs"], retry_total=0)


def ask(
    client: LogsQueryClient,
    kql: str,
    timespan: Any = HOUR,
    *,
    workspace: str = WORKSPACE,
    **options: Any,
) -> list[list[Any]]:
    answer = client.query_workspace(
        workspace, kql, timespan=timespan, enforce_https=False, **options
    )
    assert isinstance(answer, LogsQueryResult)
    return [list(row) for row in answer.tables[0].rows]


def count(client: LogsQueryClient, timespan: Any, table: str = "AppRequests") -> int:
    return int(ask(client, f"{table} | count", timespan)[0][0])


def refused(client: LogsQueryClient, kql: str, **options: Any) -> HttpResponseError:
    with pytest.raises(HttpResponseError) as error:
        ask(client, kql, **options)
    return error.value


def inner_code(error: HttpResponseError) -> str:
    response: Any = error.response
    return str(response.json()["error"]["innererror"]["innererror"]["code"])


class TestAnswers:
    def test_cells_arrive_as_the_sdk_expects_them(self, client: LogsQueryClient) -> None:
        kql = (
            "AppRequests | top 1 by TimeGenerated desc"
            " | project TimeGenerated, ResultCode, Success, DurationMs, ItemCount,"
            " Long = tolong(ItemCount), Nothing = 0.0 / 0.0, Bag = Properties,"
            " List = pack_array(1, 'a'), Span = 90s"
        )

        (row,) = ask(client, kql)

        assert row[:6] == [T0 + 58 * MINUTE + timedelta(seconds=10), "200", True, 120.5, 1, 1]
        assert row[6:] == ["NaN", "{}", '[1,"a"]', "00:01:30"]

    def test_columns_have_kusto_types(self, client: LogsQueryClient) -> None:
        answer = client.query_workspace(
            WORKSPACE,
            "AppRequests | summarize N = sum(ItemCount), D = avg(DurationMs), "
            "L = make_list(Name) by M = bin(TimeGenerated, 1m), Success",
            timespan=HOUR,
            enforce_https=False,
        )

        assert isinstance(answer, LogsQueryResult)
        (table,) = answer.tables
        kinds = dict(zip(table.columns, table.columns_types, strict=True))
        assert table.name == "PrimaryResult"
        assert kinds == {
            "M": "datetime",
            "Success": "bool",
            "N": "long",
            "D": "real",
            "L": "dynamic",
        }

    @pytest.mark.parametrize(
        ("table", "column", "value"),
        [
            ("AppExceptions", "ExceptionType", "TypeError"),
            ("AppEvents", "ClientIP", "0.0.0.0"),  # noqa: S104 - Azure blanks it
            ("AppEvents", 'tostring(Properties["source_ip"])', "203.0.113.7"),
            ("AppPageViews", "DurationMs", 800.0),
            ("AppRequests", "Type", "AppRequests"),
            ("AppRequests", "UserId", ""),
        ],
    )
    def test_every_kind_of_event_has_its_table(
        self, table: str, column: str, value: object, client: LogsQueryClient
    ) -> None:
        assert ask(client, f"{table} | take 1 | project {column}") == [[value]]

    def test_a_table_that_nothing_fills_is_empty(self, client: LogsQueryClient) -> None:
        assert count(client, HOUR, "AppTraces") == 0

    def test_a_union_reads_all_that_it_names(self, client: LogsQueryClient) -> None:
        both = ask(client, "union AppRequests, AppEvents | summarize count() by Type | count")

        assert both == [[2]]

    def test_now_is_the_worlds(self, client: LogsQueryClient) -> None:
        assert ask(client, "print now()")[0][0] == T0 + HOUR
        assert ask(client, "AppRequests | where TimeGenerated > ago(5m) | count") == [[4]]

    def test_statistics_and_a_rendering_are_given_when_preferred(
        self, client: LogsQueryClient
    ) -> None:
        answer = client.query_workspace(
            WORKSPACE,
            "AppRequests | count",
            timespan=HOUR,
            include_statistics=True,
            include_visualization=True,
            enforce_https=False,
        )

        assert "query" in (answer.statistics or {})
        assert answer.visualization is not None


class TestTimespan:
    @pytest.mark.parametrize(
        ("timespan", "minutes"),
        [
            (10 * MINUTE, 9),
            ((T0 + 20 * MINUTE, T0 + 25 * MINUTE), 5),
            ((T0 + 20 * MINUTE, 5 * MINUTE), 5),
            ((T0 + 20 * MINUTE, T0 + 20 * MINUTE + timedelta(seconds=10)), 1),
            ((T0 + 2 * HOUR, T0 + 3 * HOUR), 0),
            (None, 24 * 60 - 1),
        ],
    )
    def test_it_says_what_the_query_may_see(
        self, timespan: Any, minutes: int, client: LogsQueryClient
    ) -> None:
        assert count(client, timespan) == minutes

    @pytest.mark.parametrize("text", ["yesterday", "P", "PT", "PT5M/later", "/", 7])
    def test_one_that_cannot_be_read_is_refused(self, text: object, cloud: Cloud) -> None:
        answer = post(cloud, {"query": "AppRequests | count", "timespan": text})

        assert (answer.status_code, code(answer)) == (400, "BadArgumentError")


class TestIngestion:
    def test_an_item_is_seen_a_while_after_it_ended(
        self, client: LogsQueryClient, clock: StillClock, world: TalkativeWorld
    ) -> None:
        world.duration_ms = 30_000
        ended = T0 + timedelta(seconds=10 + 30)

        clock.at = ended + INGESTION - timedelta(seconds=1)
        before = count(client, (T0, T0 + MINUTE))
        clock.at = ended + INGESTION
        after = count(client, (T0, T0 + MINUTE))

        assert (before, after) == (0, 1)

    def test_an_item_that_is_late_is_seen_so_much_later(
        self, client: LogsQueryClient, clock: StillClock, world: TalkativeWorld
    ) -> None:
        world.late, world.duration_ms = 20 * MINUTE, 0
        usual = T0 + timedelta(seconds=10) + INGESTION

        clock.at = usual + world.late - timedelta(seconds=1)
        before = count(client, (T0, T0 + MINUTE))
        clock.at = usual + world.late
        after = count(client, (T0, T0 + MINUTE))

        assert (before, after) == (0, 1)

    def test_no_minute_is_taken_from_the_world_twice(
        self, client: LogsQueryClient, world: TalkativeWorld
    ) -> None:
        count(client, (T0, T0 + 10 * MINUTE))
        count(client, (T0 + 5 * MINUTE, T0 + 15 * MINUTE))

        assert len(world.asked) == len(set(world.asked)) == 16

    def test_the_future_is_not_asked_for(
        self, client: LogsQueryClient, world: TalkativeWorld, clock: StillClock
    ) -> None:
        count(client, (T0, T0 + 10 * HOUR))

        assert max(world.asked) <= clock.at

    def test_what_is_older_than_the_retention_is_forgotten(self, world: TalkativeWorld) -> None:
        store = LogStore(world)
        span = Span(T0, T0 + HOUR)
        asked = "AppRequests | count"

        kept = store.answer(asked, span, T0 + 2 * HOUR).rows
        gone = store.answer(asked, span, T0 + RETENTION + 2 * HOUR).rows

        assert (kept, gone) == ([(60,)], [(0,)])


class TestRefusals:
    @pytest.mark.parametrize(
        ("kql", "inner"),
        [
            ("AppRequests | where Nothing == 1", "SEM0100"),
            ("AppNothing | take 1", "SEM0100"),
            ("AppRequests | wherever", "SYN0002"),
            (".drop table AppRequests", "SEM0100"),
        ],
    )
    def test_a_bad_query_is_told_as_azure_does(
        self, kql: str, inner: str, client: LogsQueryClient
    ) -> None:
        error = refused(client, kql)

        assert error.status_code == 400
        assert "BadArgumentError" in str(error.message)
        assert inner_code(error) == inner

    def test_the_tables_survive_bad_queries(self, client: LogsQueryClient) -> None:
        refused(client, "AppRequests | where Nothing == 1")

        assert count(client, HOUR) == 59

    def test_a_token_for_somebody_else_is_refused(self, cloud: Cloud) -> None:
        with a_client(cloud, "https://management.azure.com") as stranger:
            assert refused(stranger, "AppRequests | count").status_code == 401

    def test_no_token_is_refused(self, cloud: Cloud) -> None:
        answer = post(cloud, {"query": "AppRequests | count"}, headers={})

        assert answer.status_code == 401

    def test_an_unknown_workspace_is_not_found(self, client: LogsQueryClient) -> None:
        other = "00000000-0000-0000-0000-000000000000"

        assert refused(client, "AppRequests | count", workspace=other).status_code == 404

    def test_while_the_source_is_down_nobody_is_answered(
        self, client: LogsQueryClient, world: TalkativeWorld
    ) -> None:
        world.down.add("logs")

        assert refused(client, "AppRequests | count").status_code == 503

    def test_a_query_ends_when_the_client_stops_waiting(
        self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given_up = threading.Event()
        monkeypatch.setattr(LogStore, "answer", lambda *_: given_up.wait(60))

        answer = post(cloud, {"query": "AppRequests"}, headers={"Prefer": "wait=0.05"})
        given_up.set()

        assert (answer.status_code, code(answer)) == (504, "GatewayTimeout")

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"query": 7}', b'{"query": " "}'])
    def test_a_body_without_a_query_is_refused(self, body: bytes, cloud: Cloud) -> None:
        assert post(cloud, body).status_code == 400


class TestOtherDoors:
    def test_a_resource_logs_to_the_same_workspace(self, client: LogsQueryClient) -> None:
        answer = client.query_resource(
            APP, "AppRequests | count", timespan=HOUR, enforce_https=False
        )

        assert isinstance(answer, LogsQueryResult)
        assert answer.tables[0].rows[0][0] == 59

    def test_an_unknown_resource_is_not_found(self, client: LogsQueryClient) -> None:
        with pytest.raises(HttpResponseError) as error:
            client.query_resource(
                f"{APP}-2", "AppRequests | count", timespan=HOUR, enforce_https=False
            )

        assert error.value.status_code == 404

    def test_a_batch_answers_each_query_on_its_own(self, client: LogsQueryClient) -> None:
        texts = ("AppRequests | count", "AppNothing | count", "AppEvents | count")
        queries = [LogsBatchQuery(WORKSPACE, text, timespan=HOUR) for text in texts]

        good, bad, other = client.query_batch(queries, enforce_https=False)

        assert [str(answer.status.value) for answer in (good, bad, other)] == [
            "Success",
            "Failure",
            "Success",
        ]

    @pytest.mark.parametrize("body", [{}, {"requests": []}, {"requests": [{"body": {}}]}])
    def test_a_batch_without_requests_or_ids_is_refused(self, body: Any, cloud: Cloud) -> None:
        assert post(cloud, body, path="/v1/$batch").status_code == 400


def post(
    cloud: Cloud,
    body: Any,
    *,
    path: str = f"/v1/workspaces/{WORKSPACE}/query",
    headers: dict[str, str] | None = None,
) -> requests.Response:
    token = {"Authorization": f"Bearer {cloud.desk.keys.token(AUDIENCE)}"}
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    given = {} if headers == {} else {**token, **(headers or {})}
    return requests.post(cloud.urls["logs"] + path, headers=given, timeout=60, **sent)


def code(answer: requests.Response) -> str:
    return str(answer.json()["error"]["code"])
