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
from typing import NamedTuple

from local.chaos import story
from local.chaos.lines import Cut, Lines
from local.cloud import email, slack, sms, teams, webhooks
from local.cloud.answerers import Desk, Make
from local.cloud.clouds import running_cloud
from local.cloud.faults import Fault
from local.desks import VirtualClock
from local.rig import CloudTime
from local.surroundings import ways_to_tell
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named
from shared import bootstrap, settings
from shared.domain.rules import ActionType
from shared.furnishing.channels import channels
from shared.furnishing.storage import open_identity
from shared.ports import Channel

NOWHERE = "AccountName=nobody;AccountKey=c2VjcmV0"
"""Settings without a storage are refused; nobody opens this one."""
WHOLE = Cut()
BUSY = Fault("throttle", retry_after=20, times=1)


class Arrival(NamedTuple):
    """A message that a service took: when, through which channel, to whom, in which words."""

    at: datetime
    kind: str
    to: str
    words: str


@contextmanager
def running_services(mail_clock: Callable[[], datetime], cut: Cut = WHOLE) -> Iterator[Desk]:
    """The five services, of which Slack is busy once; the mail service counts by that clock."""
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
    lines = Lines(cut)
    with running_cloud(desk, map(lines.to, makes)):
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
    return channels(settings.load(given), open_identity, bootstrap.wall_now)


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
