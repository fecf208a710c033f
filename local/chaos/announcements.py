"""What was about to be sent, noted outside the process; by it an arrived message is recognised.

A life sends one message at a time, so what arrives was announced last before.
"""

from bisect import bisect
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from local.chaos.lives import Diary
from local.chaos.sinks import Arrival
from local.clocks import wall_now
from local.followers import Telling, telling
from shared.domain.notifications import Notification, word
from shared.ports import Channel


class Announcement(Struct, frozen=True):
    """A message before it is sent; `marks` are words that its reader must find in it."""

    at: datetime
    kind: str
    to: str
    telling: Telling
    marks: tuple[str, ...]


class Announced:
    """A channel that notes in the diary what it is about to send."""

    def __init__(self, channel: Channel, diary: Diary) -> None:
        self._channel = channel
        self._diary = diary

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def send(self, notification: Notification) -> str | None:
        """See Channel.send."""
        first = notification.stories[0]
        said = Announcement(
            wall_now(),
            self._channel.type,
            notification.to,
            telling(self._channel.type, notification),
            (word(first), notification.target),
        )
        self._diary.announce(msgspec.json.encode(said).decode())
        return self._channel.send(notification)


def recognised(arrivals: Sequence[Arrival], diary: Diary) -> tuple[list[Telling], list[str]]:
    """What arrived as tellings, and which arrivals are not what was announced."""
    announced = [msgspec.json.decode(line, type=Announcement) for line in diary.announced()]
    moments = [one.at for one in announced]
    tellings, strange = [], []
    for arrival in arrivals:
        place = bisect(moments, arrival.at) - 1
        if place >= 0 and _fits(arrival, announced[place]):
            tellings.append(announced[place].telling)
        else:
            strange.append(f"nobody announced {arrival}")
    return tellings, strange


def _fits(arrival: Arrival, said: Announcement) -> bool:
    is_same = (arrival.kind, arrival.to) == (said.kind, said.to)
    return is_same and all(mark in arrival.words for mark in said.marks)
