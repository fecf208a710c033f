"""A database below the connection: what it was asked, and the rows or errors that it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.adapters.sql.azure_sql import AzureSql, renamed
from shared.adapters.sql.connections import (
    PATIENCE,
    Outcome,
    Patience,
    SqlConnection,
    Statement,
    Table,
)
from shared.adapters.sql.failures import SqlFailure
from shared.catalog.sql_queries import NAME_SETS, SQL_QUERIES
from shared.domain.samples import Answer, Failure, Reading

TARGET = "pantry-crm"
NOW = datetime(2026, 3, 2, 9, 30, 20, tzinfo=UTC)
SINCE = datetime(2026, 3, 2, 9, 28, tzinfo=UTC)
QUARTER = timedelta(seconds=15)
MINUTELY = ("dmv", "sessions", "size", "blocking", "self")
COUNTED = ("users", "interactions", "reports", "syncs")
BUSINESS = ("kinds", "durations", "deals")


def a_row(end: datetime, percent: float = 40.0) -> dict[str, Any]:
    return {
        "end_time": end.replace(tzinfo=None),
        "avg_cpu_percent": percent,
        "avg_data_io_percent": 3.0,
        "avg_log_write_percent": 1.0,
        "max_worker_percent": 10.0,
        "max_session_percent": 4.0,
    }


def tables() -> dict[str, Table | SqlFailure]:
    """What every statement answers on a good day."""
    return {
        "resource_stats": [a_row(SINCE + n * timedelta(seconds=15)) for n in range(1, 10)],
        "sessions": [{"connections": 12}],
        "storage": [{"used_bytes": 2**30, "limit_bytes": 2**31}],
        "blocking": [{"blocked": 2}],
        "own_share": [{"cpu_ms": 7, "logical_reads": 40}],
        "active_users": [{"active": 5}],
        "interactions": [{"slot": 0, "logged": 3}],
        "reports": [],
        "sync_pending": [{"pending": 4}],
        "sync_failures": [],
        "interaction_types": [
            {"slot": 0, "kind": "call", "logged": 3},
            {"slot": 1, "kind": "visit", "logged": 1},
            {"slot": 1, "kind": "call", "logged": 2},
        ],
        "report_durations": [
            {"slot": 1, "kind": "weekly", "generated": 3, "took_ms": 900.0, "longest_ms": 500.0},
            {"slot": 1, "kind": "coverage", "generated": 1, "took_ms": 300.0, "longest_ms": 300.0},
        ],
        "deals_closed": [
            {"slot": 1, "stage": "Won", "deals": 2, "worth": Decimal(700)},
            {"slot": 1, "stage": "lost", "deals": 1, "worth": None},
        ],
        "deals_of_month": [
            {"stage": "WON", "deals": 3, "worth": Decimal(900), "today": Decimal(700)},
            {"stage": "lost", "deals": 1, "worth": Decimal(50), "today": Decimal(0)},
        ],
        "pipeline": [
            {"stage": "lead", "deals": 4, "worth": Decimal(100)},
            {"stage": "proposal", "deals": 1, "worth": Decimal(600)},
        ],
        "grants": [{"view_database_state": 1, "view_server_state": 1, "view_definition": 1}],
    }


@dataclass
class Server:
    """A database by the book; it knows a statement by a word of its text."""

    book: dict[str, Table | SqlFailure] = field(default_factory=tables)
    batches: list[list[Statement]] = field(default_factory=list)
    refusals: list[SqlFailure] = field(default_factory=list)
    opened: int = 0
    open: int = 0
    compiles_first: bool = False
    """Whether what can't be executed is found before anything is."""

    def connect(self, *, patience: Patience = PATIENCE) -> SqlConnection:  # noqa: ARG002 - at once
        self.opened += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.open += 1
        return Connection(self)

    @property
    def asked(self) -> list[list[str]]:
        """The names of the statements of every batch."""
        return [[name_of(one) for one in batch] for batch in self.batches]


@dataclass
class Connection:
    server: Server

    def run(self, statements: Sequence[Statement]) -> Outcome:
        self.server.batches.append(list(statements))
        found: list[Table] = []
        answers = [self.server.book[name_of(one)] for one in statements]
        wrong = [one for one in answers if isinstance(one, SqlFailure)]
        if wrong and self.server.compiles_first:
            return Outcome(found, wrong[0])
        for one in statements:
            answer = self.server.book[name_of(one)]
            if isinstance(answer, SqlFailure):
                return Outcome(found, answer)
            found.append(answer)
        return Outcome(found)

    def close(self) -> None:
        self.server.open -= 1


TEXTS = {renamed(query.text, NAME_SETS["crm"]): query.name for query in SQL_QUERIES}


def name_of(statement: Statement) -> str:
    return TEXTS[statement.text]


Ask = Callable[..., dict[str, Answer]]


def values(answer: Answer) -> dict[str, list[float]]:
    assert isinstance(answer, Reading)
    found: dict[str, list[float]] = {}
    for sample in answer.samples:
        found.setdefault(sample.metric, []).append(sample.value)
    return found


def failure(answer: Answer) -> Failure:
    assert isinstance(answer, Failure)
    return answer


TEXT_SOURCES = {query.name: query.source for query in SQL_QUERIES}


def asking(source: AzureSql) -> Ask:
    """What asks for sources by name, by default for what is new at NOW since SINCE."""

    def asked(
        *names: str, now: datetime = NOW, since: datetime | None = SINCE
    ) -> dict[str, Answer]:
        wanted = dict.fromkeys(names or MINUTELY, since)
        return {one.source: one for one in source.read(TARGET, since=wanted, now=now)}

    return asked
