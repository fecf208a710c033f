"""The channels of a stage: what they send is written down, as their real renderers word it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace

from local.cloud.email import SENDER, Mailroom
from shared.adapters.channels.email import EmailChannel
from shared.adapters.channels.memory import MemoryChannel
from shared.adapters.rendering import slack_message
from shared.domain.notifications import Notification
from shared.ports import Channel


class Say(Protocol):
    """Writes down who said what; `body` is what a message says below its subject."""

    def __call__(self, who: str, what: str, body: str = "") -> None:
        """Write it."""
        ...


class Voice(Channel, Protocol):
    """A channel that keeps what it sent."""

    @property
    def sent(self) -> list[Notification]:
        """Every message, in order."""
        ...


class Mail(EmailChannel):
    """The real channel, and a mail service that refuses whatever is over its limits."""

    def __init__(self, wall: Callable[[], datetime], say: Say) -> None:
        super().__init__(lambda: self, SENDER)
        self.sent: list[Notification] = []
        self._room = Mailroom(wall=wall)
        self._say = say

    def send(self, notification: Notification) -> str | None:
        """See Channel.send; pictures take long to draw, and are no text."""
        answer = super().send(replace(notification, trail=None))
        self.sent.append(notification)
        return answer

    def begin_send(self, message: Any, *, operation_id: str, polling: bool) -> "Mail":
        """Stand where the SDK's client does."""
        assert polling is False
        self._room.send(message, operation_id)
        self._say(self.type, message["content"]["subject"], message["content"]["plainText"])
        return self

    def result(self) -> dict[str, str]:
        """The service's answer."""
        return {"id": str(len(self.sent)), "status": "Running"}


class Words(MemoryChannel):
    """A channel of which only the words are real."""

    def __init__(self, kind: str, words: Callable[[Notification], str], say: Say) -> None:
        super().__init__(kind)
        self._words = words
        self._say = say

    def send(self, notification: Notification) -> str | None:
        """See Channel.send."""
        answer = super().send(notification)
        self._say(self.type, self._words(notification))
        return answer


def slack_line(notification: Notification) -> str:
    """The line that Slack shows first; below it stands what the mail says."""
    text: str = slack_message(notification)["text"]
    return text.splitlines()[0]
