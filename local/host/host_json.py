"""Reads host.json: the part of it that this host obeys, with the real host's defaults."""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

HOST_JSON = Path(__file__).parents[2] / "host.json"
LARGEST_BATCH = 32

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")


class HostJsonError(ValueError):
    """host.json says something that the real host would refuse, too."""


@dataclass(frozen=True)
class QueueOptions:
    """`visibility_timeout` is the wait before a retry, not the lease of a message in work."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta()
    max_polling_interval: timedelta = timedelta(minutes=1)
    encoding: str = "base64"

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= LARGEST_BATCH:
            raise HostJsonError(f"queues.batchSize is 1 to {LARGEST_BATCH}, not {self.batch_size}")
        if self.max_dequeue_count < 1 or self.new_batch_threshold < 0:
            raise HostJsonError("queues.maxDequeueCount is 1 or more, newBatchThreshold 0 or more")
        if self.max_polling_interval < timedelta(milliseconds=100):
            raise HostJsonError("queues.maxPollingInterval is 100 ms or more")
        if self.encoding not in {"base64", "none"}:
            raise HostJsonError(f"queues.messageEncoding is base64 or none, not {self.encoding!r}")


@dataclass(frozen=True)
class HostOptions:
    """`function_timeout` is None where functions may run for ever."""

    route_prefix: str = "api"
    function_timeout: timedelta | None = timedelta(minutes=30)
    queues: QueueOptions = QueueOptions()


def read_host_json(path: Path = HOST_JSON) -> HostOptions:
    """Raises HostJsonError with the reason when a value can't be used."""
    given = json.loads(path.read_text(encoding="utf-8"))
    extensions = given.get("extensions", {})
    return HostOptions(
        route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
        function_timeout=_timeout(given.get("functionTimeout", "00:30:00")),
        queues=_queues(extensions.get("queues", {})),
    )


def parse_span(text: str) -> timedelta:
    """A .NET time span: hh:mm:ss, or d.hh:mm:ss."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise HostJsonError(f"{text!r} is no time span such as 00:00:30")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _timeout(text: str) -> timedelta | None:
    return None if text == "-1" else parse_span(text)


def _queues(given: dict[str, Any]) -> QueueOptions:
    size = given.get("batchSize", 16)
    return QueueOptions(
        batch_size=size,
        new_batch_threshold=given.get("newBatchThreshold", size // 2),
        max_dequeue_count=given.get("maxDequeueCount", 5),
        visibility_timeout=parse_span(given.get("visibilityTimeout", "00:00:00")),
        max_polling_interval=parse_span(given.get("maxPollingInterval", "00:01:00")),
        encoding=given.get("messageEncoding", "base64").lower(),
    )
