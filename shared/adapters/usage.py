"""What the monitor used in some time, as Azure counted it: storage, executions, logs.

Storage and executions are platform metrics of the account and the function app, read over ARM (the
role Monitoring Reader on each); logs are the workspace's own Usage table (Log Analytics Reader).
"""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import requests
from azure.core.exceptions import AzureError
from msgspec import Struct

from shared.domain.costs import Count, Usage
from shared.domain.errors import SourceError
from shared.domain.times import DAY, Span, iso

METRICS_VERSION = "2023-10-01"
TIMEOUT = (3, 8)
PATIENCE = timedelta(seconds=12)
"""No question is begun any more when all together took so long: a night waits for the answers."""
FINE, MOST_LETTERS = "Success", 60
MEGABYTE = 1_000_000
MB_MS_PER_GB_S = 1024 * 1000
"""OnDemandFunctionExecutionUnits are MB-milliseconds."""

LOGGED = """\
Usage
| where IsBillable and StartTime >= datetime({start}) and StartTime < datetime({end})
| summarize megabytes = sum(Quantity)"""
"""A row is an hour's, its Quantity in megabytes
(learn.microsoft.com/azure/azure-monitor/reference/tables/usage)."""
WRITES = frozenset(
    [
        *("PutBlob", "PutBlobFromURL", "PutBlock", "PutBlockFromURL", "PutBlockList"),
        *("AppendBlock", "AppendBlockThroughCopy", "SealBlob", "CopyBlob", "CopyBlobFromURL"),
        *("SetBlobTier", "UndeleteBlob", "CreateContainer", "RestoreContainer"),
        *("ListBlobs", "ListContainers", "FindBlobsByTags"),
    ]
)
"""What of blobs is priced as a write or a listing; leases and all else are cheaper
(learn.microsoft.com/azure/storage/blobs/map-rest-apis-transaction-categories)."""
FREE = frozenset(["DeleteBlob", "DeleteContainer"])
"""As the same page has it."""

Totals = Mapping[str, float]
Token = Callable[[str], str]
"""A token for a scope."""


class Places(Struct, frozen=True):
    """The monitor's own: resource ids of app and storage, a workspace's GUID; empty: not asked."""

    app: str = ""
    storage: str = ""
    workspace: str = ""

    @property
    def unasked(self) -> tuple[str, ...]:
        """What is not counted, and the setting that would name it."""
        said = {
            "storage: MONITOR_STORAGE_ID names none": self.storage,
            "executions: MONITOR_APP_ID names no function app": self.app,
            "logs: MONITOR_WORKSPACE_ID names no workspace": self.workspace,
        }
        return tuple(sentence for sentence, place in said.items() if not place)


class AzureUsage:
    """A Meter of one monitor; a figure that can't be had is None, and says why."""

    def __init__(self, token: Token, places: Places, *, endpoint: str, logs_endpoint: str) -> None:
        self._token = token
        self._places = places
        self._endpoint = endpoint.rstrip("/")
        self._logs = logs_endpoint.rstrip("/")

    def count(self, span: Span) -> Count:
        """See Meter.count."""
        visit = _Visit(self._token, span, self._endpoint, self._logs)
        usage = visit.usage(self._places)
        return Count(usage=usage, problems=tuple(visit.problems), unasked=self._places.unasked)


class _Visit:
    """One counting: its questions, and what went wrong with them."""

    def __init__(self, token: Token, span: Span, endpoint: str, logs: str) -> None:
        self._token = token
        self._span = span
        self._endpoint = endpoint
        self._logs = logs
        self._until = time.monotonic() + PATIENCE.total_seconds()
        self.problems: list[str] = []

    def usage(self, places: Places) -> Usage:
        tables, queues, blobs = (
            self._transactions(places.storage, f"{one}Services")
            for one in ("table", "queue", "blob")
        )
        executions = self._metric(places.app, "OnDemandFunctionExecutionCount")
        units = self._metric(places.app, "OnDemandFunctionExecutionUnits")
        return Usage(
            table_operations=_all(tables),
            queue_operations=_all(queues),
            blob_writes=_all(_only(blobs, lambda name: name in WRITES)),
            blob_operations=_all(_only(blobs, lambda name: name not in WRITES | FREE)),
            executions=_all(executions),
            gb_seconds=None if units is None else sum(units.values()) / MB_MS_PER_GB_S,
            log_bytes=self._logged(places.workspace),
        )

    def _transactions(self, storage_id: str, service: str) -> Totals | None:
        resource = f"{storage_id}/{service}/default" if storage_id else ""
        return self._metric(resource, "Transactions", apart="ApiName")

    def _metric(self, resource: str, name: str, apart: str = "") -> Totals | None:
        """The totals by the dimension `apart`; without one under the empty name."""
        if not resource:
            return None
        wanted = {
            "api-version": METRICS_VERSION,
            "metricnames": name,
            "timespan": f"{iso(self._span.start)}/{iso(self._span.end)}",
            "interval": "PT1H",
            "aggregation": "Total",
            **({"$filter": f"{apart} eq '*'", "top": "100"} if apart else {}),
        }
        path = f"{resource}/providers/Microsoft.Insights/metrics?{urlencode(wanted)}"
        try:
            return _totals(self._get(path))
        except SourceError as error:
            self.problems.append(f"{name} of {resource.rpartition('/providers/')[2]}: {error}")
            return None

    def _get(self, path: str) -> Any:
        return self._asked(
            lambda headers: requests.get(
                f"{self._endpoint}{path}", headers=headers, timeout=TIMEOUT, allow_redirects=False
            ),
            self._endpoint,
        )

    def _logged(self, workspace: str) -> float | None:
        if not workspace:
            return None
        start, end = iso(self._span.start), iso(self._span.end)
        # The span is judged by TimeGenerated, which need not be an hour's own: so it is wide.
        asked = {
            "query": LOGGED.format(start=start, end=end),
            "timespan": f"{start}/{iso(self._span.end + DAY)}",
        }
        try:
            answer = self._asked(
                lambda headers: requests.post(
                    f"{self._logs}/v1/workspaces/{workspace}/query",
                    json=asked,
                    headers=headers,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                ),
                self._logs,
            )
            return _megabytes(answer) * MEGABYTE
        except SourceError as error:
            self.problems.append(f"logs of {workspace}: {error}")
            return None

    def _asked(self, ask: Callable[[Mapping[str, str]], requests.Response], endpoint: str) -> Any:
        if time.monotonic() > self._until:
            raise SourceError("there was no time left to ask")
        try:
            token = self._token(f"{_audience(endpoint)}/.default")
        except (AzureError, OSError, ValueError) as error:
            raise SourceError("no token was given; on a desk, az login signs you in") from error
        try:
            answer = ask({"Authorization": f"Bearer {token}"})
            if answer.status_code != HTTPStatus.OK:
                raise SourceError(f"Azure answered {answer.status_code}")
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise SourceError(type(error).__name__) from error


def _audience(endpoint: str) -> str:
    return endpoint if endpoint.startswith("https://") else "https://management.azure.com"


def _totals(answer: Any) -> Totals:
    """A point without a total is an hour without anything; a metric may fail in a good answer."""
    try:
        [metric] = answer["value"]
        if (code := metric.get("errorCode") or FINE) != FINE:
            raise SourceError(f"Azure answered {str(code)[:MOST_LETTERS]}")
        found: dict[str, float] = {}
        for series in metric["timeseries"]:
            name = next((one["value"] for one in series.get("metadatavalues", [])), "")
            points = sum(point.get("total") or 0 for point in series["data"])
            found[name] = found.get(name, 0.0) + points
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SourceError("not an answer with one metric") from error
    return found


def _only(totals: Totals | None, wanted: Callable[[str], bool]) -> Totals | None:
    return None if totals is None else {name: n for name, n in totals.items() if wanted(name)}


def _all(totals: Totals | None) -> float | None:
    return None if totals is None else float(sum(totals.values()))


def _megabytes(answer: Any) -> float:
    """Log Analytics tells with a good answer, too, that it is not the whole one."""
    try:
        if answer.get("error"):
            raise SourceError("Azure answered in part")
        [[value]] = answer["tables"][0]["rows"]
        return float(value or 0)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise SourceError("not an answer with one row") from error
