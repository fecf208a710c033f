"""The services that the monitor speaks to, in a process that outlives the monitor's."""

from collections.abc import Callable, Mapping
from datetime import datetime
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from local.chaos.lines import Cut
from local.chaos.sinks import (
    Arrival,
    arrivals,
    channel_settings,
    requests_heard,
    running_services,
)

FAMILY = "AF_UNIX"
OPENS_WITHIN_S, LOOK_AGAIN_S = 30, 0.005
QUESTIONS = {"settings": channel_settings, "arrivals": arrivals, "requests": requests_heard}


class Room:
    """The services as another process reaches them."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def channel_settings(self) -> Mapping[str, str]:
        """What leads the app to the services."""
        found: Mapping[str, str] = self._ask("settings")
        return found

    def arrivals(self) -> list[Arrival]:
        """Every message that people got so far."""
        found: list[Arrival] = self._ask("arrivals")
        return found

    def requests(self) -> int:
        """How many requests the services heard; those that met one while it was busy left out."""
        found: int = self._ask("requests")
        return found

    def _ask(self, question: str) -> Any:
        with _connected(self._place) as room:
            room.send(question)
            return room.recv()


def _connected(place: Path) -> "Connection[Any, Any]":
    """A room that was just begun needs a moment."""
    end = monotonic() + OPENS_WITHIN_S
    while True:
        try:
            return Client(str(place), family=FAMILY)
        except (FileNotFoundError, ConnectionRefusedError):
            if monotonic() > end:
                raise
            sleep(LOOK_AGAIN_S)


def serve(place: Path, mail_clock: Callable[[], datetime], cut: Cut) -> None:
    """Be the room, for one caller and one question at a time, until somebody ends this process."""
    with (
        Listener(str(place), family=FAMILY) as listener,
        running_services(mail_clock, cut) as desk,
    ):
        while True:
            with listener.accept() as caller:
                caller.send(QUESTIONS[caller.recv()](desk))
