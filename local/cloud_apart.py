"""The cloud in a process of its own, so that whoever measures an app does not measure the cloud.

Run as a program it is that process: one line of JSON says where it is and how to be let in; then
each line that it reads is what time it is now, answered by the requests so far. Its input's end is
its own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

from local.cloud.answerers import Desk
from local.cloud.clouds import running_cloud
from local.desks import VirtualClock
from local.rig import CloudTime, answerers_by
from local.surroundings import AUDIENCE, surroundings
from local.world.engine import ScriptedWorld
from local.world.scripts import script_named

TOKEN_LIFE = timedelta(hours=12)


@dataclass
class CloudApart:
    """A running cloud: the settings that lead to it, and a token for the monitor's own API."""

    settings: Mapping[str, str]
    token: str
    _say: IO[str]
    _hear: IO[str]

    def be(self, now: datetime) -> int:
        """Let it be `now` there; answers how many requests came so far."""
        self._say.write(f"{now.isoformat()}\n")
        self._say.flush()
        return int(self._hear.readline())


@contextmanager
def cloud_apart(*, script: str, at: datetime, storage: str) -> Iterator[CloudApart]:
    """Run it until the block ends; the settings name the storage of that connection string."""
    command = [sys.executable, "-m", "local.cloud_apart", "--script", script]
    with subprocess.Popen(
        [*command, "--at", at.isoformat()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        told = json.loads(process.stdout.readline())
        settings = {**told["settings"], "AzureWebJobsStorage": storage}
        try:
            yield CloudApart(settings, told["token"], process.stdin, process.stdout)
        finally:
            process.stdin.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud_apart", description=__doc__)
    parser.add_argument("--script", default="calm", help="the story of the world")
    parser.add_argument("--at", type=datetime.fromisoformat, required=True, help="when it begins")
    options = parser.parse_args(arguments)
    clock = VirtualClock(options.at)
    world = ScriptedWorld(script_named(options.script, options.at))
    desk = Desk(world=world, clock=CloudTime(clock), simulate_latency=False)
    with running_cloud(desk, answerers_by(clock)) as cloud:
        token = desk.keys.user_token(roles=["admin"], audience=AUDIENCE, lifetime=TOKEN_LIFE)
        _say(json.dumps({"settings": surroundings(cloud, storage=""), "token": token}))
        for line in sys.stdin:
            clock.now = datetime.fromisoformat(line.strip())
            _say(str(len(desk.inbox.records())))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
