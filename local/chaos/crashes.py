"""Runs of the story by real processes, which may be killed at a call; another goes on.

The monitor speaks to real services over every real channel. These outlive it, in a process of
their own (room.py), and so do tables and queue: the twins in a file (journal.py), or Azurite's.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from local.chaos import story
from local.chaos.announcements import Announced, recognised
from local.chaos.endings import Ending, ending_of
from local.chaos.journal import kept_storage
from local.chaos.lines import Cut
from local.chaos.lives import Diary, Life
from local.chaos.mishaps import Kill, Mishap
from local.chaos.postboxes import Postbox, StoragePostbox
from local.chaos.processes import exit_code, fork, forked
from local.chaos.room import Room, serve
from local.chaos.sinks import WHOLE, real_channels
from local.chaos.story import TARGET
from local.desks import Storage, table_storage

CALLS, LIVES, ROOM, STORAGE = "calls", "lives", "room", "storage"
LIVES_AT_MOST_S = 300


class Crash(NamedTuple):
    """Where a process ends: right before or right after its call of that number."""

    at: int
    after: bool

    def __str__(self) -> str:
        return f"killed {'after' if self.after else 'before'} call {self.at}"


def every_crash(calls: int, seed: int) -> list[Crash]:
    """One between any two of so many calls, one before the first and one after the last.

    Nothing outside changes between two calls: to be killed right after the one or right before
    the other is the same story, and the seed draws which of them it is.
    """
    chance = random.Random(seed)
    between = [
        Crash(number, after=True) if chance.random() < 0.5 else Crash(number + 1, after=False)
        for number in range(1, calls)
    ]
    return [Crash(1, after=False), *between, Crash(calls, after=True)]


@dataclass(frozen=True)
class Stage:
    """Where one run happens: a folder of its own, and perhaps a storage account of its own."""

    folder: Path
    connection: str = ""

    @property
    def diary(self) -> Diary:
        """What is noted about the run."""
        return Diary(TARGET, self.folder)

    def ground(self) -> tuple[Storage, Postbox]:
        """The tables and the queue, from both ends."""
        if self.connection:
            return table_storage(self.connection), StoragePostbox(self.connection)
        return kept_storage(self.folder / STORAGE)


class Unheard(NamedTuple):
    """Of which request to a service the answer is lost; `kills`: because the process dies first."""

    at: int
    kills: bool

    def __str__(self) -> str:
        what = "killed while a service did" if self.kills else "no answer to"
        return f"{what} request {self.at}"


def every_unheard(requests: int) -> list[Unheard]:
    """Both ways to lose the answer of each of so many requests."""
    return [Unheard(number, kills) for number in range(1, requests + 1) for kills in (False, True)]


def undisturbed(stage: Stage) -> tuple[int, int, Ending]:
    """How many calls the story makes, how many requests to services, and how it ends."""
    with _room(stage) as room:
        ending = _told(stage, room, [Mishap()])
        [calls] = stage.diary.noted(CALLS)
        return int(calls), room.requests(), ending


def crashed(stage: Stage, crash: Crash) -> Ending:
    """The story of a process that was killed, and of the one after it."""
    with _room(stage) as room:
        return _told(stage, room, [Kill(crash.at, after=crash.after), Mishap()])


def unheard(stage: Stage, lost: Unheard) -> Ending:
    """The story in which a service took a message and nobody heard so."""
    cut = Cut(lost.at, _newest(stage.diary) if lost.kills else None)
    with _room(stage, cut) as room:
        return _told(stage, room, [Mishap()] * (1 + lost.kills), licences=1)


def _newest(diary: Diary) -> Callable[[], int]:
    """The id of the process that lives now."""
    return lambda: int(diary.noted(LIVES)[-1])


@contextmanager
def _room(stage: Stage, cut: Cut = WHOLE) -> Iterator[Room]:
    stage.folder.mkdir()
    place, diary = stage.folder / ROOM, stage.diary
    with forked(partial(serve, place, lambda: story.moment(max(diary.passes() - 1, 0)), cut)):
        yield Room(place)


def _told(stage: Stage, room: Room, mishaps: Sequence[Mishap], licences: int = 0) -> Ending:
    """The story, told by one process after the other; all but the last must be killed."""
    for number, mishap in enumerate(mishaps, start=1):
        wanted = 0 if number == len(mishaps) else -signal.SIGKILL
        found = exit_code(fork(partial(_live, stage, mishap)))
        if found != wanted:
            return Ending(flaws=[f"process {number} ended with {found}, not {wanted}"])
    tellings, strange = recognised(room.arrivals(), stage.diary)
    storage, _ = stage.ground()
    allowed = licences + sum(mishap.licences for mishap in mishaps)
    return ending_of(TARGET, storage, tellings, licences=allowed).with_flaws(strange)


def _live(stage: Stage, mishap: Mishap) -> int:
    signal.alarm(LIVES_AT_MOST_S)  # one that hangs is ended, and that it was is seen
    stage.diary.note(LIVES, str(os.getpid()))
    room = Room(stage.folder / ROOM)
    storage, postbox = stage.ground()
    channels = {
        kind: Announced(channel, stage.diary)
        for kind, channel in real_channels(room.channel_settings()).items()
    }
    Life(stage.diary, storage, postbox, channels, mishap).live()
    stage.diary.note(CALLS, str(mishap.calls))
    return 0
