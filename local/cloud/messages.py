"""What people would have got: everything that the channels' answerers took, in one list."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

from local.cloud.answerers import Desk
from local.cloud.email import Mail, mails
from local.cloud.slack import SlackMessage, slack_messages
from local.cloud.sms import Text, texts
from local.cloud.teams import Card, cards
from local.cloud.webhooks import Posted, posted


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
    """Everything that was taken, newest first; a message that came again is one message."""
    told = [
        *map(_mail, mails(desk)),
        *map(_slack, slack_messages(desk)),
        *map(_webhook, posted(desk)),
        *map(_teams, cards(desk)),
        *map(_sms, texts(desk)),
    ]
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


def _webhook(message: Posted) -> Message:
    return Message(
        at=message.raw.world_at,
        via="webhook",
        to=message.hook,
        subject=message.essentials["description"],
        text=message.context.get("text", ""),
    )


def _teams(card: Card) -> Message:
    subject, *rest = card.texts or ("",)
    return Message(
        at=card.raw.world_at, via="teams", to=card.channel, subject=subject, text="\n".join(rest)
    )


def _sms(text: Text) -> Message:
    subject, _, _ = text.message.partition(", since ")
    return Message(at=text.raw.world_at, via="sms", to=text.to, subject=subject, text=text.message)


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
