"""Tells a dead man's switch, in the manner of healthchecks.io, how the monitor is.

Its URL lets whoever knows it say that all is well: it is named in no error and in no log. So the
standard library's client is used, which logs nothing.
"""

import ssl
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property, partial
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.adapters.https import Outcomes
from shared.adapters.refusals import check_encrypted
from shared.domain.errors import ChannelError

TIMEOUT = 4
DEADLINE = 8
"""Seconds for all of it, finding the host included: a pass is over by then, and ends in time."""
LONGEST_BODY = 10_000


class HttpPulse:
    """See ports.Pulse: GET `url` when all is well, else POST the problems to `url`/fail."""

    def __init__(self, url: str, *, deadline: float = DEADLINE) -> None:
        check_encrypted(url, "HEARTBEAT_URL")
        self._url = urlsplit(url)
        self._deadline = deadline
        self._outcomes = Outcomes()

    def beat(self, problems: Sequence[str]) -> None:
        """See Pulse.beat."""
        body = "\n".join(problems)[:LONGEST_BODY].encode()
        [status] = self._outcomes.of([partial(self._ask, body)], within=self._deadline)
        if isinstance(status, Exception):
            # The error's text can name the URL.
            raise ChannelError(f"the heartbeat did not arrive: {type(status).__name__}")
        if not 200 <= status < 300:
            raise ChannelError(f"the heartbeat was answered {status}")

    def _ask(self, body: bytes) -> int:
        method = "POST" if body else "GET"
        path = self._url.path.rstrip("/") + ("/fail" if body else "")
        query = f"?{self._url.query}" if self._url.query else ""
        headers = {"User-Agent": "pantry-monitor", "Connection": "close"}
        with closing(self._connection(self._url)) as connection:
            connection.request(method, (path or "/") + query, body or None, headers)
            return connection.getresponse().status

    def _connection(self, url: SplitResult) -> HTTPConnection:
        host = url.hostname or ""
        if url.scheme == "http":
            return HTTPConnection(host, url.port, timeout=TIMEOUT)
        return HTTPSConnection(host, url.port, timeout=TIMEOUT, context=self._trust)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
