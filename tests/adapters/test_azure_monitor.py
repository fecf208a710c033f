"""Platform metrics at the wire: what is asked, what is understood, and what every failure says."""

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_monitor import open_azure_monitor
from shared.adapters.windows import Patience
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import (
    APP,
    DATABASE,
    NAMESPACES,
    PLAN,
    PLATFORM_METRICS,
    Grain,
    PlatformMetric,
)
from shared.domain.errors import SourceDenied, SourceError
from shared.domain.samples import Reading
from shared.domain.times import iso
from tests.adapters.platform import Platform

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
SETTLED = datetime(2026, 3, 2, 9, 27, tzinfo=UTC)
SINCE = SETTLED - MINUTE
TARGET = "pantry-crm"
SECRET = "a-token-that-nobody-may-see"  # noqa: S105 - opens nothing
GROUP = "/subscriptions/5f3b1c52/resourceGroups/pantry (blue)/providers/"
IDS = {
    PLAN: f"{GROUP}Microsoft.Web/serverfarms/plan",
    APP: f"{GROUP}Microsoft.Web/sites/crm",
    DATABASE: f"{GROUP}Microsoft.Sql/servers/sql/databases/pantry",
}
BY_THE_MINUTE = [m for m in PLATFORM_METRICS if m.grain is Grain.MINUTE]
DATA = Path(__file__).with_name("data")
MEASURED = json.loads((DATA / "arm_metrics.json").read_text())
REFUSED = json.loads((DATA / "arm_metrics_refused.json").read_text())


@dataclass(frozen=True)
class Asked:
    """One GET as ARM saw it."""

    resource_id: str
    given: dict[str, str]
    authorization: str | None

    @property
    def kind(self) -> str:
        return next((kind for kind, one in IDS.items() if one == self.resource_id), "")

    @property
    def names(self) -> list[str]:
        return self.given["metricnames"].split(",")

    @property
    def aggregations(self) -> list[str]:
        return self.given["aggregation"].split(",")

    @property
    def span(self) -> tuple[datetime, datetime]:
        start, end = (datetime.fromisoformat(one) for one in self.given["timespan"].split("/"))
        return start, end


@dataclass
class Answer:
    """Something else than the metrics that were asked for."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    drips: bool = False


@dataclass
class Arm:
    """Azure Resource Manager with the three resources; tests say what is odd about it."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    wrong: dict[str, Answer] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    interval: str | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, asked: Asked) -> Answer:
        for part in (asked.kind, asked.given["interval"]):
            if part in self.wrong:
                return self.wrong[part]
        body = deepcopy(MEASURED)
        body["interval"] = self.interval or asked.given["interval"]
        body["value"] = [self._measured(name, asked) for name in asked.names]
        return Answer(body=json.dumps(body).encode())

    def _measured(self, name: str, asked: Asked) -> dict[str, Any]:
        codes = [self.refused.get((name, one)) for one in asked.aggregations]
        code = next((code for code in codes if code), None)
        found: dict[str, Any] = deepcopy((REFUSED if code else MEASURED)["value"][0])
        found["name"]["value"] = name
        if code:
            return {**found, "errorCode": code}
        row = next(m for m in PLATFORM_METRICS if m.name == name)
        found["unit"] = self.units.get(name, row.unit)
        found["timeseries"][0]["data"] = self.points.get(name) or [
            {"timeStamp": iso(asked.span[0])} | {one.lower(): 40.0 for one in asked.aggregations}
        ]
        return found


def point(minute: datetime, value: float | None, aggregation: str = "average") -> dict[str, Any]:
    return {"timeStamp": iso(minute), aggregation: value}


def handler(arm: Arm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            resource_id = unquote(parts.path).partition("/providers/Microsoft.Insights/")[0]
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            asked = Asked(resource_id, given, self.headers.get("Authorization"))
            arm.asked.append(asked)
            self._send(arm.answer(asked))

        def _send(self, answer: Answer) -> None:
            arm.over.wait(answer.after)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            for place in range(len(answer.body)) if answer.drips else ():
                if arm.over.wait(0.05):
                    self.close_connection = True
                    return
                self.wfile.write(answer.body[place : place + 1])
                self.wfile.flush()
            if not answer.drips:
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
            """Say nothing."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """Hangs up on everybody at the end, and does not complain of callers who did."""

    daemon_threads = False

    def __init__(self, *args: Any) -> None:
        self._callers: list[socket.socket] = []
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember whom to hang up on."""
        self._callers.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """Let the threads end that wait for another request."""
        for caller in self._callers:
            with suppress(OSError):
                caller.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing."""


@pytest.fixture
def arm() -> Iterator[Arm]:
    arm = Arm()
    with QuietServer(("127.0.0.1", 0), handler(arm)) as server:
        arm.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield arm
        arm.over.set()
        server.shutdown()
        server.hang_up()
        thread.join()


@dataclass
class Credential:
    """Hands out the secret, or fails, or waits until it may."""

    error: Exception | None = None
    may: threading.Event | None = None
    scopes: list[str] = field(default_factory=list)

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        if self.may:
            self.may.wait(30)
        if self.error:
            raise self.error
        self.scopes += scopes
        return AccessToken(SECRET, int(time.time()) + 3600)


QUICK = Patience(connect=1, read=1, deadline=2)


@contextmanager
def opened(
    arm: Arm,
    *,
    ids: dict[str, str] | None = None,
    credential: Credential | None = None,
    patience: Patience = QUICK,
) -> Iterator[Platform]:
    source = Platform(
        open_azure_monitor(
            {kind: {TARGET: one} for kind, one in (IDS if ids is None else ids).items()},
            endpoint=arm.url,
            credential=credential or Credential(),
            patience=patience,
        )
    )
    try:
        yield source
    finally:
        source.close()


@pytest.fixture
def source(arm: Arm) -> Iterator[Platform]:
    with opened(arm) as one:
        yield one


def read(
    source: Platform, since: datetime | None = SINCE, now: datetime = NOW
) -> dict[str, dict[datetime, float]]:
    return by_metric(source.read(TARGET, since=since, now=now))


def by_metric(reading: Reading) -> dict[str, dict[datetime, float]]:
    found: dict[str, dict[datetime, float]] = {}
    for sample in reading.samples:
        found.setdefault(sample.metric, {})[sample.minute] = sample.value
    return found


@contextmanager
def seconds_at_most(limit: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < limit


def row_name(row: PlatformMetric) -> str:
    return f"{row.name}-{row.aggregation}"


rows = pytest.mark.parametrize("row", PLATFORM_METRICS, ids=row_name)


@rows
def test_a_row_fits_the_catalog(row: PlatformMetric) -> None:
    metric = CATALOG.metric(row.metric)

    assert row.resource in metric.sources
    assert timedelta(minutes=metric.every) == row.grain.length
    assert row.resource in NAMESPACES
    assert row.unit in {"Percent", "Count", "Bytes"}


def test_every_platform_metric_of_the_catalog_has_one_row() -> None:
    wanted = [(m.name, kind) for m in CATALOG.metrics for kind in m.sources if kind in NAMESPACES]

    assert sorted((row.metric, row.resource) for row in PLATFORM_METRICS) == sorted(wanted)


@rows
def test_a_value_becomes_the_catalogs(row: PlatformMetric, source: Platform, arm: Arm) -> None:
    minute = SINCE if row.grain is Grain.MINUTE else datetime(2026, 3, 2, 6, tzinfo=UTC)
    arm.points[row.name] = [point(minute, 8.0, row.aggregation.lower())]

    samples = by_metric(source.read(TARGET, since=SINCE - HOUR, now=NOW))

    assert samples[row.metric] == {minute: 8.0 * row.factor}


@pytest.mark.parametrize(
    ("metric", "raw", "value"),
    [
        ("memoryUsage", 80.0, 1400.0),
        ("storageUsage", 1.5 * 2**30, 1.5),
        ("appDiskUsage", 2.0**31, 2.0),
        ("bytesIn", 1024.0, 1024.0),
        ("dtuPeak", 97.5, 97.5),
    ],
)
def test_units_are_the_catalogs(metric: str, raw: float, value: float) -> None:
    [row] = [row for row in PLATFORM_METRICS if row.metric == metric]

    assert raw * row.factor == value


def test_each_resource_is_asked_once(source: Platform, arm: Arm) -> None:
    source.read(TARGET, since=SINCE, now=NOW)

    assert sorted(one.kind for one in arm.asked) == sorted([APP, DATABASE, PLAN])
    [plan] = [one for one in arm.asked if one.kind == PLAN]
    assert plan.given == {
        "api-version": "2023-10-01",
        "metricnames": "CpuPercentage,MemoryPercentage,HttpQueueLength,SocketOutboundAll,"
        "BytesReceived,BytesSent",
        "metricnamespace": "Microsoft.Web/serverfarms",
        "timespan": "2026-03-02T09:26:00Z/2026-03-02T09:30:00Z",
        "interval": "PT1M",
        "aggregation": "Average,Total",
        "AutoAdjustTimegrain": "false",
        "ValidateDimensions": "false",
    }


def test_two_aggregations_of_a_metric_are_asked_by_one_name(source: Platform, arm: Arm) -> None:
    source.read(TARGET, since=SINCE, now=NOW)

    [database] = [one for one in arm.asked if one.kind == DATABASE]
    assert database.names.count("dtu_consumption_percent") == 1
    assert database.aggregations == ["Average", "Maximum"]


def test_resources_that_are_not_set_are_left_out(arm: Arm) -> None:
    with opened(arm, ids={PLAN: IDS[PLAN]}) as source:
        source.read(TARGET, since=None, now=NOW)

    assert {one.kind for one in arm.asked} == {PLAN}


def test_a_target_without_the_resource_is_an_error(arm: Arm) -> None:
    with (
        opened(arm, ids={PLAN: ""}) as source,
        pytest.raises(SourceError, match="no plan is set"),
    ):
        source.read(TARGET, since=SINCE, now=NOW)


def test_an_unknown_target_is_an_error(source: Platform) -> None:
    with pytest.raises(SourceError, match="someone-else"):
        source.read("someone-else", since=SINCE, now=NOW)


def test_one_token_serves_many_readings(arm: Arm) -> None:
    credential = Credential()
    with opened(arm, ids={PLAN: IDS[PLAN]}, credential=credential) as source:
        for _ in range(3):
            source.read(TARGET, since=SINCE, now=NOW)

    assert credential.scopes == ["https://management.azure.com/.default"]
    assert {one.authorization for one in arm.asked} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("endpoint", "audience", "scope"),
    [
        ("https://arm.invalid/", None, "https://arm.invalid/.default"),
        ("https://arm.invalid", "https://other.invalid", "https://other.invalid/.default"),
        ("http://localhost:1", None, "https://management.azure.com/.default"),
    ],
)
def test_tokens_are_asked_for_the_endpoints_own_cloud(
    endpoint: str, audience: str | None, scope: str
) -> None:
    credential = Credential()
    [source] = open_azure_monitor(
        {PLAN: {TARGET: IDS[PLAN]}},
        endpoint=endpoint,
        audience=audience,
        credential=credential,
        patience=QUICK,
    )
    with pytest.raises(SourceError):
        source.read(TARGET, since=SINCE, now=NOW)
    source.close()

    # A connection is tried twice; a token once.
    assert set(credential.scopes) == {scope}


def test_no_token_leaves_over_plain_http() -> None:
    credential = Credential()
    [source] = open_azure_monitor(
        {PLAN: {TARGET: IDS[PLAN]}},
        endpoint="http://management.invalid",
        credential=credential,
    )
    with pytest.raises(SourceError, match="non-https"):
        source.read(TARGET, since=SINCE, now=NOW)
    source.close()

    assert credential.scopes == []


def test_the_tail_is_read_beyond_what_is_covered(source: Platform, arm: Arm) -> None:
    minutes = [SINCE + i * MINUTE for i in range(-1, 6)]
    arm.points["CpuPercentage"] = [point(minute, 1.0 + i) for i, minute in enumerate(minutes)]

    reading = source.read(TARGET, since=SINCE, now=NOW)

    assert reading.asked_at == NOW
    assert reading.covered_until == SETTLED
    # Neither what came before, nor the running minute.
    assert list(by_metric(reading)["cpuUtilization"]) == minutes[1:5]


def test_a_point_without_a_value_is_a_gap_and_zero_is_a_value(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = [
        point(SINCE, 0.0),
        {"timeStamp": iso(SINCE + MINUTE)},
        point(SINCE + 2 * MINUTE, None),
        point(SINCE + 3 * MINUTE, 5, "total"),
    ]

    assert read(source)["cpuUtilization"] == {SINCE: 0.0}


def test_a_metric_without_any_series_is_a_gap(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = []
    body = json.loads(arm.answer(Asked(IDS[PLAN], plan_parameters(), None)).body)
    body["value"][0]["timeseries"] = []
    arm.wrong[PLAN] = Answer(body=json.dumps(body).encode())

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert "memoryUsage" in samples


def plan_parameters() -> dict[str, str]:
    names = [m.name for m in PLATFORM_METRICS if m.resource == PLAN]
    return {
        "metricnames": ",".join(names),
        "aggregation": "Average,Total",
        "interval": "PT1M",
        "timespan": f"{iso(SINCE)}/{iso(SETTLED)}",
    }


def test_times_of_other_zones_are_understood(source: Platform, arm: Arm) -> None:
    arm.points["CpuPercentage"] = [{"timeStamp": "2026-03-02T10:26:00+01:00", "average": 3}]

    assert read(source)["cpuUtilization"] == {SINCE: 3.0}


def test_the_first_reading_is_of_a_day(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=None, now=NOW)

    assert reading.covered_until == SETTLED
    assert {one.span[0] for one in arm.asked if one.kind != APP} == {SETTLED - 24 * HOUR}


def test_a_gap_of_three_days_is_read_day_by_day(source: Platform, arm: Arm) -> None:
    since = begin = SETTLED - timedelta(days=3)
    covered = []
    for i in range(4):
        since = source.read(TARGET, since=since, now=NOW + i * MINUTE).covered_until
        covered.append(since)

    days = [begin + timedelta(days=i) for i in (1, 2, 3)]
    assert covered == [*days, SETTLED + 3 * MINUTE]
    spans = [one.span for one in arm.asked if one.kind == PLAN]
    assert spans[0] == (begin, days[0])
    assert all(end - start <= 24 * HOUR for start, end in spans)


def test_nothing_is_asked_that_azure_has_forgotten(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=NOW - timedelta(days=400), now=NOW)

    assert min(one.span[0] for one in arm.asked) >= NOW - timedelta(days=93)
    assert reading.covered_until == SETTLED - timedelta(days=91)


def test_a_watermark_ahead_of_the_clock_asks_for_nothing_odd(source: Platform, arm: Arm) -> None:
    reading = source.read(TARGET, since=NOW + HOUR, now=NOW)

    assert reading.samples == ()
    assert reading.covered_until == SETTLED
    assert arm.asked == []


def test_the_disk_is_asked_when_an_hour_is_new(source: Platform, arm: Arm) -> None:
    since: datetime | None = SETTLED - 2 * HOUR
    now = NOW - 2 * HOUR
    while now <= NOW:
        since = source.read(TARGET, since=since, now=now).covered_until
        now += MINUTE

    disk = [one for one in arm.asked if one.given["interval"] == "PT6H"]
    assert [one.kind for one in disk] == [APP, APP]
    # In whole grains, and the one before: its value may have come late.
    assert disk[0].span[0] == datetime(2026, 3, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer", [Answer(403, b"{}"), Answer(body=b"garbage"), Answer(after=30)], ids=repr
)
def test_the_disk_fails_alone(arm: Arm, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    arm.wrong["PT6H"] = answer
    with opened(arm, patience=replace(QUICK, read=0.3)) as source:
        samples = read(source, None)

    assert "appDiskUsage" not in samples
    assert {"cpuUtilization", "dtuPeak"} <= samples.keys()
    assert "goes on without: app" in caplog.text


def refuse_mixed(arm: Arm) -> None:
    """As Azure's tables say: what has an average has no total, and the other way round."""
    for row in PLATFORM_METRICS:
        if row.resource == PLAN:
            other = "Total" if row.aggregation == "Average" else "Average"
            arm.refused[row.name, other] = "InvalidSamplingType"


def test_metrics_that_refuse_each_others_aggregation_are_asked_apart(
    source: Platform, arm: Arm, caplog: pytest.LogCaptureFixture
) -> None:
    refuse_mixed(arm)

    first, second = read(source), read(source)

    wanted = {row.metric for row in BY_THE_MINUTE}
    assert first.keys() == second.keys() == wanted
    plan = [one.given["aggregation"] for one in arm.asked if one.kind == PLAN]
    assert plan[0] == "Average,Total"
    assert sorted(plan[1:3]) == sorted(plan[3:]) == ["Average", "Total"]  # remembered
    assert caplog.messages == []


@pytest.mark.parametrize("code", ["InvalidSamplingType", "InternalServerError"])
def test_a_metric_that_stays_refused_is_left_out_and_said_once(
    source: Platform, arm: Arm, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm.refused["MemoryPercentage", "Average"] = code

    samples = [read(source) for _ in range(3)]

    wanted = {row.metric for row in BY_THE_MINUTE} - {"memoryUsage"}
    assert all(each.keys() == wanted for each in samples)
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"MemoryPercentage (Average): {code}" in said.message


def test_a_metric_that_recovers_is_read_again(source: Platform, arm: Arm) -> None:
    arm.refused["MemoryPercentage", "Average"] = "InternalServerError"
    read(source)
    arm.refused.clear()

    assert "memoryUsage" in read(source)


def test_a_metric_that_is_not_in_the_answer_is_refused(
    source: Platform, arm: Arm, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.loads(arm.answer(Asked(IDS[PLAN], plan_parameters(), None)).body)
    del body["value"][0]
    arm.wrong[PLAN] = Answer(body=json.dumps(body).encode())

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert "CpuPercentage (Average): NotAnswered" in caplog.text


def test_a_resource_whose_every_metric_is_refused_fails(source: Platform, arm: Arm) -> None:
    for row in PLATFORM_METRICS:
        if row.resource == PLAN:
            arm.refused[row.name, row.aggregation] = "InvalidSamplingType"

    with pytest.raises(SourceError, match=r"^every metric was refused: .*CpuPercentage"):
        read(source)


@pytest.mark.parametrize("unit", ["Bytes", "Seconds", "Unspecified"])
def test_a_metric_in_another_unit_is_left_out_and_said(
    source: Platform, arm: Arm, unit: str, caplog: pytest.LogCaptureFixture
) -> None:
    arm.units["CpuPercentage"] = unit

    samples = read(source)

    assert "cpuUtilization" not in samples
    assert {"memoryUsage", "dtuUtilization"} <= samples.keys()
    assert f"CpuPercentage (Average): came in {unit}, not Percent" in caplog.text


def test_another_grain_is_an_error(source: Platform, arm: Arm) -> None:
    arm.interval = "PT5M"

    with pytest.raises(SourceError, match="asked for PT1M, got PT5M"):
        read(source)


def a_point(inside: bytes) -> bytes:
    """An answer whose only point says that."""
    head = b'{"value": [{"name": {"value": "CpuPercentage"}, "unit": "Percent", "timeseries": ['
    return head + b'{"data": [{' + inside + b"}]}]}]}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"value": {}}',
        b'{"value": [{}]}',
        b'{"cost": 0}',
        a_point(b'"timeStamp": "yesterday", "average": 1'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00", "average": 1'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00Z", "average": "1"'),
        a_point(b'"timeStamp": "2026-03-02T09:26:00Z", "average": 1e999'),
        a_point(b'"average": 1'),
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[-50:])[:60],
)
def test_another_shape_is_an_error(source: Platform, arm: Arm, body: bytes) -> None:
    arm.wrong[PLAN] = Answer(body=body)

    with pytest.raises(SourceError, match="plan"):
        read(source)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "the token was not accepted"),
        (403, "Monitoring Reader on /subscriptions/.*/sql/databases/pantry"),
        (404, "check the resource id /subscriptions/.*/sql/databases/pantry"),
        (429, "patience"),
        (400, "BadRequest: the timespan"),
        (500, "Azure Monitor answered 500"),
        (503, "Azure Monitor answered 503"),
        (302, "Azure Monitor answered 302"),
        (204, "Azure Monitor answered 204"),
    ],
)
def test_a_refusal_names_the_resource_and_what_to_do(
    source: Platform, arm: Arm, status: int, hint: str
) -> None:
    body = b'{"error": {"code": "BadRequest", "message": "the timespan is odd\\nat line 3"}}'
    arm.wrong[DATABASE] = Answer(
        status, b"" if status == 204 else body, {"Location": f"{arm.url}/stolen"}
    )

    with pytest.raises(SourceError, match=rf"^database: .*{hint}") as raised:
        read(source)

    assert SECRET not in str(raised.value)
    assert "at line 3" not in str(raised.value)
    assert [one for one in arm.asked if one.kind == ""] == []
    assert len([one for one in arm.asked if one.kind == DATABASE]) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7}', b'{"code": 7}'])
def test_a_refusal_without_a_sensible_body_is_still_told(
    source: Platform, arm: Arm, body: bytes
) -> None:
    arm.wrong[PLAN] = Answer(400, body)

    with pytest.raises(SourceError, match=r"^plan: Azure Monitor answered 400$"):
        read(source)


def test_a_resource_that_fails_harms_no_other(source: Platform, arm: Arm) -> None:
    arm.wrong = {PLAN: Answer(403, b"{}"), APP: Answer(404, b"{}")}
    plan, app, database = source.sources

    with pytest.raises(SourceError, match=r"plan: .*403"):
        plan.read(TARGET, since=SINCE, now=NOW)
    with pytest.raises(SourceError, match=r"app: .*404"):
        app.read(TARGET, since=SINCE, now=NOW)
    assert database.read(TARGET, since=SINCE, now=NOW).samples


@pytest.mark.parametrize("status", [429, 503, 400])
def test_whoever_asks_for_patience_does_not_put_the_tick_to_sleep(
    source: Platform, arm: Arm, status: int
) -> None:
    arm.wrong[PLAN] = Answer(status, b"{}", {"Retry-After": "60"})

    with seconds_at_most(5), pytest.raises(SourceError, match=str(status)):
        read(source)

    assert len([one for one in arm.asked if one.kind == PLAN]) == 1


def test_an_answer_that_does_not_come_costs_one_time_out(arm: Arm) -> None:
    arm.wrong[PLAN] = Answer(after=30)
    with (
        opened(arm, patience=Patience(connect=1, read=0.3, deadline=5)) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"plan: .*Timeout"),
    ):
        read(source)

    assert len([one for one in arm.asked if one.kind == PLAN]) == 1


def test_an_answer_that_drips_is_cut_at_the_deadline(arm: Arm) -> None:
    before = set(threading.enumerate())
    arm.wrong[PLAN] = Answer(body=b" " * 1000, drips=True)
    with opened(arm, patience=Patience(connect=1, read=1, deadline=0.5)) as source:
        with seconds_at_most(5), pytest.raises(SourceError, match=r"plan: no answer within 0\.5 s"):
            read(source)
        arm.over.set()
        wait_for_the_left_behind(before)


def test_a_token_that_does_not_come_is_cut_at_the_deadline(arm: Arm) -> None:
    before = set(threading.enumerate())
    credential = Credential(may=threading.Event())
    patience = Patience(connect=1, read=1, deadline=0.3)
    with (
        opened(arm, credential=credential, patience=patience) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"no answer within 0\.3 s"),
    ):
        read(source)
    assert credential.may
    credential.may.set()
    wait_for_the_left_behind(before)


def wait_for_the_left_behind(before: set[threading.Thread]) -> None:
    """Calls that were cut are to end inside their test."""
    for thread in set(threading.enumerate()) - before:
        if thread.daemon:
            thread.join(10)
            assert not thread.is_alive()


def test_no_token_no_reading(arm: Arm) -> None:
    error = ClientAuthenticationError("no identity here\nAttempted credentials: many")
    with (
        opened(arm, credential=Credential(error=error)) as source,
        pytest.raises(SourceError, match=r"no token: no identity here$"),
    ):
        read(source)

    assert arm.asked == []


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        opened(Arm(url=f"http://127.0.0.1:{port}")) as source,
        seconds_at_most(5),
        pytest.raises(SourceError, match=r"plan: .*Connection refused"),
    ):
        read(source)


def test_a_role_that_is_missing_is_told_without_the_resource(source: Platform, arm: Arm) -> None:
    arm.wrong[PLAN] = Answer(403, b"{}")

    with pytest.raises(SourceDenied) as raised:
        read(source)

    assert raised.value.lacking == "it needs the role Monitoring Reader on its plan"
