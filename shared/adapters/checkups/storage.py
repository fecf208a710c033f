"""The storage account: tables that are written, queues that take messages, and its clock."""

import re
import secrets
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol

import requests
from msgspec import Struct

from shared.adapters.checkups import mends
from shared.adapters.destinations import destination
from shared.adapters.egress import Egress
from shared.adapters.rows import DeleteRow, InsertRow, Rows
from shared.domain.errors import ChannelError, StoreError, Unwell

PARTITION = ":doctor"
"""No target has such an id."""
QUEUE = "doctor"
MOST_APART = timedelta(seconds=60)
"""Signed requests are refused from 5 minutes on; a lease lasts 45 s."""

SCOPE = "https://storage.azure.com/.default"
BLOBS_VERSION = "2021-12-02"
TIMEOUT = (4, 8)

_ENDPOINT = re.compile(r"(?:^|;)TableEndpoint=([^;]+)", re.IGNORECASE)
_NAME = re.compile(r"(?:^|;)AccountName=([^;]+)", re.IGNORECASE)

Mend = Callable[[int | None], str]
"""What helps against a refusal, by its HTTP status; None: nobody answered."""


class Sent(Struct, frozen=True):
    """A message that nobody reads."""

    at: datetime


class Queues(Protocol):
    """What is asked of the queues."""

    def put(self, queue: str, message: Struct, *, live_for: timedelta | None = None) -> None:
        """See WorkQueue.put."""
        ...

    def length(self, queue: str) -> int:
        """About how many messages it holds."""
        ...


def try_tables(tables: Mapping[str, Rows], mend: Mend) -> str:
    """Write, read and delete a row of each table."""
    for name, rows in tables.items():
        key = f"row:{secrets.token_hex(4)}"
        try:
            rows.transact(PARTITION, [InsertRow(key, {"written": True})])
            found = rows.get(PARTITION, key)
            rows.transact(PARTITION, [DeleteRow(key)])
        except StoreError as error:
            raise Unwell(f"{name}: {error}", mend=mend(_status(error))) from error
        if found is None:
            raise Unwell(f"{name} forgot a row that it had taken", mend=mend(None))
    return f"{', '.join(tables)} take, give and forget a row"


def try_blobs(endpoint: str, token: Callable[[str], str], mend: Mend) -> str:
    """List the containers: the host keeps its locks and the app's package in blobs."""
    headers = {"Authorization": f"Bearer {token(SCOPE)}", "x-ms-version": BLOBS_VERSION}
    try:
        answer = requests.get(
            f"{endpoint}/?comp=list&maxresults=1",
            headers=headers,
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise Unwell(f"blobs: {type(error).__name__}", mend=mend(None)) from error
    if answer.status_code != HTTPStatus.OK:
        status = answer.status_code
        raise Unwell(f"blobs: the storage answered {status}", mend=mend(status))
    return "can be listed"


def try_queue(queues: Queues, mend: Mend, wall: Callable[[], datetime]) -> str:
    """Put a message into a queue of its own, where it ends after a second."""
    try:
        queues.put(QUEUE, Sent(wall()), live_for=timedelta(seconds=1))
    except StoreError as error:
        raise Unwell(str(error), mend=mend(_status(error))) from error
    return "take a message"


def look_for_poison(queues: Queues, names: Collection[str], account: str) -> str:
    """Whether messages failed so often that the platform put them aside."""
    aside = {f"{name}-poison": queues.length(f"{name}-poison") for name in names}
    full = {name: count for name, count in aside.items() if count}
    if full:
        said = ", ".join(f"{count} in {name}" for name, count in full.items())
        first = next(iter(full))
        raise Unwell(
            f"messages failed five times: {said}",
            mend=mends.show_poison(first, account),
            limps=True,
        )
    return "no message was given up"


def compare_clocks(endpoint: str, wall: Callable[[], datetime], mend: Callable[[], str]) -> str:
    """Whether our clock shows what the storage's does."""
    to = destination(endpoint, "the storage endpoint")
    try:
        before = wall()
        answer = Egress([to.with_port]).post(to, b"", dict, "the storage")
    except ChannelError as error:
        raise Unwell(str(error), mend=mends.NOTHING) from error
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (ValueError, TypeError):
        said = "the storage does not say what time it is"
        raise Unwell(said, mend=mends.NOTHING) from None
    apart = abs(before - theirs)
    if apart > MOST_APART:
        raise Unwell(f"ours is {apart.total_seconds():.0f} s off the storage's", mend=mend)
    return "ours shows what the storage's does"


def table_endpoint(connection_string: str, account: str) -> str:
    """Where the tables are, whichever of the two names them."""
    spelled = _ENDPOINT.search(connection_string)
    if spelled:
        return spelled[1]
    return f"https://{account_name(connection_string, account)}.table.core.windows.net"


def account_name(connection_string: str, account: str) -> str:
    """The account's name."""
    named = _NAME.search(connection_string)
    return named[1] if named else account


def _status(error: Exception) -> int | None:
    """The HTTP status behind an error of the store's."""
    cause: Any = error.__cause__
    return getattr(cause, "status_code", None)
