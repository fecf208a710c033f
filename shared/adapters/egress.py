"""One POST to a URL that somebody wrote into a setting: to a checked address, in bounded time.

The name is resolved once; every address found is checked, and the connection goes to one of those,
with the name for TLS and Host. No proxy, no redirect, no retry, nothing in the log.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from ipaddress import ip_address

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from shared.adapters.destinations import Destination, is_listed, may_be_reached
from shared.adapters.https import outcomes
from shared.domain.errors import ChannelError, NotAsked

CONNECT_TIMEOUT = 3
READ_TIMEOUT = 8
DEADLINE = 10
"""Seconds for all of it, finding the host included."""
MOST_ADDRESSES = 3
MOST_BYTES = 64 * 1024
"""Of an answer's body; http.client reads at most 100 headers of as many bytes."""
USER_AGENT = "pantry-monitor"
OF_INTEREST = ("Retry-After", "Date", "X-OAuth-Scopes")
"""The headers that are kept of an answer; the last says what a bot of Slack's may do."""

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[tuple[str, int], float], socket.socket]


@dataclass(frozen=True)
class Answer:
    """What a provider answered, the headers of interest alone."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the message was taken."""
        return 200 <= self.status <= 299


class ForbiddenAddress(Exception):
    """The host has an address that nobody is sent to."""


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _connect(address: tuple[str, int], timeout: float) -> socket.socket:
    return socket.create_connection(address, timeout)


class Egress:
    """The way out. `listed`: hosts, or host:port, that may have addresses inside.

    `trust` replaces the public roots; `resolve` and `connect` are the network's.
    """

    def __init__(
        self,
        listed: Collection[str] = (),
        *,
        trust: ssl.SSLContext | None = None,
        resolve: Resolve = _resolve,
        connect: Connect = _connect,
    ) -> None:
        self._listed = frozenset(one.lower() for one in listed)
        self._given_trust = trust
        self._resolve = resolve
        self._connect = connect

    def post(
        self, to: Destination, body: bytes, headers: Callable[[], Mapping[str, str]], who: str
    ) -> Answer:
        """The answer, whatever its status; raises ChannelError when there is none.

        `headers` is called late and inside the deadline: it may sign with the time, or fetch a
        token. `who` begins the errors, in which nothing of the URL is said.
        """
        exchange = _Exchange(self, to, body, headers)
        [answer] = outcomes([exchange.run], within=DEADLINE)
        exchange.end()
        if isinstance(answer, ForbiddenAddress):
            raise NotAsked(
                f"{who} leads to an address inside a network; if that is meant, "
                "its host goes into WEBHOOK_HOSTS"
            )
        if isinstance(answer, Exception):
            # Both the error's text and the errors behind it may quote what was sent.
            raise ChannelError(f"{who} was not reached: {type(answer).__name__}")
        return answer

    def addresses(self, to: Destination) -> list[str]:
        """The host's addresses; raises ForbiddenAddress unless every one of them is open."""
        found = self._resolve(to.host, to.port)
        listed = is_listed(to, self._listed)
        if not found or not all(may_be_reached(ip_address(one), listed=listed) for one in found):
            raise ForbiddenAddress
        return list(found[:MOST_ADDRESSES])

    def dial(self, to: Destination, addresses: Sequence[str]) -> socket.socket:
        """A connection to the first address that takes one; raises OSError."""
        plain = self._first(to.port, addresses)
        if not to.is_secure:
            return plain
        try:
            return self._trust.wrap_socket(plain, server_hostname=to.host)
        except BaseException:
            plain.close()
            raise

    def _first(self, port: int, addresses: Sequence[str]) -> socket.socket:
        *others, last = addresses
        for address in others:
            with suppress(OSError):
                return self._connect((address, port), CONNECT_TIMEOUT)
        return self._connect((last, port), CONNECT_TIMEOUT)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


class _Exchange:
    """One request and its answer, which can be ended from another thread."""

    def __init__(
        self,
        egress: Egress,
        to: Destination,
        body: bytes,
        headers: Callable[[], Mapping[str, str]],
    ) -> None:
        self._egress = egress
        self._to = to
        self._body = body
        self._headers = headers
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_over = False

    def run(self) -> Answer:
        """Find, check, connect, send, read."""
        addresses = self._egress.addresses(self._to)
        headers = {
            "Host": self._to.authority,
            "User-Agent": USER_AGENT,
            "Connection": "close",
            **self._headers(),
        }
        with closing(self._egress.dial(self._to, addresses)) as connected:
            self._begin(connected)
            return self._speak(connected, headers)

    def _begin(self, connected: socket.socket) -> None:
        """A name that was found too late must not lead to a message that nobody knows of."""
        with self._lock:
            if self._is_over:
                raise TimeoutError
            self._socket = connected
        connected.settimeout(READ_TIMEOUT)

    def _speak(self, connected: socket.socket, headers: Mapping[str, str]) -> Answer:
        connection = HTTPConnection(self._to.host, self._to.port)
        connection.auto_open = 0
        connection.sock = connected
        connection.request("POST", self._to.path, self._body, headers)
        with closing(connection.getresponse()) as response:
            said = {name: response.headers.get(name, "") for name in OF_INTEREST}
            return Answer(response.status, said, response.read(MOST_BYTES))

    def end(self) -> None:
        """Cut the connection, however slowly somebody may still be answering over it."""
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                with suppress(OSError):
                    # Not SSLSocket's own: for a moment that would let the other thread go on in
                    # plain text.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
