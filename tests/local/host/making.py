"""Small hosts to test, and a caller of them."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import azure.functions as func

from local.clocks import WorldClock, wall_now
from local.host.host import Host, Patience, running_host

T0 = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
NO_STORAGE = "never used"
PATIENCE_S = 60.0
"""A loaded machine is slow, not wrong."""
PATIENT = Patience(lease=timedelta(minutes=2), grace=timedelta(seconds=PATIENCE_S))
QUICK = Patience(lease=timedelta(seconds=2), grace=timedelta(seconds=0.5))
"""For functions that never end, and for messages that are to outlast a lease."""
LOOK_AGAIN = timedelta(milliseconds=10)

F = TypeVar("F", bound=Callable[..., Any])


class HandMovedClock(WorldClock):
    """A world that stands still between two moves: no machine is too slow for its moments."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        object.__setattr__(self, "_awaited", set())
        self.move_to(at)

    def move_to(self, moment: datetime) -> None:
        """What fell due until then is due now."""
        object.__setattr__(self, "_moment", moment)

    def is_awaited(self, moment: datetime) -> bool:
        """Whether anybody has begun to wait for it before it came."""
        return moment in self._awaited  # type: ignore[attr-defined]

    def now(self) -> datetime:
        moment: datetime = self._moment  # type: ignore[attr-defined]
        return moment

    def wall_at(self, moment: datetime) -> datetime:
        """A little later, as long as it has not come: whoever waits for it looks again then."""
        if moment > self.now():
            self._awaited.add(moment)  # type: ignore[attr-defined]
        return wall_now() + (LOOK_AGAIN if moment > self.now() else timedelta())


@dataclass(frozen=True)
class Answer:
    """What came over the wire; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def an_app() -> func.FunctionApp:
    return func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def a_host_json(folder: Path, *, timeout: str = "00:02:00", **queues: object) -> Path:
    """A host.json with these settings of queues."""
    said = {
        "version": "2.0",
        "functionTimeout": timeout,
        "extensions": {"http": {"routePrefix": "api"}, "queues": queues},
    }
    file = folder / "host.json"
    file.write_text(json.dumps(said))
    return file


@contextmanager
def a_host(
    app: func.FunctionApp, *, clock: WorldClock | None = None, **given: Any
) -> Iterator[Host]:
    """The app on a host whose world begins at T0, and goes as fast as the wall's by default."""
    defaults: dict[str, Any] = {"storage": NO_STORAGE, "patience": PATIENT, "settings": {}}
    with running_host(app, clock=clock or WorldClock(T0), **(defaults | given)) as host:
        yield host


def ask(
    host: Host,
    path: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request on a connection of its own."""
    address = urlsplit(host.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        came = connection.getresponse()
        told = {name.lower(): value for name, value in came.getheaders()}
        return Answer(came.status, told, came.read())
    finally:
        connection.close()
