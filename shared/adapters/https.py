"""Deadlines, certificates, and to whom plain http is allowed: what every HTTP client needs."""

import os
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import ip_address
from socket import create_connection
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

MOST_LEFT_BEHIND = 12

T = TypeVar("T")


def is_plain_loopback(url: str) -> bool:
    """Whether it is plain http to this machine, the only place where that may carry a token."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        return parts.scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return parts.scheme == "http" and host == "localhost"


def needs_environment() -> bool:
    """Whether it names a proxy or certificates: an SDK would else look for them at each request."""
    names = {name.upper() for name in os.environ}
    bundles = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    return bool(bundles & names) or any(name.endswith("_PROXY") for name in names)


def outcomes(calls: Sequence[Callable[[], T]], *, within: float) -> list[T | Exception]:
    """What each call answered or raised; a TimeoutError for one still busy after `within` seconds.

    The calls run side by side. Neither name resolution nor a dripping answer knows a deadline of
    its own, so a call that is late is left behind: in a daemon, which keeps no process alive.
    """
    return _side_by_side(calls, within)[0]


class Outcomes:
    """The `outcomes` of one caller's calls, again and again, without piling up threads.

    While `most` of its calls are left behind and still busy, new ones fail at once. Each target's
    are counted for themselves: one that hangs must not silence the others.
    """

    def __init__(self, most: int = MOST_LEFT_BEHIND) -> None:
        self._most = most
        self._left: dict[str, list[threading.Thread]] = {}
        self._lock = threading.Lock()

    def of(
        self, calls: Sequence[Callable[[], T]], *, within: float, target: str = ""
    ) -> list[T | Exception]:
        """See `outcomes`; a TimeoutError for each call while too many are left behind."""
        busy = self._still_busy(target)
        if busy >= self._most:
            late = f"not asked: earlier calls still wait for an answer ({busy})"
            return [TimeoutError(late) for _ in calls]
        found, threads = _side_by_side(calls, within)
        with self._lock:
            self._left[target] += [thread for thread in threads if thread.is_alive()]
        return found

    def _still_busy(self, target: str) -> int:
        with self._lock:
            left = [thread for thread in self._left.get(target, []) if thread.is_alive()]
            self._left[target] = left
            return len(left)


def _side_by_side(
    calls: Sequence[Callable[[], T]], within: float
) -> tuple[list[T | Exception], list[threading.Thread]]:
    found: list[T | Exception] = [TimeoutError(f"no answer within {within:.3g} s") for _ in calls]

    def run(place: int, call: Callable[[], T]) -> None:
        try:
            found[place] = call()
        except Exception as error:  # noqa: BLE001 - it is the caller's, who waits in another thread
            found[place] = error

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(calls)]
    end = time.monotonic() + within
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    return list(found), threads


def certificate_ends(url: SplitResult, *, timeout: float) -> datetime:
    """When the server's certificate ends; raises OSError or ValueError.

    It is not verified: what is wanted is the date, of an expired or distrusted one too, and
    nothing is sent.
    """
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - needed once an hour

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = (url.hostname or "", url.port or 443)
    with (
        create_connection(address, timeout) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as secured,
    ):
        certificate = secured.getpeercert(binary_form=True) or b""
    return load_der_x509_certificate(certificate).not_valid_after_utc
