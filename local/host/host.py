"""The Functions host on the desk: serves HTTP, fires timers and listens to queues for one app."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import azure.functions as func
from starlette.types import ASGIApp

from local.clocks import WorldClock
from local.host.cors import Cors, CorsFront
from local.host.front import Front, Route, routes
from local.host.host_json import HOST_JSON, read_host_json
from local.host.invocations import Invocations
from local.host.invoking import Invoker
from local.host.queues import connection_of, open_listener
from local.host.running import LOOPBACK, Running
from local.host.schedule import parse, resolve
from local.host.timers import Timer
from local.host.triggers import Function, QueueTrigger, TimerTrigger, of_type, read_functions


@dataclass(frozen=True)
class Patience:
    """Where the desk is less patient than Azure.

    `lease`: how long a message in work is hidden, before it is renewed half-way (Azure: 10 min).
    `longest_poll`: how long a message may wait in a quiet queue, where host.json allows more.
    `grace`: how long a function may go on when the host stops.
    """

    lease: timedelta = timedelta(seconds=30)
    longest_poll: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=5)


@dataclass(frozen=True)
class Host:
    """A running host: `url` has no slash at its end and no route prefix."""

    url: str
    route_prefix: str
    functions: list[Function]
    invocations: Invocations


@contextmanager
def running_host(
    app: func.FunctionApp,
    *,
    clock: WorldClock,
    storage: str,
    settings: Mapping[str, str] | None = None,
    host_json: Path = HOST_JSON,
    port: int = 0,
    cors: Collection[str] = (),
    cors_credentials: bool = False,
    patience: Patience | None = None,
) -> Iterator[Host]:
    """Run an app's functions until the block ends, on loopback and on the storage account given.

    `settings` resolves %NAME% and the names of connections; it is the environment when left out.
    Functions read their own settings from the environment, as always. `cors` lists origins; left
    empty, the platform keeps out of it. Raises BindingError, ScheduleError or HostJsonError before
    anything runs.
    """
    options, functions = read_host_json(host_json), read_functions(app)
    patience = patience or Patience()
    settings = os.environ if settings is None else settings
    invoker = Invoker(clock.now, options.function_timeout)
    front = _front(routes(functions, options.route_prefix), invoker, Cors(cors, cors_credentials))
    timers = [
        Timer(one, parse(trigger.schedule, settings), trigger.run_on_startup, clock, invoker)
        for one, trigger in of_type(functions, TimerTrigger)
    ]
    listeners = [
        open_listener(
            one,
            resolve(trigger.queue, settings),
            connection=connection_of(trigger, storage=storage, settings=settings),
            options=options.queues,
            invoker=invoker,
            lease=patience.lease,
            longest_wait=patience.longest_poll,
        )
        for one, trigger in of_type(functions, QueueTrigger)
    ]
    running = Running(front, timers, listeners, invoker, patience.grace)
    with running.on(port) as bound:
        url = f"http://{LOOPBACK}:{bound}"
        yield Host(url, options.route_prefix, functions, invoker.invocations)


def _front(ordered: list[Route], invoker: Invoker, cors: Cors) -> ASGIApp:
    front = Front(ordered, invoker)
    return CorsFront(front, cors) if cors.origins else front
