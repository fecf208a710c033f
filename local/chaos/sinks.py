"""The real channels of the story, the services that they speak to, and what these took.

The services outlive the monitor's process, so what they took is what people would have got.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from html import unescape
from http import HTTPStatus
from itertools import count
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.chaos import story
from local.cloud import email, slack, sms, teams, webhooks
from local.cloud.answerers import Answerer, Desk, Make, TcpAnswerer
from local.cloud.asgi import disconnected
from local.cloud.clouds import running_cloud
from local.cloud.faults import Fault
from local.desks import VirtualClock
from local.rig import CloudTime
from local.surroundings import ways_to_tell
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared import bootstrap, settings
from shared.domain.rules import ActionType
from shared.ports import Channel

NOWHERE = "AccountName=nobody;AccountKey=c2VjcmV0"
"""Settings without a storage are refused; nobody opens this one."""
BUSY = Fault("throttle", retry_after=20, times=1)


class Arrival(NamedTuple):
    """A message that a service took: when, through which channel, to whom, in which words."""

    at: datetime
    kind: str
    to: str
    words: str


class Losing:
    """Does what every request asks; of one of them, the line is cut before its answer."""

    def __init__(self, lost: int) -> None:
        self._lost = lost
        self._requests = count(1)

    def around(self, make: Make) -> Make:
        """The same service over such a line."""
        return lambda desk: self._made(make(desk))

    def _made(self, answerer: Answerer | TcpAnswerer) -> Answerer | TcpAnswerer:
        if isinstance(answerer, TcpAnswerer):
            return answerer

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or next(self._requests) != self._lost:
                await answerer.app(scope, receive, send)
            else:
                await _unheard(answerer.app, scope, receive, send)

        return Answerer(answerer.name, app)


async def _unheard(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """What is said after the line was cut is noted in the inbox, and heard by nobody."""
    said: list[Message] = []

    async def keep(message: Message) -> None:
        said.append(message)

    await app(scope, receive, keep)
    scope["state"]["abort"]()
    await disconnected(receive)
    for message in said:
        await send(message)


@contextmanager
def running_services(mail_clock: Callable[[], datetime], lost: int = 0) -> Iterator[Desk]:
    """The five services, of which Slack is busy once; the mail service counts by that clock.

    `lost`: the number of the request whose answer is lost; 0: none.
    """
    world = ScriptedWorld(script_named("calm", story.T0))
    desk = Desk(world, CloudTime(VirtualClock(story.T0)), simulate_latency=False)
    mail = partial(email.answerer, mailroom=email.Mailroom(wall=mail_clock))
    makes: tuple[Make, ...] = (
        mail,
        slack.answerer,
        webhooks.answerer,
        teams.answerer,
        sms.answerer,
    )
    losing = Losing(lost)
    with running_cloud(desk, [losing.around(make) for make in makes]):
        desk.faults.set(slack.NAME, BUSY)
        yield desk


def channel_settings(desk: Desk) -> dict[str, str]:
    """What leads the app to these services; Slack's rooms one by webhook, one by the bot."""
    return {
        **ways_to_tell(desk),
        "AzureWebJobsStorage": NOWHERE,
        "SLACK_WEBHOOKS": json.dumps(slack.webhooks(desk, story.HOOK_ROOM)),
        "SLACK_BOT_TOKEN": slack.BOT_TOKEN,
    }


def requests_heard(desk: Desk) -> int:
    """How many requests came; those that met a service while it was busy are left out."""
    busy = HTTPStatus.TOO_MANY_REQUESTS
    return sum(record.status != busy for record in desk.inbox.records())


def real_channels(given: Mapping[str, str]) -> Mapping[str, Channel]:
    """Every channel as the app furnishes it."""
    return bootstrap.channels(settings.load(given))


def arrivals(desk: Desk) -> list[Arrival]:
    """Every message that people got, oldest first.

    One that came again under its id is one message, and a change of an old one is none.
    """
    found = [
        *(
            Arrival(one.raw.wall_at, ActionType.EMAIL, one.to[0], one.subject + one.plain_text)
            for one in email.mails(desk)
        ),
        *(
            Arrival(one.raw.wall_at, ActionType.SLACK, one.channel, unescape(one.text))
            for one in slack.slack_messages(desk)
            if not one.is_update
        ),
        *(
            Arrival(one.raw.wall_at, ActionType.WEBHOOK, one.hook, json.dumps(one.essentials))
            for one in webhooks.posted(desk)
        ),
        *(
            Arrival(one.raw.wall_at, ActionType.TEAMS, one.channel, "\n".join(one.texts))
            for one in teams.cards(desk)
        ),
        *(Arrival(one.raw.wall_at, ActionType.SMS, one.to, one.message) for one in sms.texts(desk)),
    ]
    return sorted(found)
