"""Canned answers of Log Analytics, and how the source is read in tests."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.logs.log_analytics import (
    LogAnalytics,
)
from shared.adapters.logs.workspaces import open_workspaces
from shared.adapters.windows import Patience
from shared.catalog.log_queries import LOG_QUERIES
from shared.domain.errors import SourceError
from shared.domain.samples import Reading
from tests.adapters.conftest import Answerer

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = T0 + timedelta(minutes=10, seconds=20)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
COLUMNS = LOG_QUERIES[0].columns
PATIENT = Patience(connect=30, read=30, deadline=60)
SHORT = Patience(connect=0.3, read=0.3, deadline=0.6)
"""For what never comes: of an answer that does, no machine must be too slow for it."""


class AnyToken:
    """A credential that is always given a token, and remembers for what."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("any", int(time.time()) + 3600)


def a_row(minute: datetime = T0, **changes: Any) -> list[Any]:
    """A minute of three requests, one of which failed."""
    usual = {
        "Minute": f"{minute:%Y-%m-%dT%H:%M:%SZ}",
        "Requests": 3,
        "ServerErrors": 1,
        "ClientErrors": 0,
        "DurationMs": 450.5,
        "Histogram": "[[100,2],[141,1]]",
    }
    return list({**usual, **changes}.values())


def ours(minute: datetime) -> list[Any]:
    """A minute in which nobody but the monitor's own probe asked."""
    return a_row(
        minute, Requests=0, ServerErrors=0, ClientErrors=0, DurationMs=0, Histogram="[[87,0]]"
    )


def an_answer(*rows: list[Any], **more: Any) -> bytes:
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS.items()]
    table = {"name": "PrimaryResult", "columns": columns, "rows": rows}
    return json.dumps({"tables": [table], **more}).encode()


Open = Callable[..., LogAnalytics]


def made_well(answerer: Answerer) -> Answerer:
    """A service that answers with no rows."""
    answerer.status = 200
    answerer.headers = {"Content-Type": "application/json"}
    answerer.body = an_answer()
    return answerer


@contextmanager
def opening() -> Iterator[Open]:
    """Opens sources at a URL, which are closed at the end of the block."""
    with ExitStack() as sources:

        def open_(url: str, **options: Any) -> LogAnalytics:
            given = {"credential": AnyToken(), "patience": PATIENT, **options}
            workspaces = open_workspaces({"crm": "a-guid", "bare": ""}, endpoint=url, **given)
            return sources.enter_context(closing(LogAnalytics(workspaces)))

        yield open_


def read(source: LogAnalytics, since: datetime | None = T0, now: datetime = NOW) -> Reading:
    return source.read("crm", since=since, now=now)


def values(reading: Reading, metric: str) -> dict[int, float]:
    """A metric's values by minutes after T0."""
    return {
        (sample.minute - T0) // MINUTE: sample.value
        for sample in reading.samples
        if sample.metric == metric
    }


def refusal(source: LogAnalytics) -> str:
    with pytest.raises(SourceError) as refused:
        read(source)
    return str(refused.value)
