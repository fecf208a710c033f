"""Platform metrics speak ARM's and the batch service's protocol over the raw world."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from local.cloud.clouds import Cloud
from local.cloud.metric_definitions import TYPES, app_disk_bytes
from local.cloud.platform_metrics import ARM_AUDIENCE, BATCH_AUDIENCE
from local.cloud.resources import APP, DATABASE, PLAN, SUBSCRIPTION
from shared.catalog.platform_metrics import NAMESPACES, PLATFORM_METRICS
from tests.local.cloud.handmade import T0, PlainWorld, StillClock

MINUTE = timedelta(minutes=1)
WINDOW = "2026-03-02T09:00:00Z/2026-03-02T09:03:00Z"

Get = Callable[..., requests.Response]


@pytest.fixture(autouse=True)
def an_hour_later(clock: StillClock) -> None:
    clock.at = T0 + timedelta(hours=1)


@pytest.fixture
def get(cloud: Cloud) -> Get:
    """Ask about one resource as an allowed caller; parameters may be replaced, or left out."""

    def ask(resource_id: str, names: str, aggregation: str = "", **more: str) -> requests.Response:
        given = {
            "api-version": "2023-10-01",
            "metricnames": names,
            "timespan": WINDOW,
            "interval": "PT1M",
            "aggregation": aggregation,
            **more,
        }
        return requests.get(
            f"{cloud.urls['platform']}{resource_id}/providers/Microsoft.Insights/metrics",
            params={name: value for name, value in given.items() if value},
            headers={"Authorization": f"Bearer {cloud.desk.keys.token(ARM_AUDIENCE)}"},
            timeout=60,
        )

    return ask


def _points(answer: requests.Response, index: int = 0) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    (series,) = answer.json()["value"][index]["timeseries"]
    found: list[dict[str, Any]] = series["data"]
    return found


def test_an_answer_has_the_shape_that_arm_documents(get: Get) -> None:
    body = get(PLAN, "CpuPercentage", "average", metricnamespace="Microsoft.Web/serverfarms").json()
    assert body == {
        "cost": 3,
        "timespan": WINDOW,
        "interval": "PT1M",
        "value": [
            {
                "id": f"{PLAN}/providers/Microsoft.Insights/metrics/CpuPercentage",
                "type": "Microsoft.Insights/metrics",
                "name": {"value": "CpuPercentage", "localizedValue": "CPU Percentage"},
                "displayDescription": "CPU Percentage",
                "unit": "Percent",
                "timeseries": [
                    {
                        "metadatavalues": [],
                        "data": [
                            {"timeStamp": "2026-03-02T09:00:00Z", "average": 0.0},
                            {"timeStamp": "2026-03-02T09:01:00Z", "average": 1.0},
                            {"timeStamp": "2026-03-02T09:02:00Z", "average": 2.0},
                        ],
                    }
                ],
                "errorCode": "Success",
            }
        ],
        "namespace": "microsoft.web/serverfarms",
        "resourceregion": "westeurope",
    }


def test_the_database_is_merged_from_its_rows(get: Get) -> None:
    names = "dtu_consumption_percent,cpu_percent,log_write_percent,storage,storage_percent"
    answer = get(DATABASE, names, "average,maximum,minimum")
    stamp = {"timeStamp": "2026-03-02T09:01:00Z"}
    assert [_points(answer, index)[1] for index in range(5)] == [
        {**stamp, "average": 2.75, "maximum": 4.0, "minimum": 2.0},
        {**stamp, "average": 2.5, "maximum": 4.0, "minimum": 1.0},
        {**stamp, "average": 2.0, "maximum": 2.0, "minimum": 2.0},
        {**stamp, "average": 500.0, "maximum": 500, "minimum": 500},
        {**stamp, "average": 25.0, "maximum": 25.0, "minimum": 25.0},
    ]


def test_the_app_and_the_plan_give_what_they_have(get: Get) -> None:
    totals = get(APP, "Requests,Http2xx,Http4xx,Http5xx", "total")
    assert [_points(totals, index)[0]["total"] for index in range(4)] == [10, 7, 2, 1]
    means = get(APP, "HttpResponseTime,MemoryWorkingSet", "average")
    assert [_points(means, index)[0]["average"] for index in range(2)] == [0.25, 300]
    assert [one["unit"] for one in means.json()["value"]] == ["Seconds", "Bytes"]
    bytes_in = get(PLAN, "BytesReceived,BytesSent", "total")
    assert [_points(bytes_in, index)[2]["total"] for index in range(2)] == [1002, 2002]
    assert _points(get(PLAN, "SocketOutboundAll"))[0]["average"] == 7


def test_names_and_ids_may_be_in_any_case_and_the_first_aggregation_is_usual(get: Get) -> None:
    answer = get(DATABASE.lower(), "CPU_Percent")
    assert answer.json()["value"][0]["name"]["value"] == "cpu_percent"
    assert set(_points(answer)[0]) == {"timeStamp", "average"}


def test_longer_intervals_gather_their_minutes(get: Get, clock: StillClock) -> None:
    clock.at = T0 + timedelta(hours=2)
    span = "2026-03-02T09:02:00Z/2026-03-02T09:59:00Z"
    (hour,) = _points(get(DATABASE, "cpu_percent", "maximum", interval="PT1H", timespan=span))
    assert hour == {"timeStamp": "2026-03-02T09:00:00Z", "maximum": 62.0}
    total = _points(get(PLAN, "BytesReceived", "total", interval="PT5M"))
    assert total == [{"timeStamp": "2026-03-02T09:00:00Z", "total": 5010}]


def test_a_window_begins_with_the_whole_minute_of_its_start(get: Get) -> None:
    span = "2026-03-02T09:00:30.5Z/2026-03-02T09:02:00Z"
    stamps = [one["timeStamp"] for one in _points(get(PLAN, "CpuPercentage", timespan=span))]
    assert stamps == ["2026-03-02T09:00:00Z", "2026-03-02T09:01:00Z"]


def test_a_minute_is_published_a_minute_after_its_end(get: Get, clock: StillClock) -> None:
    clock.at = T0 + timedelta(minutes=3) - timedelta(seconds=1)
    points = _points(get(PLAN, "CpuPercentage"))
    assert [one.get("average") for one in points] == [0.0, None, None]
    assert set(points[1]) == {"timeStamp"}
    clock.at = T0 + timedelta(minutes=3)
    assert [one.get("average") for one in _points(get(PLAN, "CpuPercentage"))] == [0.0, 1.0, None]


def test_what_is_older_than_93_days_is_gone(get: Get, clock: StillClock) -> None:
    clock.at = T0 + timedelta(days=93, minutes=2)
    stamps = [one["timeStamp"] for one in _points(get(PLAN, "CpuPercentage"))]
    assert stamps == ["2026-03-02T09:02:00Z"]


def test_a_minute_without_a_measurement_has_no_value(get: Get, world: PlainWorld) -> None:
    world.response_time_s = None
    assert _points(get(APP, "HttpResponseTime"))[0] == {"timeStamp": "2026-03-02T09:00:00Z"}


def test_an_aggregation_that_a_metric_lacks_fails_that_metric_alone(get: Get) -> None:
    body = get(PLAN, "BytesSent,CpuPercentage", "average").json()
    failed, fine = body["value"]
    assert failed == {
        "id": f"{PLAN}/providers/Microsoft.Insights/metrics/BytesSent",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": "BytesSent", "localizedValue": "Data Out"},
        "unit": "Bytes",
        "timeseries": [],
        "errorMessage": "Sampling type is not found. Metric:Microsoft.Web/serverfarms,BytesSent, "
        "SamplingType:NullableAverage.",
        "errorCode": "InvalidSamplingType",
    }
    assert fine["errorCode"] == "Success"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metricnames": "Nonsense"}, "Failed to find metric configuration for provider: Micr"),
        ({"metricnames": ""}, "metricnames parameter is missing"),
        ({"interval": "PT2M"}, "Detected invalid time grain input"),
        ({"metricnames": "FileSystemUsage"}, "supported ones are PT6H,PT12H,P1D"),
        ({"aggregation": "median"}, "Invalid aggregation median"),
        ({"timespan": "yesterday/today"}, "'yesterday' is no time"),
        ({"timespan": "2026-03-02T09:00:00Z/2026-03-02T09:00:00Z"}, "must be before"),
        ({"metricnamespace": "Microsoft.Web/serverfarms"}, "Invalid metricnamespace"),
        ({"api-version": "1999-01-01"}, "api-version"),
    ],
)
def test_a_bad_query_is_told_what_is_wrong(get: Get, change: dict[str, str], sentence: str) -> None:
    answer = get(APP, change.pop("metricnames", "Requests"), **change)
    assert answer.status_code == 400
    assert answer.json()["code"] == "BadRequest"
    assert sentence in answer.json()["message"]


def test_the_disk_is_measured_every_six_hours(get: Get) -> None:
    span = "2026-03-01T00:00:00Z/2026-03-02T09:00:00Z"
    points = _points(get(APP, "FileSystemUsage", interval="PT6H", timespan=span))
    assert [one["timeStamp"][8:13] for one in points] == [
        *("01T00", "01T06", "01T12", "01T18", "02T00", "02T06"),
    ]
    assert points[0]["average"] == app_disk_bytes(datetime(2026, 3, 1, 5, tzinfo=UTC))
    assert "average" not in points[-1], "its six hours are not over"
    adjusted = get(APP, "FileSystemUsage", timespan=span, AutoAdjustTimegrain="true")
    assert (adjusted.json()["interval"], _points(adjusted)) == ("PT6H", points)


def test_the_disk_grows_slowly() -> None:
    first = app_disk_bytes(T0)
    assert app_disk_bytes(T0 + timedelta(hours=1)) == first
    assert app_disk_bytes(T0 + timedelta(days=1)) == first + 2 * 2**20


def test_a_platform_that_is_down_says_503(get: Get, world: PlainWorld) -> None:
    world.down.add("platform")
    assert get(PLAN, "CpuPercentage").status_code == 503


def test_an_unknown_resource_is_not_found(get: Get) -> None:
    answer = get(PLAN + "-other", "CpuPercentage")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "AuthenticationFailed"),
        ("Bearer nonsense", "InvalidAuthenticationToken"),
        ("batch", "InvalidAuthenticationTokenAudience"),
    ],
)
def test_a_caller_without_the_right_token_is_not_let_in(
    cloud: Cloud, authorization: str, code: str
) -> None:
    if authorization == "batch":
        authorization = f"Bearer {cloud.desk.keys.token(BATCH_AUDIENCE)}"
    answer = requests.get(
        f"{cloud.urls['platform']}{PLAN}/providers/microsoft.insights/metrics",
        headers={"Authorization": authorization},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def _batch(cloud: Cloud, body: object, **more: str) -> requests.Response:
    given = {
        "api-version": "2024-02-01",
        "starttime": "2026-03-02T09:00:00.637962Z",
        "endtime": "2026-03-02T09:02:00.637962Z",
        "interval": "PT1M",
        "metricnamespace": "Microsoft.Sql/servers/databases",
        "metricnames": "cpu_percent",
        "aggregation": "Average,Maximum",
        **more,
    }
    return requests.post(
        f"{cloud.urls['platform']}/subscriptions/{SUBSCRIPTION}/metrics:getBatch",
        params=given,
        json=body,
        headers={"Authorization": f"Bearer {cloud.desk.keys.token(BATCH_AUDIENCE)}"},
        timeout=60,
    )


def test_a_batch_answers_resource_by_resource(cloud: Cloud) -> None:
    second = DATABASE + "-2"
    cloud.desk.resource_ids += (second,)
    answer = _batch(cloud, {"resourceids": [DATABASE, second]})
    assert answer.status_code == 200, answer.text
    first, other = answer.json()["values"]
    assert set(first) == {
        *("starttime", "endtime", "interval", "value", "namespace", "resourceregion", "resourceid"),
    }
    assert (first["resourceid"], other["resourceid"]) == (DATABASE, second)
    (metric,) = first["value"]
    assert set(metric) == {
        *("id", "type", "name", "displayDescription", "unit", "timeseries", "errorCode"),
    }
    assert metric["timeseries"][0]["data"][1] == {
        "timeStamp": "2026-03-02T09:01:00Z",
        "average": 2.5,
        "maximum": 4.0,
    }


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"resourceids": [PLAN, DATABASE]}, 400, "same resource type"),
        ({"resourceids": [DATABASE] * 51}, 400, "1 to 50 resources, not 51"),
        ({"resourceids": []}, 400, "1 to 50 resources, not 0"),
        ({"resourceids": [1]}, 400, "a list of resource ids"),
        ({"resources": []}, 400, "an object with resourceids"),
        ([], 400, "an object with resourceids"),
        ({"resourceids": [PLAN + "-other"]}, 404, "was not found"),
    ],
)
def test_a_bad_batch_is_told_what_is_wrong(
    cloud: Cloud, body: object, status: int, sentence: str
) -> None:
    answer = _batch(cloud, body)
    assert answer.status_code == status
    assert sentence in answer.text


def test_the_desk_has_every_metric_that_the_monitor_reads() -> None:
    for wanted in PLATFORM_METRICS:
        has = TYPES[NAMESPACES[wanted.resource]][wanted.name.lower()]
        assert has.name == wanted.name
        assert has.unit == wanted.unit
        assert wanted.aggregation.lower() in has.aggregations
        assert wanted.grain in has.grains
