"""Azure Resource Manager's metrics, small and at will: what it was asked, and what it answers."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.azure_monitor import open_azure_monitor
from shared.adapters.windows import Patience
from shared.catalog.platform_metrics import (
    APP,
    DATABASE,
    PLAN,
    PLATFORM_METRICS,
    Grain,
    PlatformMetric,
)
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


@contextmanager
def running_arm() -> Iterator[Arm]:
    """One that answers, until the end of the block."""
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


PATIENT = Patience(connect=30, read=30, deadline=60)
QUICK = Patience(connect=1, read=1, deadline=2)
"""For what never comes: of an answer that does, no machine must be too slow for it."""


@contextmanager
def opened(
    arm: Arm,
    *,
    ids: dict[str, str] | None = None,
    credential: Credential | None = None,
    patience: Patience = PATIENT,
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


def read(
    source: Platform, since: datetime | None = SINCE, now: datetime = NOW
) -> dict[str, dict[datetime, float]]:
    return by_metric(source.read(TARGET, since=since, now=now))


def by_metric(reading: Reading) -> dict[str, dict[datetime, float]]:
    found: dict[str, dict[datetime, float]] = {}
    for sample in reading.samples:
        found.setdefault(sample.metric, {})[sample.minute] = sample.value
    return found


def row_name(row: PlatformMetric) -> str:
    return f"{row.name}-{row.aggregation}"


rows = pytest.mark.parametrize("row", PLATFORM_METRICS, ids=row_name)


def plan_parameters() -> dict[str, str]:
    names = [m.name for m in PLATFORM_METRICS if m.resource == PLAN]
    return {
        "metricnames": ",".join(names),
        "aggregation": "Average,Total",
        "interval": "PT1M",
        "timespan": f"{iso(SINCE)}/{iso(SETTLED)}",
    }
