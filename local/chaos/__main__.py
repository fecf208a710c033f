"""The crash walk: under every mishap, every follower of the story hears it whole, and in order.

processes: real ones, killed between any two calls of ports; another goes on. services: each request
over every real channel is done, and then its answer is lost, or the process killed. effects: the
answer of each write, send and message of the queue is lost, with and without the SDK's own second
try, while every timer and every message comes three times. advice: inspections, looks and what
people said of them, killed between any two calls. azurite: a seeded sample of processes and effects
over Azurite; elsewhere tables and queues are the twins, which the contract suite holds to the same.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from local.chaos import answers, counsel, crashes, story
from local.chaos.answers import Lost, every_lost_answer
from local.chaos.crashes import Crash, Stage, Unheard, every_crash, every_unheard
from local.chaos.endings import Ending
from local.chaos.sinks import channel_settings, real_channels, running_services
from local.chaos.walks import Sample, Walk
from local.terminals import ending_in_peace, from_one

SORTS = ("advice", "processes", "services", "effects", "azurite")
AZURITE_SHARE = 50
"""Of so many mishaps, one is walked over Azurite, too."""


class Placed(NamedTuple):
    """A mishap, and the storage account in which its story happens."""

    mishap: Any
    connection: str

    def __str__(self) -> str:
        return str(self.mishap)


def walks(sorts: Sequence[str], sample: Sample, folder: Path) -> Iterator[Walk]:
    """The walks of those sorts, one after the other."""
    if "advice" in sorts:
        calls, ending = counsel.undisturbed(folder / "counsel")
        killed = sample.of(every_crash(calls, sample.seed))
        yield Walk(f"advice killed between {calls} calls", killed, counsel.crashed, ending)
    if set(sorts) - {"advice"}:
        yield from _told_walks(sorts, sample, folder)


def _told_walks(sorts: Sequence[str], sample: Sample, folder: Path) -> Iterator[Walk]:
    """Those over the alerts' story."""
    effects, thrice = answers.undisturbed(folder / "thrice")
    with running_services(lambda: story.T0) as desk:
        # What is imported here need not be imported in every process.
        import azure.communication.email  # noqa: F401, PLC0415 - SDK import

        real_channels(channel_settings(desk))
    calls, requests, calm = crashes.undisturbed(Stage(folder / "calm"))
    killed, lost = every_crash(calls, sample.seed), every_lost_answer(effects)
    if "processes" in sorts:
        yield Walk(f"processes killed between {calls} calls", sample.of(killed), _crashed, calm)
    if "services" in sorts:
        unheard = sample.of(every_unheard(requests))
        yield Walk(f"{requests} requests to services", unheard, _unheard, calm)
    if "effects" in sorts:
        yield Walk(f"{effects} effects, all thrice", sample.of(lost), _lost, thrice)
    if "azurite" in sorts:
        with _accounts() as accounts:
            placed = [Placed(one, next(accounts)) for one in sample.of(killed, AZURITE_SHARE)]
            yield Walk("processes killed over Azurite", placed, _crashed_there, calm)
            placed = [Placed(one, next(accounts)) for one in sample.of(lost, AZURITE_SHARE)]
            yield Walk("effects over Azurite", placed, _lost_there, thrice)


def _crashed(crash: Crash, place: Path) -> Ending:
    return crashes.crashed(Stage(place), crash)


def _unheard(lost: Unheard, place: Path) -> Ending:
    return crashes.unheard(Stage(place), lost)


def _lost(lost: Lost, place: Path) -> Ending:
    return answers.told(lost.mishap(), place)


def _crashed_there(placed: Placed, place: Path) -> Ending:
    return crashes.crashed(Stage(place, placed.connection), placed.mishap)


def _lost_there(placed: Placed, place: Path) -> Ending:
    return answers.told(placed.mishap.mishap(), place, placed.connection)


@contextmanager
def _accounts() -> Iterator[Iterator[str]]:
    """Storage accounts of a fresh Azurite; each run has its own, or the tables would slow down."""
    from local.azurite import running_azurite  # noqa: PLC0415 - needs Node

    with running_azurite() as azurite:
        yield (azurite.fresh_account().connection_string for _ in count())


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every story was told right."""
    parser = argparse.ArgumentParser(prog="python -m local.chaos", description=__doc__)
    parser.add_argument("--every", type=from_one, default=1, help="walk a seeded one of so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SORTS, nargs="+", default=SORTS)
    given = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # every mishap is logged by whoever meets it
    wrong = 0
    with TemporaryDirectory() as name:
        sample = Sample(given.every, given.seed)
        for number, walk in enumerate(walks(given.only, sample, Path(name))):
            wrong += walk.run(Path(name) / str(number), _say)
    _say(f"{wrong} wrong stories in all")
    return 1 if wrong else 0


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(ending_in_peace(main))
