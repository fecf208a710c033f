"""`make run`: the monitor's own triggers, on a small Azure on the desk, until Ctrl-C.

Nothing outside this machine is asked. What people would have been told is printed and shown on the
inbox page; README says what to try.
"""

import signal

if __name__ == "__main__":
    # The imports below take seconds on a small machine: Ctrl-C ends them, without their tracebacks.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from local.azurite import AzuriteMissingError, AzuriteStartError, running_azurite
from local.clocks import WorldClock, wall_now
from local.cloud.answerers import Desk
from local.cloud.clouds import Cloud, running_cloud
from local.cloud.loading import load_rows, load_telemetry
from local.cloud.messages import messages
from local.desks import table_storage
from local.host.host import Host, Patience, running_host
from local.host.running import LOOPBACK
from local.host.world_time import world_time
from local.surroundings import (
    AUDIENCE,
    FIRST,
    several_targets,
    sql_way,
    strangers,
    surroundings,
)
from local.terminals import ENDED_BY_HAND, a_folder
from local.world.engine import ScriptedWorld
from local.world.scripts import STORIES, script_named
from shared.adapters.chunk_store import ChunkStore
from shared.domain.errors import InvalidInput, StoreError
from shared.domain.times import MINUTE, floor_minute, iso
from shared.settings import SettingsError, load

PORT = 7071
"""Where Core Tools serves, too."""
LAST_PORT = 65_535
TOKEN_LIFE = timedelta(hours=12)
LOOK_EVERY_S = 0.25
MOST_TARGETS = 20
YEARS = range(1971, 2200)
"""In which a world may begin: its history and all that is reckoned ahead are moments as well."""
STANDING = 1e-6
"""The speed of a world whose past is still being made."""
# What a pass that was cut off left undone would be made up for, as after a crash.
PATIENCE = Patience(grace=timedelta(seconds=1))
# The settings that somebody may change for the desk; all others lead to the desk itself.
OWN_SETTINGS = ("ALERT_EMAIL", "FALLBACK_CHANNEL", "COLLECT_INLINE_MAX", "MAILS_PER_HOUR")


class BusyPortError(Exception):
    """Somebody else listens there."""


def check_free(port: int) -> None:
    """Raise BusyPortError, which says what to do, before anything has started for nothing."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError as error:
        said = os.strerror(error.errno or 0)
        raise BusyPortError(
            f"port {port} can't be had ({said}): end what runs there, perhaps another make run, "
            f"or choose another port: make run ARGS='--port {_other(port)}' (0 takes any free one)"
        ) from error


def _other(port: int) -> int:
    return port + 1 if port < LAST_PORT else PORT


@dataclass(frozen=True)
class Stage:
    """Everything that runs, and the token that opens its API."""

    clock: WorldClock
    cloud: Cloud
    host: Host
    token: str

    @property
    def api(self) -> str:
        """Where the monitor's own HTTP functions are."""
        return f"{self.host.url}/{self.host.route_prefix}/monitoring"

    @property
    def inbox(self) -> str:
        """The page with every message that was sent."""
        return self.cloud.urls["desk"]


@contextmanager
def running_stage(
    *,
    script: str,
    seed: int,
    speed: float,
    at: datetime | None,
    port: int,
    storage: Path | None = None,
    targets: int = 1,
) -> Iterator[Stage]:
    """The whole product, in a world that begins at `at`, by default now.

    `targets`: under how many names the same CRM is watched.
    This process's environment and the app's clock are changed for as long as it runs. Raises
    InvalidInput for an unknown script, for one of OWN_SETTINGS that can't be used, and where
    `storage` knows what comes after `at`.
    """
    script_named(script, at or wall_now())
    own = own_settings(os.environ)
    with ExitStack() as stack:
        azurite = stack.enter_context(running_azurite(storage))
        at = beginning(at, known_until(azurite.connection_string) if storage else None)
        world = ScriptedWorld(script_named(script, at), seed=seed)
        desk = Desk(world=world, clock=WorldClock(origin=at, speed=STANDING))
        cloud = stack.enter_context(running_cloud(desk))
        load_telemetry(cloud, at)
        load_rows(cloud)
        desk.clock = clock = WorldClock(origin=at, speed=speed)
        alone = surroundings(cloud, storage=azurite.connection_string, changes=own)
        settings = {**alone, **several_targets(alone, targets)}
        stack.enter_context(_environment(settings))
        host = stack.enter_context(_running_app(clock, settings, port))
        cloud.desk.functions |= {one.name for one in host.functions}
        token = cloud.desk.keys.user_token(roles=["admin"], audience=AUDIENCE, lifetime=TOKEN_LIFE)
        yield Stage(clock, cloud, host, token)


def own_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that somebody changes for the desk; raises InvalidInput before anything is made."""
    own = {name: environment[name] for name in OWN_SETTINGS if name in environment}
    try:
        load({"AzureWebJobsStorage__accountName": "desk", **own})
    except SettingsError as error:
        raise InvalidInput("; ".join(error.problems)) from error
    return own


def known_until(connection_string: str) -> datetime | None:
    """The world's time at which a monitor wrote to this storage last."""
    try:
        latest = ChunkStore(table_storage(connection_string).samples).latest(FIRST)
    except StoreError:
        return None  # no monitor has been here
    return latest.updated_at


def beginning(at: datetime | None, known: datetime | None) -> datetime:
    """When the world begins: after what is known, or the monitor would wait for it in silence.

    Raises InvalidInput when it was told to begin before that.
    """
    now = floor_minute(at or wall_now())
    if known is None or known <= now:
        return now
    first = floor_minute(known) + MINUTE
    if at is not None:
        raise InvalidInput(
            f"the storage knows this world up to {iso(known)}: begin at {iso(first)} or later, "
            "leave --at out, or keep the tables in another folder"
        )
    return first


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """This process's environment with these settings, and without others of the same app."""
    with patch.dict(os.environ, settings):
        for name in strangers([*os.environ], settings):
            del os.environ[name]
        yield


@contextmanager
def _running_app(clock: WorldClock, settings: Mapping[str, str], port: int) -> Iterator[Host]:
    import function_app  # noqa: PLC0415 - its bootstrap reads the environment that was just made
    from shared import bootstrap  # noqa: PLC0415 - as above

    problems = bootstrap.problems()
    if problems:
        raise InvalidInput("; ".join(problems))
    storage = settings["AzureWebJobsStorage"]
    with (
        world_time(bootstrap, clock),
        running_host(
            function_app.app, clock=clock, storage=storage, port=port, patience=PATIENCE
        ) as host,
    ):
        yield host


def follow(stage: Stage, ended: threading.Event, write: Callable[[str], None]) -> None:
    """Write every message that is sent, until the end."""
    told = 0
    while not ended.wait(LOOK_EVERY_S):
        sent = messages(stage.cloud.desk)[::-1]
        for one in sent[told:]:
            write(f"{iso(one.at)}  {one.via} to {one.to}: {one.subject}")
        told = len(sent)


EXPECTED = (BusyPortError, InvalidInput, AzuriteMissingError, AzuriteStartError, OSError)
"""What whoever runs it can do something about: told in a sentence."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until Ctrl-C, SIGTERM or the end of the terminal."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.CRITICAL)
    ended = _ended_by_signals()
    try:
        check_free(options.port)
        if not options.json:
            _say("Making the past day of its world; that takes some seconds.")
        with running_stage(
            script=options.script,
            seed=options.seed,
            speed=options.speed,
            at=options.at,
            port=options.port,
            storage=options.storage,
            targets=options.targets,
        ) as stage:
            if not ended.is_set():
                _say(_as_json(stage) if options.json else _as_text(stage, options))
            follow(stage, ended, _say)
    except EXPECTED as error:
        sys.exit(f"make run: {error}")


def _ended_by_signals() -> threading.Event:
    """What the first of these signals sets; the second one waits for nothing any more."""
    ended = threading.Event()

    def end(*_: object) -> None:
        if ended.is_set():
            os._exit(ENDED_BY_HAND)  # Azurite ends with this process, however that ends
        ended.set()
        with suppress(OSError):  # the terminal may be what ended
            os.write(sys.stderr.fileno(), b"\nmake run: ending; once more ends it at once\n")

    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, end)
    return ended


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.run", description=__doc__)
    parser.add_argument("--script", default="default", help=f"the story: {', '.join(STORIES)}")
    parser.add_argument("--speed", type=_speed, default=os.environ.get("SPEED") or "1")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other details")
    parser.add_argument("--at", type=_moment, default=None, help="when the world begins (UTC)")
    parser.add_argument("--port", type=_port, default=PORT, help="of the API; 0 for any")
    parser.add_argument("--storage", type=a_folder, help="keep tables here (default: in memory)")
    parser.add_argument("--targets", type=_targets, default=1, help="so many names for the CRM")
    parser.add_argument("--json", action="store_true", help="say where it runs as JSON")
    parser.add_argument("--verbose", action="store_true", help="show the app's log")
    return parser.parse_args(arguments)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 60:
        raise argparse.ArgumentTypeError(f"a speed is more than 0 and at most 60, not {text}")
    return speed


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"a port is 0 to {LAST_PORT}, not {text}")
    return int(text)


def _targets(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_TARGETS):
        raise argparse.ArgumentTypeError(f"targets are 1 to {MOST_TARGETS}, not {text}")
    return int(text)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min.replace(tzinfo=UTC)  # in a year that is none of ours
    if at.year not in YEARS:
        wanted = f"a moment like 2026-03-02T09:00 in {YEARS[0]} to {YEARS[-1]}"
        raise argparse.ArgumentTypeError(f"{wanted}, not {text}")
    return floor_minute(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))


def _as_json(stage: Stage) -> str:
    return json.dumps({"api": stage.api, "inbox": stage.inbox, "token": stage.token})


def _as_text(stage: Stage, options: argparse.Namespace) -> str:
    begins = stage.clock.origin
    return f"""
Pantry Monitor watches a world that begins at {iso(begins)} and runs at {options.speed:g} x;
its story is {options.script!r}. Ctrl-C ends it.

  page    {stage.api}/dashboard   (sign in with the token below)
  API     {stage.api}
  inbox   {stage.inbox}
  The database is reached {sql_way()}.

  TOKEN={stage.token}
  curl -H "Authorization: Bearer $TOKEN" '{stage.api}/metrics?range=1h'
  curl -H "Authorization: Bearer $TOKEN" '{stage.api}/alerts'
  curl -H "Authorization: Bearer $TOKEN" '{stage.api}/health?deep=1'   # what the doctor says
  curl -X POST {stage.inbox}/control/platform -d '{{"kind": "hang"}}'   # break something
  curl -X DELETE {stage.inbox}/control/platform                       # and mend it

What people are told:"""


def _say(text: str) -> None:
    """Write a line; what the terminal can't show must not end the run."""
    encoding = sys.stdout.encoding
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
