"""Timers on a world that goes faster than the wall."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import azure.functions as func
import pytest

from local.clocks import WorldClock
from local.host.schedule import ScheduleError
from tests.local.host.making import PATIENCE_S, T0, HandMovedClock, a_host, an_app

FAST = 60.0
SECOND = timedelta(seconds=1)


def fast() -> WorldClock:
    return WorldClock(T0, FAST)


def wait_until(happened: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def test_a_timer_fires_when_the_world_says_so() -> None:
    app = an_app()
    clock = HandMovedClock(T0)
    seen: list[Any] = []

    @app.timer_trigger(arg_name="timer", schedule="20 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        seen.append(timer)

    with a_host(app, clock=clock) as host:
        wait_until(lambda: clock.is_awaited(T0 + 20 * SECOND))
        clock.move_to(T0 + 19 * SECOND)
        time.sleep(0.1)
        assert seen == []
        clock.move_to(T0 + 20 * SECOND)
        host.invocations.wait_for("tick", 1)
        wait_until(lambda: clock.is_awaited(T0 + 80 * SECOND))
        clock.move_to(T0 + 79 * SECOND)
        time.sleep(0.1)
        assert len(seen) == 1
        clock.move_to(T0 + 81 * SECOND)
        first, second = host.invocations.wait_for("tick", 2)

    assert (first.started, second.started) == (T0 + 20 * SECOND, T0 + 81 * SECOND)
    assert [timer.past_due for timer in seen] == [False, False]
    assert seen[1].schedule_status["Last"] == "2026-11-23T12:00:20+00:00"


def test_the_schedule_may_stand_in_a_setting() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="%PACE%")
    async def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app, clock=fast(), settings={"PACE": "*/5 * * * * *"}) as host:
        host.invocations.wait_for("tick", 3)


def test_missed_runs_are_made_up_by_one_that_is_past_due() -> None:
    app = an_app()
    clock = HandMovedClock(T0)
    go_on = threading.Event()
    past_due: list[bool] = []

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        past_due.append(timer.past_due)
        go_on.wait(PATIENCE_S)

    with a_host(app, clock=clock) as host:
        wait_until(lambda: clock.is_awaited(T0 + timedelta(minutes=1)))
        clock.move_to(T0 + timedelta(minutes=1))
        wait_until(lambda: past_due)
        clock.move_to(T0 + timedelta(minutes=3, seconds=10))
        time.sleep(0.1)
        assert past_due == [False]
        go_on.set()
        host.invocations.wait_for("tick", 2)
        wait_until(lambda: clock.is_awaited(T0 + timedelta(minutes=4)))
        clock.move_to(T0 + timedelta(minutes=4))
        runs = host.invocations.wait_for("tick", 3)

    assert past_due == [False, True, False]
    assert [run.started - T0 for run in runs] == [
        timedelta(minutes=1),
        timedelta(minutes=3, seconds=10),
        timedelta(minutes=4),
    ]


def test_runs_of_one_timer_never_overlap_and_do_not_pile_up() -> None:
    app = an_app()
    running, most = 0, 0
    past_due: list[bool] = []
    work = threading.Event()

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        nonlocal running, most
        past_due.append(timer.past_due)
        running += 1
        most = max(most, running)
        work.wait(0.1)
        running -= 1

    with a_host(app, clock=fast()) as host:
        host.invocations.wait_for("tick", 5)

    assert most == 1
    assert past_due[1:5] == [True] * 4


def test_a_timer_that_fails_fires_again() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="*/10 * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        raise ValueError("no luck")

    with a_host(app, clock=fast()) as host:
        runs = host.invocations.wait_for("tick", 2)

    assert runs[0].error == "ValueError: no luck"


def test_run_on_startup_does_not_wait_for_the_schedule() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
    def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app) as host:
        (run,) = host.invocations.wait_for("tick")

    assert run.started < T0 + timedelta(hours=1)


def test_a_bad_schedule_keeps_the_host_from_starting() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="61 * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    with pytest.raises(ScheduleError, match="61"), a_host(app):
        pass


def test_a_slow_world_is_waited_for() -> None:
    app = an_app()
    fired: list[datetime] = []

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> None: ...

    with a_host(app, clock=WorldClock(T0, 2.0)) as host:
        fired += [run.started for run in host.invocations.wait_for("tick", 2)]

    assert fired[0] >= T0 + timedelta(seconds=1)
    assert fired[1] >= T0 + timedelta(seconds=2)


def test_a_timer_that_returns_something_fails_as_in_the_worker() -> None:
    app = an_app()

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> str:
        return "done"

    with a_host(app, clock=fast()) as host:
        run, *_ = host.invocations.wait_for("tick")

    assert run.error == "TypeError: a function without an output returned 'done'"
