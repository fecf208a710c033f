"""Keeps what was sent, and fails when told to; the tests' channel."""

from collections import deque
from datetime import timedelta

from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import Severity


class MemoryChannel:
    """`failures` are raised one per send, in order, before anything is kept."""

    timeout = timedelta(seconds=1)
    least = Severity.LOW

    def __init__(self, kind: str = "console") -> None:
        self.type = kind
        self.sent: list[Notification] = []
        self.failures: deque[ChannelError] = deque()

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; the id counts from 1."""
        if self.failures:
            raise self.failures.popleft()
        self.sent.append(notification)
        return str(len(self.sent))

    def problem(self, target: str) -> str:  # noqa: ARG002 - it keeps what is sent to anybody
        """See Channel.problem."""
        return ""
