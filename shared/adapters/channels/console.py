"""Tells people through a stream: the terminal locally, the log in the portal."""

import sys
from collections.abc import Callable
from datetime import timedelta

from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import Severity


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class ConsoleChannel:
    """Writes subject and text; it can stand in for every type of channel on a desk."""

    timeout = timedelta(seconds=1)
    least = Severity.LOW

    def __init__(self, kind: str = "console", write: Callable[[str], None] = _print) -> None:
        self.type = kind
        self._write = write

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; a stream has no ids."""
        body = notification.text.replace("\n", "\n    ")
        message = f"{self.type} to {notification.to}: {notification.subject}\n    {body}"
        try:
            self._write(message)
        except (OSError, ValueError) as error:
            # Closed, full, or of an encoding too poor for the message.
            raise ChannelError(f"the stream refused it: {type(error).__name__}") from error
        return None

    def problem(self, target: str) -> str:  # noqa: ARG002 - a stream is always there
        """See Channel.problem."""
        return ""
