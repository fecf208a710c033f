"""Every channel there is, each with a provider at will; a new one adds itself to CHANNELS."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any

from shared.adapters.channels.console import ConsoleChannel
from shared.adapters.channels.email import open_email
from shared.adapters.channels.memory import MemoryChannel
from shared.adapters.channels.slack import SlackChannel
from shared.adapters.channels.sms import open_sms
from shared.adapters.channels.teams import TeamsChannel
from shared.adapters.channels.webhook import WebhookChannel
from shared.adapters.egress import Egress
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification, compose
from shared.domain.rules import Action, ActionType
from shared.ports import Channel
from tests.adapters.builders import an_event
from tests.adapters.providers import Asked, Provider

SECRET = "hooks.example/T0K3N-s3cr3t"  # noqa: S105 - opens nothing
PHONE = "+491511234567"


def notification_to(target: str) -> Notification:
    return compose("m1", Action(ActionType.CONSOLE, target), [an_event()])


NOTIFICATION = notification_to("#alerts")


@dataclass(frozen=True)
class ChannelUnderTest:
    """How to make a channel that works and writes what it sent to a list, and one that fails.

    The failing one is furnished with SECRET wherever it could have one. `over_http`: how to make
    one that sends to a provider, and how that provider says yes. `tells`: what of a notification
    has to arrive.
    """

    name: str
    module: str
    working: Callable[[list[str], Provider], Channel]
    failing: Callable[[Provider], Channel]
    over_http: "OverHttp | None" = None
    tells: Callable[[Notification], list[str]] = lambda told: [told.subject, *told.text.split("\n")]

    @property
    def notification(self) -> Notification:
        return self.over_http.notification if self.over_http else NOTIFICATION


@dataclass(frozen=True)
class OverHttp:
    """A channel that sends to a provider; `permanent`: what the provider says for good."""

    to: Callable[[str], Channel]
    yes: tuple[int, bytes]
    told: Callable[[bytes], str]
    permanent: tuple[tuple[int, bytes], ...] = ()
    transient: tuple[tuple[int, bytes], ...] = ()
    target: str = "#alerts"

    @property
    def notification(self) -> Notification:
        return notification_to(self.target)

    def working(self, told: list[str], provider: Provider) -> Channel:
        """Every message is taken, under a new id."""
        status, body = self.yes

        def take(asked: Asked) -> None:
            told.append(self.told(asked.body))
            provider.answers(status, body.replace(b"ID", str(len(provider.asked)).encode()))

        provider.took = take
        return self.to(provider.url)

    def failing(self, provider: Provider) -> Channel:
        """The provider is out of order, and repeats what it should not."""
        provider.answers(500, f'{{"error": {{"code": "{SECRET}"}}, "ok": "{SECRET}"}}'.encode())
        return self.to(provider.url)


class Recorded(MemoryChannel):
    """Also writes down what it kept."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def send(self, notification: Notification) -> str | None:
        answer = super().send(notification)
        self._told.append(f"{notification.to} {notification.subject} {notification.text}")
        return answer


def broken_stream(_: str) -> None:
    raise BrokenPipeError(32, "Broken pipe", SECRET)


def failing_memory() -> Channel:
    channel = MemoryChannel()
    channel.failures.append(ChannelError("told to fail", permanent=True))
    return channel


def mail_at(url: str) -> Channel:
    key = b64encode(SECRET.encode()).decode()
    return open_email(connection_string=f"endpoint={url};accesskey={key}", sender="a@example.com")


def mail_told(body: bytes) -> str:
    mail = json.loads(body)
    (to,) = mail["recipients"]["to"]
    return f"{to['address']} {mail['content']['subject']} {mail['content']['plainText']}"


def webhook_at(url: str) -> Channel:
    return SlackChannel({NOTIFICATION.to: f"{url}/services/{SECRET}"})


def bot_at(url: str) -> Channel:
    return SlackChannel({}, token=SECRET, endpoint=url)


def slack_told(body: bytes) -> str:
    message = json.loads(body)
    texts = [block["text"]["text"] for block in message["blocks"] if "text" in block]
    return unescape("\n".join([message.get("channel", NOTIFICATION.to), *texts]))


def way_to(url: str) -> Egress:
    return Egress([url.rpartition("/")[2]])


def teams_at(url: str) -> Channel:
    return TeamsChannel({NOTIFICATION.to: f"{url}/workflows/{SECRET}"}, way_out=way_to(url))


def receiver_at(url: str) -> Channel:
    given = {NOTIFICATION.to: (f"{url}/{SECRET}?code={SECRET}", SECRET)}
    return WebhookChannel(given, way_out=way_to(url))


def sms_at(url: str) -> Channel:
    key = b64encode(SECRET.encode()).decode()
    return open_sms(connection_string=f"endpoint={url};accesskey={key}", sender="Pantry")


def texts_of(card: Any) -> Iterator[str]:
    """Every text of an Adaptive Card, in reading order."""
    for part in card if isinstance(card, list) else card.values():
        if isinstance(part, list | dict):
            yield from texts_of(part)
        elif isinstance(part, str):
            yield part


def card_told(body: bytes) -> str:
    [attachment] = json.loads(body)["attachments"]
    return "\n".join([NOTIFICATION.to, *texts_of(attachment["content"])])


def schema_told(body: bytes) -> str:
    data = json.loads(body)["data"]
    return "\n".join(
        [NOTIFICATION.to, data["essentials"]["description"], data["alertContext"]["text"]]
    )


def sms_told(body: bytes) -> str:
    message = json.loads(body)
    [recipient] = message["smsRecipients"]
    return f"{recipient['to']} {message['message']}"


def sms_tells(notification: Notification) -> list[str]:
    return ["CRITICAL", "DTU critical", "98.2 %", notification.target]


def sms_answer(status: int, **said: object) -> tuple[int, bytes]:
    result = {"to": PHONE, "httpStatusCode": status, **said}
    return 202, json.dumps({"value": [result]}).encode()


def refusal_of_bot(error: str) -> tuple[int, bytes]:
    return 200, json.dumps({"ok": False, "error": error}).encode()


MAIL = OverHttp(
    to=mail_at,
    target="admin@example.com",
    yes=(202, b'{"id": "mail-ID", "status": "Running"}'),
    told=mail_told,
    permanent=(
        (400, b'{"error": {"code": "BadRequest", "message": "no"}}'),
        (404, b'{"error": {"code": "DomainNotLinked", "message": "no"}}'),
        (202, b'{"id": "1", "status": "Failed", "error": {"code": "EmailDropped"}}'),
        (202, b'{"id": "1", "status": "Canceled"}'),
    ),
    transient=((202, b'{"status": "Running"}'), (202, b"[]"), (202, b""), (200, b"{}")),
)
WEBHOOK = OverHttp(
    to=webhook_at,
    yes=(200, b"ok"),
    told=slack_told,
    permanent=(
        (400, b"invalid_payload"),
        (403, b"invalid_token"),
        (404, b"no_service"),
        (410, b"channel_is_archived"),
    ),
    transient=((200, b"<html>Sign in</html>"), (200, b"")),
)
BOT = OverHttp(
    to=bot_at,
    yes=(200, b'{"ok": true, "channel": "C1", "ts": "1767225600.00000ID"}'),
    told=slack_told,
    permanent=tuple(
        refusal_of_bot(error)
        for error in ("channel_not_found", "not_in_channel", "invalid_auth", "is_archived")
    ),
    transient=(
        *(refusal_of_bot(error) for error in ("ratelimited", "fatal_error", "internal_error")),
        refusal_of_bot("what_is_this"),
        (200, b"[]"),
        (200, b""),
    ),
)
TEAMS = OverHttp(
    to=teams_at,
    yes=(202, b""),
    told=card_told,
    permanent=(
        (400, b'{"error": {"code": "InvalidTemplate", "message": "no"}}'),
        (401, b'{"error": {"code": "DirectApiAuthorizationRequired", "message": "no"}}'),
        (404, b'{"error": {"code": "WorkflowNotFound", "message": "no"}}'),
    ),
    transient=((502, b'{"error": {"code": "NoResponse", "message": "?"}}'),),
)
RECEIVER = OverHttp(
    to=receiver_at,
    yes=(200, b"<html>Thanks</html>"),
    told=schema_told,
    permanent=((400, b"no"), (410, b"gone")),
    transient=((500, b"\xff"), (425, b"")),
)
SMS = OverHttp(
    to=sms_at,
    yes=sms_answer(202, messageId="sms-ID", successful=True),
    told=sms_told,
    permanent=(
        (400, b'{"error": {"code": "BadRequest", "message": "no"}}'),
        sms_answer(400, successful=False, errorMessage="Invalid To phone number format."),
        sms_answer(404, successful=False),
    ),
    transient=(
        sms_answer(429, successful=False),
        sms_answer(500, successful=False),
        sms_answer(202, successful=False),
        sms_answer(202, successful=True),
        (202, b'{"value": []}'),
        (202, b'{"value": [7]}'),
        (202, b"[]"),
        (202, b"\xff"),
    ),
    target=PHONE,
)
CHANNELS = [
    ChannelUnderTest(
        name="console",
        module="console",
        working=lambda told, _: ConsoleChannel(write=told.append),
        failing=lambda _: ConsoleChannel(write=broken_stream),
    ),
    ChannelUnderTest(
        name="memory",
        module="memory",
        working=lambda told, _: Recorded(told),
        failing=lambda _: failing_memory(),
    ),
    ChannelUnderTest("email", "email", MAIL.working, MAIL.failing, MAIL),
    ChannelUnderTest("slack-webhook", "slack", WEBHOOK.working, WEBHOOK.failing, WEBHOOK),
    ChannelUnderTest("slack-bot", "slack", BOT.working, BOT.failing, BOT),
    ChannelUnderTest("teams", "teams", TEAMS.working, TEAMS.failing, TEAMS),
    ChannelUnderTest("webhook", "webhook", RECEIVER.working, RECEIVER.failing, RECEIVER),
    ChannelUnderTest("sms", "sms", SMS.working, SMS.failing, SMS, tells=sms_tells),
]
