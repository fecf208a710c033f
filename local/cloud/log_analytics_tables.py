"""Application Insights' tables: Microsoft's documented columns, and a world's minutes as rows.

The columns are those of learn.microsoft.com/azure/azure-monitor/reference/tables/<name>.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.cloud.resources import TENANT, WORKSPACE
from local.world.events import CustomEvent, ExceptionEvent, PageView, Request, WorldMinute

TABLES: Mapping[str, Mapping[str, str]] = json.loads(
    Path(__file__).with_name("log_tables.json").read_text(encoding="utf-8")
)
"""Columns by table, with their Kusto types."""

INGESTION = timedelta(seconds=90)
"""How long after its end an item can be queried."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """One telemetry item: its row, and when a query can see it first."""

    visible_at: datetime
    row: Row


Feed = Callable[[WorldMinute], list[Item]]


def constants(table: str) -> dict[str, str]:
    """What every row of a table says, unless it says otherwise; text is never null in Kusto."""
    texts = dict.fromkeys((c for c, kind in TABLES[table].items() if kind == "string"), "")
    dynamics = dict.fromkeys((c for c, kind in TABLES[table].items() if kind == "dynamic"), "{}")
    about = {
        "AppRoleName": "pantry-crm",
        "IKey": WORKSPACE,
        "SourceSystem": "Azure",
        "TenantId": TENANT,
        "Type": table,
        "_IsBillable": "True",
    }
    return texts | dynamics | {c: text for c, text in about.items() if c in texts}


def _items(rows: Iterable[tuple[float, Row]]) -> list[Item]:
    """Telemetry is sent when what it tells of has ended."""
    return [
        Item(row["TimeGenerated"] + timedelta(milliseconds=lasted) + INGESTION, row)
        for lasted, row in rows
    ]


def _requests(minute: WorldMinute) -> list[Item]:
    return _items((each.duration_ms, _request(each)) for each in minute.requests)


def _request(each: Request) -> Row:
    """Today's SDKs send no user agent: Azure makes the browser's name of it, and drops it."""
    return {
        "TimeGenerated": each.at,
        "Id": each.operation_id[:16],
        "OperationId": each.operation_id,
        "OperationName": each.name,
        "Name": each.name,
        "Url": each.url,
        "ResultCode": str(each.status),
        "Success": each.status < 400,
        "DurationMs": each.duration_ms,
        "ItemCount": each.item_count,
        "UserId": each.user_id,
        "SessionId": each.session_id,
        "ClientIP": each.client_ip,
        "ClientBrowser": _browser(each.user_agent),
        "ClientType": "PC",
        "SyntheticSource": each.synthetic_source,
    }


def _browser(user_agent: str) -> str:
    known = user_agent.startswith("Mozilla/")
    return user_agent.rpartition(" ")[2].replace("/", " ") if known else "Other"


def _exceptions(minute: WorldMinute) -> list[Item]:
    return _items((0, _exception(each)) for each in minute.exceptions)


def _exception(each: ExceptionEvent) -> Row:
    return {
        "TimeGenerated": each.at,
        "OperationId": each.operation_id,
        "ProblemId": each.problem_id,
        "ExceptionType": each.kind,
        "OuterType": each.kind,
        "InnermostType": each.kind,
        "OuterMessage": each.message,
        "InnermostMessage": each.message,
        "SeverityLevel": 3,
        "ItemCount": each.item_count,
        "ClientType": "PC",
    }


def _events(minute: WorldMinute) -> list[Item]:
    return _items((0, _event(each)) for each in minute.events if not each.is_trace)


def _traces(minute: WorldMinute) -> list[Item]:
    return _items((0, _trace(each)) for each in minute.events if each.is_trace)


def _event(each: CustomEvent) -> Row:
    return {"Name": each.name, **_told(each)}


def _trace(each: CustomEvent) -> Row:
    """OWASP's form of an event: its name and the user, joined by a colon."""
    event = f"{each.name}:{each.user_id}"
    return {"Message": event, "SeverityLevel": 2, **_told(each, {"event": event})}


def _told(each: CustomEvent, more: Mapping[str, str] | None = None) -> Row:
    """Azure blanks a caller's address, unless the CRM says it in a property of its own."""
    properties = {**(more or {}), "userid": each.user_id, "source_ip": each.client_ip}
    return {
        "TimeGenerated": each.at,
        "OperationId": each.operation_id,
        "UserId": each.user_id,
        "SessionId": each.session_id,
        "ClientIP": "0.0.0.0",  # noqa: S104 - what Azure writes
        "Properties": json.dumps({name: text for name, text in properties.items() if text}),
        "ItemCount": each.item_count,
        "ClientType": "PC",
    }


def _page_views(minute: WorldMinute) -> list[Item]:
    return _items((each.duration_ms, _page_view(each)) for each in minute.page_views)


def _page_view(each: PageView) -> Row:
    return {
        "TimeGenerated": each.at,
        "Name": each.name,
        "Url": each.url,
        "DurationMs": each.duration_ms,
        "UserId": each.user_id,
        "SessionId": each.session_id,
        "ItemCount": each.item_count,
        "ClientType": "Browser",
    }


FEEDS: Mapping[str, Feed] = {
    "AppRequests": _requests,
    "AppExceptions": _exceptions,
    "AppEvents": _events,
    "AppTraces": _traces,
    "AppPageViews": _page_views,
}
"""How a minute fills a table; the tables without a feed exist and stay empty."""
