"""The walk over lost answers: every effect of the story happens, and one answer never comes.

Nothing dies here, so a run needs no process of its own: the in-memory twins tell many stories a
second, and stand for the store because one contract suite holds both to the same.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from local.chaos.endings import Ending, ending_of
from local.chaos.lives import Diary, Life
from local.chaos.mishaps import LostAnswer, Mishap
from local.chaos.postboxes import MemoryPostbox, Postbox, StoragePostbox
from local.chaos.story import TARGET
from local.desks import Storage, memory_storage, table_storage
from local.followers import Telling, telling
from shared.adapters.memory import MemoryQueue
from shared.domain.errors import ChannelError
from shared.domain.notifications import Notification
from shared.domain.rules import ActionType, Severity


class Ear:
    """A channel that hears everything; Slack is busy once, an SMS is for critical alerts."""

    timeout = timedelta(seconds=1)

    def __init__(self, kind: str, heard: list[Telling]) -> None:
        self.type = kind
        self.least = Severity.CRITICAL if kind == ActionType.SMS else Severity.LOW
        self._heard = heard
        self._busy = kind == ActionType.SLACK

    def send(self, notification: Notification) -> str | None:
        """See Channel.send."""
        if self._busy:
            self._busy = False
            raise ChannelError("try again", retry_after=timedelta(seconds=20))
        if notification.severity.rank < self.least.rank:
            raise ChannelError("too mild", permanent=True)
        self._heard.append(telling(self.type, notification))
        return f"{self.type}/{len(self._heard)}"

    def problem(self, target: str) -> str:  # noqa: ARG002 - one pair of ears hears everything
        """See Channel.problem."""
        return ""


class Lost(NamedTuple):
    """Which effect's answer is lost; `retried`: and the SDK made it conflict with itself."""

    at: int
    retried: bool

    def __str__(self) -> str:
        return f"no answer to effect {self.at}{', tried again' if self.retried else ''}"

    def mishap(self) -> LostAnswer:
        """What loses it."""
        return LostAnswer(self.at, retried=self.retried)


def every_lost_answer(effects: int) -> list[Lost]:
    """Both ways to lose the answer of each of so many effects."""
    return [Lost(number, again) for number in range(1, effects + 1) for again in (False, True)]


def undisturbed(folder: Path) -> tuple[int, Ending]:
    """How many effects the story has when everything comes thrice, and how it ends."""
    nothing = LostAnswer(0)
    ending = told(nothing, folder)
    return nothing.calls, ending


def told(mishap: Mishap, folder: Path, connection: str = "") -> Ending:
    """One run in this process, over new twins or a storage account, under that mishap."""
    folder.mkdir()
    storage, postbox = _ground(connection)
    heard: list[Telling] = []
    channels = {str(kind): Ear(kind, heard) for kind in ActionType}
    Life(Diary(TARGET, folder), storage, postbox, channels, mishap, thrice=True).live()
    return ending_of(TARGET, storage, heard, licences=mishap.licences)


def _ground(connection: str) -> tuple[Storage, Postbox]:
    if connection:
        return table_storage(connection), StoragePostbox(connection)
    queue = MemoryQueue()
    return replace(memory_storage(), queue=queue), MemoryPostbox(queue)
