"""Asks a target's health page as a visitor would: over a new connection, with names and TLS.

A page that fails is a good reading with availability 0. Its JSON may say
`{"memory": {"heapUsed": bytes, "rss": bytes}}`, whatever its status; what is missing is left out.
"""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidURL
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import HTTPError

from shared.adapters.bodies import json_object
from shared.adapters.https import Outcomes, certificate_ends
from shared.domain.errors import SourceError
from shared.domain.samples import Reading, Sample
from shared.domain.times import HOUR, floor_minute

MOST_REDIRECTS = 2
MOST_BYTES = 64 * 1024

_HEADERS = {
    # The logs' queries leave these requests out of traffic by this name.
    "User-Agent": "pantry-monitor",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
_MEMORY = {"heapUsed": "memoryHeap", "rss": "memoryProcess"}
_MB = 2**20
_MOST_MEMORY = 2**50
_NO_ANSWER = (OSError, HTTPError, HTTPException)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """Seconds: to connect, for the next bytes, and for a whole reading."""

    connect: float = 5
    read: float = 5
    deadline: float = 8.5


PATIENCE = Patience()


@dataclass(frozen=True)
class _Answer:
    status: int
    milliseconds: float
    body: bytes


@dataclass(frozen=True)
class _Certificate:
    ends: datetime
    read_at: datetime


class HealthProbe:
    """A MetricSource; `urls` is target to health URL, `trust` replaces the public roots."""

    name = "probe"

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        patience: Patience = PATIENCE,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._urls = urls
        self._patience = patience
        self._given_trust = trust
        self._certificates: dict[str, _Certificate] = {}
        self._outcomes = Outcomes()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)

    def read(self, target: str, *, since: datetime | None, now: datetime) -> Reading:  # noqa: ARG002 - a probe sees only now
        """See MetricSource.read; the sample is the running minute's, which asks again combine."""
        url = _usable(self._urls.get(target, ""), target)
        calls: list[Callable[[], _Answer | datetime]] = [partial(self._ask, url.geturl())]
        if url.scheme == "https" and self._is_certificate_due(target, now):
            calls.append(partial(certificate_ends, url, timeout=self._patience.connect))
        within = self._patience.deadline
        answer, *certificates = self._outcomes.of(calls, within=within, target=target)
        for ends in certificates:
            self._keep_certificate(target, ends, now)
        values = {**_values(target, answer), **self._days_left(target, now)}
        minute = floor_minute(now)
        samples = tuple(Sample(metric, minute, value) for metric, value in values.items())
        return Reading(source=self.name, asked_at=now, covered_until=minute, samples=samples)

    def _ask(self, url: str) -> _Answer:
        end = time.monotonic() + self._patience.deadline
        # Not a session: that would follow proxies, a .netrc and redirects in its own way.
        adapter = _Trusting(self._trust) if url.startswith("https:") else HTTPAdapter()
        start = time.perf_counter()
        with closing(adapter), self._followed(adapter, url) as response:
            body = _body(response, end)
            elapsed = time.perf_counter() - start
            return _Answer(response.status_code, elapsed * 1000, body)

    def _followed(self, adapter: HTTPAdapter, url: str) -> requests.Response:
        response = self._get(adapter, url)
        for _ in range(MOST_REDIRECTS):
            onward = _onward(response)
            if onward is None:
                break
            response.close()
            response = self._get(adapter, onward)
        return response

    def _get(self, adapter: HTTPAdapter, url: str) -> requests.Response:
        request = requests.Request("GET", url, headers=_HEADERS).prepare()
        timeout = (self._patience.connect, self._patience.read)
        return adapter.send(request, stream=True, timeout=timeout)

    def _is_certificate_due(self, target: str, now: datetime) -> bool:
        known = self._certificates.get(target)
        return known is None or now - known.read_at >= HOUR

    def _keep_certificate(
        self, target: str, ends: _Answer | datetime | Exception, now: datetime
    ) -> None:
        if isinstance(ends, datetime):
            self._certificates[target] = _Certificate(ends, now)
        else:
            _log.info("the certificate of %s can't be read: %s", target, ends)

    def _days_left(self, target: str, now: datetime) -> dict[str, float]:
        known = self._certificates.get(target)
        return {"certificateDaysLeft": (known.ends - now) / timedelta(days=1)} if known else {}


class _Trusting(HTTPAdapter):
    """Verifies by a context made once: loading the roots takes 30 ms, a probe's whole latency."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Keep requests from loading the public roots into the context for each connection."""


def _usable(text: str, target: str) -> SplitResult:
    """The URL's parts; it is never shown, because it may hold a key."""
    wanted = f"the health URL of {target} must be one like https://host/api/health"
    try:
        url = urlsplit(text)
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        raise SourceError(wanted) from None
    if not usable:
        raise SourceError(wanted)
    return url


def _onward(response: requests.Response) -> str | None:
    """Where a redirect leads on the same host; never from https to plain http."""
    if not response.is_redirect:
        return None
    try:
        onward = urljoin(response.url, response.headers["Location"])
        before, after = urlsplit(response.url), urlsplit(onward)
        same_host = after.hostname == before.hostname
    except ValueError:
        return None
    return onward if same_host and after.scheme in {before.scheme, "https"} else None


def _body(response: requests.Response, end: float) -> bytes:
    """What is of interest of the body; a page that drips it beyond `end` has not answered."""
    body = bytearray()
    while len(body) < MOST_BYTES:
        more = response.raw.read1(MOST_BYTES - len(body), decode_content=False)
        if not more:
            break
        body += more
        if time.monotonic() > end:
            raise TimeoutError("the body came too slowly")
    return bytes(body)


def _values(target: str, answer: _Answer | datetime | Exception) -> dict[str, float]:
    if isinstance(answer, InvalidURL):
        raise SourceError(f"the health URL of {target} can't be asked") from answer
    if isinstance(answer, _NO_ANSWER):
        _log.info("the probe of %s failed: %s", target, _cause(answer))
        return {"availability": 0.0}
    if not isinstance(answer, _Answer):
        raise SourceError(f"the probe of {target} failed: {answer!r}")
    good = 200 <= answer.status <= 299
    if not good:
        _log.info("the probe of %s failed: status %d", target, answer.status)
    return {
        "availability": 100.0 if good else 0.0,
        "probeLatency": answer.milliseconds,
        **_memory(answer.body),
    }


def _cause(error: BaseException) -> str:
    """The innermost reason: the layers around it would spell out the URL."""
    while error.__context__ is not None:
        error = error.__context__
    return f"{type(error).__name__}: {error}"


def _memory(body: bytes) -> dict[str, float]:
    told = json_object(body).get("memory")
    given = told if isinstance(told, dict) else {}
    figures = {_MEMORY[name]: value for name, value in given.items() if name in _MEMORY}
    return {metric: value / _MB for metric, value in figures.items() if _is_bytes(value)}


def _is_bytes(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < _MOST_MEMORY
