"""One client, many targets: one whose answers never end keeps none of the others from theirs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.adapters.azure_monitor import AzureMonitor
from shared.adapters.https import MOST_LEFT_BEHIND
from shared.adapters.logs.log_analytics import LogAnalytics
from shared.adapters.logs.security import SecurityLogs
from shared.adapters.logs.usage import UsageLogs
from shared.adapters.logs.workspaces import Workspaces
from shared.adapters.sql.azure_sql import AzureSql, Database
from shared.adapters.sql.connections import SqlConnection
from shared.adapters.sql.inspector import AzureSqlInspector
from shared.adapters.sql.witness import AzureSqlWitness
from shared.adapters.windows import Patience
from shared.domain.errors import SourceError
from tests.builders import at

HANGING, WELL = "hanging", "well"
PATIENCE = Patience(deadline=0.02)
Ask = Callable[[str], object]


@dataclass
class Line:
    """What every client asks through: it never ends for the one, and fails for the other."""

    end: threading.Event = field(default_factory=threading.Event)
    heard: list[str] = field(default_factory=list)

    def ask(self, where: str) -> Any:
        self.heard.append(HANGING if HANGING in where else WELL)
        if HANGING in where:
            self.end.wait()
        raise SourceError("no answer")

    def send_request(self, request: Any, **_: Any) -> Any:
        """As a PipelineClient."""
        return self.ask(request.url)

    def query_workspace(self, workspace_id: str, *_: Any, **__: Any) -> Any:
        """As a LogsQueryClient."""
        return self.ask(workspace_id)

    def close(self) -> None:
        """Nothing is open."""

    def database(self, target: str) -> Database:
        def connect(**_: Any) -> SqlConnection:
            connection: SqlConnection = self.ask(target)
            return connection

        return Database(connect)


def platform(line: Line) -> Ask:
    ids = {one: f"/subscriptions/s/resourceGroups/{one}/x" for one in (HANGING, WELL)}
    client: Any = line
    source = AzureMonitor("plan", ids, client, endpoint="http://127.0.0.1", patience=PATIENCE)
    return lambda target: source.read(target, since=at(0), now=at(9))


def workspaces(line: Line) -> Workspaces:
    return Workspaces({one: one for one in (HANGING, WELL)}, line, patience=PATIENCE)


def logs(line: Line) -> Ask:
    source = LogAnalytics(workspaces(line))
    return lambda target: source.read(target, since=at(0), now=at(9))


def usage(line: Line) -> Ask:
    source = UsageLogs(workspaces(line))
    return lambda target: source.read(target, since=at(0), now=at(60))


def security(line: Line) -> Ask:
    source = SecurityLogs(workspaces(line))
    return lambda target: source.read(target, since={"security": at(0)}, now=at(9))


def databases(line: Line) -> dict[str, Database]:
    return {one: line.database(one) for one in (HANGING, WELL)}


def visits(line: Line) -> Ask:
    group = AzureSql(databases(line), deadline=PATIENCE.deadline)
    return lambda target: group.read(target, since={"dmv": at(0)}, now=at(9))


def inspections(line: Line) -> Ask:
    inspector = AzureSqlInspector(databases(line), deadline=PATIENCE.deadline)
    return lambda target: inspector.inspect(target, now=at(9))


def looks(line: Line) -> Ask:
    return AzureSqlWitness(databases(line), deadline=PATIENCE.deadline).running


@pytest.fixture
def line() -> Iterator[Line]:
    it = Line()
    yield it
    it.end.set()


@pytest.mark.parametrize("make", [platform, logs, usage, security, visits, inspections, looks])
def test_what_one_target_leaves_behind_takes_nobodys_place(
    make: Callable[[Line], Ask], line: Line
) -> None:
    ask = make(line)
    for _ in range(MOST_LEFT_BEHIND + 1):
        with suppress(SourceError, TimeoutError):
            ask(HANGING)
    assert len(line.heard) < 2 * MOST_LEFT_BEHIND, "it is not asked for ever"

    with suppress(SourceError):
        ask(WELL)

    assert line.heard[-1] == WELL
