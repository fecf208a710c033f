"""What people would have got: the mails and Slack messages that were taken, in one list."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

from local.cloud.answerers import Desk
from local.cloud.email import Mail, mails
from local.cloud.slack import SlackMessage, slack_messages


@dataclass(frozen=True)
class Message:
    """One message at the world's time of its arrival; only mails have `html`."""

    at: datetime
    via: str
    to: str
    subject: str
    text: str
    html: str = ""


def messages(desk: Desk) -> list[Message]:
    """Everything that was taken, newest first; a repeated operation is one mail."""
    told = [*map(_mail, mails(desk)), *map(_slack, slack_messages(desk))]
    return sorted(told, key=lambda message: message.at, reverse=True)


def _mail(mail: Mail) -> Message:
    return Message(
        at=mail.raw.world_at,
        via="email",
        to=", ".join(mail.to),
        subject=mail.subject,
        text=mail.plain_text,
        html=mail.html,
    )


def _slack(message: SlackMessage) -> Message:
    return Message(
        at=message.raw.world_at,
        via="slack",
        to=message.channel,
        subject=unescape(message.text.partition("\n")[0]),
        # Slack shows &gt; as >; so does whoever reads this list.
        text=unescape("\n".join(_texts(list(message.blocks))) or message.text),
    )


def _texts(part: Any) -> Iterator[str]:
    """Every text in Slack's blocks, in reading order."""
    if isinstance(part, list):
        for one in part:
            yield from _texts(one)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
