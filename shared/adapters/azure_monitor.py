"""Platform metrics of the plan, the app and the database: a source and an ARM GET for each of them.

A resource that can't be read fails its own source alone, whose minutes stay uncovered and are read
again. A single metric that Azure refuses inside a good answer is asked once more, apart from
the others; refused again it is left out and the log says so, because one metric must not silence
all: its minutes are missing, which the no-data clock sees. What Azure measures only every six
hours is asked once an hour and fails alone.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeGuard

import requests
from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from requests.adapters import HTTPAdapter

from shared.adapters.azure_monitor_wire import (
    INVALID_SAMPLING,
    MetricsQuery,
    Understood,
    refusal,
    start_of,
    understand,
)
from shared.adapters.https import Outcomes, is_plain_loopback
from shared.adapters.windows import PATIENCE, Patience, Window, window_of
from shared.catalog.metrics import CATALOG
from shared.catalog.platform_metrics import (
    DATABASE,
    PLATFORM_METRICS,
    Grain,
    PlatformMetric,
)
from shared.domain.errors import SourceDenied, SourceError
from shared.domain.samples import Reading, Sample
from shared.domain.times import floor_hour

PUBLIC_CLOUD = "https://management.azure.com"
FURTHEST = CATALOG.source(DATABASE).remembers

MOST_CONNECTIONS = 64
"""As many as five targets ask at once, each of three resources in a few parts."""

_SETTLE = CATALOG.source(DATABASE).settle
# What comes, outside the SDK's own tree, of half an answer or a host that can't be one.
_NONSENSE = (HTTPException, OSError, ValueError)

_HEADERS = {"Accept": "application/json", "User-Agent": "pantry-monitor"}

_log = logging.getLogger(__name__)


def open_azure_monitor(
    resources: Mapping[str, Mapping[str, str]],
    *,
    credential: Any,
    endpoint: str = PUBLIC_CLOUD,
    audience: str | None = None,
    patience: Patience = PATIENCE,
) -> "list[AzureMonitor]":
    """The sources over ARM that share one client; `resources` is kind to target to resource id.

    `audience` is what tokens are asked for; by default the endpoint, which a sovereign cloud has
    of its own, and the public cloud's where the endpoint is on this machine.
    """
    endpoint = endpoint.rstrip("/")
    plain = is_plain_loopback(endpoint)
    scope = f"{audience or (PUBLIC_CLOUD if plain else endpoint)}/.default"
    transport = RequestsTransport(
        session=_session(), connection_timeout=patience.connect, read_timeout=patience.read
    )
    client: PipelineClient[Any, Any] = PipelineClient(
        endpoint,
        transport=transport,
        policies=[
            # A connection is tried twice. An error answer never: azure-core would sleep through
            # any Retry-After, and the next minute is retry enough.
            RetryPolicy(retry_total=1, retry_connect=1, retry_read=0, retry_status=0),
            BearerTokenCredentialPolicy(credential, scope),
        ],
    )
    return [
        AzureMonitor(kind, ids, client, endpoint=endpoint, patience=patience)
        for kind, ids in resources.items()
    ]


def _session() -> requests.Session:
    """Made before the first requests, which, side by side, would each open one of their own.

    Of the ten connections that a session keeps by itself the others would be thrown away, with a
    warning for each.
    """
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    return session


def window(since: datetime | None, now: datetime) -> Window:
    """What to read at `now`; after a gap longer than LONGEST, the oldest part of it."""
    return window_of(since, now, settle=_SETTLE, furthest=FURTHEST)


class AzureMonitor:
    """A MetricSource over one kind of resource; tokens go over plain http only to this machine."""

    def __init__(
        self,
        kind: str,
        resources: Mapping[str, str],
        client: "PipelineClient[Any, Any]",
        *,
        endpoint: str,
        patience: Patience = PATIENCE,
        metrics: Sequence[PlatformMetric] = PLATFORM_METRICS,
    ) -> None:
        self.name = kind
        self._resources = resources
        self._client = client
        self._endpoint = endpoint
        self._options = {"enforce_https": False} if is_plain_loopback(endpoint) else {}
        self._patience = patience
        self._metrics = metrics
        self._outcomes = Outcomes()
        self._apart: frozenset[PlatformMetric] = frozenset()
        self._left_out: dict[str, frozenset[str]] = {}

    def close(self) -> None:
        """Close the connections; an app keeps them for life."""
        self._client.close()

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:
        """See MetricSource.read; minutes younger than the source's settle time are provisional."""
        wanted = window(since, now)
        hourly = since is None or floor_hour(since) != floor_hour(wanted.covered_until)
        apart = self._apart  # as it is now: other targets, read side by side, learn as well
        asked = self._queries(target, wanted, apart)
        due = [query for query in asked if hourly or query.grain is Grain.MINUTE]
        samples = self._ask(target, due, apart) if wanted.start < wanted.end else []
        return Reading(
            source=self.name,
            asked_at=now,
            covered_until=wanted.covered_until,
            samples=tuple(samples),
        )

    def _queries(
        self, target: str, wanted: Window, apart: frozenset[PlatformMetric]
    ) -> Iterator[MetricsQuery]:
        resource_id = self._resources.get(target)
        if not resource_id:
            raise SourceError(f"no {self.name} is set for {target}")
        for grain in Grain:
            metrics = [m for m in self._metrics if (m.resource, m.grain) == (self.name, grain)]
            if metrics:
                start = start_of(grain, wanted.start)
                query = MetricsQuery(self.name, resource_id, grain, (), start, wanted.end)
                yield from query.split(metrics, apart=apart)

    def _ask(
        self, target: str, queries: Sequence[MetricsQuery], apart: frozenset[PlatformMetric]
    ) -> list[Sample]:
        """All samples, after a second question about what was refused among others."""
        end = time.monotonic() + self._patience.deadline
        first = self._answers(target, queries, end)
        again = [
            more for query, answer in first.items() for more in self._again(query, answer, apart)
        ]
        second = self._answers(target, again, end)
        _log.debug("%s: %d requests to Azure Monitor", target, len(queries) + len(again))
        asked_again = {metric for query in again for metric in query.metrics}
        healed = asked_again - _refused(second).keys()
        refused = _refused(first) | _refused(second)
        left_out = {metric: why for metric, why in refused.items() if metric not in healed}
        self._leave_out(target, queries, left_out)
        return [s for answers in (first, second) for each in answers.values() for s in each.samples]

    def _again(
        self, query: MetricsQuery, answer: Understood, apart: frozenset[PlatformMetric]
    ) -> list[MetricsQuery]:
        """The refused metrics that were not asked `apart`, by aggregation; these are remembered."""
        refused = answer.refused.keys() - apart
        self._apart |= {m for m in refused if answer.refused[m] == INVALID_SAMPLING}
        return query.split([m for m in query.metrics if m in refused], apart=refused)

    def _leave_out(
        self,
        target: str,
        queries: Sequence[MetricsQuery],
        refused: Mapping[PlatformMetric, str],
    ) -> None:
        """Say once what is left out; raises SourceError when nothing is left."""
        names = frozenset(f"{m.name} ({m.aggregation}): {why}" for m, why in refused.items())
        said = ", ".join(sorted(names))
        if names - self._left_out.get(target, frozenset()):
            _log.warning("Azure Monitor refuses metrics of %s: %s", target, said)
        self._left_out[target] = names
        asked = {m for query in queries if query.grain is Grain.MINUTE for m in query.metrics}
        if asked and asked <= refused.keys():
            raise SourceError(f"every metric was refused: {said}")

    def _answers(
        self, target: str, queries: Sequence[MetricsQuery], end: float
    ) -> dict[MetricsQuery, Understood]:
        """What each query gave; raises SourceError for one by the minute that failed."""
        calls = [partial(self._get, query) for query in queries]
        left = max(end - time.monotonic(), 0)
        found = self._outcomes.of(calls, within=left, target=target)
        answers: dict[MetricsQuery, Understood] = {}
        failures: list[str] = []
        for query, outcome in zip(queries, found, strict=True):
            if not isinstance(outcome, Exception):
                answers[query] = outcome
            elif query.grain is Grain.MINUTE:
                failures.append(_failure(query, outcome))
            else:
                _log.warning("goes on without: %s", _failure(query, outcome))
        if failures:
            raise next(filter(_is_denied, found), SourceError("; ".join(dict.fromkeys(failures))))
        return answers

    def _get(self, query: MetricsQuery) -> Understood:
        status, body = self._answer(query)
        if status != HTTPStatus.OK:
            raise _refused_by(query, status, refusal(query, status, body))
        return understand(query, body)

    def _answer(self, query: MetricsQuery) -> tuple[int, bytes]:
        request = HttpRequest("GET", query.url(self._endpoint), headers=_HEADERS)
        with _translated(query):
            response = self._client.send_request(request, **self._options)
            return response.status_code, response.content


def _refused(answers: Mapping[MetricsQuery, Understood]) -> dict[PlatformMetric, str]:
    return {metric: why for each in answers.values() for metric, why in each.refused.items()}


def _refused_by(query: MetricsQuery, status: int, said: str) -> SourceError:
    if status == HTTPStatus.FORBIDDEN:
        return SourceDenied(
            said, lacking=f"it needs the role Monitoring Reader on its {query.resource}"
        )
    return SourceError(said)


def _is_denied(outcome: Any) -> TypeGuard[SourceDenied]:
    return isinstance(outcome, SourceDenied)


def _failure(query: MetricsQuery, error: Exception) -> str:
    return str(error) if isinstance(error, SourceError) else f"{query.resource}: {error}"


@contextmanager
def _translated(query: MetricsQuery) -> Iterator[None]:
    try:
        yield
    except ClientAuthenticationError as error:
        raise SourceError(f"{query.resource}: no token: {_first_line(error)}") from error
    except (AzureError, *_NONSENSE) as error:
        said = f"{type(error).__name__}: {_first_line(error)}"
        raise SourceError(f"{query.resource}: {said}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
