"""What a host leaves behind: nothing. And what it does with functions that go on and on."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import azure.functions as func
import pytest

import function_app
from local.azurite import Account
from local.clocks import WorldClock
from local.host.host import running_host
from local.host.invocations import Outcome
from local.host.invoking import invoke
from local.host.schedule import parse
from local.host.timers import a_timer_request
from local.host.world_time import world_time
from shared import bootstrap
from tests.local.host.making import PATIENCE_S, QUICK, T0, a_host, a_host_json, an_app, ask
from tests.stopwatch import seconds_at_most


def test_nothing_is_left_when_the_block_ends(storage: Account) -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
    def yearly(timer: func.TimerRequest) -> None: ...

    @app.queue_trigger(arg_name="message", queue_name="things", connection="AzureWebJobsStorage")
    def take(message: func.QueueMessage) -> None: ...

    @app.route(route="things")
    def things(req: func.HttpRequest) -> str:
        return "things"

    before = set(threading.enumerate())
    with a_host(app, storage=storage.connection_string) as host:
        assert ask(host, "/api/things").body == b"things"
        port = int(host.url.rpartition(":")[2])

    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_the_same_app_may_run_again_on_the_same_port() -> None:
    app = an_app()

    @app.route(route="things")
    def things(req: func.HttpRequest) -> str:
        return "things"

    with a_host(app) as host:
        port = int(host.url.rpartition(":")[2])
        ask(host, "/api/things")
    with a_host(app, port=port) as host:
        assert ask(host, "/api/things").status == 200


def test_a_port_that_is_taken_is_an_error_of_the_caller() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), a_host(an_app(), port=port):
            pass


def test_what_the_block_raises_comes_out_of_it() -> None:
    with pytest.raises(ZeroDivisionError), a_host(an_app()):
        raise ZeroDivisionError


def test_a_function_that_runs_gets_time_to_end() -> None:
    app = an_app()
    began = threading.Event()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    def slow(timer: func.TimerRequest) -> None:
        began.set()
        time.sleep(0.3)

    with a_host(app) as host:
        assert began.wait(PATIENCE_S)

    (run,) = host.invocations.all()
    assert run.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_function_that_hangs_is_abandoned(how: str) -> None:
    app = an_app()
    began, never = threading.Event(), threading.Event()
    timer = app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)

    def hang(timer: func.TimerRequest) -> None:
        began.set()
        never.wait(20)

    async def hang_async(timer: func.TimerRequest) -> None:
        began.set()
        await asyncio.sleep(20)

    timer(hang_async if how == "async" else hang)
    with ExitStack() as hosts:
        host = hosts.enter_context(a_host(app, patience=QUICK))
        assert began.wait(PATIENCE_S)
        with seconds_at_most(5):
            hosts.close()

    (run,) = host.invocations.all()
    assert run.outcome is Outcome.ABANDONED
    never.set()


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_function_that_takes_too_long_is_given_up(tmp_path: Path, how: str) -> None:
    app = an_app()
    never = threading.Event()

    @app.route(route="sync")
    def slow(req: func.HttpRequest) -> str:
        never.wait(20)
        return ""

    @app.route(route="async")
    async def slow_async(req: func.HttpRequest) -> str:
        await asyncio.sleep(20)
        return ""

    hasty = a_host_json(tmp_path, timeout="00:00:01")
    with a_host(app, host_json=hasty, patience=QUICK) as host:
        assert ask(host, f"/api/{how}").status == 500

    (run,) = host.invocations.all()
    assert (run.outcome, run.error) == (Outcome.TIMED_OUT, "still running after 1 s")
    never.set()


def test_waiting_for_what_does_not_come_says_so() -> None:
    with a_host(an_app()) as host, pytest.raises(TimeoutError, match="tick did not end 1 times"):
        host.invocations.wait_for("tick", timeout_s=0.05)


def test_world_time_enters_by_one_door_and_leaves_again() -> None:
    clock = WorldClock(T0, speed=60)
    original = bootstrap.utc_now

    with world_time(bootstrap, clock):
        world, wall = bootstrap.utc_now(), bootstrap.wall_now()

    assert (world.date(), world.hour, world.microsecond) == (T0.date(), 12, 0)
    assert abs(wall.timestamp() - time.time()) < 5
    assert bootstrap.utc_now is original


def test_a_handler_can_be_called_without_a_host() -> None:
    app = an_app()

    @app.route(route="things")
    async def things(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(req.method)

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest) -> bool:
        return timer.past_due

    request = func.HttpRequest("GET", "/api/things", body=b"")
    assert invoke(things, req=request).get_body() == b"GET"
    assert invoke(tick, timer=a_timer_request(parse("0 * * * * *"), past_due=True)) is True


@pytest.fixture
def remembering_nothing() -> Iterator[None]:
    """The bootstrap, which remembers settings and house, before and after as new."""
    remembered = (bootstrap.settings, bootstrap.house, bootstrap.warn, bootstrap._stored)
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


def test_the_app_itself_runs_an_hour_ahead(
    storage: Account, monkeypatch: pytest.MonkeyPatch, remembering_nothing: None
) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", storage.connection_string)
    clock = WorldClock(T0, speed=60)
    with (
        world_time(bootstrap, clock),
        running_host(
            function_app.app, clock=clock, storage=storage.connection_string, patience=QUICK
        ) as host,
    ):
        host.invocations.wait_for("tick", 2)
        health = json.loads(ask(host, "/api/monitoring/health").body)
        updated = bootstrap.house().samples.latest("pantry-crm").updated_at

    assert health["success"] is True
    assert updated is not None
    assert T0 < updated <= clock.now()
